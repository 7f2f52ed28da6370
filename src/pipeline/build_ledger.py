"""Build the ledger that the pipeline reads, from raw extracts or from an intake's ledger."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from ..features.intake.taking import copy_ledger, take_in
from ..features.mapping import Mapping
from ..features.observations import as_day
from ..features.quarantine import Report
from .stage import Stage, run


@dataclass(frozen=True)
class LedgerRecipe:
    """The section `ledger` of params.yaml.

    Attributes
    ----------
    source : str
        A folder of raw files (one delivery), one raw file, or a ledger that `tradecredit intake` wrote.
    mapping : str
        The mapping file that says what differs from the default profile.
    as_of : str
        The last day for which the source is complete.
    """

    source: str
    mapping: str
    as_of: str


def main(stage: Stage) -> None:
    """Write data/ledger and reports/intake.json."""
    recipe = stage.recipe("ledger", LedgerRecipe)
    source, ledger, report = stage.root / Path(recipe.source), stage.path("ledger"), Report()
    shutil.rmtree(ledger, ignore_errors=True)  # the pipeline reads a snapshot; deliveries accumulate elsewhere
    if (source / "ledger.json").exists():
        copy_ledger(source, ledger)
    else:
        mapping = Mapping.read(stage.root / Path(recipe.mapping))
        take_in(source, ledger, as_of=as_day("ledger.as_of", recipe.as_of), mapping=mapping, report=report)
        for line in report.summary()[1:]:
            stage.say(line)
    stage.report("intake", report.as_dict())


if __name__ == "__main__":
    run(main)
