"""The front door for people: what is done outside the pipeline. Commands import what is heavy when they run."""

import sys

from ..errors import Mistake, Unavailable
from . import bundles, keeping, ledgers, models, ratings, stores  # noqa: F401 - they name their commands
from .app import app


def run() -> None:
    """The console script: a `Mistake` is one line and exit code 2, a failing disk 74."""
    try:
        app()
    except Mistake as fault:
        print(fault, file=sys.stderr)
        sys.exit(fault.exit_code)
    except OSError as fault:
        print(f"{fault.filename or 'disk'}: {fault.strerror or fault}", file=sys.stderr)
        sys.exit(Unavailable.exit_code)
