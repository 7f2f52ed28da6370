"""The front door for people: what is done outside the pipeline."""

import sys
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from .errors import Mistake, Unavailable

app = typer.Typer(
    help="Explained credit ratings of business customers, from the receivables ledger.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_DISK_FAILED = Unavailable.exit_code

AsOf = Annotated[str, typer.Option(help="The day, as YYYY-MM-DD.")]
_STORE = "a file such as ratings.db, or postgresql://host/db (user, password: TRADECREDIT_STORE_USER, _PASSWORD)."
StoreUrl = Annotated[str, typer.Option(help=f"The store: {_STORE}")]
CustomerId = Annotated[str, typer.Argument(help="The customer's id.")]
Known = Annotated[str, typer.Option(help="As it was known on this day.")]
LedgerDir = Annotated[Path, typer.Option(help="A ledger folder (data/ledger, or what intake wrote).")]


@app.command()
def example(
    out: Annotated[Path, typer.Option(help="Folder for the files.")],
    customers: int = 3000,
    months: int = 84,
    seed: int = 7,
    form: Annotated[str, typer.Option(help="csv or parquet.")] = "csv",
) -> None:
    """Make a make-believe book of business customers whose truth is known."""
    from .features.example import ExampleRecipe, write_example

    if form not in ("csv", "parquet"):
        raise Mistake(f"--form should be csv or parquet, got {form!r}.")
    with _progress("customers") as tell:
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

    from .features.publishing import refuse_if_busy

    refuse_if_busy(ledger)
    from .features.intake.taking import take_in
    from .features.mapping import Mapping
    from .features.memory import keep_freed_memory
    from .features.quarantine import Report

    keep_freed_memory()
    told, refused = Report(), None
    if report and not report.parent.is_dir():
        raise Mistake(f"{report}: there is no such folder to write the report to.")
    if report:
        report.unlink(missing_ok=True)
    try:
        day, said = _day("--as-of", as_of), Mapping.read(mapping)
        with _progress("bytes") as tell:
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
    from .features.exports import write_csv
    from .features.intake.taking import entries_of
    from .features.quarantine import printable

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


@app.command()
def score(
    bundle: Annotated[Path, typer.Option(help="The bundle's folder.")],
    ledger: LedgerDir,
    as_of: AsOf,
    store: Annotated[str, typer.Option(help=f"The store to write to: {_STORE}")] = "",
    out: Annotated[Path | None, typer.Option(help="The Parquet file to write.")] = None,
    previous: Annotated[
        Path | None,
        typer.Option(help="Without a store: the ratings of the last time, whose published grades may stay."),
    ] = None,
) -> None:
    """Rate every customer of a ledger at a day, with reasons in English and Chinese."""
    if not store and not out:
        raise Mistake("name where the ratings go: --store ratings.db, --out ratings.parquet, or both.")
    if store and previous:
        raise Mistake("--previous: leave it out with --store; the store knows the ratings before.")
    from .serving.batch import score_ledger
    from .serving.bundle import load_bundle

    day = _day("--as-of", as_of)
    loaded = load_bundle(bundle)
    if store:
        from .serving.nightly import rate
        from .serving.store.store import open_store

        held = open_store(store, fresh=True)
        with _progress("partitions") as tell:
            outcome = rate(loaded, ledger, day, held, out=out, progress=tell)
        print("\n".join(outcome.lines()))
        return
    assert out
    with _progress("partitions") as tell:
        told = score_ledger(loaded, ledger, day, out, previous=previous, progress=tell)
    rated = told.pop("OBSERVED", 0)
    rest = ", ".join(f"{n} {name.lower()}" for name, n in sorted(told.items()))
    print(f"{rated + sum(told.values())} customers: {rated} rated{', ' + rest if rest else ''}; written to {out}")


@app.command()
def history(customer: CustomerId, store: StoreUrl, known: Known = "") -> None:
    """All ratings of a customer that a store holds, and what people decided."""
    from .serving.store.decisions import decisions_of
    from .serving.store.history import history
    from .serving.store.store import open_store
    from .serving.told import decision_lines, history_lines

    held, day = open_store(store), _day("--known", known) if known else None
    told = [*history_lines(history(held, customer, known_on=day))]
    print("\n".join([*told, *decision_lines(decisions_of(held, customer, known_on=day))]))


@app.command()
def warnings(
    store: StoreUrl,
    since: Annotated[str, typer.Option(help="Of this day and later ones.")] = "",
    out: Annotated[Path | None, typer.Option(help="Write them as CSV.")] = None,
    language: Annotated[str, typer.Option(help="en or zh.")] = "en",
) -> None:
    """Early warnings that the nightly runs told, the newest day last."""
    from .serving.store.alerts import alerts_of
    from .serving.store.store import open_store
    from .serving.told import alert_lines, alert_table

    if language not in ("en", "zh"):
        raise Mistake(f"--language should be en or zh, got {language!r}.")
    told = alerts_of(open_store(store), since=_day("--since", since) if since else None)
    if out:
        from .features.exports import write_csv

        write_csv(alert_table(told), out)
        print(f"{len(told)} warnings in {out}")
        return
    print("\n".join(alert_lines(told, language)))


@app.command()
def why(
    customer: CustomerId,
    on: Annotated[str, typer.Option(help="The day, as YYYY-MM-DD.")],
    store: StoreUrl,
    known: Known = "",
    language: Annotated[str, typer.Option(help="en or zh.")] = "en",
) -> None:
    """The rating that held on a day: by which model and data, with reasons, from the store alone."""
    from .serving.store.history import why
    from .serving.store.store import open_store
    from .serving.told import why_lines

    if language not in ("en", "zh"):
        raise Mistake(f"--language should be en or zh, got {language!r}.")
    told = why(open_store(store), customer, on=_day("--on", on), known_on=_day("--known", known) if known else None)
    print("\n".join(why_lines(told, language)))


@app.command()
def override(
    customer: CustomerId,
    store: StoreUrl,
    by: Annotated[str, typer.Option(help="Who decides.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    grade: Annotated[str, typer.Option(help="The grade that people give it.")] = "",
    until: Annotated[str, typer.Option(help="The last day on which it holds; at most a year away.")] = "",
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Let the model's grade hold again.")] = False,
) -> None:
    """Keep a person's grade until it expires; the model's is always beside it."""
    from .serving.store.decisions import override, withdraw_override
    from .serving.store.store import open_store

    if withdraw == bool(grade or until):
        raise Mistake("give either --grade and --until, or --withdraw.")
    held = open_store(store)
    if withdraw:
        withdraw_override(held, customer, by=by, reason=reason)
        print(f"{customer}: the model's grade holds again")
        return
    last = _day("--until", until)
    before = override(held, customer, grade, until=last, by=by, reason=reason)
    print(f"{customer}: {grade} until {last}, instead of {before or 'no grade'}")


@app.command("pdf")
def pdf_(
    pages: Annotated[Path, typer.Argument(help="A page, or a folder of them such as artifacts/cases.")],
    out: Annotated[Path, typer.Option(help="The folder for the files.")],
    language: Annotated[str, typer.Option(help="en or zh.")] = "en",
) -> None:
    """Print case pages as PDF, in one language."""
    from .serving.pdf import print_pages

    with _progress("pages") as tell:
        files = print_pages(pages, out, language=language, progress=tell)
    print(f"{len(files)} files in {out}" if len(files) > 1 else files[0])


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

    from .features.leakage import audit
    from .features.ledger import Ledger

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


@app.command()
def summary(folder: Annotated[Path, typer.Argument(help="Where the pipeline ran.")] = Path()) -> None:
    """What the last pipeline run came to: figures out of time, the bundle, the riskiest strategic customer."""
    from .pipeline.summary import summarise

    summarise(folder)


@app.command()
def compare(
    first: Annotated[str, typer.Argument(help="A bundle's folder, scorecard or boosting, or models:/name@alias.")],
    second: Annotated[str, typer.Argument(help="The same.")],
    folder: Annotated[Path, typer.Option(help="Where the pipeline ran.")] = Path(),
    slice_: Annotated[str, typer.Option("--slice", help="train, tune or test.")] = "test",
    cut: Annotated[float, typer.Option(help="The first accepts a PD below; the second as many.")] = 0.05,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Two rating systems on the same observations: AUC, swap set, migration of grades, calibration by segment."""
    import json

    from .pipeline.compare import compared, show, system_of
    from .pipeline.stage import Stage

    stage = Stage(folder)
    told = compared(stage, system_of(stage, first, slice_), system_of(stage, second, slice_), slice_=slice_, cut=cut)
    if as_json:
        print(json.dumps(told, indent=1))
    else:
        show(told, (first, second), cut=cut)


@app.command()
def promote(
    version: Annotated[str, typer.Argument(help="Number of the registered version, or challenger.")],
    by: Annotated[str, typer.Option(help="Who promotes it.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    despite: Annotated[str, typer.Option(help="Why, although the rule (params.yaml: promotion) is not met.")] = "",
    folder: Annotated[Path, typer.Option(help="Where the pipeline ran.")] = Path(),
) -> None:
    """Make a registered version the champion, and write who did it and why to promotions.jsonl."""
    from .pipeline.promote import LOG, promote
    from .pipeline.stage import Stage

    line = promote(Stage(folder), version, by=by, reason=reason, despite=despite)
    instead = f" instead of version {line['instead_of']}" if line["instead_of"] else ""
    print(f"{line['model']} version {line['version']} is the champion{instead}; logged in {folder / LOG}")


def _day(option: str, said: str) -> date:
    try:
        return date.fromisoformat(said)
    except ValueError:
        raise Mistake(f"{option} should be a day such as 2024-12-31, got {said!r}.") from None


def _progress(what: str) -> Any:
    """A bar on a terminal, nothing in a log; entered, it gives the callable that is told (done, total)."""
    from contextlib import contextmanager

    from rich.progress import Progress

    @contextmanager
    def bar() -> Any:
        with Progress(transient=True, disable=not sys.stderr.isatty()) as progress:
            task = progress.add_task(what, total=None)
            yield lambda done, total: progress.update(task, completed=done, total=total)

    return bar()


def run() -> None:
    """The console script: a `Mistake` is one line and exit code 2, a failing disk 74."""
    try:
        app()
    except Mistake as fault:
        print(fault, file=sys.stderr)
        sys.exit(fault.exit_code)
    except OSError as fault:
        print(f"{fault.filename or 'disk'}: {fault.strerror or fault}", file=sys.stderr)
        sys.exit(_DISK_FAILED)


if __name__ == "__main__":
    run()
