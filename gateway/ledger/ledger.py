"""Everything that is kept in one store, by what it is kept for: opened once, handed to whoever needs a part of it."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.core.allowance import Caps, Purpose
from gateway.ledger.allowances import Allowances
from gateway.ledger.budget import Books
from gateway.ledger.drills import Drills
from gateway.ledger.errors import StoreError
from gateway.ledger.keys import Keys, pepper
from gateway.ledger.move import refuse_unfinished
from gateway.ledger.served import ServedCounts
from gateway.ledger.store import Store


@dataclass(frozen=True, slots=True)
class Ledger:
    store: Store
    keys: Keys
    books: Books
    allowances: Allowances
    drills: Drills
    served: ServedCounts


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
        keys, books = Keys(store, pepper(data_dir, secret)), Books(store, time.time)
        yield Ledger(store, keys, books, Allowances(store, caps), Drills(store, keys), ServedCounts(store))
