"""Commands about bundles: keys, signatures, and whether one is whole."""

from pathlib import Path
from typing import Annotated

import typer

from .app import app

bundles = typer.Typer(help="Sign a bundle, and verify one.", no_args_is_help=True)
app.add_typer(bundles, name="bundle")

Folder = Annotated[Path, typer.Argument(help="The bundle's folder.")]


@bundles.command()
def key(out: Annotated[Path, typer.Option(help="File of the private key; the public one stands beside it.")]) -> None:
    """Make a pair of Ed25519 keys; who has the private one can sign bundles."""
    from ..serving.signing import make_keys

    public, name = make_keys(out)
    print(f"{out} (keep it secret) and {public}: key {name}")


@bundles.command()
def sign(folder: Folder, key: Annotated[Path, typer.Option(help="File of the private key, PEM.")]) -> None:
    """Sign a bundle, after it was verified."""
    from ..serving.seal import sign_manifest
    from ..serving.signing import private_key

    print(f"{folder} is signed by key {sign_manifest(folder, private_key(key))}")


@bundles.command()
def verify(
    folder: Annotated[Path, typer.Argument(help="A bundle's folder, or that of an MLflow model that wraps one.")],
    key: Annotated[list[Path] | None, typer.Option(help="A public key that may have signed, PEM; several may.")] = None,
) -> None:
    """Verify every byte, the signature where a key is given, and that its models say here what they said there."""
    from ..serving.bundle import load_bundle
    from ..serving.signing import PublicKey
    from ..serving.wrapper import bundle_in

    inner = bundle_in(folder) if (folder / "MLmodel").exists() else folder
    bundle = load_bundle(inner, [PublicKey.read(one) for one in key] if key else None)
    by = f"signed by key {bundle.signed_by}" if bundle.signed_by else "no signature was asked for"
    about = bundle.about
    print(f"{inner}: whole; {by}")
    print(f"  {bundle.fingerprint}")
    print(f"  {about['model']}, trained on {about['trained_from']} to {about['trained_to']}")
