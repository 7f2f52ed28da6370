"""What is printed of the scorecard is what it is: the table, the page in both languages, the files of the stage."""

import re
from dataclasses import replace
from html import unescape

import numpy as np
import pandas as pd
import pytest

from tradecredit.features.catalogue import feature
from tradecredit.features.column import Missing
from tradecredit.models.binning_table import Line, binning_table
from tradecredit.models.scorecards import Scorecards
from tradecredit.serving.scorecard_page import PrintedCard, range_of, render_scorecards


@pytest.fixture(scope="module")
def card(systems):
    return systems["scorecard"].model.pooled


@pytest.fixture(scope="module")
def tables(card, lessons):
    matrix, bad = lessons
    half = np.arange(len(matrix)) % 2 == 0
    return binning_table(card, {"train": lessons, "tune": (matrix.rows(half), bad[half])})


def _page(card, tables, **more):
    return render_scorecards(Scorecards(card), [PrintedCard("pooled", card, tables)], **more)


def test_every_row_of_a_slice_lies_in_one_line_of_each_feature(tables, lessons):
    bad = lessons[1]
    for table in tables:
        for name, goods, bads in (
            ("train", (1 - bad).sum(), bad.sum()),
            ("tune", (1 - bad[::2]).sum(), bad[::2].sum()),
        ):
            assert sum(line.held[name].goods for line in table.lines) == goods
            assert sum(line.held[name].bads for line in table.lines) == bads


def test_the_slice_that_was_fitted_shows_the_counts_and_weights_that_were_fitted(card, tables):
    for bins, points, table in zip(card.bins, card.points, tables, strict=True):
        lines = [line for line in table.lines if line.missing is Missing.NONE]
        assert [line.points for line in lines] == list(points)
        assert [line.held["train"].bads for line in lines] == list(bins.bads)
        assert [line.held["train"].woe for line in lines] == pytest.approx(list(bins.woe))
        assert [line.woe for line in lines] == list(bins.woe)
        goods, bads = (sum(getattr(one.held["train"], kind) for one in table.lines) for kind in ("goods", "bads"))
        shares = [(one.held["train"].bads / bads - one.held["train"].goods / goods, one) for one in table.lines]
        assert sum(share * one.woe for share, one in shares) == pytest.approx(bins.iv)
        own = [share * one.held["train"].woe for share, one in shares if one.held["train"].rows]
        assert table.iv["train"] == pytest.approx(sum(own))


def test_every_missing_reason_and_any_other_shows_the_points_that_it_scores(card, tables):
    for bins, missing, table in zip(card.bins, card.missing_points, tables, strict=True):
        told = {line.missing: (line.points, line.woe) for line in table.lines if line.missing is not Missing.NONE}
        assert told.pop(None) == (missing["MISSING"], bins.missing_woe["MISSING"])
        for reason, shown in told.items():
            assert shown == (missing[reason.name], bins.missing_woe[reason.name])


def test_the_page_shows_the_points_rows_and_bad_rate_of_each_line(card, tables):
    page = _page(card, tables)
    for table in tables:
        section = page[page.index(f"<code>{table.feature.name}</code>") :]
        section = section[: section.index("</section>")]
        rows = [[unescape(re.sub("<[^>]+>", "", cell)) for cell in row.split("</td>")] for row in section.split("<tr>")]
        rows = [row for row in rows if len(row) > 1]
        assert len(rows) == len(table.lines)
        for row, line in zip(rows, table.lines, strict=True):
            assert row[1].strip() == (f"{line.points:+d}".replace("-", "−") if line.points else "0")
            assert row[2].strip() == f"{line.held['train'].rows:,}"
            rate = line.held["train"].bad_rate
            assert row[3].split("%")[0].strip() in (f"{100 * rate:.1f}", f"{100 * rate:.0f}", "–", "< 0.1")


@pytest.mark.parametrize(
    ("edge", "told"), [(12345.6, "12,346 days"), (-4.83333, "−4.833 days"), (0.00004, "0 days"), (999.96, "1000 days")]
)
def test_an_edge_is_told_without_an_exponent(edge, told):
    line = Line(-np.inf, edge, Missing.NONE, 0, 0.0, {})
    assert range_of(line, feature("dbt_w_90d"))[0] == f"below {told}"


def test_a_slice_without_bads_has_counts_and_no_weights(card, lessons):
    matrix, bad = lessons
    (first, *_) = binning_table(card, {"test": (matrix.rows(bad == 0), bad[bad == 0])})
    assert np.isnan(first.iv["test"])
    assert all(np.isnan(line.held["test"].woe) for line in first.lines)
    assert sum(line.held["test"].goods for line in first.lines) == (bad == 0).sum()


def test_the_page_tells_every_bin_in_both_languages(card, tables):
    for language in ("en", "zh"):
        page = _page(card, tables, language=language)
        assert f'id="in-{language}" checked' in page
        for table in tables:
            assert table.feature.zh in page
            for line in table.lines:
                for told in range_of(line, table.feature):
                    assert told in page


def test_the_stage_writes_page_table_and_statement(walked):
    rows = pd.read_csv(walked / "reports" / "scorecard.csv", encoding="utf-8-sig")
    assert {"feature", "points", "train_bads", "tune_bad_rate", "test_iv"} <= set(rows)
    assert rows["from"].isna().any()
    assert "<title>Scorecard" in (walked / "reports" / "scorecard.html").read_text(encoding="utf-8")
    assert (walked / "artifacts" / "scorecard.sql").read_text(encoding="utf-8").startswith("SELECT customer_id")


def test_every_missing_reason_that_has_points_is_printed_whether_a_row_had_it_or_not(card, lessons):
    missing = tuple(points | {"NOSRC": 37, "STALE": -41} for points in card.missing_points)
    for table in binning_table(replace(card, missing_points=missing), {"train": lessons}):
        told = {line.missing: line.points for line in table.lines if line.missing}
        assert (told[Missing.NOSRC], told[Missing.STALE]) == (37, -41)
