"""A database as the source of a delivery: a real SQLite, and a real PostgreSQL where one is installed."""

from datetime import date

import pytest
import sqlalchemy as sa

from servers import PASSWORD, USER
from tradecredit.errors import Mistake
from tradecredit.features.intake.taking import take_in
from tradecredit.features.ledger import Ledger
from tradecredit.features.mapping import Mapping
from tradecredit.features.quarantine import Report

AS_OF = date(2025, 6, 30)
TABLES = """
CREATE TABLE kna1 (kunnr VARCHAR(10), name1 VARCHAR(80), strategic BOOLEAN);
CREATE TABLE bsid (belnr VARCHAR(20), kunnr VARCHAR(10), bldat DATE, zfbdt DATE, wrbtr NUMERIC(18,4), waers CHAR(5));
CREATE TABLE payments (payment_id VARCHAR(20), invoice_id VARCHAR(20), paid_on TIMESTAMP, amount NUMERIC(18,2));
"""
MAPPING = """
source: {url}
tables:
  customers: >-
    SELECT kunnr AS customer_id, name1 AS name, 'SME' AS segment, 'DE' AS country, NULL AS onboarded_on,
           NULL AS credit_limit, strategic AS is_strategic FROM kna1
  invoices: SELECT belnr AS invoice_id, kunnr AS customer_id, bldat, zfbdt, wrbtr, waers FROM bsid ORDER BY belnr
  payments: payments
columns:
  invoices: {{bldat: issued_on, zfbdt: due_on, wrbtr: amount, waers: currency}}
"""


def _fill(engine):
    with engine.begin() as connection:
        for one in TABLES.strip().split(";\n"):
            connection.execute(sa.text(one.removesuffix(";")))
        for k in range(40):
            connection.execute(
                sa.text("INSERT INTO kna1 VALUES (:a, :b, :c)"), {"a": f"{k:010}", "b": "O'Brien; DROP", "c": k == 3}
            )
            row = {
                "a": f"R{k:03}",
                "b": f"{k:010}",
                "c": date(2025, 1, 10),
                "d": date(2025, 2, 9),
                "e": f"{k + 1}.1000",
            }
            connection.execute(sa.text("INSERT INTO bsid VALUES (:a, :b, :c, :d, :e, 'EUR')"), row)
            row = {"a": f"P{k}", "b": f"R{k:03}", "c": "2025-02-11 00:00:00", "d": f"{k + 1}.10"}
            connection.execute(sa.text("INSERT INTO payments VALUES (:a, :b, :c, :d)"), row)
        connection.execute(sa.text("INSERT INTO bsid VALUES ('R900', 'NOBODY', '2025-01-10', '2025-02-09', 5, 'EUR')"))


def _hold(url, tmp_path):
    (tmp_path / "mapping.yaml").write_text(MAPPING.format(url=url))
    report = Report()
    take_in(None, tmp_path / "ledger", as_of=AS_OF, mapping=Mapping.read(tmp_path / "mapping.yaml"), report=report)
    assert [(row.file, row.line, row.key, row.reason) for row in report.quarantine] == [
        ("invoices", 41, "R900", "ORPHAN")
    ]
    assert report.sums["payments"] == {"EUR": "824.00"}
    ledger = Ledger.read(tmp_path / "ledger")
    assert ledger.invoices["amount"].sum() == 82400
    assert set(ledger.customers["name"]) == {"O'Brien; DROP"}
    assert list(ledger.customers.query("is_strategic")["customer_id"]) == ["0000000003"]


def test_a_sqlite_database_is_a_source(tmp_path):
    url = f"sqlite:///{tmp_path}/erp.db"
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("PRAGMA journal_mode=WAL"))
    _fill(engine)
    with engine.begin() as connection:  # SQLite has no time stamps of its own
        connection.execute(sa.text("UPDATE payments SET paid_on = substr(paid_on, 1, 10)"))
    _hold(url, tmp_path)


@pytest.mark.slow
def test_a_postgresql_database_is_a_source_and_its_password_is_never_told(postgres, tmp_path, monkeypatch):
    monkeypatch.setenv("TRADECREDIT_SOURCE_USER", "erp")
    monkeypatch.setenv("TRADECREDIT_SOURCE_PASSWORD", PASSWORD)
    address = postgres.replace("postgresql://", f"postgresql+psycopg://{USER}:{PASSWORD}@")
    engine = sa.create_engine(address)
    _fill(engine)
    _hold(postgres, tmp_path)
    for path in (tmp_path / "ledger").rglob("*"):
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes()

    monkeypatch.setenv("TRADECREDIT_SOURCE_PASSWORD", f"{PASSWORD}-wrong")
    mapping = Mapping.read(tmp_path / "mapping.yaml")
    with pytest.raises(Mistake, match="password authentication failed") as refused:
        take_in(None, tmp_path / "ledger", as_of=AS_OF, mapping=mapping)
    assert refused.value.exit_code == 74
    assert PASSWORD not in str(refused.value)
    engine.dispose()


@pytest.mark.parametrize(
    ("said", "says", "code"),
    [
        ("source: 'sqlite:///nowhere.db'\ntables: {customers: c}", "no such database file", 2),
        ("source: 'no url'\ntables: {customers: c}", "is no database URL", 2),
        ("source: 'postgresql://erp:pw@host/db'\ntables: {customers: c}", "holds a user or password", 2),
        ("source: 'sqlite:///x.db'", "source and tables belong together", 2),
        ("source: 'postgresql://127.0.0.1:1/x'\ntables: {customers: c, invoices: i, payments: p}", "127.0.0.1", 74),
    ],
)
def test_a_wrong_source_says_what_would_be_right(tmp_path, said, says, code):
    (tmp_path / "mapping.yaml").write_text(said)
    with pytest.raises(Mistake, match=says) as refused:
        take_in(None, tmp_path / "ledger", as_of=AS_OF, mapping=Mapping.read(tmp_path / "mapping.yaml"))
    assert refused.value.exit_code == code
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "ledger").exists()


def test_a_table_that_is_not_there_is_named(tmp_path):
    sa.create_engine(f"sqlite:///{tmp_path}/erp.db").connect().close()
    (tmp_path / "mapping.yaml").write_text(
        f"source: sqlite:///{tmp_path}/erp.db\ntables: {{customers: kunden, invoices: i, payments: p}}"
    )
    with pytest.raises(Mistake, match="'kunden' cannot be read") as refused:
        take_in(None, tmp_path / "ledger", as_of=AS_OF, mapping=Mapping.read(tmp_path / "mapping.yaml"))
    assert refused.value.exit_code == 2
