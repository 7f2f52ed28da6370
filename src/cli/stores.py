"""Commands about what the store holds of customers, and what people decide."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import Mistake
from .app import app
from .common import CustomerId, Known, Language, StoreUrl, check_language, day_of


@app.command()
def history(customer: CustomerId, store: StoreUrl, known: Known = "", language: Language = "en") -> None:
    """All ratings of a customer that a store holds, and what people decided."""
    from ..serving.store.decisions import decisions_of
    from ..serving.store.history import history
    from ..serving.store.store import open_store
    from ..serving.told import decision_lines, history_lines

    check_language(language)
    held, day = open_store(store), day_of("--known", known) if known else None
    told = [*history_lines(history(held, customer, known_on=day), language)]
    print("\n".join([*told, *decision_lines(decisions_of(held, customer, known_on=day), language)]))


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
