"""Everything that is kept in one store, by what it is kept for: opened once, handed to whoever needs a part of it."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self
from uuid import uuid4

from gateway.core.allowance import Caps, Purpose
from gateway.core.trail import GATEWAY, Actor
from gateway.ledger.allowances import Allowances
from gateway.ledger.budget import Books
from gateway.ledger.claims import Claims
from gateway.ledger.drills import Drills
from gateway.ledger.errors import StoreError
from gateway.ledger.keys import Keys, pepper
from gateway.ledger.move import refuse_unfinished
from gateway.ledger.served import ServedCounts
from gateway.ledger.store import Store
from gateway.ledger.trail import Trail


@dataclass(frozen=True, slots=True)
class Ledger:
    store: Store
    keys: Keys
    books: Books
    allowances: Allowances
    drills: Drills
    served: ServedCounts
    trail: Trail
    claims: Claims
    actor: Actor = GATEWAY

    def by(self, actor: Actor) -> Self:
        """The same ledger, for what somebody does in it: the trail says who."""
        keys = self.keys.by(actor)
        return replace(self, keys=keys, drills=Drills(self.store, keys, actor), actor=actor)


@asynccontextmanager
async def open_ledger(
    address: str, data_dir: Path, secret: str | None, caps: Mapping[Purpose, Caps], *, may_forget: bool = False
) -> AsyncIterator[Ledger]:
    """The ledger in the store at this address, or in an embedded one whose files are in `data_dir`.

    `secret` is what keys are hashed with, None: what `data_dir` has; `caps` are those of all calls together. A store
    that keeps nothing on disk is refused unless it `may_forget`.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240  once, before anything is served
    except OSError as error:
        raise StoreError(f"data_dir: {data_dir} cannot be made: {error.strerror}") from error
    async with Store.open(address, data_dir, may_forget=may_forget) as store:
        await refuse_unfinished(store)
        hashed_with = pepper(data_dir, secret)
        keys, books = Keys(store, hashed_with), Books(store, time.time)
        claims = Claims(store, uuid4().hex, hashed_with)
        drills, served, trail = Drills(store, keys), ServedCounts(store), Trail(store)
        yield Ledger(store, keys, books, Allowances(store, caps), drills, served, trail, claims)
