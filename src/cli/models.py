"""Commands about models: what the last run came to, compared, and promoted."""

from pathlib import Path
from typing import Annotated

import typer

from .app import app
from .common import needing


@app.command()
def summary(folder: Annotated[Path, typer.Argument(help="Where the pipeline ran.")] = Path()) -> None:
    """What the last pipeline run came to: figures out of time, the bundle, the riskiest strategic customer."""
    from ..pipeline.summary import summarise

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

    with needing("compare", "train"):
        from ..pipeline.compare import compared, show, system_of
        from ..pipeline.stage import Stage

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
    with needing("promote", "train"):
        from ..pipeline.promote import LOG, promote
        from ..pipeline.stage import Stage

    line = promote(Stage(folder), version, by=by, reason=reason, despite=despite)
    instead = f" instead of version {line['instead_of']}" if line["instead_of"] else ""
    print(f"{line['model']} version {line['version']} is the champion{instead}; logged in {folder / LOG}")
