"""Answers that were asked for before, as the store knows of them: who comes back for one gets it, once.

A claim is made where money is set aside, in the same function: see `Books.admit`. Here is how it is told there,
and what is told and asked afterwards. All of it may be lost: then somebody pays for an answer of his own.
"""

import hmac
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from gateway.core.claims import Claim, Standing, Stands
from gateway.core.errors import BooksAway
from gateway.core.keys import Key
from gateway.ledger import layout
from gateway.ledger.frames import Write
from gateway.ledger.store import Store

# So often a process says that it is there; one that did not for four times as long is there no more.
LIVE_S = 5.0


@dataclass(frozen=True, slots=True)
class Bid:
    """A claim of one request: made for the call of this id, by this process.

    `anew` is the call whose answer it does without, because there is none to be had.
    """

    claim: Claim
    key: Key
    call_id: str
    owner: str
    anew: str = ""

    @property
    def place(self) -> str:
        if self.claim.once is not None:
            return layout.once(self.key.team, self.key.id, self.claim.once)
        return layout.asked(self.key.team, self.key.id, self.claim.asked)

    @property
    def kind(self) -> str:
        return "asked" if self.claim.once is None else "once"

    @property
    def text(self) -> str:
        """As `reserve` takes it."""
        claim = self.claim
        if claim.once is not None:
            return f"once {self.call_id} {self.owner} {claim.asked} {self.anew or '-'}"
        return f"asked {self.call_id} {self.owner} {_ms(claim.left_s)} {_ms(claim.given_s)} {_mark(claim)}"


class Claims:
    """`owner` names this process, for whoever waits for what it has drawn.

    What is in the store of a request tells nobody what was in it: it is hashed with `secret`, and for its key alone.
    """

    def __init__(self, store: Store, owner: str, secret: bytes) -> None:
        self._store = store
        self._secret = secret
        self.owner = owner

    def name(self, key: Key, what: str, text: str) -> str:
        """What a text of this kind, a fingerprint or an Idempotency-Key, is called for a key."""
        said = "\0".join((what, key.team, key.id, text))
        return hmac.digest(self._secret, said.encode(), "sha256").hex()[:32]

    def bid(self, claim: Claim, key: Key, call_id: str) -> Bid:
        return Bid(claim, key, call_id, self.owner)

    async def live(self) -> None:
        """This process is there; to be said every `LIVE_S` seconds."""
        with suppress(BooksAway):  # others tell of that
            await self._store.keep({layout.drawing(self.owner): "1"}, for_s=4 * LIVE_S)

    async def lives(self, owner: str) -> bool:
        return owner == self.owner or await self._store.there([layout.drawing(owner)])

    async def note(self, bid: Bid, call_id: str, stands: Stands, delivered: Iterable[str] = ()) -> None:
        """How the call stands whose answer somebody may claim as `bid` would; raises `BooksAway`.

        `delivered` are the calls of its pictures, if somebody has all of them now: they were not paid in vain.
        """
        team = bid.key.team
        calls = [layout.call(team, each) for each in delivered]
        keys = [bid.place, *calls, layout.use_stem(team)] if calls else [bid.place]
        await self._store.call("stands", keys, [bid.kind, call_id, stands, bid.owner, _mark(bid.claim)])

    async def standing(self, bid: Bid, call_id: str, held_by: str) -> Standing:
        """How a call stands that was claimed, which is so for another minute; raises `BooksAway`.

        `held_by` is the hold of its first picture.
        """
        keys = [bid.place, layout.call(bid.key.team, held_by)]
        state, hold = await self._store.call("standing", keys, [bid.kind, call_id])
        return Standing(Stands(state) if state else None, ended=hold not in ("", "open"), settled=hold == "settled")


def unsent(bid: Bid) -> Write:
    """Nothing was sent for a request: whoever asks it again under its Idempotency-Key has it drawn."""
    return Write("stands", (bid.place,), (bid.kind, bid.call_id, Stands.NOTHING, bid.owner, _mark(bid.claim)))


def _ms(seconds: float) -> str:
    return str(round(seconds * 1000))


def _mark(claim: Claim) -> str:
    return "1" if claim.marks else "0"
