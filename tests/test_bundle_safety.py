"""A bundle is data: what was changed, added, wrapped or signed by others is refused before anything in it is read."""

import ast
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import mlflow
import numpy as np
import pytest
import yaml

from conftest import ROOT
from tradecredit.errors import Mistake
from tradecredit.features.column import Missing
from tradecredit.models.growing import BoostingRecipe
from tradecredit.models.scorecards import Scorecards
from tradecredit.models.trees.walks import Walks
from tradecredit.pipeline.export_bundle import ask_lightgbm
from tradecredit.pipeline.lessons import lessons
from tradecredit.pipeline.stage import Stage
from tradecredit.pipeline.systems import systems as known_systems
from tradecredit.serving import bundle as room
from tradecredit.serving.bundle import load_bundle
from tradecredit.serving.golden import Golden
from tradecredit.serving.seal import sign_manifest, unseal
from tradecredit.serving.signing import PublicKey, make_keys, private_key
from tradecredit.serving.wrapper import LOADER, bundle_in


@pytest.fixture
def bundle(walked, tmp_path):
    """A copy that a test may spoil."""
    return shutil.copytree(walked / "artifacts/bundle", tmp_path / "bundle")


@pytest.fixture
def key(tmp_path):
    """(private, public) of a pair."""
    make_keys(tmp_path / "key.pem")
    return private_key(tmp_path / "key.pem"), PublicKey.read(tmp_path / "key.pem.pub")


@pytest.fixture
def unread(monkeypatch):
    """Nothing but the manifest may be parsed until a bundle is verified."""
    real = json.loads

    def watched(said):
        assert '"format"' in (said if isinstance(said, str) else said.decode())[:40], "parsed before it was verified"
        return real(said)

    monkeypatch.setattr(room.json, "loads", watched)
    monkeypatch.setattr(room, "_system", lambda *_: pytest.fail("parsed before it was verified"))


# ---- the seal


@pytest.mark.usefixtures("unread")
def test_any_changed_byte_of_a_signed_bundle_is_refused_before_it_is_read(bundle, key):
    sign_manifest(bundle, key[0])
    rng = np.random.default_rng(0)
    files = sorted(bundle.iterdir())
    assert "manifest.sig" in {file.name for file in files}
    sizes = np.array([file.stat().st_size for file in files], float)
    for pick in [*range(len(files)), *rng.choice(len(files), 200 - len(files), p=sizes / sizes.sum())]:
        file = files[pick]
        whole = file.read_bytes()
        place, other = int(rng.integers(len(whole))), int(rng.integers(1, 256))
        file.write_bytes(whole[:place] + bytes([whole[place] ^ other]) + whole[place + 1 :])
        with pytest.raises(Mistake):
            load_bundle(bundle, [key[1]])
        file.write_bytes(whole)
    assert unseal(bundle, [key[1]]).signed_by == key[1].id


def _each_file(bundle):
    return sorted(one.name for one in bundle.iterdir())


@pytest.mark.usefixtures("unread")
def test_each_file_removed_renamed_emptied_or_linked_is_refused_before_it_is_read(bundle):
    for name in _each_file(bundle):
        kept = (bundle / name).read_bytes()
        (bundle / name).unlink()
        with pytest.raises(Mistake, match=name):
            load_bundle(bundle)
        (bundle / f"x-{name}").write_bytes(kept)
        with pytest.raises(Mistake):
            load_bundle(bundle)
        (bundle / f"x-{name}").rename(bundle.parent / name)
        (bundle / name).symlink_to(bundle.parent / name)
        with pytest.raises(Mistake, match="is a link"):
            load_bundle(bundle)
        (bundle / name).unlink()
        (bundle / name).write_bytes(b"")
        with pytest.raises(Mistake):
            load_bundle(bundle)
        (bundle / name).write_bytes(kept)
    unseal(bundle)


@pytest.mark.parametrize("name", ["model.pkl", "evil.py", "trees-0.txt", "trees-1.txt.bak", "second-trees-100.txt"])
def test_a_file_that_no_bundle_has_is_refused_whatever_the_manifest_says(bundle, name):
    (bundle / name).write_text("x")
    with pytest.raises(Mistake, match=f"{name} is no file of a bundle"):
        load_bundle(bundle)


@pytest.mark.usefixtures("unread")
def test_a_pickle_under_a_known_name_is_refused(bundle):
    (bundle / "system.json").write_bytes(b"\x80\x04cposix\nsystem\n(S'touch /tmp/owned'\ntR.")
    with pytest.raises(Mistake, match=r"system.json does not match its checksum"):
        load_bundle(bundle)


# ---- signatures


def test_only_a_trusted_signature_of_this_very_manifest_counts(bundle, key):
    ours, public = key
    with pytest.raises(Mistake, match="is not signed"):
        load_bundle(bundle, [public])
    sign_manifest(bundle, ours)
    assert load_bundle(bundle, [public]).signed_by == public.id
    assert load_bundle(bundle).signed_by == "", "nobody asked"
    with pytest.raises(Mistake, match="is not trusted here"):
        load_bundle(bundle, [])
    signature = (bundle / "manifest.sig").read_text()
    (bundle / "manifest.sig").write_text(signature.replace(public.id, "0" * 16))
    with pytest.raises(Mistake, match="is not trusted here"):
        load_bundle(bundle, [public])
    (bundle / "manifest.sig").write_text(signature)
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["about"]["model"] = "another"  # and sealed anew, which anybody can
    from tradecredit.serving.seal import seal

    held = {name: (bundle / name).read_bytes() for name in manifest["files"]}
    seal(bundle, held, manifest["about"])
    assert "manifest.sig" not in _each_file(bundle), "the old signature does not stay beside a new manifest"
    (bundle / "manifest.sig").write_text(signature)
    load_bundle(bundle)
    with pytest.raises(Mistake, match="is not the signature of"):
        load_bundle(bundle, [public])


@pytest.mark.usefixtures("key")
def test_keys_are_those_of_openssl_and_never_overwritten(tmp_path):
    assert (tmp_path / "key.pem").stat().st_mode & 0o777 == 0o600
    with pytest.raises(Mistake, match="is there already"):
        make_keys(tmp_path / "key.pem")
    for file, reader in ((tmp_path / "key.pem.pub", private_key), (tmp_path / "key.pem", PublicKey.read)):
        with pytest.raises(Mistake, match="is no p"):
            reader(file)
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    run = {"check": True, "capture_output": True, "cwd": tmp_path}
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", "its.pem"], **run)
    subprocess.run(["openssl", "pkey", "-in", "its.pem", "-pubout", "-out", "its.pub"], **run)
    theirs = private_key(tmp_path / "its.pem")
    assert PublicKey.read(tmp_path / "its.pub").raw == theirs.public_key().public_bytes_raw()
    subprocess.run(["openssl", "genpkey", "-algorithm", "x25519", "-out", "other.pem"], **run)
    with pytest.raises(Mistake, match="is no private Ed25519 key"):
        private_key(tmp_path / "other.pem")


def test_ed25519_signs_as_rfc_8032_says():
    """Section 7.1, test 2: one byte."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from tradecredit.serving.signing import Signature

    secret = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
    signed = Signature.of(Ed25519PrivateKey.from_private_bytes(secret), b"\x72")
    assert signed.raw.hex() == (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )


# ---- golden rows


def test_golden_rows_hold_every_value_at_which_a_model_steps_and_every_gap(walked):
    bundle = load_bundle(walked / "artifacts/bundle")
    golden = Golden.of_dict(
        json.loads((walked / "artifacts/bundle/golden.json").read_text()), room._of_models(bundle.system, bundle.second)
    )
    assert len(golden.matrix) >= 1000
    assert set(golden.log_odds) == {"first", "second"}
    systems = (bundle.system, bundle.second.system)
    segments = golden.matrix.keys["segment"].to_numpy(object)
    cards = next(one.model for one in systems if isinstance(one.model, Scorecards))
    assert set(segments) == {"", *(one.segment for one in cards.segments)}
    for segment in set(segments):
        part = golden.matrix.rows(segments == segment)
        for name in golden.matrix.names:
            held = set(part.column(name))
            for system in systems:
                steps = system.model.steps(name) if name in system.model.features else np.empty(0)
                assert set(steps) | set(np.nextafter(steps, np.inf)) | set(np.nextafter(steps, -np.inf)) <= held
            assert set(part.reasons(name)) == set(Missing)
    assert sum(len(systems[1].model.steps(name)) for name in systems[1].model.features) > 30
    for name, system in zip(golden.log_odds, systems, strict=True):
        own = golden.matrix.only(system.model.features)
        assert np.array_equal(system.log_odds(own), golden.log_odds[name]), "to the bit, here"


def test_trees_that_are_read_otherwise_than_lightgbm_grew_them_are_not_exported(walked, monkeypatch):
    stage = Stage(walked)
    system = known_systems(stage)[0]["boosting"]
    ask_lightgbm(system)
    real = Walks.scores
    monkeypatch.setattr(Walks, "scores", lambda walks, rows: real(walks, rows) + 1e-6)
    with pytest.raises(ArithmeticError, match="read otherwise than LightGBM"):
        ask_lightgbm(system)
    matrix, bad = lessons(stage, "train")
    with pytest.raises(ArithmeticError, match="read otherwise than LightGBM"):
        BoostingRecipe(trees=3).fit(matrix, bad)


def test_a_machine_on_which_the_models_say_otherwise_does_not_rate(bundle, monkeypatch):
    real = Scorecards.log_odds
    monkeypatch.setattr(Scorecards, "log_odds", lambda model, matrix: real(model, matrix) + 1e-7 * (len(matrix) > 999))
    with pytest.raises(Mistake, match=r"golden.json: the (first|second) model gives row \d+ log-odds of"):
        load_bundle(bundle)
    monkeypatch.setattr(Scorecards, "log_odds", lambda model, matrix: real(model, matrix) * np.nan)
    with pytest.raises(Mistake, match=r"golden.json"):
        load_bundle(bundle)
    monkeypatch.setattr(Scorecards, "log_odds", lambda model, matrix: real(model, matrix) + 1e-12)
    load_bundle(bundle)


# ---- no code


def test_no_code_on_the_way_from_bundle_to_rating_can_run_what_a_file_says():
    """Every module of ours that scoring reaches: no pickle of any kind, no eval, no import by a name that was read."""
    import grimp

    graph = grimp.build_graph("tradecredit")
    doors = [f"tradecredit.serving.{one}" for one in ("nightly", "batch", "pyfunc", "bundle", "store.store")]
    reached = set(doors).union(*(graph.find_upstream_modules(door) for door in doors))
    assert len(reached) > 80
    banned = {"pickle", "cPickle", "cloudpickle", "joblib", "dill", "shelve", "marshal", "skops", "importlib", "runpy"}
    for module in reached:
        parts = module.split(".")[1:]
        file = ROOT.joinpath("src", *parts).with_suffix(".py")
        tree = ast.parse((file if file.exists() else ROOT.joinpath("src", *parts, "__init__.py")).read_text())
        for node in ast.walk(tree):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module != "importlib.metadata":
                names = [str(node.module)]
            assert not {name.split(".")[0] for name in names} & banned, module
            if isinstance(node, ast.Name):
                assert node.id not in {"eval", "exec", "compile", "__import__"}, module


def test_nothing_is_unpickled_while_a_bundle_is_loaded_and_scores(walked):
    """Python itself is asked: numba's cache of our own compiled code may unpickle, nothing else."""
    program = f"""
import sys, traceback
found = []
def hook(event, _):
    if event == "pickle.find_class":
        stack = [frame.filename for frame in traceback.extract_stack()]
        if not any("numba" in file for file in stack):
            found.append(stack[-4:])
from datetime import date
from pathlib import Path
from tradecredit.features.engine.loading import facts_of
from tradecredit.features.ledger import Ledger
from tradecredit.serving.bundle import load_bundle
from tradecredit.serving.batch import score_ledger
sys.addaudithook(hook)
import pickle
pickle.loads(b"cbuiltins\\nlen\\n.")
assert found, "the hook sees a pickle"
found.clear()
bundle = load_bundle(Path({str(walked / "artifacts/bundle")!r}))
import tempfile
with tempfile.TemporaryDirectory() as place:
    score_ledger(bundle, Path({str(walked / "data/ledger")!r}), date(2021, 12, 31), Path(place) / "r.parquet")
print(found)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# ---- MLflow's wrapper


@pytest.fixture
def model(walked, tmp_path, monkeypatch):
    """The bundle as an MLflow model, in a folder."""
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    mlflow.pyfunc.save_model(
        tmp_path / "model",
        loader_module=LOADER,
        data_path=str(walked / "artifacts/bundle"),
        pip_requirements=["tradecredit"],
    )
    return tmp_path / "model"


def _say(model, **change):
    said = yaml.safe_load((model / "MLmodel").read_text())
    said["flavors"]["python_function"] |= change
    (model / "MLmodel").write_text(yaml.safe_dump(said))


def _resealed(bundle, **changes):
    """Sealed anew with files that were changed, as anybody can."""
    from tradecredit.serving.seal import seal

    manifest = json.loads((bundle / "manifest.json").read_text())
    held = {name: (bundle / name).read_bytes() for name in manifest["files"]}
    seal(
        bundle, held | {f"{name}.json": json.dumps(said).encode() for name, said in changes.items()}, manifest["about"]
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"system": {}}, {"system": []}, {"policy": []}, {"golden": {}}, {"features": {}}, {"reference": {"x": 1}},
        {"golden": {"segment": [], "values": {}, "missing": {}, "log_odds": {}}},
    ],
)  # fmt: skip
def test_files_that_do_not_fit_together_are_told_in_a_line(bundle, changes):
    _resealed(bundle, **changes)
    with pytest.raises(Mistake, match=r"[Ee]xport (it|the bundle) anew"):
        load_bundle(bundle)


def test_golden_rows_that_are_none_are_refused(bundle):
    golden = json.loads((bundle / "golden.json").read_text())
    none = {part: {name: [] for name in golden[part]} for part in ("values", "missing", "log_odds")}
    _resealed(bundle, golden=none | {"segment": []})
    with pytest.raises(Mistake, match="has 0 rows; it should have 1000"):
        load_bundle(bundle)


@pytest.mark.parametrize("text", ["{", "[]", "7", '{"format": 5}', '{"format": 5, "files": {"a": 1}, "about": {}}'])
def test_a_manifest_that_is_none_is_told_in_a_line(bundle, text):
    import hashlib

    (bundle / "manifest.json").write_text(text)
    (bundle / "manifest.sha256").write_text(hashlib.sha256(text.encode()).hexdigest() + "\n")
    with pytest.raises(Mistake, match=r"manifest.json does not say|has the format"):
        load_bundle(bundle)


def test_the_wrapper_that_mlflow_writes_is_known(model):
    assert load_bundle(bundle_in(model)).fingerprint
    assert {one.suffix for one in model.rglob("*") if one.is_file()} <= {".yaml", ".txt", ".json", ".sha256", ""}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"loader_module": "evil"}, "loads by 'evil'"),
        ({"loader_module": "mlflow.pyfunc.model", "python_model": "python_model.pkl"}, "loads by"),
        ({"code": "code"}, "names code"),
        ({"python_model": "python_model.pkl"}, "names python_model"),
        ({"model_code_path": "model.py"}, "names model_code_path"),
        ({"data": "data/../.."}, "should name the one folder in data"),
        ({"data": ["data/bundle"]}, "should name the one folder in data"),
        ({"data": "/etc"}, "should name the one folder in data"),
        ({"data": "data/other"}, "should name the one folder in data"),
    ],
)
def test_a_wrapper_that_would_run_something_is_refused(model, change, says):
    _say(model, **change)
    with pytest.raises(Mistake, match=says):
        bundle_in(model)


def test_a_wrapper_with_another_flavor_file_or_link_is_refused(model):
    whole = (model / "MLmodel").read_text()
    said = yaml.safe_load(whole)
    said["flavors"]["sklearn"] = {"pickled_model": "model.pkl"}
    (model / "MLmodel").write_text(yaml.safe_dump(said))
    with pytest.raises(Mistake, match="has the flavor sklearn"):
        bundle_in(model)
    for text in ("", "[1, 2]", "flavors: {}", "!!python/object/apply:os.system ['true']", "flavors: [python_function]"):
        (model / "MLmodel").write_text(text)
        with pytest.raises(Mistake, match="does not say what is loaded"):
            bundle_in(model)
    (model / "MLmodel").write_text(whole)
    for extra in ("model.pkl", "code/evil.py", "data/evil.py", "data/other/x"):
        (model / extra).parent.mkdir(exist_ok=True)
        (model / extra).write_text("x")
        with pytest.raises(Mistake):
            bundle_in(model)
        (model / extra).unlink()
        if (model / extra).parent not in (model, model / "data"):
            (model / extra).parent.rmdir()
    kept = (model / "conda.yaml").read_text()
    for line in ("--index-url http://evil", "  - evil @ git+x", "- https://evil/x.whl", "  -r other.txt"):
        (model / "conda.yaml").write_text(f"{kept}\n{line}\n")
        with pytest.raises(Mistake, match=r"conda.yaml: would install"):
            bundle_in(model)
    (model / "conda.yaml").unlink()
    os.mkfifo(model / "conda.yaml")
    with pytest.raises(Mistake, match=r"conda.yaml is no file"):
        bundle_in(model)
    (model / "conda.yaml").unlink()
    (model / "requirements.txt").unlink()
    (model / "requirements.txt").symlink_to("/etc/hostname")
    with pytest.raises(Mistake, match=r"requirements.txt is no file"):
        bundle_in(model)


# ---- the command


def _tradecredit(*words):
    from typer.testing import CliRunner

    from tradecredit.cli import app

    return CliRunner().invoke(app, [str(word) for word in words])


def test_people_sign_and_verify(bundle, model, tmp_path):
    told = _tradecredit("bundle", "key", "--out", tmp_path / "k.pem")
    assert "keep it secret" in told.output
    assert _tradecredit("bundle", "sign", bundle, "--key", tmp_path / "k.pem").exit_code == 0
    told = _tradecredit("bundle", "verify", bundle, "--key", tmp_path / "k.pem.pub")
    assert told.exit_code == 0
    assert f"signed by key {PublicKey.read(tmp_path / 'k.pem.pub').id}" in told.output
    assert "no signature was asked for" in _tradecredit("bundle", "verify", model).output
    told = _tradecredit("bundle", "verify", model, "--key", tmp_path / "k.pem.pub")
    assert isinstance(told.exception, Mistake)
    (bundle / "policy.json").write_bytes((bundle / "policy.json").read_bytes() + b" ")
    assert isinstance(_tradecredit("bundle", "sign", bundle, "--key", tmp_path / "k.pem").exception, Mistake)


def test_a_bundle_says_what_it_was_made_from(walked):
    from tradecredit.features.ledger import delivered, read_about

    about = load_bundle(walked / "artifacts/bundle").about
    assert about["ledger"] == delivered(read_about(walked / "data/ledger"))
    assert set(about["versions"]) == {"python", "tradecredit", "numpy", "pandas", "pyarrow", "lightgbm", "numba"}
    assert all(len(about[name]) == 64 for name in ("ledger", "catalogue", "training_rows"))


def test_what_was_seen_in_training_stands_with_each_feature(walked):
    from tradecredit.features.matrix import Matrix

    bundle = load_bundle(walked / "artifacts/bundle")
    matrix = Matrix.read(walked / "data/matrix/features.parquet").only(bundle.system.model.features)
    assert set(bundle.seen) == set(bundle.system.model.features)
    day = np.datetime64(bundle.about["trained_to"])
    train = matrix.rows(matrix.keys["as_of"].to_numpy() <= day)
    for name, seen in bundle.seen.items():
        assert np.nanmin(train.column(name)) <= seen.low <= seen.high <= np.nanmax(train.column(name))
        assert not seen.beyond(np.array([seen.low, seen.high, np.nan])).any()
        assert replace(seen, low=0.0, high=1.0).beyond(np.array([-0.1, 1.1])).all()
