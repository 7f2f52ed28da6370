"""The feature dictionary: the catalogue as a page for people, in both languages.

`python -m tradecredit.features.dictionary > docs/features.md` writes it; a test holds the page to the catalogue.
"""

from .catalogue import CATALOGUE
from .column import MISSING_TEXT
from .declaration import Family, Feature, Risk

_ARROW = {Risk.RISES: "↑", Risk.FALLS: "↓", Risk.FREE: "·"}


def dictionary() -> str:
    """The page as Markdown."""
    lines = [
        "# Features · 指标字典",
        "",
        f"{len(CATALOGUE)} features, generated from the catalogue (`src/features/catalogue/`). Risk: ↑ a higher value",
        "is riskier, ↓ safer, · no declared direction. A feature marked † is kept out of models; one marked ‡ the",
        "customer cannot change by what it does from now on. Any may be missing as NEW, but those from outside.",
        "",
        f"共{len(CATALOGUE)}项指标。风险方向：↑ 数值越高风险越大，↓ 越小，· 未声明方向；",
        "† 不进入模型；‡ 客户无法通过今后的行为改变。",
    ]
    for family in Family:
        mine = [feature for feature in CATALOGUE if feature.family is family]
        if not mine:
            continue
        en, zh = family.value
        lines += ["", f"## {en.capitalize()} · {zh}", "", "| name | English | 中文 | unit | risk | measure | missing |"]
        lines += ["|---|---|---|---|---|---|---|"]
        lines += [_row(one) for one in mine]
    lines += ["", "## Why a value is missing · 缺失原因", "", "| code | English | 中文 |", "|---|---|---|"]
    lines += [f"| {code.name} | {en} | {zh} |" for code, (en, zh) in MISSING_TEXT.items()]
    return "\n".join(lines) + "\n"


def _row(one: Feature) -> str:
    marks = ("" if one.in_scorecard else " †") + ("" if one.acts else " ‡")
    told = one.en, one.zh, one.unit.value, _ARROW[one.risk], f"`{one.measure}`", ", ".join(m.name for m in one.missing)
    return f"| `{one.name}`{marks} | " + " | ".join(told) + " |"


if __name__ == "__main__":
    print(dictionary(), end="")
