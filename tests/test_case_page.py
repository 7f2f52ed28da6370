"""The case page: whole in itself, in two languages, and safe whatever a customer is called."""

import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from urllib.parse import unquote

import numpy as np
import pytest

from tradecredit.features.ledger import Ledger
from tradecredit.features.observations import Status
from tradecredit.features.schemas import EVENT_KINDS
from tradecredit.models.rating import MasterScale
from tradecredit.serving.behind import EVENT_TEXT
from tradecredit.serving.book import Book
from tradecredit.serving.bundle import load_bundle
from tradecredit.serving.case_page import _behaviour, file_name, render, render_index
from tradecredit.serving.cases import MONTHS, gather
from tradecredit.serving.scoring import score_parts

SCALE = MasterScale().names
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    '=HYPERLINK("http://x")',
    "{{ 7 * 7 }}",
    "Robert'); DROP TABLE--",
    "\u202egnp.exe",
]


@pytest.fixture(scope="module")
def cases(walked):
    bundle = load_bundle(walked / "artifacts/bundle")
    number, facts, scored = next(score_parts(bundle, walked / "data/ledger", date(2021, 12, 31), ids=True))
    ledger = Ledger.read(walked / "data/ledger", partition=number)
    book = Book.of(bundle.system.scale, [scored])
    rated = np.flatnonzero(scored.status == Status.OBSERVED)
    worst = rated[np.argsort(-scored.log_odds[rated])][:5]
    other = [int(np.flatnonzero(scored.status == status)[0]) for status in (Status.IN_DEFAULT, Status.NO_EXPOSURE)]
    told = replace(ledger, known_on_assumed=("invoices",))
    return gather(scored, told, facts, [*worst.tolist(), *other], book)


class _Reader(HTMLParser):
    """What a browser would show in one language, and every tag that could fetch or run something."""

    def __init__(self, language):
        super().__init__()
        self.language, self.text, self.outside, self.stack = language, [], [], []

    def handle_starttag(self, tag, attrs):
        said = dict(attrs)
        if tag in {"script", "iframe", "object", "embed", "link", "img"} or any(k.startswith("on") for k in said):
            self.outside.append((tag, said))
        if tag not in {"meta", "input", "br", "line", "rect", "circle", "polyline"}:
            self.stack.append(said.get("class") or tag)

    def handle_endtag(self, tag):
        if tag not in {"meta", "input", "br", "line", "rect", "circle", "polyline"}:
            self.stack.pop()

    def handle_data(self, data):
        hidden = {"en": "zh", "zh": "en"}[self.language]
        if hidden not in self.stack and "style" not in self.stack:
            self.text.append(data)


def _shown(page, language):
    reader = _Reader(language)
    reader.feed(page)
    assert reader.stack == [], "tags are balanced"
    return re.sub(r"\s+", " ", "".join(reader.text)), reader.outside


def test_of_whom_the_model_does_not_rate_it_is_not_said_what_it_could_not_know(cases):
    unrated = [case for case in cases if case.rating.pd is None]
    assert len(unrated) == 2
    assert all(case.missing == case.places == case.waterfall == () for case in unrated)
    assert any(case.missing for case in cases)


def test_a_page_needs_nothing_from_outside(cases):
    for case in cases:
        page = render(case, scale=SCALE)
        assert _shown(page, "en")[1] == []
        assert "http" not in page
        assert "url(" not in page


def test_both_languages_tell_the_same_numbers(cases):
    en, zh = (_shown(render(cases[0], scale=SCALE), language)[0] for language in ("en", "zh"))
    assert "Why this score" in en
    assert "评分依据" in zh
    assert not re.search("[\u4e00-\u9fff]", en.replace("中文", ""))
    for text in (en, zh):
        assert str(cases[0].rating.score) in text
        assert cases[0].rating.grade in text
        assert cases[0].evidence[0].invoices[0].invoice_id in text


def test_the_waterfall_leads_from_the_mean_customer_to_the_score(cases):
    for case in cases[:5]:
        total = case.base_points + sum(step.points for step in case.waterfall)
        assert abs(total - case.rating.score) <= 0.5 + 1e-9


def test_the_history_has_24_months_and_ends_today(cases):
    for case in cases:
        assert len(case.months) == MONTHS
        assert case.months[-1].end == date(2021, 12, 31)
        assert case.months[-1].open == pytest.approx(sum(case.ageing) + case.disputed)


def test_the_limit_stands_beside_what_is_open(cases):
    for case in cases:
        assert case.months[-1].limit == pytest.approx(np.nan if case.limit is None else case.limit, nan_ok=True)
    page = render(next(case for case in cases if case.limit is not None), scale=SCALE)
    assert "the line is the credit limit" in page


def test_a_month_without_a_limit_breaks_its_line(cases):
    months = [replace(one, limit=np.nan if k == 5 else 100.0) for k, one in enumerate(cases[0].months)]
    whole = [replace(one, limit=100.0) for one in months]
    assert len(_behaviour(whole).limits) == 1
    assert len(_behaviour(months).limits) == 2


def test_the_printed_parts_add_up_to_the_printed_score(cases):
    for case in cases[:5]:
        parts = re.findall(r'<td class="num(?: (?:bad|good))?">([+\u2212]?\d+)</td></tr>', render(case, scale=SCALE))
        first, *steps, score = [int(part.replace("\u2212", "-")) for part in parts[: len(case.waterfall) + 2]]
        assert first + sum(steps) == score == case.rating.score


def test_what_changed_adds_up_as_it_is_printed(walked):
    tried = 0
    for page in sorted((walked / "artifacts/cases").glob("case-*.html")):
        text = page.read_text("utf-8")
        if "Change in points" in text:
            table = text[text.index("What changed since") : text.index("Change in points")]
            parts = [int(one.replace("\u2212", "-")) for one in re.findall(r">([+\u2212]?\d+)</td></tr>", table)]
            total = re.search(r"<b>([+\u2212]?\d+)</b></td>", text[text.index("Change in points") :])[1]
            assert sum(parts) == int(total.replace("\u2212", "-")), page.name
            tried += 1
    assert tried > 3


def test_the_index_leads_to_every_page(cases, tmp_path):
    some = [replace(cases[0], customer_id=name) for name in ("A 1", "#1", "甲公司" * 40, "a/../b", "50%25")]
    for case in some:
        (tmp_path / file_name(case.customer_id)).write_text(render(case, scale=SCALE), encoding="utf-8")
    links = re.findall(r'href="([^"]+)"', render_index(some))
    assert len(links) == len(some) == len(set(links))
    for link in links:
        assert (tmp_path / unquote(link)).is_file()


def test_the_published_grade_is_shown_and_the_models_beside_it(cases):
    told = replace(cases[0], rating=replace(cases[0].rating, published="B1", grade="C3"))
    page = _shown(render(told, scale=SCALE), "en")[0]
    assert "gradeB1model: C3" in page.replace(" model", "model")


def test_every_told_reason_is_in_the_waterfall(cases):
    for case in cases[:5]:
        assert {reason.en for reason in case.rating.reasons} <= {step.en for step in case.waterfall}


def test_evidence_stands_behind_the_adverse_reasons(cases):
    for case in cases[:5]:
        adverse = {reason.feature for reason in case.rating.reasons if reason.points < 0}
        assert {reason.feature for one in case.evidence for reason in one.reasons} == adverse


def test_what_changed_and_what_would_help_are_told_in_both_languages(walked):
    pages = [one.read_text(encoding="utf-8") for one in (walked / "artifacts/cases").glob("case-*.html")]
    for said, language in (
        ("What changed since 31 Dec 2022", "en"),
        ("以来的变化", "zh"),
        ("What would help", "en"),
        ("可改善之处", "zh"),
    ):
        assert any(said in _shown(page, language)[0] for page in pages), said


def test_every_kind_of_event_is_told_in_words():
    assert set(EVENT_TEXT) == EVENT_KINDS
    assert not any("_" in en + zh for en, zh in EVENT_TEXT.values())


def test_who_is_not_rated_has_a_page_that_says_why(cases):
    default, none = cases[-2:]
    assert "In default: " in _shown(render(default, scale=SCALE), "en")[0]
    assert "in default, or recovering from one" in _shown(render(default, scale=SCALE), "en")[0]
    assert "无未清账款且近期无开票" in _shown(render(none, scale=SCALE), "zh")[0]
    assert default.waterfall == ()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_shown_and_never_run(cases, name):
    case = replace(cases[0], name=name, industry=name, customer_id=name)
    for page in (render(case, scale=SCALE), render_index([case])):
        text, outside = _shown(page, "en")
        assert outside == []
        assert re.sub(r"\s+", " ", name) in text


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "..", "a b", "客户", "x" * 100])
def test_an_id_never_leaves_its_folder(name, tmp_path):
    path = tmp_path / file_name(name)
    assert path.resolve().parent == tmp_path.resolve()
    path.write_text("")


def test_the_index_lists_the_riskiest_first(walked):
    page = (walked / "artifacts/cases/index.html").read_text(encoding="utf-8")
    pds = [float(pd) for pd in re.findall(r'<td class="num">([0-9.]+) %</td>', page)]
    assert pds == sorted(pds, reverse=True)
    assert len(re.findall(r'href="case-', page)) == len(list((walked / "artifacts/cases").glob("case-*.html"))) > 3
