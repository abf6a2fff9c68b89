"""What a key has spent, put right by hand: a refund, or what was forgotten."""

import re
from dataclasses import dataclass
from uuid import uuid4

from gateway.core.errors import BadRequest, NotFound
from gateway.core.keys import Key
from gateway.core.money import signed_nanos_of, usd_of
from gateway.core.trail import Action, Actor
from gateway.ledger import layout
from gateway.ledger.budget import Books
from gateway.ledger.reports import adjustment_line

_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,64}")

LONGEST_WHY = 200


@dataclass(frozen=True, slots=True)
class Adjustments:
    """In the books, by whoever acts: the trail says so."""

    books: Books
    actor: Actor

    async def make(self, key: Key, usd: str, why: str, *, name: str | None = None) -> tuple[str, int]:
        """Adds to what the key and its team have spent, or takes from it if `usd` is negative.

        It counts today, and is made once under a `name` of the team, within 35 days: asked again it gives what was made
        first. Its name and nano-dollars. Raises `BadRequest`, `NotFound` and `BooksAway`.
        """
        nanos, name = _amount(usd), _named(name)
        if not 0 < len(why.strip()) <= LONGEST_WHY:
            raise BadRequest(f"say why in 1 to {LONGEST_WHY} characters", param="why")
        team = key.team
        keys = [layout.account(team), layout.key(team, key.id), layout.adjusted(team, name), layout.ledger(team)]
        keys += [layout.use_stem(team), layout.trail(team)]
        amount = ["-" if nanos < 0 else "", str(abs(nanos))]
        since = await self.books.since(team)
        words = [*self.actor.words(Action.KEY_ADJUSTED, key.id), key.id, name, *amount, why.strip(), since]
        state, *rest = await self.books.store.call("adjust", keys, [*words, adjustment_line(key.id)])
        if state == "unknown":
            raise NotFound(f"there is no key {key.id}", param="id")
        if state == "below":
            raise BadRequest(
                f"the key has spent {usd_of(int(rest[0]))} USD; no more can be taken from that", param="usd"
            )
        if state == "adjusted":
            self.actor.tell(Action.KEY_ADJUSTED, key.id)
        return name, int(rest[0])


def _amount(usd: str) -> int:
    try:
        nanos = signed_nanos_of(usd)
    except ValueError as error:
        raise BadRequest(str(error), param="usd") from None
    if not nanos:
        raise BadRequest("is nothing; give an amount like -0.50", param="usd")
    return nanos


def _named(name: str | None) -> str:
    if name is None:
        return f"adj_{uuid4().hex}"
    if not _NAME.fullmatch(name):
        raise BadRequest("a name is 1 to 64 letters, digits, dashes, dots, colons and underscores", param="name")
    return name
