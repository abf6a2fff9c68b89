"""What commands for teams, keys, drills and usage have in common: the books of a configuration, how options are named.

They work on the store directly, whether a gateway runs or not.
"""

import os
import pwd
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop

from gateway.cli.options import settings_of
from gateway.core.errors import BadRequest
from gateway.core.keys import Key
from gateway.core.metadata import Metadata, changed, read
from gateway.core.terms import AccountTerms, Offer
from gateway.core.trail import Actor, Door
from gateway.ledger.ledger import Ledger
from gateway.ledgers import ledger_of


def usd(says: str) -> Any:
    return Annotated[str | None, typer.Option(metavar="USD", help=says, show_default=False)]


def _number(says: str) -> Any:
    return Annotated[str | None, typer.Option(metavar="N", help=says, show_default=False)]


# What keys and teams have in common, by the names of their terms or as `_OPTIONS` has it.
ACCOUNT: Mapping[str, Any] = {
    "budget_usd": usd("Most it may spend; 'none': no limit."),
    "budget_day_usd": usd("The same in a day of the team's time zone."),
    "budget_month_usd": usd("The same in a calendar month."),
    "soft_budget": Annotated[
        bool | None,
        typer.Option(
            "--soft-budget/--hard-budget",
            help="Whether a budget that is spent refuses nothing, and somebody is told, or calls are refused.",
            show_default="hard",
        ),
    ],
    "alert_percent": Annotated[
        list[int] | None,
        typer.Option(
            metavar="N", help="At which shares of a budget somebody is told; several times.", show_default="80 and 100"
        ),
    ],
    "requests_per_minute": _number("Requests a minute; 'none': no limit."),
    "pictures_per_minute": _number("Pictures a minute; likewise."),
    "concurrency": _number("Calls at a time; a request for n pictures is n of them; likewise."),
    "metadata": Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="A note for yourself; several times. NAME= removes one, 'none' all.",
            show_default=False,
        ),
    ],
}

# The options by the names that the terms of a key have elsewhere.
_OPTIONS = {
    "models": "--model",
    "groups": "--group",
    "expires_in_s": "--expires-in-days",
    "alert_percents": "--alert-percent",
    "soft_budget": "--soft-budget",
    "overlap_s": "--overlap",
}
_FIELDS = {option.removeprefix("--").replace("-", "_"): field for field, option in _OPTIONS.items()}


@dataclass(frozen=True, slots=True)
class Office:
    ledger: Ledger
    offer: Offer


def run(config: Path | None, work: Callable[[Office], Coroutine[Any, Any, None]]) -> None:
    """Does the work with the books of the configuration open."""

    async def opened() -> None:
        async with _office(config) as office:
            await work(office)

    uvloop.run(opened())


@asynccontextmanager
async def _office(config: Path | None) -> AsyncIterator[Office]:
    settings = settings_of(config)
    async with ledger_of(settings) as ledger:
        yield Office(ledger.by(whoever()), Offer(settings.catalog, settings.groups))


async def key_of(office: Office, key_id: str) -> Key:
    """The key that --key names; raises `BadRequest`."""
    key = await office.ledger.keys.get(key_id)
    if key is None:
        raise BadRequest(f"--key: there is no key {key_id}")
    return key


def whoever() -> Actor:
    """Who runs this command, as the system knows: its user and its host."""
    user = os.getuid()
    try:
        name = pwd.getpwuid(user).pw_name
    except KeyError:  # in a container, say
        name = f"uid {user}"
    return Actor(f"{name}@{socket.gethostname()}", Door.CLI)


def taking(options: Mapping[str, Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command these options besides its own, before `config`; it is handed what they say as its first argument.

    An option that was not given says None.
    """

    def dressed(command: Callable[..., None]) -> Callable[..., None]:
        _, *own = signature(command).parameters.values()
        place = next(at for at, each in enumerate(own) if each.name == "config")
        more = [Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=options[name]) for name in options]
        parameters = [each.replace(kind=Parameter.KEYWORD_ONLY) for each in (*own[:place], *more, *own[place:])]

        def taken(**said: Any) -> None:
            command({name: said.pop(name) for name in options}, **said)

        taken.__name__, taken.__doc__ = command.__name__, command.__doc__
        taken.__annotations__ = {each.name: each.annotation for each in parameters}
        taken.__signature__ = Signature(parameters)  # type: ignore[attr-defined]  # where Typer looks
        return taken

    return dressed


def given(terms: type[AccountTerms], options: Mapping[str, Any]) -> dict[str, Any]:
    """What options say of the fields of these terms, of those that were given; None where one says "none"."""
    fields = {each.name for each in dataclass_fields(terms)}
    said = {_FIELDS.get(name, name): value for name, value in options.items() if value not in (None, [], ())}
    return {field: None if value == "none" else value for field, value in said.items() if field in fields}


def metadata_of(old: Metadata, options: Mapping[str, Any]) -> Metadata:
    """The metadata with what options say of it."""
    with by_option():
        return changed(old, read(options["metadata"] or ()))


@contextmanager
def by_option() -> Iterator[None]:
    """Names the option in a refusal that names the field."""
    try:
        yield
    except BadRequest as error:
        if error.param is None:
            raise
        option = _OPTIONS.get(error.param, "--" + error.param.replace("_", "-"))
        raise BadRequest(f"{option}: {error.message}") from None
