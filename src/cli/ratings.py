"""Commands that rate, and that print what was rated."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from ..errors import Mistake
from .app import app
from .common import AsOf, BundleDir, Language, StoreIfAny, StoreUrl, day_of, needing, progress


@app.command()
def score(
    bundle: BundleDir,
    ledger: Annotated[str, typer.Option(help="A ledger folder; with --engine spark, where the cluster finds it.")],
    as_of: AsOf,
    store: StoreIfAny = "",
    out: Annotated[
        str, typer.Option(help="The file to write: .parquet, or .csv for a spreadsheet; a folder with --engine spark.")
    ] = "",
    previous: Annotated[
        Path | None,
        typer.Option(help="Without a store: the ratings of the last time, whose published grades may stay."),
    ] = None,
    published: Annotated[
        Path | None,
        typer.Option(help="The pipeline's publish log, published.jsonl here unless told: what bundles were made from."),
    ] = None,
    engine: Annotated[str, typer.Option(help="local, or spark: the cluster that Spark's own settings name.")] = "local",
) -> None:
    """Rate every customer of a ledger at a day, with reasons in English and Chinese."""
    if not store and not out:
        raise Mistake("name where the ratings go: --store ratings.db, --out ratings.parquet, or both.")
    if store and previous:
        raise Mistake("--previous: leave it out with --store; the store knows the ratings before.")
    if engine not in ("local", "spark"):
        raise Mistake(f"--engine should be local or spark, got {engine!r}.")
    if engine == "spark" and store:
        raise Mistake("--store: leave it out with --engine spark, which writes a folder of Parquet to --out.")
    day = day_of("--as-of", as_of)
    if engine == "spark":
        _on_spark(bundle, ledger, day, out, previous)
        return
    from ..serving.bundle import load_bundle

    if store:
        from ..serving.nightly import rate
        from ..serving.published import published as lines_of
        from ..serving.store.provenance import learn, trusted_keys
        from ..serving.store.store import open_store

        lines = list(lines_of(published))  # before anything is written
        held = open_store(store, fresh=True)
        loaded = load_bundle(bundle, trusted_keys(held))
        with progress("partitions") as tell:
            outcome = rate(loaded, Path(ledger), day, held, out=Path(out) if out else None, progress=tell)
        print("\n".join(outcome.lines()))
        learn(held, lines)
        return
    from ..serving.batch import score_ledger

    loaded = load_bundle(bundle)
    with progress("partitions") as tell:
        told = score_ledger(loaded, Path(ledger), day, Path(out), previous=previous, progress=tell)
    _say({name.lower(): n for name, n in told.items()}, out)


def _on_spark(bundle: Path, ledger: str, day: date, out: str, previous: Path | None) -> None:
    from ..features.cluster import session
    from ..serving.cluster import score_on_spark

    _say(score_on_spark(session(), bundle, ledger, day, out, previous=previous), out)


def _say(told: dict[str, int], out: str) -> None:
    rated = told.pop("observed", 0)
    rest = ", ".join(f"{n} {name}" for name, n in sorted(told.items()))
    print(f"{rated + sum(told.values())} customers: {rated} rated{', ' + rest if rest else ''}; written to {out}")


@app.command("pdf")
def pdf_(
    pages: Annotated[Path, typer.Argument(help="A page, or a folder of them such as artifacts/cases.")],
    out: Annotated[Path, typer.Option(help="The folder for the files.")],
    language: Language = "en",
) -> None:
    """Print case pages as PDF, in one language."""
    from ..serving.pdf import print_pages

    with progress("pages") as tell:
        files = print_pages(pages, out, language=language, progress=tell)
    print(f"{len(files)} files in {out}" if len(files) > 1 else files[0])


@app.command()
def api(
    store: StoreUrl,
    bundle: Annotated[
        Path | None, typer.Option(help="The bundle to rate with; without it the store is only read.")
    ] = None,
    ledger: Annotated[Path | None, typer.Option(help="The ledger to rate from.")] = None,
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    port: int = 8600,
    per_minute: Annotated[int, typer.Option(help="Requests that one key may make a minute.")] = 600,
    name: Annotated[list[str] | None, typer.Option(help="A host name under which it is asked; several may.")] = None,
    behind_proxy: Annotated[
        bool, typer.Option("--behind-proxy", help="TLS ends in a proxy before it: other hosts may be listened on.")
    ] = False,
) -> None:
    """Answer programs over HTTP: ratings, reasons and history of the store, and one customer rated now."""
    if host not in ("127.0.0.1", "localhost") and not behind_proxy:
        raise Mistake(f"--host {host}: keys would go over the net unguarded; say --behind-proxy where TLS ends before.")
    if (bundle is None) != (ledger is None):
        raise Mistake("--bundle and --ledger: name both, or neither.")
    if per_minute < 1:
        raise Mistake(f"--per-minute should be at least 1, got {per_minute}.")
    with needing("the API", "api"):
        from ..serving.listening import listen
    listen(store, bundle, ledger, host=host, port=port, per_minute=per_minute, names=name or [])
