"""What the store holds, as lines for a terminal."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields

import pandas as pd

from ..features.observations import STATUS_TEXT, Status
from ..features.quarantine import printable
from .store.alerts import Alert
from .store.decisions import Decision
from .store.history import Entry, Told
from .store.hits import Hits

_MODELS = {"scorecard": ("scorecard", "评分卡"), "boosting": ("boosted trees", "梯度提升树")}


def history_lines(entries: Sequence[Entry], language: str) -> Iterator[str]:
    """A line a rating, the oldest first."""
    zh = language == "zh"
    heads = ("起", "止", "模型", "公布", "PD", "分数") if zh else ("from", "to", "grade", "shown", "PD", "points")
    yield _in_columns(heads, "记录于（UTC）" if zh else "recorded (UTC)")
    for one in entries:
        until = str(one.valid_to or ("今" if zh else "now"))
        to = ("已被取代" if zh else "superseded") if one.superseded else until
        pd = f"{100 * one.pd:.2f} %" if one.pd is not None else ""
        points = "" if one.score is None else str(one.score)
        shown = (str(one.valid_from), to, one.grade or "–", one.published or "–", pd, points)
        recorded, made = f"{one.recorded_at:%Y-%m-%d %H:%M}", one.bundle[:12]
        last = (
            [recorded, f"第{one.run_id}次评级运行", f"模型包 {made}"]
            if zh
            else [recorded, f"run {one.run_id}", f"bundle {made}"]
        )
        if one.status != "observed":
            last.append(STATUS_TEXT[Status[one.status.upper()]][zh])
        yield _in_columns(shown, ("，" if zh else ", ").join(last))


def decision_lines(decisions: Sequence[Decision], language: str) -> Iterator[str]:
    """A line a decision, the oldest first."""
    for one in decisions:
        by, why = printable(one.decided_by), printable(one.reason)
        if language == "zh":
            what = f"人工等级 {one.grade}，至{one.valid_until}" if one.kind == "override" else "人工等级已撤销"
            yield f"{one.valid_from}  {what}，{by}：{why}"
        else:
            what = f"{one.grade} until {one.valid_until}" if one.kind == "override" else "override withdrawn"
            yield f"{one.valid_from}  {what}, by {by}: {why}"


def _in_columns(shown: Sequence[str], last: str) -> str:
    """Texts under each other on a terminal, where a Chinese letter is two wide; numbers to the right."""
    from rich.cells import cell_len

    wide = (10, 10, 5, 5, 8, 6)
    padded = [
        " " * (width - cell_len(one)) + one if place > 3 else one + " " * (width - cell_len(one))
        for place, (one, width) in enumerate(zip(shown, wide, strict=True))
    ]
    return "  ".join([*padded, last])


def alert_lines(alerts: Sequence[Alert], language: str) -> Iterator[str]:
    """A line a warning."""
    for one in alerts:
        said = one.zh if language == "zh" else one.en
        yield f"{one.as_of}  {one.severity:6}  {printable(one.customer_id)}  {one.rule}: {printable(said)}"


def alert_table(alerts: Sequence[Alert]) -> pd.DataFrame:
    """A row a warning."""
    return pd.DataFrame([asdict(one) for one in alerts], columns=[one.name for one in fields(Alert)])


def hit_lines(hits: Sequence[Hits]) -> Iterator[str]:
    """A line a rule, all together last."""
    wide = max((len(one.rule) for one in hits), default=0)
    yield f"{'rule':{max(wide, 9)}}  {'told':>6}  {'right':>6}  {'wrong':>6}  {'pending':>7}  defaults warned of"
    for one in hits:
        name = one.rule or "all rules"
        yield (
            f"{name:{max(wide, 9)}}  {one.told:>6,}  {one.hits:>6,}  {one.false_alarms:>6,}  {one.pending:>7,}  "
            f"{one.warned:,} of {one.falls:,}"
        )


def why_lines(told: Told, language: str) -> Iterator[str]:
    """The rating, its reasons, and what it was made from; `language` is "en" or "zh"."""
    rating, entry, zh = told.rating, told.entry, language == "zh"
    name, grade = printable(rating.customer_id), rating.published or "–"
    if rating.pd is None:
        yield f"{name}  {entry.valid_from}  {grade}  {STATUS_TEXT[rating.status][zh]}"
    else:
        points = f"{rating.score}分" if zh else f"{rating.score} points"
        yield f"{name}  {entry.valid_from}  {grade}  PD {100 * rating.pd:.2f} %  {points}"
    if rating.published != rating.grade:
        yield f"模型等级 {rating.grade}" if zh else f"the model's grade is {rating.grade}"
    if told.decision:
        one = told.decision
        by, why = printable(one.decided_by), printable(one.reason)
        yield (
            f"人工等级 {one.grade}，至{one.valid_until}，{by}：{why}"
            if zh
            else f"people decided {one.grade} until {one.valid_until}, {by}: {why}"
        )
    for warning in rating.warnings:
        yield f"! {warning.zh if zh else warning.en}"
    for reason in rating.reasons:
        yield f"{reason.points:>+7.1f}  {reason.zh if zh else reason.en}"
    card, colon = rating.card_zh if zh else rating.card_en, "：" if zh else ": "
    model = f"{_MODELS[rating.model][zh]}{f', {card}' if card and not zh else f'，{card}' if card else ''}"
    yield f"{'模型' if zh else 'model'}{colon}{model}{'；模型包' if zh else '; bundle'} {rating.bundle}"
    if told.publication:
        made = told.publication
        number = f"{made.model} {'版本' if zh else 'version'} {made.version}"
        parts = (
            number,
            f"MLflow {made.mlflow_run}",
            f"git {made.git_commit or '–'}",
            f"dvc.lock {made.dvc_lock or '–'}",
        )
        yield f"{'出自' if zh else 'made by'}{colon}{('；' if zh else '; ').join(parts)}"
    if told.signed_by:
        yield f"{'签名密钥' if zh else 'signed by key'}{colon}{told.signed_by}"
    yield f"{'台账' if zh else 'ledger'}{colon}{told.ledger}"
    run = f"，第{entry.run_id}次评级运行" if zh else f", run {entry.run_id}"
    yield f"{'记录于' if zh else 'recorded'}{colon}{entry.recorded_at:%Y-%m-%d %H:%M:%S} UTC{run}"
