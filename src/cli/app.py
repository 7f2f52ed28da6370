"""The application that the commands belong to."""

import typer

app = typer.Typer(
    help="Explained credit ratings of business customers, from the receivables ledger.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
