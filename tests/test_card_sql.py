"""The scorecard as SQL tells the points that Python tells, in SQLite, PostgreSQL and DuckDB, on every edge."""

import sqlite3

import numpy as np
import pandas as pd
import pytest

from servers import PASSWORD, USER
from tradecredit.features.column import Missing
from tradecredit.features.matrix import Matrix
from tradecredit.models.card_sql import as_sql
from tradecredit.models.scorecards import Scorecards


@pytest.fixture(scope="module", params=["one card", "a card a segment"])
def cards(request, systems) -> Scorecards:
    model = systems["scorecard"].model
    assert {one.how for one in model.segments} > {"own", "offset"} or len(model.segments) > 2
    return Scorecards(model.pooled) if request.param == "one card" else model


@pytest.fixture(scope="module")
def rows(cards, lessons) -> Matrix:
    """Rows of the book; values on every edge and next to it on either side; every missing reason, met or not."""
    book = lessons[0].only(cards.features).rows(slice(0, 2000))
    values, missing = [book.values], [book.missing]
    for place, bins in [(cards.features.index(one.feature), one) for _, card in cards.cards for one in card.bins]:
        told = [step for edge in bins.edges for step in (edge, np.nextafter(edge, -np.inf), np.nextafter(edge, np.inf))]
        reasons = [reason for reason in Missing if reason is not Missing.NONE]
        some = np.tile(book.values[:1], (len(told) + len(reasons), 1))
        codes = np.tile(book.missing[:1], (len(some), 1))
        some[:, place] = [*told, *[np.nan] * len(reasons)]
        codes[:, place] = [*[0] * len(told), *reasons]
        values.append(some)
        missing.append(codes)
    values, missing = np.vstack(values), np.vstack(missing)
    keys = pd.DataFrame({"customer_id": [f"C{k}" for k in range(len(values))], "as_of": "2024-12-31"})
    keys["segment"] = np.resize(["SME", "RETAIL", "CORP", "PUBLIC", "", "O'Neill", None], len(keys))
    return Matrix(keys, values, missing, book.features)


def _told_by(connection, cards, rows, mark: str, double: str) -> pd.DataFrame:
    """What a database says of the rows."""
    names = [name for one in cards.features for name in (one, f"{one}:missing")]
    kinds = ", ".join(f'"{name}" {"integer" if name.endswith(":missing") else double}' for name in names)
    cursor = connection.cursor()
    cursor.execute(
        f'CREATE TEMPORARY TABLE "features" (customer_id varchar(20), as_of varchar(10), segment varchar(10), {kinds})'
    )
    told = np.empty((len(rows), len(names)), object)
    told[:, 0::2] = np.where(np.isnan(rows.values), None, rows.values)
    told[:, 1::2] = rows.missing.astype(int)
    marks = ", ".join([mark] * (len(names) + 3))
    lines = [(*key, *row) for key, row in zip(rows.keys.to_numpy(), told, strict=True)]
    cursor.executemany(f'INSERT INTO "features" VALUES ({marks})', lines)
    cursor.execute(as_sql(cards))
    found = pd.DataFrame(cursor.fetchall(), columns=[one[0] for one in cursor.description])
    return found.set_index("customer_id").loc[rows.keys["customer_id"]]


def _agrees(found, cards, rows):
    assert np.array_equal(found["score"].to_numpy(), cards.score(rows))
    names = np.array([name for name, _ in cards.cards])[cards.card_of(rows)]
    assert np.array_equal(found["card"].to_numpy(), names)
    if not cards.segments:
        assert np.array_equal(found[list(cards.features)].to_numpy(), cards.pooled.table(rows))


def test_sqlite_tells_the_same_points(cards, rows):
    with sqlite3.connect(":memory:") as connection:
        _agrees(_told_by(connection, cards, rows, "?", "double precision"), cards, rows)


def test_postgresql_tells_the_same_points(cards, rows, postgres):
    import psycopg

    with psycopg.connect(postgres.replace("://", f"://{USER}:{PASSWORD}@")) as connection:
        _agrees(_told_by(connection, cards, rows, "%s", "double precision"), cards, rows)


def test_duckdb_tells_the_same_points(cards, rows):
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as connection:
        _agrees(_told_by(connection, cards, rows, "?", "double"), cards, rows)


def test_a_name_with_a_quote_stays_a_name(cards):
    assert 'FROM "fea""tures; DROP"' in as_sql(cards, 'fea"tures; DROP')
    assert 'FROM "risk"."features"' in as_sql(cards, "risk.features")
