"""Reasons, families and changes are exact: they add up, against whom the recipe says, in words of both languages."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradecredit.errors import Mistake
from tradecredit.features.catalogue import CATALOGUE, feature
from tradecredit.features.column import Missing
from tradecredit.features.declaration import Unit
from tradecredit.features.engine.loading import facts_of
from tradecredit.features.ledger import Ledger
from tradecredit.features.matrix import Matrix
from tradecredit.models.logistic import logit
from tradecredit.pipeline.lessons import lessons
from tradecredit.pipeline.stage import Stage
from tradecredit.pipeline.systems import systems as known_systems
from tradecredit.serving.batch import score_ledger
from tradecredit.serving.bundle import load_bundle
from tradecredit.serving.changes import Changes, Stand
from tradecredit.serving.earlier import Earlier
from tradecredit.serving.ratings import Rating
from tradecredit.serving.reasons import ReasonRecipe
from tradecredit.serving.reference import EVERYONE, Reference
from tradecredit.serving.scored import _as_of_now
from tradecredit.serving.scored import _points as _points_of
from tradecredit.serving.scoring import score, score_parts
from tradecredit.serving.sentences import beside_usual, beside_usual_all, describe, from_to_all, written

BEFORE, AS_OF = date(2021, 9, 30), date(2021, 12, 31)


@pytest.fixture(scope="module", params=["scorecard", "boosting"])
def bundle(request, walked):
    """The bundle with either model, explained against its own train rows."""
    loaded, (known, _) = load_bundle(walked / "artifacts/bundle"), known_systems(Stage(walked))
    system = known[request.param]
    train = lessons(Stage(walked), "train")[0].only(system.model.features)
    return replace(loaded, system=system, reference=Reference.of(train, system.model.contributions(train)))


@pytest.fixture(scope="module")
def twice(walked, bundle, tmp_path_factory):
    """Ratings of two days, the second with what moved since the first."""
    folder = tmp_path_factory.mktemp("twice")
    score_ledger(bundle, walked / "data/ledger", BEFORE, folder / "before.parquet")
    score_ledger(bundle, walked / "data/ledger", AS_OF, folder / "now.parquet", previous=folder / "before.parquet")
    return folder


def _points(bundle, pd_):
    return bundle.system.points.score(logit(pd_.to_numpy("float64")))


def _sums(lists):
    return np.array([sum(one["points"] for one in told) for told in lists])


def test_families_lead_from_the_baseline_to_the_score(bundle, twice):
    now = pd.read_parquet(twice / "now.parquet").query("status == 'observed'")
    assert len(now) > 100
    rebuilt = now["base_points"] + _sums(now["families"])
    np.testing.assert_allclose(rebuilt, _points(bundle, now["pd"]), rtol=0, atol=1e-7)
    assert (np.rint(rebuilt) == now["score"]).all()


def test_changes_add_up_to_the_change_of_the_points(bundle, twice):
    before = pd.read_parquet(twice / "before.parquet").set_index("customer_id")
    now = pd.read_parquet(twice / "now.parquet").set_index("customer_id")
    both = now["since"].notna()
    assert both.sum() > 100
    assert (both == (now["pd"].notna() & before["pd"].reindex(now.index).notna())).all()
    moved = _points(bundle, now["pd"][both]) - _points(bundle, before["pd"].reindex(now.index)[both])
    assert np.abs(moved).max() > 10, "nobody moved; the test tries nothing"
    np.testing.assert_allclose(_sums(now["changes"][both]), moved, rtol=0, atol=1e-5)
    assert not now["changes"][~both].map(len).any()
    assert "model" not in {one["what"] for told in now["changes"] for one in told}, "the same model saw both days"


def test_what_another_model_moved_stands_apart(bundle, walked, twice):
    """Twenty points less for everybody by the model alone."""
    shifted = replace(
        bundle.system.calibration, shift=bundle.system.calibration.shift + 20 / bundle.system.points.factor
    )
    other = replace(bundle, system=replace(bundle.system, calibration=shifted))
    earlier = Earlier.read(twice / "before.parquet", AS_OF)
    for _, _, scored in score_parts(other, walked / "data/ledger", AS_OF, earlier=earlier):
        for told in scored.table.column("changes").to_pylist():
            if told:
                assert sum(one["points"] for one in told if one["what"] == "model") == pytest.approx(-20, abs=1e-5)


def test_the_mean_customer_of_a_segment_has_no_reasons(bundle, walked):
    """Over the train rows of a segment what each feature adds to its mean customer is nothing on the whole."""
    matrix = lessons(Stage(walked), "train")[0].only(bundle.system.model.features)
    segments = matrix.keys["segment"].to_numpy(object)
    theirs = bundle.reference.compared_with("segment", segments, matrix.names)
    raw = bundle.system.model.contributions(matrix)
    for segment in set(bundle.reference.mean) - {EVERYONE}:
        here = segments == segment
        assert np.abs((raw - theirs)[here].mean(axis=0)).max() < 1e-12
    told = bundle.system.explain(matrix, theirs)
    np.testing.assert_allclose(told.baselines + told.contributions.sum(axis=1), told.log_odds, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(told.log_odds, bundle.system.log_odds(matrix))


def test_against_the_best_nothing_is_favourable(bundle, walked):
    best = replace(bundle, reasons=ReasonRecipe(baseline="best", adverse=3, favourable=2))
    matrix = lessons(Stage(walked), "train")[0].only(bundle.system.model.features)
    theirs = best.reference.compared_with("best", matrix.keys["segment"].to_numpy(object), matrix.names)
    assert best.system.explain(matrix, theirs).contributions.min() > -1e-12
    scored = score(best, facts_of(Ledger.read(walked / "data/ledger")), AS_OF)
    told = scored.table.column("reasons").to_pylist()
    assert max(map(len, told)) == 3
    here = scored.rated
    base, families = (scored.table[name].to_pylist() for name in ("base_points", "families"))
    rebuilt = np.array(base, float) + _sums(families)
    np.testing.assert_allclose(rebuilt[here], bundle.system.points.score(scored.log_odds)[here], rtol=0, atol=1e-7)


def test_a_segment_that_was_never_met_is_compared_with_everyone(bundle):
    names = bundle.system.model.features
    one, all_ = bundle.reference.compared_with("segment", np.array(["MOON", EVERYONE], object), names)
    assert np.array_equal(one, all_)
    assert not np.isnan(all_).any()


def test_the_other_model_is_told_where_it_is_two_grades_away_and_on_what_they_part(walked):
    loaded, (known, champion) = load_bundle(walked / "artifacts/bundle"), known_systems(Stage(walked))
    (other,) = (one for name, one in known.items() if name != champion)
    assert loaded.second.system.model.kind == other.model.kind != champion
    scored = score(loaded, facts_of(Ledger.read(walked / "data/ledger")), AS_OF)
    matrix = Matrix.read(walked / "data/matrix/features.parquet")
    here = matrix.rows((matrix.keys["as_of"] == pd.Timestamp(AS_OF)).to_numpy())
    expected = dict(zip(here.keys["customer_id"], other.log_odds(here), strict=True))
    now = scored.table.to_pandas().query("status == 'observed'").set_index("customer_id")
    z = np.array([expected[name] for name in now.index])
    np.testing.assert_array_equal(now["second_pd"], other.pd(z))
    scale = loaded.system.scale
    away = scale.place(z) - scale.place(logit(now["pd"].to_numpy()))
    assert (np.abs(away) >= 2).any(), "they agree on everybody; the test tries nothing"
    assert not now["parted"][np.abs(away) < 2].map(len).any()
    for parted, by in zip(now["parted"], away, strict=True):
        leads = [(one["points"] - one["second_points"]) * np.sign(by) for one in parted]
        assert leads == sorted(leads, reverse=True)
        assert all(lead >= 0.5 for lead in leads)
    alone = score(replace(loaded, second=None), facts_of(Ledger.read(walked / "data/ledger")), AS_OF).table
    assert alone["second_grade"].null_count == len(alone)
    assert alone["score"].equals(scored.table["score"])


def test_a_row_of_the_table_is_a_rating(bundle, walked):
    scored = score(bundle, facts_of(Ledger.read(walked / "data/ledger")), AS_OF)
    rated, not_rated = int(np.argmax(scored.rated)), int(np.argmin(scored.rated))
    told = scored.rating(rated)
    assert isinstance(told, Rating)
    assert told.score == bundle.system.score(scored.log_odds)[rated]
    assert [one.points for one in told.reasons] == [
        pytest.approx(scored.points[rated, scored.matrix.names.index(one.feature)]) for one in told.reasons
    ]
    assert {one.family for one in told.reasons} <= set(told.families)
    told = scored.rating(not_rated)
    assert (told.pd, told.score, told.reasons, told.families, told.changes) == (None, None, (), {}, ())


def test_every_missing_reason_has_a_sentence_and_no_code():
    told = feature("late_km_90d")
    for missing in set(Missing) - {Missing.NONE}:
        en, zh = describe(told, float("nan"), missing)
        assert "nan" not in en + zh
        assert missing.name not in en + zh
        assert told.zh in zh
        assert told.en[1:] in en
    assert describe(told, float("nan"), Missing.NODUE)[0].endswith("not available, no invoice fell due in the period")
    for one in CATALOGUE:
        values, codes = (
            (np.array([1.0]), np.zeros(1, np.uint8)),
            (np.array([np.nan]), np.array([Missing.NEW], np.uint8)),
        )
        assert all(map(str.strip, np.concatenate(from_to_all([one], np.zeros(1, np.int64), values, codes))))


def test_earlier_ratings_are_read_or_refused(twice, tmp_path):
    table = pq.read_table(twice / "before.parquet")
    pq.write_table(pq.read_table(twice / "before.parquet").slice(0, 3), tmp_path / "few.parquet")
    few = Earlier.read(tmp_path / "few.parquet", AS_OF)
    told = few.of(pd.Series(["nobody", table["customer_id"][1].as_py()]))
    assert told["published"].tolist()[0] == ""
    assert told["pd"].isna().tolist()[0]
    pq.write_table(pa.concat_tables([table, table.slice(5, 1)]), tmp_path / "twice.parquet")
    with pytest.raises(Mistake, match=f"tells of {table['customer_id'][5].as_py()} twice"):
        Earlier.read(tmp_path / "twice.parquet", AS_OF)


def test_grades_of_another_scale_are_refused(bundle, walked, twice, tmp_path):
    table = pq.read_table(twice / "before.parquet").to_pandas()
    table.loc[table["published"].notna(), "published"] = "AAA"
    pq.write_table(pa.Table.from_pandas(table, preserve_index=False), tmp_path / "other.parquet")
    with pytest.raises(Mistake, match="holds the grade AAA; the bundle's are A1 to E2"):
        score_ledger(
            bundle, walked / "data/ledger", AS_OF, tmp_path / "now.parquet", previous=tmp_path / "other.parquet"
        )


@pytest.mark.parametrize("said", [{"baseline": "mean"}, {"adverse": -1}, {"favourable": 1.5}])
def test_a_reason_recipe_says_what_is_wrong(said):
    with pytest.raises(Mistake, match=r"params.yaml: reasons\."):
        ReasonRecipe(**said)


def test_a_customer_that_only_changes_segment_is_told_nothing_of_its_features(bundle, walked):
    """The same row, seen before as of one segment and now as of another."""
    (_, _facts, scored), *_ = score_parts(bundle, walked / "data/ledger", AS_OF)
    rows = np.flatnonzero(scored.rated)[:40]
    then = scored.matrix.rows(rows)
    for segment in ("SME", "RETAIL", "CORP"):
        there = replace(then, keys=then.keys.assign(segment=segment))
        points, base = _points_of(bundle, bundle.explain(there))
        now = Stand(there, points, base)
        seen = _as_of_now(bundle, Stand(then, *_points_of(bundle, bundle.explain(then))), there)
        before = bundle.system.points.score(bundle.explain(then).log_odds)
        told = Changes.between(len(rows), np.arange(len(rows)), now, seen, before, before, bundle.features)
        assert set(told.what) <= {"segment"}
        moved = np.add.reduceat(np.r_[told.points, 0], told.starts[:-1]) * (np.diff(told.starts) > 0)
        np.testing.assert_allclose(moved, now.score - before, rtol=0, atol=1e-6)


def test_no_usual_value_speaks_against_the_points(bundle, walked):
    told = 0
    for _, _, scored in score_parts(bundle, walked / "data/ledger", AS_OF):
        for reasons in scored.table.column("reasons").to_pylist():
            for one in reasons:
                if "(usual" in one["en"]:
                    told += 1
                    risk = feature(one["feature"]).risk.value
                    assert risk * (one["value"] - one["usual"]) * one["points"] <= 0, one["en"]
    assert told > 50


@given(
    st.integers(1, 9).flatmap(lambda k: st.lists(st.lists(st.integers(-3, 3), min_size=k, max_size=k), max_size=6)),
    st.integers(0, 5),
    st.integers(0, 5),
)
def test_the_reasons_that_are_told_are_those_that_sorting_finds(points, adverse, favourable):
    """Equal points too: adverse ones in the order of the features, favourable ones in the other."""
    points = np.array(points, float).reshape(len(points), -1 if points else 3)
    starts, places = ReasonRecipe(adverse=adverse, favourable=favourable).choose(points, np.ones(len(points), bool))
    for row, a, b in zip(points, starts, starts[1:], strict=False):
        order = np.argsort(row, kind="stable")
        told = [*order[row[order] <= -0.5][:adverse], *order[row[order] >= 0.5][::-1][:favourable]]
        assert places[a:b].tolist() == told


def _from_to(declared, before, now):
    """One by one: what it says, and what it said before where that reads otherwise."""
    en, zh = describe(declared, *now)
    was, is_ = (describe(declared, *one) for one in (before, now))
    if was == is_:
        return en, zh
    return f"{en} (before: {was[0].split(': ', 1)[1]})", f"{zh}（此前：{was[1].split('：', 1)[1]}）"


def test_many_texts_at_once_are_those_that_are_written_one_by_one():
    """Of every unit, on and beside what is rounded to the same, and with every missing reason."""
    rng, features = np.random.default_rng(0), CATALOGUE
    n = 20_000
    places = rng.integers(0, len(features), n)
    values = np.where(rng.random(n) < 0.5, rng.normal(0, 30, n).round(2), rng.normal(0, 1, n).astype(np.float32))
    values = np.where(rng.random(n) < 0.2, np.rint(values) + 0.5, values)
    missing = np.where(rng.random(n) < 0.2, rng.choice([one.value for one in Missing], n), 0).astype(np.uint8)
    values = np.where(missing > 0, np.nan, values)
    usual = np.where(rng.random(n) < 0.1, np.nan, values + rng.choice([0.0, 0.4, -0.005, 7.0], n))
    points = rng.normal(0, 5, n)
    en, zh = beside_usual_all(features, places, values, missing, usual, points)
    for k in range(n):
        rest = float(values[k]), int(missing[k]), float(usual[k]), float(points[k])
        assert (en[k], zh[k]) == beside_usual(features[places[k]], *rest)
    back = rng.permutation(n)
    before = np.where(rng.random(n) < 0.3, values, values[back]), np.where(rng.random(n) < 0.3, missing, missing[back])
    before = np.where(before[1] > 0, np.nan, np.nan_to_num(before[0])), before[1]
    en, zh = from_to_all(features, places, before, (values, missing))
    for k in range(n):
        then, now = ((float(one[k]), int(code[k])) for one, code in (before, (values, missing)))
        assert (en[k], zh[k]) == _from_to(features[places[k]], then, now)


@pytest.mark.parametrize(
    ("unit", "value", "en", "zh"),
    [
        (Unit.DAYS, -0.2, "0 days", "0天"),
        (Unit.DAYS_CHANGE, 18.0, "+18 days", "+18天"),
        (Unit.DAYS_CHANGE, -1.0, "\u22121 day", "\u22121天"),
        (Unit.DAYS_CHANGE, 0.3, "0 days", "0天"),
        (Unit.FLAG, 1.0, "yes", "是"),
        (Unit.FLAG, 0.0, "no", "否"),
        (Unit.SHARE, 0.125, "12 %", "12%"),
        (Unit.SHARE_CHANGE, -0.001, "0 percentage points", "0个百分点"),
        (Unit.COUNT_CHANGE, -1.0, "\u22121", "\u22121"),
        (Unit.COUNT_CHANGE, 2.0, "+2", "+2"),
        (Unit.RATIO, -0.001, "0.00", "0.00"),
        (Unit.RATIO_CHANGE, 0.25, "+0.25", "+0.25"),
        (Unit.MONEY, 401213.4, "401,213", "401,213"),
        (Unit.PER_MONTH, -0.5, "\u22120.5 a month", "每月\u22120.5"),
    ],
)
def test_a_value_is_written_as_people_write_it(unit, value, en, zh):
    assert written(unit, value) == (en, zh)


@pytest.mark.parametrize("pd_", [0.0, 1.0, 3.0, -0.1, "0.2"])
def test_a_rating_before_without_a_probability_is_refused(tmp_path, pd_):
    table = pa.table({"customer_id": ["A"], "as_of": pa.array([BEFORE], pa.date32()), "published": ["B1"], "pd": [pd_]})
    pq.write_table(table, tmp_path / "before.parquet")
    with pytest.raises(Mistake, match="pd should be a number between 0 and 1"):
        Earlier.read(tmp_path / "before.parquet", AS_OF)
