"""What people change of a scorecard holds, is told with its reason, or is refused with one."""

import json
from dataclasses import replace

import numpy as np
import pytest
import yaml

from test_binning import TRADES, _matrix, _told
from tradecredit.errors import Mistake
from tradecredit.features.declaration import Risk
from tradecredit.models.binning import BinningRecipe
from tradecredit.models.comparison import PromotionRecipe
from tradecredit.models.edits import Edit, edit_bins
from tradecredit.models.making import CardRecipe
from tradecredit.models.segments import SegmentRecipe
from tradecredit.models.selection import SelectionRecipe
from tradecredit.models.weighing import ScorecardRecipe
from tradecredit.pipeline.cards import read_by_hand

WHO = dict(author="A. Analyst", day="2025-01-15", reason="the collectors treat them alike")
RECIPE = CardRecipe(BinningRecipe(min_bads=20), SelectionRecipe(min_iv=0.02), ScorecardRecipe(strength=1.0))


@pytest.fixture(scope="module")
def rows():
    """Lateness raises the risk, a trade too; noise does not."""
    rng = np.random.default_rng(5)
    n = 8000
    late, trade, noise = rng.uniform(0, 60, n), rng.integers(0, 5, n), rng.normal(0, 1, n)
    z = -3 + 0.05 * late + np.array([0, 1.5, 0, 0.8, 1.5])[trade]
    bad = (rng.random(n) < 1 / (1 + np.exp(-z))).astype(float)
    late[::40] = np.nan
    told = [_told("late", risk=Risk.RISES), _told("trade", TRADES), _told("noise")]
    return _matrix([late, trade, noise, np.ones(n)], [*told, _told("flat")]), bad


@pytest.fixture(scope="module")
def plain(rows):
    return RECIPE.fit(*rows)


def _edit(kind, feature="late", **more):
    return Edit(kind, feature, **WHO, **more)


def _bins(made, name="late"):
    return made.card.bins[made.card.features.index(name)]


def test_merged_bins_hold_what_both_held_and_the_report_tells_before_and_after(rows, plain):
    made, before = RECIPE.fit(*rows, edits=[_edit("merge", bins=(2, 3))]), _bins(plain)
    after = _bins(made)
    assert after.edges == (before.edges[0], *before.edges[2:])
    assert after.bads[1] == before.bads[1] + before.bads[2]
    (row,) = made.as_report()["edits"]
    assert (row["before"]["edges"], row["after"]["edges"]) == (before.edges, after.edges)
    assert (row["author"], row["day"], row["reason"]) == tuple(WHO.values())
    json.dumps(made.as_report())


def test_a_split_adds_an_edge_and_edits_follow_one_another(rows, plain):
    edges = _bins(plain).edges
    made = RECIPE.fit(*rows, edits=[_edit("merge", bins=(1, 2)), _edit("split", at=edges[0])])
    assert _bins(made).edges == edges
    assert len(made.changes) == 2


def test_levels_of_a_category_part_and_join(rows, plain):
    before = _bins(plain, "trade")
    joined = RECIPE.fit(*rows, edits=[_edit("merge", "trade", bins=(1, 2))])
    assert set(_bins(joined, "trade").levels[0]) == {*before.levels[0], *before.levels[1]}
    parted = RECIPE.fit(
        *rows, edits=[_edit("merge", "trade", bins=(1, 2)), _edit("split", "trade", levels=before.levels[1])]
    )
    assert _bins(parted, "trade") == before


def test_fixed_points_are_the_cards_and_its_log_odds_follow(rows, plain):
    k = plain.card.features.index("late")
    worth = plain.card.points[k][0] + 7
    made = RECIPE.fit(*rows, edits=[_edit("points", bin=1, points=worth), _edit("points", missing="NODUE", points=3)])
    assert (made.card.points[k][0], made.card.missing_points[k]["NODUE"]) == (worth, 3)
    matrix, _ = rows
    moved = made.card.score(matrix) - plain.card.score(matrix)
    first = matrix.column("late") < _bins(plain).edges[0]
    assert (moved[first] == 7).all()
    assert (moved[~first & ~np.isnan(matrix.column("late"))] == 0).all()
    gap = made.card.contributions(matrix).sum(axis=1) + made.card.baseline - made.card.log_odds(matrix)
    assert np.abs(gap).max() < 1e-9


def test_people_force_features_in_and_out(rows, plain):
    assert "late" in plain.card.features
    out = RECIPE.fit(*rows, edits=[_edit("force_out")])
    assert "late" not in out.card.features
    assert WHO["reason"] in out.dropped["late"]
    few = CardRecipe(RECIPE.binning, SelectionRecipe(min_iv=0.02, most=1), RECIPE.scorecard)
    weak = min(("late", "trade"), key=lambda name: plain.iv[name])
    assert weak not in few.fit(*rows).card.features
    assert weak in few.fit(*rows, edits=[_edit("force_in", weak)]).card.features


@pytest.mark.parametrize(
    ("edit", "because"),
    [
        (dict(edit="merge", bins=(1, 3)), "two neighbours or more"),
        (dict(edit="merge", bins=(1,)), "two neighbours or more"),
        (dict(edit="merge", bins=(1, 2), at=3.0), "at is not of this kind of edit"),
        (dict(edit="points", points=1), "either bin or missing"),
        (dict(edit="points", bin=1), "should hold points"),
        (dict(edit="force_in", day="whenever"), "day should be a day"),
        (dict(edit="merge", bins=(8, 9)), "there are bins 1 to"),
        (dict(edit="merge", feature="lateness", bins=(1, 2)), "no feature that models may use"),
        (dict(edit="split", at=0.01), "binning asks for"),
        (dict(edit="split"), "should be a new edge"),
        (dict(edit="split", feature="trade", levels=("tanners",)), "some, and not all, of one bin"),
        (dict(edit="points", bin=99, points=1), "bin should lie in 1 to"),
        (dict(edit="points", missing="NEVER", points=1), "missing should be one of"),
        (dict(edit="points", bin=1, points=-200), "points would turn between bins 1 and 2.*risk rises"),
        (dict(edit="points", feature="noise", bin=1, points=1), "is not in the card"),
        (dict(edit="force_in", feature="flat"), "cannot be forced in"),
        (dict(edit="force_in", feature="nothing"), "no feature that models may use"),
    ],
)
def test_an_edit_that_cannot_hold_is_refused_with_the_reason(rows, edit, because):
    with pytest.raises(Mistake, match=because):
        RECIPE.fit(*rows, edits=[Edit(**{"feature": "late"} | WHO | edit)])


@pytest.mark.parametrize(
    ("said", "because"),
    [
        ({"edits": [{"edit": "merge", "feature": "late"}]}, "edit 1.author is missing"),
        ({"edits": [{"edit": "melt", "feature": "late"} | WHO]}, "should be one of merge, split"),
        ({"edits": [{"edit": "merge", "feature": "late"} | WHO | {"reason": " "}]}, "has no reason"),
        ({"edits": [{"edit": "merge", "feature": "late", "bins": "2,3"} | WHO]}, "edit 1.bins should be a list"),
        ({"edits": [{"edit": "split", "feature": "late", "at": "15"} | WHO]}, "edit 1.at should be a number, got '15'"),
        ({"edits": {"edit": "merge"}}, "edits should be a list"),
        ({"edit": []}, "should hold 'edits:'"),
    ],
)
def test_a_file_of_edits_says_where_it_is_wrong(tmp_path, said, because):
    (tmp_path / "pooled.yaml").write_text(yaml.safe_dump(said))
    with pytest.raises(Mistake, match=because):
        read_by_hand(tmp_path / "pooled.yaml")


def test_a_file_of_edits_is_read_whether_its_day_is_quoted_or_not(tmp_path):
    (tmp_path / "pooled.yaml").write_text(
        "edits:\n  - {edit: merge, feature: late, bins: [2, 3], author: A, day: 2025-01-15, reason: so}\n"
    )
    (told,) = read_by_hand(tmp_path / "pooled.yaml").edits
    assert (told.bins, told.day) == ((2, 3), "2025-01-15")


# ---- too few bads

EXPERT = {
    "base": 520,
    "features": [
        {"feature": "late", "edges": [10, 30], "points": [20, 0, -30], "missing": {"NODUE": 5, "MISSING": 0}},
        {"feature": "trade", "levels": [["bakers"], ["builders"]], "points": [5, -5], "missing": {"MISSING": 0}},
    ],
}


def test_too_few_bads_are_not_fitted_and_an_experts_points_are_taken(rows):
    matrix, bad = rows
    few = bad * 0
    few[np.flatnonzero(bad)[:9]] = 1
    with pytest.raises(Mistake, match=r"9 bad customers are too few to fit honestly; .* asks for 20"):
        RECIPE.fit(matrix, few)
    made = RECIPE.fit(matrix, few, expert=EXPERT)
    assert "9 bad customers" in made.expert
    late, trade = matrix.column("late"), matrix.column("trade")
    points = np.where(np.isnan(late), 5, np.where(late < 10, 20, np.where(late < 30, 0, -30)))
    points = points + np.array([5, -5, 0, 0, 0])[trade.astype(int)]
    assert np.array_equal(made.card.score(matrix), 520 + points)
    assert not RECIPE.fit(matrix, bad, expert=EXPERT).expert


@pytest.mark.parametrize(
    ("wrong", "because"),
    [
        ({"points": [1, 2]}, "points should be 3 whole numbers"),
        ({"points": [1, 2, 2.5]}, "points should be 3 whole numbers"),
        ({"edges": [30, 10]}, "edges should be numbers that rise"),
        ({"missing": {}}, "hold points for MISSING"),
        ({"feature": "lateness"}, "no feature that models may use"),
        ({"weights": []}, "should hold edges, feature"),
        ({"edges": ["a", 30]}, "edges should be numbers that rise"),
        ({"edges": [float("nan"), 30]}, "edges should be numbers that rise"),
        ({"levels": [["bakers"]]}, "edges should be numbers that rise.*and levels"),
        ({"points": [True, 0, -30]}, "points should be 3 whole numbers"),
        ({"points": [20, 0, 60]}, "points turn between bins 2 and 3"),
        ({"missing": {"NODEU": 5, "MISSING": 0}}, "missing.NODEU should be a reason"),
    ],
)
def test_an_expert_card_that_does_not_fit_together_is_refused(rows, wrong, because):
    matrix, bad = rows
    said = EXPERT | {"features": [EXPERT["features"][0] | wrong]}
    with pytest.raises(Mistake, match=f"expert card, feature 1.*{because}"):
        RECIPE.fit(matrix, bad * 0, expert=said)


def test_the_bads_bear_so_many_weights(rows):
    matrix, bad = rows
    some = bad * 0
    some[np.flatnonzero(bad)[:25]] = 1
    made = CardRecipe(
        BinningRecipe(min_bads=3), SelectionRecipe(min_iv=0.0, max_correlation=1.0), ScorecardRecipe(strength=1.0)
    ).fit(matrix, some)
    assert len(made.card.features) <= 2
    assert any("bear 2 weights" in why for why in made.dropped.values()) or len(made.dropped) >= 1


@pytest.mark.parametrize(
    ("levels", "because"),
    [
        ([["bakers"], ["bakers", "drapers"]], "each once"),
        ([["bakers"], ["tanners"]], "groups of bakers, builders"),
        ([], "groups of bakers"),
    ],
)
def test_levels_of_an_expert_card_stand_there_once_and_are_known(rows, levels, because):
    matrix, bad = rows
    row = {"feature": "trade", "levels": levels, "points": [1] * len(levels), "missing": {"MISSING": 0}}
    with pytest.raises(Mistake, match=because):
        RECIPE.fit(matrix, bad * 0, expert={"base": 500, "features": [row]})


@pytest.mark.parametrize("said", [{"base": 500, "features": 5}, {"base": 1.5, "features": []}, {"features": [{}]}])
def test_an_expert_card_without_its_parts_is_refused(rows, said):
    with pytest.raises(Mistake, match="expert card: should hold base"):
        RECIPE.fit(rows[0], rows[1] * 0, expert=said)


def test_of_an_expert_card_points_alone_are_edited(rows):
    matrix, bad = rows
    made = RECIPE.fit(matrix, bad * 0, expert=EXPERT, edits=[_edit("points", bin=1, points=25)])
    assert made.card.points[0][0] == 25
    with pytest.raises(Mistake, match="points alone can be edited"):
        RECIPE.fit(matrix, bad * 0, expert=EXPERT, edits=[_edit("force_in")])


@pytest.mark.parametrize("outcome", [0.0, 1.0])
def test_a_segment_of_one_kind_of_outcome_has_no_offset(rows, outcome):
    matrix, bad = rows
    small = np.arange(len(bad)) % 100 == 0
    told = replace(matrix, keys=matrix.keys.assign(segment=np.where(small, "CORP", "SME")))
    recipe = SegmentRecipe(own_bads=10**6, offset_bads=1)
    pooled = RECIPE.fit(told, bad).card
    card, _ = recipe.fit("CORP", pooled, RECIPE, told, np.where(small, outcome, bad))
    assert card.how == "pooled"


def test_a_thin_segment_takes_the_card_that_an_expert_made_for_it(rows):
    matrix, bad = rows
    small = np.arange(len(bad)) % 100 == 0
    told = replace(matrix, keys=matrix.keys.assign(segment=np.where(small, "CORP", "SME")))
    card, made = SegmentRecipe(own_bads=10**6).fit("CORP", RECIPE.fit(told, bad).card, RECIPE, told, bad, expert=EXPERT)
    assert (card.how, made.card) == ("expert", card.card)
    assert card.card.base == EXPERT["base"]
    assert "expert" in card.why


def test_a_split_is_judged_by_its_own_two_parts(rows):
    """A small bin that was there before, and that the split leaves alone, is not asked again."""
    strict = BinningRecipe(min_rows=0.1, min_bads=20)
    small = strict.cut("late", [1.0, 40.0], (), *rows)
    assert small.goods[0] + small.bads[0] < 0.1 * len(rows[1])
    ((told,), _) = edit_bins([small], [_edit("split", at=20.0)], *rows, strict)
    assert told.edges == (1.0, 20.0, 40.0)
    with pytest.raises(Mistake, match=r"bin 4 would hold \d+ rows"):
        edit_bins([small], [_edit("split", at=59.5)], *rows, strict)


@pytest.mark.parametrize(
    ("edits", "wrong"),
    [
        ([_edit("force_out", "lateness")], "edit 'force_out' of lateness: is of no feature"),
        ([_edit("force_in"), _edit("force_out")], "edit 'force_out' of late: it is forced in and out"),
        ([_edit("split", at=30.0, levels=("a",))], "split at a value, not by levels"),
    ],
)
def test_a_refusal_names_the_edit(rows, edits, wrong):
    with pytest.raises(Mistake, match=wrong):
        RECIPE.fit(*rows, edits=edits)


@pytest.mark.parametrize(
    ("more", "wrong"),
    [
        ({"edges": 31}, "SME.yaml, expert card, feature 1 .late.: edges should be numbers that rise, got 31"),
        ({"edges": [True, 30]}, "edges should be numbers"),
        ({"edges": {"a": 1}}, "edges should be numbers"),
    ],
)
def test_an_expert_card_of_the_wrong_kinds_is_refused(rows, more, wrong):
    row = {"feature": "late", "points": [10, 0], "missing": {"MISSING": 0}} | more
    said = {"base": 500, "features": [row], "where": "SME.yaml"}
    with pytest.raises(Mistake, match=wrong):
        RECIPE.take(said, *rows)


def test_points_of_an_expert_say_whose_they_are(rows):
    made = RECIPE.take(EXPERT, *rows)
    assert {policy for one in made.card.bins for policy in one.missing_policy.values()} == {"expert"}


def test_points_so_coarse_that_a_pd_moves_half_a_grade_are_refused(rows):
    with pytest.raises(Mistake, match=r"scorecard\.pdo: whole points are too coarse at 1;"):
        replace(RECIPE, scorecard=replace(RECIPE.scorecard, pdo=1.0)).fit(*rows)


@pytest.mark.parametrize(
    "made",
    [
        lambda: ScorecardRecipe(strength=0.0),
        lambda: ScorecardRecipe(bads_per_weight=0),
        lambda: ScorecardRecipe(anchor=float("nan")).scale(),
        lambda: SegmentRecipe(own_bads=-1),
        lambda: SegmentRecipe(own_bads=5, offset_bads=6),
        lambda: PromotionRecipe(unless_p_above=7.0),
        lambda: PromotionRecipe(most_lost=-1.0),
        lambda: PromotionRecipe(most_off=0.0),
    ],
)
def test_a_setting_that_would_switch_a_rule_off_is_refused(made):
    with pytest.raises(Mistake, match=r"params.yaml: "):
        made()
