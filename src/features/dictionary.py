"""The feature dictionary: the catalogue as a page for people, in both languages.

`python -m tradecredit.features.dictionary > docs/features.md` writes it; a test holds the page to the catalogue.
"""

from .catalogue import CATALOGUE
from .declaration import MISSING_TEXT, Family, Risk

_ARROW = {Risk.RISES: "↑", Risk.FALLS: "↓", Risk.FREE: "·"}


def dictionary() -> str:
    """The page as Markdown."""
    lines = [
        "# Features · 指标字典",
        "",
        f"{len(CATALOGUE)} features, generated from the catalogue (`src/features/catalogue.py`). Risk: ↑ a higher",
        "value is riskier, ↓ safer, · no declared direction. A feature marked † is kept out of models.",
        "",
        f"共{len(CATALOGUE)}项指标。风险方向：↑ 数值越高风险越大，↓ 越小，· 未声明方向；† 不进入模型。",
    ]
    for family in Family:
        mine = [feature for feature in CATALOGUE if feature.family is family]
        if not mine:
            continue
        en, zh = family.value
        lines += ["", f"## {en.capitalize()} · {zh}", "", "| name | English | 中文 | unit | risk | measure |"]
        lines += ["|---|---|---|---|---|---|"]
        lines += [
            f"| `{one.name}`{'' if one.in_scorecard else ' †'} | {one.en} | {one.zh} | {one.unit.value} "
            f"| {_ARROW[one.risk]} | `{one.measure}` |"
            for one in mine
        ]
    lines += ["", "## Why a value is missing · 缺失原因", "", "| code | English | 中文 |", "|---|---|---|"]
    lines += [f"| {code.name} | {en} | {zh} |" for code, (en, zh) in MISSING_TEXT.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(dictionary(), end="")
