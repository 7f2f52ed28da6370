"""Where a customer stands among others, counted by hand."""

import numpy as np

from tradecredit.models.rating import MasterScale
from tradecredit.serving.book import FEWEST, Book

SCALE = MasterScale()


def _book(n, segment="SME", industry="food"):
    z = np.linspace(-6, -1, n)
    return Book(SCALE, z, np.array([segment] * n, object), np.array([industry] * n, object))


def test_a_customer_is_placed_among_the_others():
    book = _book(21)
    safest, middle, riskiest = (book.places(book.log_odds[k], "SME", "food")[0] for k in (0, 10, 20))
    assert (safest.riskier_than, middle.riskier_than, riskiest.riskier_than) == (0.0, 0.5, 1.0)
    assert sum(middle.grades) == middle.many == 21


def test_grades_are_counted_as_the_scale_gives_them():
    book = _book(50)
    names = SCALE.grade(book.log_odds).tolist()
    assert book.places(-3.0, "SME", "food")[0].grades == tuple(names.count(one) for one in SCALE.names)


def test_the_segment_and_the_industry_are_told_where_they_are_many():
    n = FEWEST + 1
    segments, industries = ["SME"] * n + ["CORP"] * n, ["food"] * (2 * n - 3) + ["oil"] * 3
    small = Book(SCALE, np.arange(2.0 * n), np.array(segments, object), np.array(industries, object))
    told = small.places(0.0, "CORP", "food")
    assert [one.en for one in told] == [
        "all rated customers",
        "its segment: large company",
        "its industry: food",
    ]
    assert [one.many for one in told] == [2 * n, n, 2 * n - 3]
    assert len(small.places(0.0, "CORP", "oil")) == 2, "three would give one of them away"
    assert len(small.places(0.0, "", "")) == 1
