"""The API: what it says is what the store and the nightly job say; nothing is open without a key."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable

from servers import free_port
from tradecredit.errors import Mistake, Unavailable
from tradecredit.features.ledger import read_about
from tradecredit.serving.answers import RatingOut
from tradecredit.serving.bundle import load_bundle
from tradecredit.serving.nightly import rate
from tradecredit.serving.ratings import Rating
from tradecredit.serving.signing import PublicKey
from tradecredit.serving.singly import Singly
from tradecredit.serving.store import tables
from tradecredit.serving.store.access import access_of, make_key, revoke_key
from tradecredit.serving.store.decisions import override
from tradecredit.serving.store.history import ratings_of
from tradecredit.serving.store.provenance import trust
from tradecredit.serving.store.store import open_store

pytest.importorskip("fastapi", reason="the extra [api] is not installed")
from fastapi.testclient import TestClient

from tradecredit.serving.api import make_api
from tradecredit.serving.watching import Allowance

NOV, DEC = date(2022, 11, 30), date(2022, 12, 31)
TODAY = datetime.now(UTC).date()


@pytest.fixture(scope="module")
def store(walked, tmp_path_factory):
    """Two nights."""
    held = open_store(str(tmp_path_factory.mktemp("store") / "ratings.db"), fresh=True)
    bundle = load_bundle(walked / "artifacts/bundle")
    for day in (NOV, DEC):
        rate(bundle, walked / "data/ledger", day, held)
    return held


@pytest.fixture(scope="module")
def singly(walked):
    return Singly(load_bundle(walked / "artifacts/bundle"), walked / "data/ledger")


def _key(store, *scopes, until=TODAY):
    return make_key(store, "ERP", scopes, until=until, by="B. Head")


@pytest.fixture(scope="module")
def everything(store):
    """A key that may do all."""
    return _key(store, "read", "rate", "metrics")


def _client(store, singly, key="", per_minute=10**6):
    app = make_api(store, singly, hosts=["testserver"], per_minute=per_minute)
    return TestClient(app, headers={"X-API-Key": key} if key else {}, raise_server_exceptions=False)


@pytest.fixture
def client(store, singly, everything):
    return _client(store, singly, everything)


@pytest.fixture(scope="module")
def told(store):
    """The ratings of the second night, by customer."""
    return {row["customer_id"]: Rating.of_row(row) for row in ratings_of(store, 2).to_pylist()}


def _as_json(rating):
    return json.loads(RatingOut.of(rating).model_dump_json())


# ---- what it says


def test_a_customer_rated_now_is_rated_as_in_the_night_to_the_bit(client, told):
    rated = [one for one in told.values() if one.pd is not None][:40]
    others = [one for one in told.values() if one.pd is None][:10]
    assert any(one.changes for one in rated), "against the rating before that the store has"
    for one in [*rated, *others]:
        answer = client.post("/v1/rate", json={"customer_id": one.customer_id, "as_of": str(DEC)})
        assert answer.status_code == 200, answer.text
        assert answer.json() == _as_json(one)


def test_the_rating_of_a_day_is_the_stores_with_what_people_decided(client, store, told):
    one = next(rating for rating in told.values() if rating.reasons and rating.grade != "C1")
    answer = client.get(f"/v1/customers/{one.customer_id}/rating", params={"on": str(DEC)}).json()
    assert answer["rating"] == _as_json(one)
    assert (answer["in_force"], answer["override"], answer["run_id"]) == (one.published, None, 2)
    override(store, one.customer_id, "C1", until=TODAY, by="B. Head", reason="a guarantee")
    answer = client.get(f"/v1/customers/{one.customer_id}/rating", params={"on": str(TODAY)}).json()
    assert answer["in_force"] == answer["override"]["grade"] == "C1"
    assert answer["rating"]["grade"] == one.grade, "the model's stands beside it"


def test_the_history_is_the_stores(client, told):
    one = next(iter(told))
    answer = client.get(f"/v1/customers/{one}/history").json()
    assert [(entry["valid_from"], entry["valid_to"]) for entry in answer["entries"]] == [
        (str(NOV), str(DEC)),
        (str(DEC), None),
    ]
    assert client.get(f"/v1/customers/{one}/history", params={"known": "2020-01-01"}).json()["entries"] == []


def test_an_id_with_any_letters_is_found_or_not_found(client, store):
    names = ("O'Neill & Söhne/GmbH", "客户", "../../etc/passwd", "a b", "%2e%2e", "=1+1", "X/1/rating")
    for name in names:
        answer = client.get(f"/v1/customers/{urllib.request.quote(name, safe='')}/history")
        assert answer.status_code == 404
        assert "ids are those of the ledger" in answer.json()["error"]
    with store.engine.begin() as connection:
        connection.execute(tables.customers.insert(), [{"customer_id": name, "name": name} for name in names])
    for name in set(names) - {"%2e%2e"}:  # which the test's client unquotes twice
        answer = client.get(f"/v1/customers/{urllib.request.quote(name, safe='')}/history")
        assert answer.json() == {"customer_id": name, "entries": []}


# ---- who may


def test_nothing_but_being_alive_is_open_without_a_key(store, singly):
    client = _client(store, singly)
    open_, closed = [], []
    for route in client.app.routes:
        for method in route.methods - {"HEAD", "OPTIONS"}:
            path = route.path.replace("{customer_id:path}", "C1")
            for key in ("", "tradecredit_00000000_guess", "nonsense", "tradecredit__"):
                headers = {"X-API-Key": key} if key else {}
                answer = client.request(method, path, params={"on": "2022-12-31"}, headers=headers)
                (open_ if answer.status_code != 401 else closed).append((route.path, answer.status_code))
    assert set(open_) == {("/healthz", 200), ("/readyz", 200)}
    assert {path for path, _ in closed} == {
        "/metrics", "/openapi.json", "/v1/rate",
        "/v1/customers/{customer_id:path}/rating", "/v1/customers/{customer_id:path}/history",
    }  # fmt: skip


def test_a_key_may_do_what_its_scopes_say(store, singly, told):
    one = next(iter(told))
    asked = {
        "read": lambda client: client.get(f"/v1/customers/{one}/history"),
        "rate": lambda client: client.post("/v1/rate", json={"customer_id": one, "as_of": str(DEC)}),
        "metrics": lambda client: client.get("/metrics"),
    }
    for scope in asked:
        client = _client(store, singly, _key(store, scope))
        assert {name: ask(client).status_code for name, ask in asked.items()} == {
            name: 200 if name == scope else 403 for name in asked
        }


def test_a_key_ends_with_its_day_or_when_it_is_taken_back(store, singly):
    key = _key(store, "read")
    client = _client(store, singly, key)
    assert client.get("/openapi.json").status_code == 200
    revoke_key(store, key.split("_")[1], by="B. Head")
    assert client.get("/openapi.json").status_code == 401
    with pytest.raises(Mistake, match="has no key"):
        revoke_key(store, key.split("_")[1], by="B. Head")
    with pytest.raises(Mistake, match="is over"):
        _key(store, "read", until=TODAY - timedelta(days=1))
    with pytest.raises(Mistake, match="--scope should be read, rate, metrics, got 'write'"):
        _key(store, "write")


def test_a_key_is_kept_as_a_hash_alone(store):
    key = _key(store, "read")
    _, key_id, secret = key.split("_", 2)
    assert len(secret) >= 43
    with store.reading() as connection:
        everything = str(connection.execute(sa.select(tables.api_keys)).all())
    assert key_id in everything
    assert secret not in everything
    assert access_of(store, key).scopes == ("read",)
    assert access_of(store, key[:-1]) is None


def test_a_key_that_asks_too_often_waits(store, singly):
    now = [0.0]
    allowance = Allowance(60, lambda: now[0])
    assert [allowance.wait("a") for _ in range(7)] == [0] * 6 + [1]
    assert allowance.wait("b") == 0, "each has its own"
    now[0] += 1
    assert [allowance.wait("a"), allowance.wait("a")] == [0, 1]
    client = _client(store, singly, _key(store, "read"), per_minute=10)
    answers = [client.get("/openapi.json") for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 429, 429]
    assert int(answers[1].headers["Retry-After"]) >= 1


# ---- what is wrong


@pytest.mark.parametrize(
    ("body", "code", "says"),
    [
        ("{", 422, "JSON"),
        ("[]", 422, "body"),
        ({"customer_id": "C1"}, 422, "body.as_of: Field required"),
        ({"customer_id": "C1", "as_of": "2022-02-30"}, 422, "body.as_of"),
        ({"customer_id": "C1", "as_of": "2022-12-31", "more": 1}, 422, "body.more"),
        ({"customer_id": 7, "as_of": "2022-12-31"}, 422, "body.customer_id: Input should be a valid string"),
        ({"customer_id": "", "as_of": "2022-12-31"}, 422, "body.customer_id"),
        ({"customer_id": "C\u0000", "as_of": "2022-12-31"}, 422, "body.customer_id"),
        ({"customer_id": "NOBODY", "as_of": "2022-12-31"}, 404, "there is no such customer"),
        ({"customer_id": "FIRST", "as_of": "2044-12-31"}, 409, "the ledger is complete only to"),
        ({"customer_id": "FIRST", "as_of": "0001-01-01"}, 409, "should be 1960-01-01 or later"),
        ({"customer_id": "FIRST", "as_of": "1960-01-01"}, 200, ""),
        ("x" * 2**20 + "x", 413, "at most 1048576 bytes"),
    ],
)
def test_a_wrong_body_is_told_what_would_be_right(client, told, body, code, says):
    text = body if isinstance(body, str) else json.dumps(body).replace("FIRST", next(iter(told)))
    answer = client.post("/v1/rate", content=text, headers={"Content-Type": "application/json"})
    assert answer.status_code == code, answer.text
    if code != 200:
        assert says in answer.json()["error"]
        assert answer.json()["request_id"] == answer.headers["X-Request-ID"]


def test_a_fault_of_ours_tells_nothing_of_the_inside_and_is_counted(client, monkeypatch, capsys):
    def broken(*_, **__):
        raise ZeroDivisionError("SECRET")

    monkeypatch.setattr("tradecredit.serving.api.history", broken)
    answer = client.get("/v1/customers/SECRET/history")
    assert answer.status_code == 500
    assert "ZeroDivision" not in answer.text
    told = capsys.readouterr().err
    first, last = [json.loads(line) for line in told.splitlines()]
    assert "SECRET" not in told
    assert first["fault"] == "ZeroDivisionError"
    assert first["where"]
    assert (last["status"], last["level"]) == (500, "error")
    assert answer.json()["request_id"] == first["request_id"] == answer.headers["X-Request-ID"]
    assert 'route="/v1/customers/{customer_id}/history",status="500"' in client.get("/metrics").text


def test_a_store_that_is_away_is_told_as_that(client, monkeypatch):
    def away(*_, **__):
        raise Unavailable("postgresql://10.0.0.7/secret: gone")

    monkeypatch.setattr("tradecredit.serving.api.why", away)
    answer = client.get("/v1/customers/C1/rating", params={"on": "2022-12-31"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "10.0.0.7" not in answer.text


def test_another_host_name_is_refused(client):
    for host in ("evil.example", "testserver.evil.example", ""):
        answer = client.get("/healthz", headers={"Host": host})
        assert answer.status_code == 400
        assert "host name" in answer.json()["error"]
    assert client.get("/healthz", headers={"Host": "testserver:8600"}).status_code == 200


@pytest.mark.parametrize("day", ["1735603200", "2024-12-31T00:00:00", "20241231", "2024-1-1", " 2024-12-31"])
def test_a_day_is_written_as_a_day_and_as_nothing_else(client, told, day):
    one = next(iter(told))
    for answer in (
        client.post("/v1/rate", json={"customer_id": one, "as_of": day}),
        client.get(f"/v1/customers/{one}/rating", params={"on": day}),
        client.get(f"/v1/customers/{one}/history", params={"known": day}),
    ):
        assert answer.status_code == 422
        assert "should be a day such as 2024-12-31" in answer.json()["error"]


def test_the_last_day_of_all_is_a_day(client, told):
    one, last = next(iter(told)), {"known": "9999-12-31"}
    assert len(client.get(f"/v1/customers/{one}/history", params=last).json()["entries"]) == 2
    assert client.get(f"/v1/customers/{one}/rating", params=last | {"on": "9999-12-31"}).status_code == 200


def test_a_ledger_that_is_away_is_no_fault_of_who_asks(store, everything, walked, tmp_path, capsys):
    away = Singly(load_bundle(walked / "artifacts/bundle"), tmp_path / "nowhere")
    answer = _client(store, away, everything).post("/v1/rate", json={"customer_id": "C", "as_of": str(DEC)})
    assert answer.status_code == 503
    assert str(tmp_path) not in answer.text
    assert "is no ledger" in json.loads(capsys.readouterr().err.splitlines()[0])["mistake"]


def test_a_signing_key_that_was_taken_back_rates_no_more(tmp_path, singly):
    own = open_store(str(tmp_path / "ratings.db"), fresh=True)
    trust(own, PublicKey(bytes(32)), by="B. Head", reason="another key than the bundle's")
    answer = _client(own, singly, _key(own, "rate")).post("/v1/rate", json={"customer_id": "C", "as_of": str(DEC)})
    assert answer.status_code == 503


# ---- what is logged and counted


def test_logs_and_counts_name_the_route_and_the_key_but_no_customer(client, told, everything, capsys):
    one = next(iter(told))
    client.get(f"/v1/customers/{one}/history", headers={"X-Request-ID": "abc-1"})
    client.post("/v1/rate", json={"customer_id": one, "as_of": str(DEC)}, headers={"X-Request-ID": "no\tgood"})
    client.get("/v1/nothing/here")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["route"] for line in lines] == ["/v1/customers/{customer_id}/history", "/v1/rate", "none"]
    assert lines[0]["request_id"] == "abc-1"
    assert "\t" not in lines[1]["request_id"]
    assert {line["key"] for line in lines[:2]} == {everything.split("_")[1]}
    assert one not in json.dumps(lines)
    counts = client.get("/metrics").text
    assert 'tradecredit_requests_total{route="/v1/rate",status="200"}' in counts
    assert one not in counts


# ---- the ledger under it


def test_a_new_delivery_is_seen_at_the_next_question(walked, tmp_path):
    import shutil

    folder = shutil.copytree(walked / "data/ledger", tmp_path / "ledger")
    singly = Singly(load_bundle(walked / "artifacts/bundle"), folder)
    about = read_about(folder)
    one = singly._part(about, 0)
    assert singly._part(read_about(folder), 0) is one
    changed = about | {"deliveries": [*about["deliveries"][:-1], about["deliveries"][-1] | {"fingerprint": "other"}]}
    (folder / "ledger.json").write_text(json.dumps(changed))
    assert singly._part(read_about(folder), 0) is not one


def test_many_ask_at_once_and_each_has_its_own_answer(client, told):
    from concurrent.futures import ThreadPoolExecutor

    some = list(told)[:60]

    def ask(one):
        return client.post("/v1/rate", json={"customer_id": one, "as_of": str(DEC)}).json()

    with ThreadPoolExecutor(8) as pool:
        for one, answer in zip(some, pool.map(ask, some), strict=True):
            assert answer == _as_json(told[one])


# ---- the process


def _listening(words, env):
    return subprocess.Popen(
        [Path(sys.executable).parent / "tradecredit", "api", *words], stderr=subprocess.PIPE, text=True, env=env
    )


@pytest.mark.slow
def test_the_command_listens_on_this_machine_alone_and_answers(walked, store, everything, told):
    port = free_port()
    words = [
        "--store",
        store.name,
        "--bundle",
        str(walked / "artifacts/bundle"),
        "--ledger",
        str(walked / "data/ledger"),
    ]
    server = _listening([*words, "--port", str(port)], dict(os.environ))
    try:
        assert json.loads(server.stderr.readline())["listening"] == f"http://127.0.0.1:{port}"
        body = json.dumps({"customer_id": next(iter(told)), "as_of": str(DEC)}).encode()
        headers = {"X-API-Key": everything, "Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/rate", body, headers)
        for _ in range(50):
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:
                    assert json.load(answer) == _as_json(next(iter(told.values())))
                    assert "server" not in {name.lower() for name in answer.headers}
                break
            except urllib.error.URLError:
                time.sleep(0.1)
        else:
            pytest.fail("nobody answers")
        others = {one[4][0] for one in socket.getaddrinfo(socket.gethostname(), port)} - {
            "127.0.0.1",
            "127.0.1.1",
            "::1",
        }
        for address in others:
            with pytest.raises(OSError, match="refused"):
                socket.create_connection((address, port), timeout=2)
    finally:
        server.terminate()
        server.wait(20)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--host", "0.0.0.0"], "--behind-proxy"),
        (["--bundle", "b"], "name both, or neither"),
        (["--per-minute", "0"], "at least 1"),
        ([], "has no key, so nobody could ask"),
    ],
)
def test_the_command_refuses_what_would_not_be_safe(tmp_path, words, says):
    open_store(str(tmp_path / "ratings.db"), fresh=True)
    server = _listening(["--store", str(tmp_path / "ratings.db"), *words], dict(os.environ))
    assert server.wait(60) == 2
    assert says in server.stderr.read()


def test_the_command_says_what_to_install_where_the_extra_is_not(tmp_path, monkeypatch):
    from typer.testing import CliRunner

    from tradecredit.cli import app

    monkeypatch.delitem(sys.modules, "tradecredit.serving.listening", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    told = CliRunner().invoke(app, ["api", "--store", str(tmp_path / "ratings.db")])
    assert isinstance(told.exception, Mistake)
    assert "the API needs uvicorn; install it with: pip install 'tradecredit[api]'" in str(told.exception)


# ---- its description


def _codes(operation, mode, headers, real):
    """What a hundred requests are answered with, each as it is described; half of the right ones name a customer."""
    codes = set()

    @settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode), one=st.sampled_from([None, *real]))
    def ask(case, one):
        if one and mode.is_positive:
            case.path_parameters = dict.fromkeys(case.path_parameters or {}, one)
            if isinstance(case.body, dict) and "as_of" in case.body:
                case.body = {"customer_id": one, "as_of": str(DEC)}
        answer = case.call(headers=headers)
        case.validate_response(answer, headers=headers)
        codes.add(answer.status_code)

    with suppress(Unsatisfiable):  # nothing about it can be wrong
        ask()
    return codes


@pytest.mark.slow
def test_the_api_keeps_to_what_it_says_of_itself(client, told, everything):
    """schemathesis: right and wrong requests to every operation; each answer is as it is described, and never 500."""
    schemathesis = pytest.importorskip("schemathesis")
    headers = {"X-API-Key": everything}
    described = client.get("/openapi.json").json()
    for path in described["paths"].values():
        for operation in path.values():
            operation.pop("security", None)  # who may is tried by itself: here every request has the key
    schema = schemathesis.openapi.from_dict(described)
    schema.app = client.app
    operations = [one.ok() for one in schema.get_all_operations()]
    assert {one.label for one in operations} == {
        "GET /healthz", "GET /readyz", "GET /metrics", "POST /v1/rate",
        "GET /v1/customers/{customer_id}/rating", "GET /v1/customers/{customer_id}/history",
    }  # fmt: skip
    for operation in operations:
        right = _codes(operation, schemathesis.GenerationMode.POSITIVE, headers, list(told)[:5])
        wrong = _codes(operation, schemathesis.GenerationMode.NEGATIVE, headers, [])
        assert 200 in right, operation.label
        assert 500 not in right | wrong, operation.label
        assert not wrong or wrong & {401, 404, 405, 422}, operation.label
