"""The publish log: published.jsonl, a line a bundle that the pipeline exported and registered, and from what.

It lies beside params.yaml, is only ever appended to, and leads from the checksum in a rating to the run that made it.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import yaml

from ..errors import Mistake

LOG = "published.jsonl"


@dataclass(frozen=True)
class Publication:
    """Where a bundle comes from.

    Attributes
    ----------
    bundle : str
        Its fingerprint.
    mlflow_run, model, version : str
        The run that logged it, and under which name and number it was registered.
    git_commit : str
        Of the checkout, with "+changes" if files differed; "" outside a repository.
    dvc_lock : str
        See `lock_fingerprint`.
    published_at : str
        UTC, ISO 8601.
    """

    bundle: str
    mlflow_run: str
    model: str
    version: str
    git_commit: str
    dvc_lock: str
    published_at: str

    def append(self, log: Path) -> None:
        """Add a line."""
        with log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(self), ensure_ascii=False) + "\n")


def published(log: Path | None) -> Iterator[Publication]:
    """The lines of a log, the oldest first; with None those of `LOG` here, if there is one.

    Raises
    ------
    Mistake
        There is no such file, or a line is none of a publish log.
    """
    names = {one.name for one in fields(Publication)}
    if log is None and not Path(LOG).exists():
        return
    log = log or Path(LOG)
    try:
        lines = log.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except (FileNotFoundError, IsADirectoryError):
        raise Mistake(f"{log}: is no file; name the publish log of the pipeline, {LOG}.") from None
    except UnicodeDecodeError:
        raise Mistake(f"{log}: is no text in UTF-8, as a publish log is.") from None
    for number, line in enumerate(lines if lines != [""] else [], start=1):
        try:
            said = json.loads(line)
            if set(said) != names or not all(isinstance(one, str) for one in said.values()):
                raise ValueError
        except (ValueError, TypeError):
            raise Mistake(f"{log} line {number}: should tell {', '.join(sorted(names))}, each a text.") from None
        yield Publication(**said)


def lock_fingerprint(lock: Path, without: str) -> str:
    """SHA-256 of what dvc.lock says of all stages but one, "" where there is none.

    The stage that publishes is left out: its own entry is written after it has run.
    """
    if not lock.is_file():
        return ""
    stages = yaml.safe_load(lock.read_text(encoding="utf-8")).get("stages", {})
    told = {name: said for name, said in stages.items() if name != without}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
