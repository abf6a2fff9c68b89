"""Results for tests: what is told of them, and how they come and go."""

import time
from collections.abc import Sequence

from gateway.vault.records import MIB, Label, NotKept, Rank, Result, ResultCaps
from gateway.vault.results import Results
from gateway.vault.spools import Spools
from gateway.vault.store import Store
from gateway.vault.tape import Tape
from tests.vault.tapes import filled

NOW = time.time()  # a store has a clock of its own
CAPS = ResultCaps(all_bytes=10 * MIB, team_bytes=6 * MIB)
GIVEN, WANTED, KEYED = Rank.GIVEN, Rank.WANTED, Rank.KEYED


def opened(store: Store, secret: bytes = b"a secret") -> Results:
    return Results(store, secret, CAPS)


def label(call_id: str = "call-1", team: str = "acme", rank: Rank = WANTED) -> Label:
    return Label(team, call_id, "key-1", rank, {"status": 200, "headers": [["content-type", "application/json"]]})


async def taped(spools: Spools, *replies: Sequence[bytes]) -> list[Tape]:
    tapes = [await filled(spools, *chunks) for chunks in replies]
    for tape in tapes:
        tape.close()
    return tapes


async def keep(
    results: Results, spools: Spools, of: Label, *replies: Sequence[bytes], now: float = NOW
) -> NotKept | None:
    tapes = await taped(spools, *(replies or ([b"small"],)))
    why = await results.keep(of, tapes, now)
    for tape in tapes:
        tape.drop()
    return why


async def kept(results: Results, spools: Spools, of: Label, *replies: Sequence[bytes], now: float = NOW) -> Result:
    assert await keep(results, spools, of, *replies, now=now) is None
    result = await results.find(of.team, of.call_id, now)
    assert result is not None
    return result


async def reply_of(results: Results, result: Result, number: int = 0) -> bytes:
    return b"".join([piece async for piece in results.read(result, number)])


async def there(results: Results, *call_ids: str, now: float = NOW) -> list[str]:
    return [each for each in call_ids if await results.find("acme", each, now)]


async def names(store: Store) -> list[str]:
    return sorted(await store.listed())
