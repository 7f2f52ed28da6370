"""A scorecard for each segment that has the bads, on one scale, and the pooled card else."""

import json

import numpy as np
import pytest

from tradecredit.models.logistic import in_the_large, sigmoid
from tradecredit.models.scorecards import POOLED, Scorecards


@pytest.fixture(scope="module")
def cards(systems) -> Scorecards:
    return systems["scorecard"].model


def test_a_segment_is_rated_as_its_bads_allow(cards, lessons, walked):
    matrix, bad = lessons
    assert {one.how for one in cards.segments} == {"own", "offset", "pooled"}
    for one in cards.segments:
        here = (matrix.keys["segment"] == one.segment).to_numpy()
        assert one.bads == matrix.keys["customer_id"][here & (bad == 1)].nunique()
        assert one.how == ("own" if one.bads >= 10 else "offset" if one.bads >= 5 else "pooled")
        assert (one.card is not None) == (one.how == "own")
        said = json.loads((walked / f"reports/cards/{one.segment}.json").read_text())
        assert (said["how"], str(one.bads) in said["why"]) == (one.how, True)


def test_each_row_is_scored_by_the_card_of_its_segment_alone(cards, lessons):
    matrix, _ = lessons
    segment, score = matrix.keys["segment"].to_numpy(object), cards.score(matrix)
    told = dict(cards.cards)
    for one in cards.segments:
        here = segment == one.segment
        assert np.array_equal(score[here], told[one.segment].score(matrix.rows(here)))
        shift = score[here] - cards.pooled.score(matrix.rows(here))
        assert (one.how == "own") == (len(set(shift)) > 1)
        if one.how == "pooled":
            assert not shift.any()


def test_an_offset_brings_its_segment_to_its_level(cards, lessons):
    matrix, bad = lessons
    for one in cards.segments:
        if one.how == "offset":
            here = (matrix.keys["segment"] == one.segment).to_numpy()
            assert one.offset != 0
            left = in_the_large(bad[here], cards.log_odds(matrix.rows(here)))
            assert abs(left) <= 0.5 / cards.pooled.scale.factor + 1e-9


def test_a_point_is_worth_the_same_odds_on_every_card(cards, lessons):
    matrix, _ = lessons
    scale = cards.pooled.scale
    assert np.array_equal(cards.log_odds(matrix), scale.log_odds(cards.score(matrix).astype(float)))
    assert all(card.scale == scale for _, card in cards.cards)


def test_reasons_are_told_against_the_mean_customer_of_the_card(cards, lessons):
    matrix, _ = lessons
    base, told, reads = cards.baselines(matrix), cards.contributions(matrix), cards.reads(matrix)
    np.testing.assert_allclose(base + told.sum(axis=1), cards.log_odds(matrix), atol=1e-9)
    assert (told[~reads] == 0).all()
    for one in cards.segments:
        if one.card is not None:
            here = (matrix.keys["segment"] == one.segment).to_numpy()
            np.testing.assert_allclose(told[here].mean(axis=0), 0, atol=1e-9)
            assert len(set(base[here])) == 1


def test_an_unknown_segment_is_rated_by_the_pooled_card(cards, lessons):
    matrix = lessons[0].rows(slice(0, 50))
    other = matrix.__class__(matrix.keys.assign(segment="STARTUP"), matrix.values, matrix.missing, matrix.features)
    assert [cards.cards[k][0] for k in set(cards.card_of(other))] == [POOLED]
    assert np.array_equal(cards.score(other), cards.pooled.score(other))


def test_a_card_of_its_own_is_calibrated_in_its_segment(cards, lessons):
    matrix, bad = lessons
    for one in cards.segments:
        if one.card is not None:
            here = (matrix.keys["segment"] == one.segment).to_numpy()
            told = sigmoid(cards.log_odds(matrix.rows(here)))
            assert told.mean() == pytest.approx(bad[here].mean(), rel=0.1)


def test_rounding_costs_little_gini_and_moves_no_pd_by_half_a_grade(walked, cards):
    own = [one.segment for one in cards.segments if one.card is not None]
    for name in (POOLED, *own):
        said = json.loads((walked / f"reports/cards/{name}.json").read_text())["rounding"]
        assert said["largest_move"] < np.log(2) / 2
        assert abs(said["gini_before"] - said["gini_after"]) < 0.01
