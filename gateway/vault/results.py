"""Finished answers, kept for whoever comes back for them: found by their team and the id of their call.

In the store a result is its replies, NAME.0, NAME.1 and so on, and then its record, NAME.json: it is there
when its record is. NAME is made of the team and the call with a secret, so that nobody can guess one, and
what is another team's cannot be told from what is not there.

Several processes may share a store. Each counts what it keeps itself, and learns of the rest when it
sweeps; between sweeps they may keep more than the caps together.
"""

import hmac
import re
from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, suppress

from gateway.vault.disk import SAFE
from gateway.vault.errors import NoSuchResult
from gateway.vault.pace import Pace
from gateway.vault.records import MIB, Label, NotKept, Rank, Result, ResultCaps
from gateway.vault.room import Entry, NoRoom, Room
from gateway.vault.store import Store, Thing
from gateway.vault.tape import Tape, TapeLost

_RECORD = ".json"

# Whatever else is in the store is somebody else's, and stays.
_OURS = re.compile(r"[a-z0-9-]+/(?:[0-9a-f]{64}\.(?:json|[0-9]+)|[0-9a-f]{16}\.tmp)")

# What has no record by then is of nobody who is just writing it.
_ORPHAN_S = 600.0


# A result that its caller has is kept as far as the disk has time for it: others need it more.
_GIVEN_A_SECOND = 16
_GIVEN_BYTES_A_SECOND = 32 * MIB
_GIVEN_BURST_S = 4.0


class Results:
    """`sweep` is due before the first result is kept, and every minute or so. The store's failures are `OSError`.

    `writers` is how many share the disk's time with equal parts."""

    def __init__(self, store: Store, secret: bytes, caps: ResultCaps, *, writers: int = 1) -> None:
        self._store = store
        self._secret = secret
        self._caps = caps
        self._room = Room(caps)
        self._pace = Pace(_GIVEN_A_SECOND / writers, _GIVEN_BYTES_A_SECOND / writers, _GIVEN_BURST_S)
        self._read: dict[str, tuple[str, Entry]] = {}  # by name: the record's version, and what it said

    @property
    def used_bytes(self) -> int:
        """As far as this process knows."""
        return self._room.used_bytes

    def has_time(self, tapes: Sequence[Tape], now: float) -> bool:
        """Whether one that was delivered may be kept now; then it counts as if it were."""
        return self._pace.admits(sum(tape.size for tape in tapes), now)

    async def keep(self, label: Label, tapes: Sequence[Tape], now: float) -> NotKept | None:
        """Keeps closed tapes, one for each reply; says why where it does not. Whoever reads them goes on."""
        if not all(tape.whole for tape in tapes):
            return NotKept.LOST
        result = self._result(label, tapes, now)
        name = self._name(label.team, label.call_id)
        try:
            with self._room.make(Entry.of(name, result), now) as going:
                await self._write(name, result, tapes, going)
        except NoRoom:
            return NotKept.FULL
        except (TapeLost, OSError) as failure:
            with suppress(OSError):  # then it is swept
                await self._store.remove(_names(name, len(tapes)))
            return NotKept.LOST if isinstance(failure, TapeLost) else NotKept.FAILED
        return None

    async def find(self, team: str, call_id: str, now: float) -> Result | None:
        """The team's result of this call."""
        result = _loaded(await self._store.find(self._name(team, call_id) + _RECORD))
        return result if result is not None and result.live(now) else None

    async def read(self, result: Result, number: int, begin: int = 0, end: int | None = None) -> AsyncGenerator[bytes]:
        """The bytes of one reply, from `begin` to before `end`; raises `NoSuchResult` where they are just gone."""
        name = self._name(result.team, result.call_id)
        size = result.sizes[number]
        end = size if end is None else min(end, size)
        if begin >= end:
            return
        async with aclosing(self._store.read(f"{name}.{number}", begin, end)) as pieces:
            async for piece in pieces:
                begin += len(piece)
                yield piece
        if begin < end:
            raise NoSuchResult("This result is not kept any more.")

    async def rerank(self, result: Result, rank: Rank, now: float) -> Result | None:
        """Keeps it for another reason, and as long from now on as for that one; None if it is gone."""
        name = self._name(result.team, result.call_id)
        if await self._store.find(name + _RECORD) is None:
            return None
        changed = result.at(rank, now + self._caps.lasts_s(rank))
        await self._store.write(name + _RECORD, changed.dumped())
        self._room.change(Entry.of(name, changed))
        return changed

    async def delete(self, result: Result) -> None:
        """Whoever is reading it may go on."""
        name = self._name(result.team, result.call_id)
        await self._store.remove(_names(name, len(result.sizes)))
        self._room.remove(name)

    async def sweep(self, now: float) -> int:
        """Removes what is expired and what a crash left behind; says of how many results that was.

        From here on what others keep in the store is counted too.
        """
        before = self._room.here
        things = _by_name(await self._store.listed())
        entries = await self._entries(things)
        due = {name for name in things if self._due(entries.get(name), things[name], now)}
        for name in due:
            ends = sorted(things[name], key=lambda end: end != _RECORD)
            await self._store.remove([name + end for end in ends])
        self._room.correct(before, {name: entry for name, entry in entries.items() if name not in due})
        return len(due)

    async def _entries(self, things: Mapping[str, Mapping[str, Thing]]) -> dict[str, Entry]:
        """What has a record, by name. One that has not changed since the last sweep is not read again."""
        entries: dict[str, tuple[str, Entry]] = {}
        for name, parts in things.items():
            if _RECORD not in parts:
                continue
            version = parts[_RECORD].version
            known = self._read.get(name)
            if known is None or known[0] != version:
                result = _loaded(await self._store.find(name + _RECORD))
                if result is None:
                    continue
                known = version, Entry.of(name, result)
            entries[name] = known
        self._read = entries
        return {name: entry for name, (_, entry) in entries.items()}

    def _due(self, entry: Entry | None, parts: Mapping[str, Thing], now: float) -> bool:
        """Whether it is expired, or nobody will make anything whole of it."""
        if entry is not None:
            return not entry.live(now)
        # A record that cannot be read here may be of somebody who can, and is good for a day at the most.
        lasts_s = self._caps.keyed_s if _RECORD in parts else _ORPHAN_S
        return all(now - thing.changed_at > lasts_s for thing in parts.values())

    async def _write(self, name: str, result: Result, tapes: Sequence[Tape], going: Sequence[Entry]) -> None:
        for entry in going:
            await self._store.remove(_names(entry.name, entry.replies))
        for number, tape in enumerate(tapes):
            await self._store.keep(f"{name}.{number}", tape)
        await self._store.write(name + _RECORD, result.dumped())

    def _result(self, label: Label, tapes: Sequence[Tape], now: float) -> Result:
        return Result(
            team=label.team,
            call_id=label.call_id,
            key_id=label.key_id,
            rank=label.rank,
            facts=label.facts,
            sizes=tuple(tape.size for tape in tapes),
            made_at=now,
            expires_at=now + self._caps.lasts_s(label.rank),
        )

    def _name(self, team: str, call_id: str) -> str:
        if not SAFE.fullmatch(team):
            raise ValueError(f"{team!r} is not a team's id")
        return f"{team}/{hmac.digest(self._secret, f'result|{team}|{call_id}'.encode(), 'sha256').hex()}"


def _names(name: str, replies: int) -> list[str]:
    """Of all that a result is, in the order in which it goes."""
    return [name + _RECORD, *(f"{name}.{number}" for number in range(replies))]


def _by_name(listed: Mapping[str, Thing]) -> dict[str, dict[str, Thing]]:
    """What there is of each result, by how its name ends."""
    found: dict[str, dict[str, Thing]] = defaultdict(dict)
    for whole_name, thing in listed.items():
        if _OURS.fullmatch(whole_name):
            name, dot, end = whole_name.rpartition(".")
            found[name][dot + end] = thing
    return found


def _loaded(text: bytes | None) -> Result | None:
    """None too for what a crash of the machine has left of a record."""
    try:
        return None if text is None else Result.loaded(text)
    except (ValueError, KeyError, TypeError):
        return None
