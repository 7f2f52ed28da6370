"""A stage: asks for its section of params.yaml, reads by name, writes by name, tells what it did."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import Mistake
from ..features.exports import harmless
from .settings import Recipe, read_params, recipe

PATHS = {
    "ledger": "data/ledger",
    "observations": "data/matrix/observations.parquet",
    "matrix": "data/matrix/features.parquet",
    "slices": "data/matrix/slices.parquet",
    "edits": "data/edits",
    "cards": "artifacts/cards",
    "scorecard": "artifacts/cards/pooled.json",
    "card_reports": "reports/cards",
    "scorecard_page": "reports/scorecard.html",
    "scorecard_table": "reports/scorecard.csv",
    "scorecard_sql": "artifacts/scorecard.sql",
    "tuned": "artifacts/tuned.json",
    "boosting": "artifacts/boosting.json",
    "systems": "artifacts/systems.json",
    "bundle": "artifacts/bundle",
    "cases": "artifacts/cases",
    "plots": "reports/plots",
    "metrics": "reports/metrics.json",
}


class Stage:
    """What a stage's `main` is given.

    Attributes
    ----------
    root : Path
        The folder of params.yaml; every path is told from it.
    """

    def __init__(self, root: Path = Path()) -> None:
        self.root = root
        self.params = read_params(root / "params.yaml")

    def recipe(self, section: str, kind: type[Recipe], *, otherwise: dict[str, Any] | None = None) -> Recipe:
        """The recipe of a section, with what is said otherwise."""
        if not otherwise:
            return recipe(self.params, section, kind)
        return recipe({section: (self.params.get(section) or {}) | otherwise}, section, kind)

    def path(self, name: str) -> Path:
        """Where a named thing lies; its folder is made."""
        path = self.root / PATHS[name]
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def read(self, name: str) -> Any:
        """What an earlier stage wrote: a table, parsed JSON, or the path of anything else."""
        path = self.root / PATHS[name]
        if not path.exists():
            raise Mistake(f"{path}: is not there yet; run 'dvc repro'.")
        if path.suffix == ".json":
            return json.loads(path.read_text(encoding="utf-8"))
        return pd.read_parquet(path) if path.suffix == ".parquet" else path

    def write(self, name: str, thing: Any) -> None:
        """A table, or something that tells itself as plain JSON types, for later stages."""
        if isinstance(thing, pd.DataFrame):
            thing.to_parquet(self.path(name), index=False)
        else:
            write_json(self.path(name), thing if isinstance(thing, dict) else thing.as_dict())

    def report(self, name: str, figures: Any) -> None:
        """Figures for people and for tracking: reports/<name>.json."""
        path = self.root / "reports" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, figures)

    def plot(self, name: str, rows: Sequence[dict[str, Any]]) -> None:
        """Data of a DVC plot: reports/plots/<name>.csv."""
        folder = self.path("plots")
        folder.mkdir(parents=True, exist_ok=True)
        pd.DataFrame(rows).map(harmless).to_csv(folder / f"{name}.csv", index=False)

    def say(self, text: str) -> None:
        """A line for whoever watches."""
        print(text, flush=True)


def write_json(path: Path, said: Any) -> None:
    """Plain JSON types as a file that people can read."""
    path.write_text(json.dumps(said, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


@contextmanager
def mended() -> Iterator[None]:
    """A `Mistake` ends as one line and its exit code; anything else is our bug and keeps its traceback."""
    try:
        yield
    except Mistake as fault:
        print(fault, file=sys.stderr)
        sys.exit(fault.exit_code)


def run(main: Callable[[Stage], None]) -> None:
    """The machine's door: `python -m tradecredit.pipeline.<stage>`."""
    with mended():
        main(Stage())


def progress(what: str, total: int) -> Callable[[int], None]:
    """A line every tenth of the way."""
    shown = -1

    def tell(done: int) -> None:
        nonlocal shown
        tenth = 10 * done // max(1, total)
        if tenth > shown:
            shown = tenth
            print(f"  {what}: {done} of {total}", flush=True)

    return tell
