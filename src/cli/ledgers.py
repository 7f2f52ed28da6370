"""Commands about ledgers: made up, taken in, what was set aside, and whether features see the future."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import Mistake
from .app import app
from .common import AsOf, LedgerDir, day_of, progress


@app.command()
def example(
    out: Annotated[Path, typer.Option(help="Folder for the files.")],
    customers: int = 3000,
    months: int = 84,
    seed: int = 7,
    form: Annotated[str, typer.Option(help="csv or parquet.")] = "csv",
) -> None:
    """Make a make-believe book of business customers whose truth is known."""
    from ..features.example import ExampleRecipe, write_example

    if form not in ("csv", "parquet"):
        raise Mistake(f"--form should be csv or parquet, got {form!r}.")
    with progress("customers") as tell:
        write_example(out, ExampleRecipe(customers=customers, months=months, seed=seed), form=form, progress=tell)
    print(f"{customers} customers over {months} months in {out}")


@app.command()
def intake(
    ledger: LedgerDir,
    as_of: AsOf,
    source: Annotated[
        Path | None, typer.Argument(help="Folder with the raw files, or one raw file; none for a database.")
    ] = None,
    mapping: Annotated[Path | None, typer.Option(help="What differs from the default profile.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write the report here too, also when refused.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    fewer_rows: Annotated[
        bool, typer.Option("--fewer-rows", help="30 % fewer rows than the last time are right.")
    ] = False,
) -> None:
    """Take a delivery of raw extracts into a ledger; wrong rows are set aside with their line and reason."""
    import json

    from ..features.publishing import refuse_if_busy

    refuse_if_busy(ledger)
    from ..features.intake.taking import take_in
    from ..features.mapping import Mapping
    from ..features.memory import keep_freed_memory
    from ..features.quarantine import Report

    keep_freed_memory()
    told, refused = Report(), None
    if report and not report.parent.is_dir():
        raise Mistake(f"{report}: there is no such folder to write the report to.")
    if report:
        report.unlink(missing_ok=True)
    try:
        day, said = day_of("--as-of", as_of), Mapping.read(mapping)
        with progress("bytes") as tell:
            take_in(source, ledger, as_of=day, mapping=said, report=told, fewer_rows=fewer_rows, tell=tell)
    except Mistake as fault:
        if fault.exit_code != Mistake.exit_code:  # neither taken in nor refused: there is nothing to report
            raise
        refused, told.verdict, told.message = fault, "reject", str(fault)
    text = json.dumps(told.as_dict(), indent=1, ensure_ascii=False)
    if report:
        report.write_text(text + "\n", encoding="utf-8")
    if as_json:
        print(text)
    if refused:
        raise refused
    if not as_json:
        print("\n".join(told.summary()))


@app.command()
def quarantine(
    ledger: LedgerDir,
    out: Annotated[Path | None, typer.Option(help="Write them as CSV for whoever mends the export.")] = None,
    closed: Annotated[bool, typer.Option("--closed", help="Also rows that came sound since.")] = False,
) -> None:
    """The rows of a ledger that are set aside: file, line, id and reason of each."""
    from ..features.exports import write_csv
    from ..features.intake.taking import entries_of
    from ..features.quarantine import printable

    rows = entries_of(ledger)
    rows = rows if closed else rows[rows["closed_in"] == 0]
    if out:
        write_csv(rows, out)
        print(f"{len(rows)} rows in {out}")
        return
    for reason, some in rows.groupby("reason", sort=False):
        first = some.iloc[0]
        shown = printable(first["key"]) or "no id"
        print(f"{len(some):>8,} x {reason}, such as {first['file']} line {first['line']} ({shown})")
    print(f"{len(rows):>8,} rows are set aside")


@app.command("audit-leakage")
def audit_leakage(
    ledger: LedgerDir = Path("data/ledger"),
    observations: Annotated[Path, typer.Option(help="The observations to draw from.")] = Path(
        "data/matrix/observations.parquet"
    ),
    sample: Annotated[int, typer.Option(help="How many observations are audited.")] = 200,
    seed: int = 0,
) -> None:
    """Rebuild features without the future, and with a poisoned one; any changed cell is a leak."""
    import pandas as pd

    from ..features.leakage import audit
    from ..features.ledger import Ledger

    if not observations.exists():
        raise Mistake(f"{observations}: is not there; run 'dvc repro', or name another with --observations.")
    if sample < 1:
        raise Mistake(f"--sample should be at least 1, got {sample}; an audit of nothing finds nothing.")
    try:
        drawn = pd.read_parquet(observations, columns=["customer_id", "as_of"])
    except (ValueError, OSError):
        raise Mistake(f"{observations}: is no Parquet file with customer_id and as_of.") from None
    days = drawn["as_of"].drop_duplicates().sample(min(8, drawn["as_of"].nunique()), random_state=seed)
    drawn = drawn[drawn["as_of"].isin(days)]
    drawn = drawn.sample(min(sample, len(drawn)), random_state=seed)
    leaks = audit(Ledger.read(ledger), drawn)
    for leak in leaks[:20]:
        print(leak)
    names = sorted({leak.feature for leak in leaks})
    if leaks:
        print(f"{len(leaks)} cells of {len(names)} features leak: {', '.join(names)}")
        raise typer.Exit(1)
    print(f"no leak in {len(drawn)} observations at {drawn['as_of'].nunique()} days")
