"""Promote a registered version to champion by a stated rule, in a person's name, and log it.

MLflow keeps no history of its aliases; promotions.jsonl beside params.yaml does. Each line holds the SHA-256 of the one
before, and the registered model that of the last as a tag, so that a line that is changed or taken out shows.
"""

import hashlib
import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import Mistake
from ..models.comparison import PromotionRecipe
from ..serving.bundle import load_bundle
from .compare import check, compared
from .stage import Stage
from .tracking import Tracker, TrackingRecipe

LOG = "promotions.jsonl"
CHAMPION = "champion"
_HEAD = "promotions_sha256"


def promote(stage: Stage, version: str, *, by: str, reason: str, despite: str = "") -> dict[str, Any]:
    """Move the alias `champion` to a version, and return the line that was logged.

    Parameters
    ----------
    version : str
        Number of a version of the registered model, or "challenger".
    by, reason : str
        Who promotes, and why.
    despite : str
        Why it is promoted although the rule is not met; "" if it is to be refused then.

    Raises
    ------
    Mistake
        No name or reason, no such version, the rule is not met, or the log was changed.
    """
    for name, said in (("--by", by), ("--reason", reason)):
        if not said.strip():
            raise Mistake(f"{name}: should say something; a promotion is answered for by a person.")
    log = stage.root / LOG
    recipe, rule = stage.recipe("tracking", TrackingRecipe), stage.recipe("promotion", PromotionRecipe)
    tracker = Tracker(recipe, stage.root, looking=True)
    last = _head(log, tracker)
    number = tracker.version(version)
    before = tracker.version_of(CHAMPION)
    if number == before:
        raise Mistake(f"{recipe.model} version {number}: is the champion already.")
    challenger = load_bundle(tracker.bundle(f"models:/{recipe.model}/{number}"))
    champion = load_bundle(tracker.bundle(f"models:/{recipe.model}/{before}")) if before else challenger
    for one, called in ((champion, before or number), (challenger, number)):
        check(stage, one, f"{recipe.model} version {called}", "test")
    told = compared(stage, champion.system, challenger.system)
    against = rule.judge(told, first=not before)
    if against and not despite.strip():
        raise Mistake(
            f"{recipe.model} version {number}: {'; '.join(against)}. Say --despite and why, if it is to be champion "
            "all the same."
        )
    line = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": recipe.model,
        "version": number,
        "bundle": challenger.fingerprint,
        "instead_of": before,
        "by": by,
        "reason": reason,
        "rule": asdict(rule),
        "not_met": against,
        "despite": despite,
        "cohort": {name: told[name] for name in ("n", "n_bad", "customers")}
        | {"test": stage.params["samples"]["test"]},
        "auc_difference": told["auc_difference"],
        "calibration": told["calibration"][0],
        "previous": last,
    }
    text = json.dumps(line, ensure_ascii=False)
    with log.open("a", encoding="utf-8") as file:  # before the alias moves: no promotion is without its line
        file.write(text + "\n")
    tracker.point(CHAMPION, number)
    tracker.set_tag(_HEAD, hashlib.sha256(text.encode()).hexdigest())
    return line


def _head(log: Path, tracker: Tracker) -> str:
    """The SHA-256 of the last line, which the registered model knows.

    A store that never had a champion, as a fresh one beside the log of the repository, learns it from the log. A last
    line that the store does not know of yet is a promotion that was cut off: it is brought to its end.
    """
    heads, known = ["", *verified(log)], tracker.tag(_HEAD)
    if known == heads[-1] or (not known and not tracker.version_of(CHAMPION)):
        return heads[-1]
    if len(heads) > 1 and known == heads[-2]:
        tracker.point(CHAMPION, json.loads(log.read_bytes().splitlines()[-1])["version"])
        tracker.set_tag(_HEAD, heads[-1])
        return heads[-1]
    raise Mistake(f"{log}: does not end as the registered model says; its last lines were changed or taken out.")


def verified(log: Path) -> list[str]:
    """The SHA-256 of each line of a log, after each was found to follow the one before.

    Raises
    ------
    Mistake
        A line was changed, added or taken out by another way.
    """
    before, heads = "", list[str]()
    lines = log.read_bytes().split(b"\n") if log.exists() else [b""]
    for number, line in enumerate(lines[:-1], start=1):
        try:
            said = json.loads(line)["previous"]
        except (ValueError, KeyError, TypeError):
            said = None
        if said != before:
            raise Mistake(f"{log} line {number}: does not follow the line before; the log was changed by hand.")
        before = hashlib.sha256(line).hexdigest()
        heads.append(before)
    if lines[-1]:
        raise Mistake(f"{log}: its last line does not end; the log was changed by hand.")
    return heads
