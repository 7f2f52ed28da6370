"""Early warning: a rule fires where all it says holds, once, and is news once."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tradecredit.errors import Mistake
from tradecredit.features.catalogue import feature
from tradecredit.features.column import Missing
from tradecredit.features.matrix import Matrix
from tradecredit.features.observations import Status
from tradecredit.pipeline.export_bundle import rules
from tradecredit.pipeline.stage import Stage
from tradecredit.serving.bundle import load_bundle
from tradecredit.serving.earlier import Earlier
from tradecredit.serving.early_warning import Fired, WarningRule, as_dicts, held, of_dicts, watched
from tradecredit.serving.scoring import score_parts
from tradecredit.serving.store import tables
from tradecredit.serving.store.alerts import News, alerts_of, write_alerts
from tradecredit.serving.store.hits import Hits, hits_of
from tradecredit.serving.store.store import open_store
from tradecredit.serving.told import hit_lines

SCALE = ("A1", "B1", "C1", "E1", "D")
LIMIT = {"over_limit": WarningRule("medium", above={"utilisation": 1.0})}


def _matrix(utilisation, late_chg=None):
    values = np.column_stack([utilisation, late_chg if late_chg is not None else np.zeros(len(utilisation))]).astype(
        float
    )
    missing = np.where(np.isnan(values), np.uint8(Missing.NODUE), np.uint8(0))
    return Matrix(
        pd.DataFrame(index=range(len(values))), values, missing, (feature("utilisation"), feature("late_chg_3m"))
    )


def _fired(said, matrix, *, stood=None, rows=None, before=None, now=None):
    n = len(matrix)
    some = np.array([""] * n, object)
    told = Fired.of(
        said,
        matrix,
        stood or {name: np.zeros(n, bool) for name in said},
        np.ones(n, bool) if rows is None else np.array(rows),
        some if before is None else np.array(before, object),
        some if now is None else np.array(now, object),
        SCALE,
    )
    return [told.rules[a:b].tolist() for a, b in zip(told.starts, told.starts[1:], strict=False)], told


@pytest.mark.parametrize(
    ("rule", "fires"),
    [
        (
            {"above": {"utilisation": 1.0}},
            [False, True, True, False],
        ),  # exactly at the limit is not above; none is neither
        ({"below": {"utilisation": 1.0}}, [False, False, False, False]),
        ({"above": {"utilisation": 1.0, "late_chg_3m": 5}}, [False, False, True, False]),
        ({"above": {"late_chg_3m": 5}, "below": {"utilisation": 2.0}}, [False, False, True, False]),
    ],
)
def test_a_rule_fires_where_all_that_it_says_holds(rule, fires):
    matrix = _matrix([1.0, 1.2, 1.5, np.nan], [0, 0, 9, 9])
    assert [bool(one) for one in _fired({"x": WarningRule("low", **rule)}, matrix)[0]] == fires


def test_a_grade_that_falls_far_is_told_also_into_default():
    said = {"drop": WarningRule("high", grades=2)}
    before, now = ["A1", "A1", "C1", "", "E1", "B1"], ["B1", "C1", "A1", "E1", "D", "D"]
    told, fired = _fired(said, _matrix(np.zeros(6)), before=before, now=now)
    assert [bool(one) for one in told] == [False, True, False, False, False, True]
    assert list(fired.en) == ["Grade A1 → C1", "Grade B1 → D"]
    assert list(fired.zh) == ["等级 A1 → C1", "等级 B1 → D"]


def test_what_stood_before_is_no_news_unless_it_is_asked_for():
    matrix = _matrix([1.5, 1.5])
    stood = held(LIMIT, 2, np.array([1]), matrix.rows(slice(1, 2)))
    assert stood["over_limit"].tolist() == [False, True]
    assert _fired(LIMIT, matrix, stood=stood)[0] == [["over_limit"], []]
    always = {"over_limit": replace(LIMIT["over_limit"], newly=False)}
    assert _fired(always, matrix, stood=stood)[0] == [["over_limit"], ["over_limit"]]


def test_the_gravest_stands_first_and_nobody_else_is_watched():
    said = LIMIT | {"late": WarningRule("high", above={"late_chg_3m": 5})}
    told, fired = _fired(said, _matrix([2.0, 2.0], [9, 9]), rows=[True, False])
    assert told == [["late", "over_limit"], []]
    assert list(fired.severities) == ["high", "medium"]
    assert fired.en[1] == "Use of the credit limit: 200 %"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"severity": "urgent", "grades": 1}, "one of low, medium, high"),
        ({"severity": "high"}, "should say what is above"),
        ({"severity": "high", "above": {"no_such_feature": 1.0}}, "no feature 'no_such_feature'"),
        ({"severity": "high", "grades": -1, "above": {"utilisation": 1.0}}, "0 or more"),
        ({"severity": "high", "grades": 1, "cool_down_days": -1}, "0 or more"),
    ],
)
def test_a_rule_that_could_never_be_meant_is_refused(said, told):
    with pytest.raises(Mistake, match=told):
        WarningRule(**said)


def test_rules_are_read_from_params_and_stand_in_the_bundle(walked):
    said = rules(Stage(walked))
    bundle = load_bundle(walked / "artifacts/bundle")
    assert bundle.warnings == said == of_dicts(as_dicts(said))
    assert {one.name for one in watched(said)} <= {one.name for one in bundle.all_features}
    stage = Stage(walked)
    stage.params["warnings"] = {"x": {"severity": "high", "abov": {"utilisation": 1}}}
    with pytest.raises(Mistake, match=r"params.yaml: warnings: x.abov is not known"):
        rules(stage)


def test_ratings_carry_what_their_features_say(walked):
    """Held to the rules told by hand of the features as a person would ask them."""
    bundle, day, before = load_bundle(walked / "artifacts/bundle"), date(2022, 12, 31), date(2022, 11, 30)
    tables = [one.table for _, _, one in score_parts(bundle, walked / "data/ledger", before)]
    earlier = Earlier.of_ratings(pa.concat_tables(tables))
    fired = into_default = 0
    for _, _, scored in score_parts(bundle, walked / "data/ledger", day, earlier=earlier):
        over = scored.watched.column("utilisation")
        for place, told in enumerate(scored.table["warnings"].to_pylist()):
            names = [one["rule"] for one in told]
            fired += len(names)
            if scored.status[place] != Status.OBSERVED:
                assert set(names) <= {"grade_drop"}
                into_default += len(names)
            if "over_limit" in names:
                assert over[place] > 1
                (said,) = (one for one in told if one["rule"] == "over_limit")
                assert said["en"].startswith("Use of the credit limit: ")
                assert said["zh"].startswith("信用额度使用率：")
            elif scored.status[place] == Status.OBSERVED and over[place] > 1:
                assert scored.stood["over_limit"][place]
    assert fired > 20
    assert into_default


def test_an_alert_is_not_repeated_within_its_cool_down(tmp_path):
    store, day = open_store(str(tmp_path / "r.db"), fresh=True), date(2024, 1, 31)
    one = {"rule": "over_limit", "severity": "medium", "en": "E", "zh": "Z"}
    told = pa.table({"customer_id": ["A", "B"], "warnings": [[one], []]})
    for days, news in ((0, 1), (1, 0), (29, 0), (30, 1), (59, 0), (60, 1)):
        with store.writing() as connection:
            alerts = News(connection, day + timedelta(days=days), {"over_limit": 30}).of(told)
            assert len(alerts) == news, days
            write_alerts(connection, 1, alerts)
    held_ = alerts_of(store)
    assert [(one.customer_id, one.as_of - day) for one in held_] == [("A", timedelta(days=k)) for k in (0, 30, 60)]
    assert alerts_of(store, since=day + timedelta(days=31)) == held_[2:]
    assert alerts_of(store, run_id=2) == []


def test_an_earlier_day_is_not_silenced_by_a_later_one(tmp_path):
    store, day = open_store(str(tmp_path / "r.db"), fresh=True), date(2024, 1, 31)
    one = {"rule": "x", "severity": "low", "en": "E", "zh": "Z"}
    told = pa.table({"customer_id": ["A"], "warnings": [[one]]})
    with store.writing() as connection:
        write_alerts(connection, 1, News(connection, day, {"x": 30}).of(told))
        assert len(News(connection, day - timedelta(days=5), {"x": 30}).of(told)) == 1


# ---- were they right?


def test_hits_false_alarms_and_what_was_missed_are_counted(tmp_path):
    """One customer is warned of and falls, one falls unwarned, one never falls, one had fallen before it was known."""
    store = open_store(str(tmp_path / "ratings.db"), fresh=True)
    days = [date(2020, 3, 31), date(2020, 6, 30), date(2020, 9, 30), date(2021, 6, 30), date(2021, 9, 30)]
    fallen = {"HIT": days[2:], "MISSED": days[3:], "NEVER": [], "ALREADY": days}
    warned = {
        ("HIT", days[0], "late"),
        ("NEVER", days[0], "late"),
        ("NEVER", days[4], "late"),
        ("HIT", days[1], "drop"),
    }
    with store.engine.connect().execution_options(writes=True) as connection, connection.begin():
        connection.execute(tables.bundles.insert().values(bundle="b" * 64, about="{}", recorded_at=datetime.now(UTC)))
        for run, day in enumerate(days, start=1):
            connection.execute(
                tables.runs.insert().values(
                    run_id=run, run_key=str(run), bundle="b" * 64, as_of=day, ledger="", customers=4, rated=3,
                    recorded_at=datetime.now(UTC), version="0",
                )
            )  # fmt: skip
            for number, (one, in_default) in enumerate(fallen.items()):
                status = "in_default" if day in in_default else "observed"
                connection.execute(
                    tables.ratings.insert().values(
                        rating_id=10 * run + number, run_id=run, customer_id=one, status=status, manual_review=False,
                        previous="", model="scorecard", card="",
                    )
                )  # fmt: skip
        for number, (one, day, rule) in enumerate(sorted(warned), start=1):
            connection.execute(
                tables.warnings.insert().values(
                    warning_id=number, run_id=1, as_of=day, customer_id=one, rule=rule, severity="high", en="", zh=""
                )
            )
    drop, late, all_ = hits_of(store)
    assert late == Hits("late", told=3, hits=1, false_alarms=1, pending=1, falls=2, warned=1)
    assert drop == Hits("drop", told=1, hits=1, false_alarms=0, pending=0, falls=2, warned=1)
    assert all_ == Hits("", told=4, hits=2, false_alarms=1, pending=1, falls=2, warned=1)
    assert hits_of(store, horizon_days=30)[2].hits == 0, "the fall came later"
    lines = list(hit_lines([drop, late, all_]))
    assert lines[-1].split() == ["all", "rules", "4", "2", "1", "1", "1", "of", "2"]
    assert len({line.rindex("  ") for line in lines}) == 1, "one under the other"
