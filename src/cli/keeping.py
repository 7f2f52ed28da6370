"""Commands that keep the store: whom it trusts, whether it holds, and that nothing is lost."""

from pathlib import Path
from typing import Annotated

import typer

from .app import app
from .common import BundleDir, LedgerDir, StoreUrl, day_of, progress


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
