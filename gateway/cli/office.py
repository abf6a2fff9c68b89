"""What commands for teams, keys, drills and usage have in common: the books of a configuration, how options are named.

They work on the store directly, whether a gateway runs or not.
"""

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop

from gateway import app as house
from gateway.cli.options import settings_of
from gateway.core.errors import BadRequest
from gateway.core.terms import Offer
from gateway.ledger.ledger import Ledger

BudgetUsd = Annotated[
    str | None, typer.Option(metavar="USD", help="Most it may spend; 'none': no limit.", show_default=False)
]

# The options by the names that the terms of a key have elsewhere.
_OPTIONS = {"models": "--model", "groups": "--group", "expires_in_s": "--expires-in-days"}


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
    async with house.ledger_of(settings) as ledger:
        yield Office(ledger, Offer(settings.catalog, settings.groups))


def no_limit(text: str | None) -> str | None:
    """None where an option says "none"."""
    return None if text == "none" else text


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
