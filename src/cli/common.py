"""What the commands share: how options are named and read, and how the way is shown."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from ..errors import Mistake

_STORE = "a file such as ratings.db, or postgresql://host/db (user, password: TRADECREDIT_STORE_USER, _PASSWORD)."
AsOf = Annotated[str, typer.Option(help="The day, as YYYY-MM-DD.")]
StoreUrl = Annotated[str, typer.Option(help=f"The store: {_STORE}")]
StoreIfAny = Annotated[str, typer.Option(help=f"The store to write to: {_STORE}")]
CustomerId = Annotated[str, typer.Argument(help="The customer's id.")]
Known = Annotated[str, typer.Option(help="As it was known on this day.")]
Language = Annotated[str, typer.Option(help="en or zh.")]
LedgerDir = Annotated[Path, typer.Option(help="A ledger folder (data/ledger, or what intake wrote).")]
BundleDir = Annotated[Path, typer.Option(help="The bundle's folder.")]


def day_of(option: str, said: str) -> date:
    """The day that an option tells."""
    try:
        return date.fromisoformat(said)
    except ValueError:
        raise Mistake(f"{option} should be a day such as 2024-12-31, got {said!r}.") from None


def check_language(said: str) -> None:
    """Raise `Mistake` unless it is one that is spoken here."""
    if said not in ("en", "zh"):
        raise Mistake(f"--language should be en or zh, got {said!r}.")


@contextmanager
def needing(what: str, extra: str) -> Iterator[None]:
    """Imports of packages that the base install has not: told in a line where they are missing."""
    try:
        yield
    except ModuleNotFoundError as fault:
        raise Mistake(f"{what} needs {fault.name}; install it with: pip install 'tradecredit[{extra}]'") from None


def progress(what: str) -> AbstractContextManager[Callable[[int, int], None]]:
    """A bar on a terminal, nothing in a log; entered, it gives the callable that is told (done, total)."""
    from rich.progress import Progress

    @contextmanager
    def bar() -> Iterator[Callable[[int, int], None]]:
        with Progress(transient=True, disable=not sys.stderr.isatty()) as shown:
            task = shown.add_task(what, total=None)
            yield lambda done, total: shown.update(task, completed=done, total=total)

    return bar()
