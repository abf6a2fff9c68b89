"""`gateway keys`: what callers send."""

import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from gateway.cli.office import ACCOUNT, Office, by_option, given, metadata_of, run, taking
from gateway.cli.options import AsJson, ConfigFile, err, moment, out, print_facts, print_json, print_table
from gateway.core.durations import seconds_of
from gateway.core.errors import BadRequest, NotFound
from gateway.core.keys import Key, Limits, Mode, Show
from gateway.core.terms import LONGEST_S, Offer, Terms, changed, limits_of, within
from gateway.ledger.adjustments import Adjustments
from gateway.web import shapes

keys = typer.Typer(no_args_is_help=True, help="Keys: what callers send. Each belongs to a team.")

KeyId = Annotated[str, typer.Argument(metavar="KEY", help="Its id, as `gateway keys list` shows it.")]

_OPTIONS: Mapping[str, Any] = {
    **ACCOUNT,
    "max_multiplier": Annotated[
        str | None,
        typer.Option(metavar="X", help="The dearest group it may be served by; 'none': any.", show_default=False),
    ],
    "model": Annotated[
        list[str] | None,
        typer.Option(metavar="MODEL", help="One it may use; several times, or without: all.", show_default=False),
    ],
    "group": Annotated[
        list[str] | None,
        typer.Option(metavar="GROUP", help="One it may be served by; likewise.", show_default=False),
    ],
    "expires_in_days": Annotated[
        float | None, typer.Option(metavar="DAYS", help="When it ends by itself.", show_default=False)
    ],
    "chat_pictures": Annotated[
        str | None,
        typer.Option(
            metavar="WHERE",
            help=f"Where its chats have their pictures: {', '.join(Show)}; 'none': where the calling program looks.",
            show_default=False,
        ),
    ],
    "failover": Annotated[
        str | None,
        typer.Option(
            metavar="WHEN",
            help=f"When its calls may go to a dearer group: {', '.join(Mode)} (hang-only: not when the cheaper one is "
            "only slow); 'none': as the gateway is configured.",
            show_default=False,
        ),
    ],
    "retain": Annotated[
        bool | None,
        typer.Option(
            "--retain/--no-retain",
            help="Whether its answers are kept for whoever comes back for them, or written nowhere.",
            show_default="retain",
        ),
    ],
}

_COLUMNS = ("id", "team", "name", "secret", "spent $", "held $", "budget $", "max x", "failover", "state")
_FIGURES = ("spent $", "held $", "budget $", "max x")

_DAY_S = 86_400


@keys.command()
@taking(_OPTIONS)
def create(
    options: Mapping[str, Any],
    team: Annotated[str, typer.Option(help="The team that pays; made if it does not exist.")],
    name: Annotated[str, typer.Option(help="A name for people.")] = "",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Make a key. Its secret is shown this once."""
    terms, metadata = Terms(**_given(options)), metadata_of((), options)

    async def work(office: Office) -> None:
        limits, now = _limits(terms, office.offer), time.time()
        await office.ledger.keys.ensure_team(team, now=now)
        made, secret = await office.ledger.keys.create_key(team, name=name, limits=limits, now=now, metadata=metadata)
        if as_json:
            print_json({**await _row(office, made), "key": secret})
            return
        _print_secret(secret)
        err.print(f"Key {made.id} of team {team}. This is the only time its secret is shown.", highlight=False)

    run(config, work)


@keys.command("list")
def list_all(
    team: Annotated[str | None, typer.Option(help="Only this team's.", show_default=False)] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List keys with what they spent."""

    async def work(office: Office) -> None:
        rows = [await _row(office, each) for each in await office.ledger.keys.keys(team)]
        if as_json:
            print_json(rows)
        else:
            _print(rows)

    run(config, work)


@keys.command()
def show(key: KeyId, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show one key: its limits and what it spent."""

    async def work(office: Office) -> None:
        await _print_one(office, await _found(office, key), as_json)

    run(config, work)


@keys.command()
@taking(_OPTIONS)
def update(
    options: Mapping[str, Any],
    key: KeyId,
    name: Annotated[str | None, typer.Option(help="A name for people.", show_default=False)] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Change a key's name, limits or metadata; what is not given stays.

    `--model all` and `--group all` lift those limits.
    """
    said = _given(options)

    async def work(office: Office) -> None:
        old = await _found(office, key)
        limits = changed(old.limits, _limits(Terms(**said), office.offer), said)
        metadata, called = metadata_of(old.metadata, options), old.name if name is None else name
        new = await office.ledger.keys.update(key, name=called, limits=limits, metadata=metadata)
        await _print_one(office, new, as_json)

    run(config, work)


@keys.command()
def rotate(
    key: KeyId,
    overlap: Annotated[
        str, typer.Option(metavar="TIME", help="How long its old secret goes on: 90s, 30m, 24h, 7d; 0: not at all.")
    ] = "24h",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Give a key a new secret, shown this once. It stays the same key, and its old secret goes on for a while.

    Older ones still end by then too, or sooner as they were to. What is over stops everywhere within 5 seconds.
    """
    overlap_s = _seconds(overlap)

    async def work(office: Office) -> None:
        with by_option():
            made, secret = await office.ledger.keys.rotate(key, overlap_s=overlap_s, now=time.time())
        row = await _row(office, made)
        if as_json:
            print_json({**row, "key": secret})
            return
        _print_secret(secret)
        err.print(f"Key {made.id} has a new secret. This is the only time it is shown.", highlight=False)
        for each in row["old_secrets"]:
            err.print(f"Until {moment(each['ends_at'])} {_old(each)} is good too.", highlight=False)

    run(config, work)


@keys.command()
def adjust(
    key: KeyId,
    usd: Annotated[str, typer.Option(metavar="USD", help="What is added to what it has spent; negative: taken.")],
    why: Annotated[str, typer.Option(help="For whoever reads the ledger.")],
    name: Annotated[
        str | None,
        typer.Option(help="Under this name it is made once, however often it is asked.", show_default="a new one"),
    ] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Put right by hand what a key and its team have spent: a refund, or what was forgotten. It counts today."""

    async def work(office: Office) -> None:
        adjustments = Adjustments(office.ledger.books, office.ledger.actor)
        with by_option():
            made = await adjustments.make(await _found(office, key), usd, why, name=name)
        row = shapes.adjustment(key, *made)
        if as_json:
            print_json(row)
        else:
            out.print(f"{row['name']}: {row['usd']} $", highlight=False)

    run(config, work)


@keys.command()
def revoke(key: KeyId, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """End a key. Gateways stop taking it within 5 seconds; calls in flight are finished."""

    async def work(office: Office) -> None:
        await _found(office, key)
        await _print_one(office, await office.ledger.keys.revoke(key, time.time()), as_json)

    run(config, work)


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    """What options say of a key, by the fields of its terms. Days are seconds there, and `all` lifts a limit."""
    said = given(Terms, options)
    for field in ("models", "groups"):
        if said.get(field) == ["all"]:
            said[field] = None
    if "expires_in_s" in said:
        with by_option():
            said["expires_in_s"] = within(said["expires_in_s"], LONGEST_S / _DAY_S, "expires_in_s") * _DAY_S
    return said


def _seconds(overlap: str) -> float:
    try:
        return seconds_of(overlap)
    except ValueError as error:
        raise BadRequest(f"--overlap: {error}") from None


def _limits(terms: Terms, offer: Offer) -> Limits:
    with by_option():
        return limits_of(terms, offer, time.time())


async def _found(office: Office, key_id: str) -> Key:
    key = await office.ledger.keys.get(key_id)
    if key is None:
        raise NotFound(f"there is no key {key_id}")
    return key


async def _row(office: Office, key: Key) -> dict[str, Any]:
    return shapes.key(key, await office.ledger.books.account(key.team, key.id), time.time())


def _print_secret(secret: str) -> None:
    out.print(f"{secret}\n", highlight=False, soft_wrap=True)


def _old(secret: Mapping[str, Any]) -> str:
    return f"…{secret['hint']}"


async def _print_one(office: Office, key: Key, as_json: bool) -> None:
    row = await _row(office, key)
    if as_json:
        print_json(row)
    else:
        olds = [f"{_old(each)} until {moment(each['ends_at'])}" for each in row["old_secrets"]]
        print_facts({**row, "old_secrets": olds})


def _print(rows: list[dict[str, Any]]) -> None:
    fields = ("spent_usd", "held_usd", "budget_usd", "max_multiplier", "failover")
    cells = [
        [row["id"], row["team"], row["name"], f"…{row['hint']}", *(row[field] for field in fields), _state(row)]
        for row in rows
    ]
    print_table(_COLUMNS, cells, right=_FIGURES)


def _state(row: dict[str, Any]) -> str:
    if row["revoked_at"] is not None:
        return "revoked"
    return "expired" if row["expires_at"] is not None and row["expires_at"] < time.time() else "live"
