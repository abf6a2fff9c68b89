"""`gateway ledger unsettled` and `resolve`: what may have been billed and what may not."""

import time
from collections.abc import Sequence
from typing import Annotated

import typer

from gateway.cli.office import Office, by_option, run
from gateway.cli.options import AsJson, ConfigFile, moment, out, print_json, print_table
from gateway.core.errors import BadRequest
from gateway.core.money import usd_of
from gateway.core.terms import amount_of
from gateway.core.unsettled import Reason, Resolved, Unsettled, UnsettledCall
from gateway.ledger.unsettled import UnsettledBooks, everything
from gateway.web import shapes

_ATTEMPT = ("attempt", "team", "model", "size", "group", "lane", "began", "age", "held $")


def unsettled(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List attempts and calls of which nobody knows whether they were billed, from the oldest on.

    Attempts are on the operator's account, and count as billed after 72 hours. Calls hold money of their team for as
    long; then the operator has paid.
    """

    async def work(office: Office) -> None:
        now = time.time()
        found = await everything(office.ledger.books)
        if as_json:
            print_json(shapes.unsettled(found, now))
        else:
            _print(found.attempts, found.calls, found.earlier_nanos, now)

    run(config, work)


def resolve(
    attempt: Annotated[str, typer.Argument(metavar="ATTEMPT", help="Its id, as `unsettled` lists it.")],
    billed: Annotated[
        bool | None, typer.Option("--billed/--unbilled", help="What the seller says.", show_default=False)
    ] = None,
    usd: Annotated[
        str | None, typer.Option(metavar="USD", help="What the seller billed.", show_default="what is held")
    ] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Say whether an attempt was billed: what is held for it is spent, or free. It is said once."""
    if billed is None:
        raise BadRequest("say --billed or --unbilled")
    if usd is not None and not billed:
        raise BadRequest("--usd: what was not billed has no amount")
    with by_option():
        nanos = amount_of(usd, "usd")

    async def work(office: Office) -> None:
        resolved = Resolved.BILLED if billed else Resolved.UNBILLED
        books = UnsettledBooks(office.ledger.store, office.ledger.actor)
        made = await books.resolve(attempt, resolved, Reason.HAND, nanos=nanos)
        row = shapes.resolution(attempt, made)
        if as_json:
            print_json(row)
        else:
            print_table(tuple(row), [tuple(row.values())], right=("usd",))

    run(config, work)


def _print(attempts: Sequence[Unsettled], calls: Sequence[UnsettledCall], before: int, now: float) -> None:
    rows = [
        (*(each.attempt_id, each.team, each.model, each.size, each.group, each.lane), *_times(each, now))
        for each in attempts
    ]
    total = ("total", *[""] * 7, usd_of(sum(each.nanos for each in attempts)))
    print_table(_ATTEMPT, [*rows, total], right=("age", "held $"))
    if calls:
        out.print()
        print_table(
            ("call", "team", "key", "operator pays in", "held $"),
            [(each.call_id, each.team, each.key_id, _lasts(each.until - now), usd_of(each.nanos)) for each in calls],
            right=("operator pays in", "held $"),
        )
    if before:
        out.print(
            f"\nBesides, {usd_of(before)} $ are held for attempts that an earlier release has noted; "
            "a gateway lists them when it starts, and once a day.",
            highlight=False,
            soft_wrap=True,
        )


def _times(each: Unsettled, now: float) -> tuple[str, str, str]:
    began = "-" if each.began is None else moment(each.began)
    return began, _lasts(now - each.at), usd_of(each.nanos)


def _lasts(seconds: float) -> str:
    minutes = max(0, round(seconds / 60))
    return f"{minutes // 60} h {minutes % 60:02} min"
