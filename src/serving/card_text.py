"""Card text: which scorecard rates whom, and why, in English and Chinese."""

from ..models.model import Model
from ..models.scorecards import POOLED, Scorecards, SegmentCard


def why_card(one: SegmentCard) -> tuple[str, str]:
    """How a segment is rated, in English and Chinese."""
    match one.how:
        case "own":
            return one.why, f"采用该类客户专用评分卡（训练集中违约客户{one.bads}个）"
        case "expert":
            return one.why, f"采用专家评分卡；违约客户仅{one.bads}个，不足以拟合"
        case "offset":
            by = f"{'加' if one.offset > 0 else '减'}{abs(one.offset)}分"
            return one.why, f"采用通用评分卡并{by}；违约客户仅{one.bads}个，不足以单独建卡"
        case _:
            return one.why, f"采用通用评分卡；违约客户仅{one.bads}个，不足以区分"


def told_card(model: Model, segment: str) -> tuple[str, str, str]:
    """The name of the card that scores a segment, and why that one; empty for trees, and where there is one for all."""
    if not isinstance(model, Scorecards) or not model.segments:
        return "", "", ""
    one = next((one for one in model.segments if one.segment == segment), None)
    if one is None:
        return POOLED, "the pooled card; no card is named for the segment", "采用通用评分卡；该类客户无专用评分卡"
    return POOLED if one.card is None else one.segment, *why_card(one)
