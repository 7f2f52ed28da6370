"""Build the ledger that the pipeline reads, from raw extracts or from an intake's ledger."""

from dataclasses import dataclass
from pathlib import Path

from ..features.intake import publish, take_in
from ..features.ledger import Ledger
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
    source, report = stage.root / Path(recipe.source), Report()
    if (source / "ledger.json").exists():
        ledger = Ledger.read(source)
    else:
        mapping = Mapping.read(stage.root / Path(recipe.mapping))
        ledger = take_in(source, as_of=as_day("ledger.as_of", recipe.as_of), mapping=mapping, report=report)
    publish(ledger, stage.path("ledger"), report)
    stage.report("intake", report.as_dict())
    stage.say(f"  {len(ledger.customers)} customers, {len(ledger.invoices)} invoices, {len(ledger.payments)} payments")
    for reason, n, first in report.reasons()[:5]:
        stage.say(f"  set aside: {n} x {reason}, first {first.file} line {first.line}")


if __name__ == "__main__":
    run(main)
