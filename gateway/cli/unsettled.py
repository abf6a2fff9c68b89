"""`gateway ledger unsettled` and `resolve`: what may have been billed and what may not."""

import time
from typing import Annotated, Any

import typer

from gateway.cli.office import Office, by_option, run
from gateway.cli.options import AsJson, ConfigFile, moment, out, print_json, print_table
from gateway.core.errors import BadRequest
from gateway.core.money import usd_of
from gateway.core.terms import amount_of
from gateway.core.unsettled import Reason, Resolved, Unsettled, UnsettledCall
from gateway.ledger.unsettled import UNSETTLED_S, UnsettledBooks

_ATTEMPT = ("attempt", "team", "model", "size", "group", "lane", "began", "age", "held $")


def unsettled(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List attempts and calls of which nobody knows whether they were billed, from the oldest on.

    Attempts are on the operator's account, and count as billed after 72 hours. Calls hold money of their team for as
    long; then the operator has paid.
    """

    async def work(office: Office) -> None:
        books, now = UnsettledBooks(office.ledger.store), time.time()
        attempts = [each async for each in books.attempts()]
        calls = await books.calls()
        held = (await office.ledger.books.operator_balance()).held_nanos
        before = held - sum(each.nanos for each in attempts)  # negative: some came in between
        if as_json:
            rows = {"attempts": [_attempt(each, now) for each in attempts], "calls": [_call(each) for each in calls]}
            print_json({**rows, "earlier_usd": usd_of(max(0, before))})
        else:
            _print(attempts, calls, max(0, before), now)

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
        row = {"attempt": attempt, "resolved": made.resolved.value, "usd": usd_of(made.nanos), "why": made.why}
        if as_json:
            print_json(row)
        else:
            print_table(tuple(row), [tuple(row.values())], right=("usd",))

    run(config, work)


def _attempt(each: Unsettled, now: float) -> dict[str, Any]:
    """An attempt as --json tells it."""
    return {
        "attempt": each.attempt_id,
        "call": each.call_id,
        "team": each.team,
        "model": each.model,
        "size": each.size,
        "group": each.group,
        "lane": each.lane,
        "began_at": each.began,
        "unsettled_at": each.at,
        "age_s": round(now - each.at),
        "held_usd": usd_of(each.nanos),
        "exact": each.exact,
    }


def _call(each: UnsettledCall) -> dict[str, Any]:
    row = {"call": each.call_id, "team": each.team, "key": each.key_id, "held_usd": usd_of(each.nanos)}
    return {**row, "unsettled_at": each.until - UNSETTLED_S, "until": each.until}


def _print(attempts: list[Unsettled], calls: list[UnsettledCall], before: int, now: float) -> None:
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
