"""Commands about the store of ratings: what it holds, and what people decide."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import Mistake
from .app import app
from .common import BundleDir, CustomerId, Known, Language, LedgerDir, StoreUrl, check_language, day_of, progress


@app.command()
def history(customer: CustomerId, store: StoreUrl, known: Known = "") -> None:
    """All ratings of a customer that a store holds, and what people decided."""
    from ..serving.store.decisions import decisions_of
    from ..serving.store.history import history
    from ..serving.store.store import open_store
    from ..serving.told import decision_lines, history_lines

    held, day = open_store(store), day_of("--known", known) if known else None
    told = [*history_lines(history(held, customer, known_on=day))]
    print("\n".join([*told, *decision_lines(decisions_of(held, customer, known_on=day))]))


@app.command()
def why(
    customer: CustomerId,
    on: Annotated[str, typer.Option(help="The day, as YYYY-MM-DD.")],
    store: StoreUrl,
    known: Known = "",
    language: Language = "en",
) -> None:
    """The rating that held on a day: by which model and data, with reasons, from the store alone."""
    from ..serving.store.history import why
    from ..serving.store.store import open_store
    from ..serving.told import why_lines

    check_language(language)
    told = why(open_store(store), customer, on=day_of("--on", on), known_on=day_of("--known", known) if known else None)
    print("\n".join(why_lines(told, language)))


@app.command()
def warnings(
    store: StoreUrl,
    since: Annotated[str, typer.Option(help="Of this day and later ones.")] = "",
    out: Annotated[Path | None, typer.Option(help="Write them as CSV.")] = None,
    language: Language = "en",
    rates: Annotated[bool, typer.Option("--rates", help="How many of each rule were right.")] = False,
    horizon_days: Annotated[int, typer.Option(help="With --rates: days within which a customer falls.")] = 365,
) -> None:
    """Early warnings that the nightly runs told, the newest day last."""
    from ..serving.store.alerts import alerts_of
    from ..serving.store.store import open_store
    from ..serving.told import alert_lines, alert_table

    check_language(language)
    if rates:
        from ..serving.store.hits import hits_of
        from ..serving.told import hit_lines

        print("\n".join(hit_lines(hits_of(open_store(store), horizon_days=horizon_days))))
        return
    told = alerts_of(open_store(store), since=day_of("--since", since) if since else None)
    if out:
        from ..features.exports import write_csv

        write_csv(alert_table(told), out)
        print(f"{len(told)} warnings in {out}")
        return
    print("\n".join(alert_lines(told, language)))


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
    from ..serving.store.decisions import override, withdraw_override
    from ..serving.store.store import open_store

    if withdraw == bool(grade or until):
        raise Mistake("give either --grade and --until, or --withdraw.")
    held = open_store(store)
    if withdraw:
        withdraw_override(held, customer, by=by, reason=reason)
        print(f"{customer}: the model's grade holds again")
        return
    last = day_of("--until", until)
    before = override(held, customer, grade, until=last, by=by, reason=reason)
    print(f"{customer}: {grade} until {last}, instead of {before or 'no grade'}")


@app.command()
def trust(
    key: Annotated[Path, typer.Argument(help="File of a public key, PEM.")],
    store: StoreUrl,
    by: Annotated[str, typer.Option(help="Who decides.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    revoke: Annotated[bool, typer.Option("--revoke", help="Trust it no more.")] = False,
) -> None:
    """Let a store take ratings only of bundles that a trusted key has signed."""
    from ..serving.signing import PublicKey
    from ..serving.store.provenance import trust
    from ..serving.store.store import open_store

    one = PublicKey.read(key)
    trust(open_store(store, fresh=True), one, by=by, reason=reason, trusted=not revoke)
    print(f"key {one.id} is {'trusted no more' if revoke else 'trusted'}")


@app.command()
def audit(store: StoreUrl) -> None:
    """Walk the whole store and say whatever contradicts what it promises; exit code 1 if anything does."""
    from ..serving.store.audit import audit
    from ..serving.store.store import open_store

    with progress("runs") as tell:
        faults = list(audit(open_store(store), tell))
    print("\n".join(faults) or f"{store}: all is as it should be")
    if faults:
        raise typer.Exit(1)


@app.command()
def backup(store: StoreUrl, out: Annotated[Path, typer.Option(help="The file to write.")]) -> None:
    """Copy a SQLite store as of one moment, also while others write."""
    from ..serving.store.backup import back_up
    from ..serving.store.store import open_store

    back_up(open_store(store), out)
    print(f"{out}: a copy of {store}")


@app.command()
def rederive(
    store: StoreUrl,
    run: Annotated[int, typer.Option(help="Number of the run, as 'tradecredit history' tells it.")],
    bundle: BundleDir,
    ledger: LedgerDir,
) -> None:
    """Tell the ratings of a run anew from the archived bundle and ledger; exit code 1 if any bit differs."""
    from ..serving.bundle import load_bundle
    from ..serving.rederiving import rederive
    from ..serving.store.store import open_store

    with progress("partitions") as tell:
        many, differ = rederive(open_store(store), run, load_bundle(bundle), ledger, progress=tell)
    if differ:
        print(f"{len(differ)} of {many} ratings of run {run} are told otherwise, such as that of {differ[0]}")
        raise typer.Exit(1)
    print(f"all {many} ratings of run {run} are told again, to the bit")


@app.command("api-key")
def api_key(
    store: StoreUrl,
    by: Annotated[str, typer.Option(help="Who decides.")],
    name: Annotated[str, typer.Option(help="Which program asks.")] = "",
    scope: Annotated[list[str] | None, typer.Option(help="read, rate or metrics; several may.")] = None,
    until: Annotated[str, typer.Option(help="The last day on which it opens anything.")] = "",
    revoke: Annotated[str, typer.Option(help="The id of a key that is to open nothing any more.")] = "",
) -> None:
    """Make a key for the API, which is told this once, or take one back."""
    from ..serving.store.access import make_key, revoke_key
    from ..serving.store.store import open_store

    held = open_store(store, fresh=True)
    if revoke:
        revoke_key(held, revoke, by=by)
        print(f"key {revoke} opens nothing any more")
        return
    print(make_key(held, name, scope or [], until=day_of("--until", until), by=by))
