"""Results in a real store: who finds them, for how long, what makes way for what, and what a crash leaves."""

import asyncio
import os
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import aclosing, closing
from pathlib import Path

import pytest

from gateway.vault.errors import NoSuchResult
from gateway.vault.folder import Folder
from gateway.vault.records import MIB, Label, NotKept, Rank, Result, ResultCaps
from gateway.vault.results import Results
from gateway.vault.spools import Spools
from gateway.vault.tape import PIECE_BYTES, Tape
from tests.ledger.test_journal import full_disk
from tests.vault.tapes import FULL, PLENTY, bytes_of, chunk_of, filled

NOW = time.time()  # a store has a clock of its own
CAPS = ResultCaps(all_bytes=10 * MIB, team_bytes=6 * MIB)
SECRET = b"a secret"
GIVEN, WANTED, KEYED = Rank.GIVEN, Rank.WANTED, Rank.KEYED
LONG_AGO_S = 3600.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "results"


@pytest.fixture
def spools(tmp_path: Path) -> Iterator[Spools]:
    with closing(Spools(tmp_path / "spools", PLENTY)) as made:
        yield made


@pytest.fixture
def results(folder: Path) -> Results:
    return opened(folder)


def opened(folder: Path, secret: bytes = SECRET) -> Results:
    return Results(Folder(folder), secret, CAPS)


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


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def grow_old(folder: Path, by_s: float = LONG_AGO_S) -> None:
    for path in files(folder):
        os.utime(path, (NOW - by_s, NOW - by_s))


async def test_what_is_kept_is_found_with_all_that_was_told_of_it(results: Results, spools: Spools) -> None:
    replies = [[FULL, FULL, b"more"], [b"small"], []]
    result = await kept(results, spools, label(), *replies)
    assert result == Result(
        team="acme",
        call_id="call-1",
        key_id="key-1",
        rank=WANTED,
        facts=label().facts,
        sizes=(2 * len(FULL) + 4, 5, 0),
        made_at=NOW,
        expires_at=NOW + CAPS.wanted_s,
    )
    assert [await reply_of(results, result, number) for number in range(3)] == [b"".join(each) for each in replies]


async def test_it_is_read_in_pieces(results: Results, spools: Spools) -> None:
    result = await kept(results, spools, label(), [FULL, FULL, b"more"])
    sizes = [len(piece) async for piece in results.read(result, 0)]
    assert sizes == [PIECE_BYTES, PIECE_BYTES, 2 * len(FULL) + 4 - 2 * PIECE_BYTES]


@pytest.mark.parametrize(
    ("begin", "end"), [(0, 0), (0, 1), (1, None), (MIB - 1, MIB + 1), (7, PIECE_BYTES + 9), (2 * MIB, 99 * MIB), (5, 3)]
)
async def test_a_part_of_it_is_read(results: Results, spools: Spools, begin: int, end: int | None) -> None:
    whole = chunk_of(2 * MIB) + b"more"
    result = await kept(results, spools, label(), [whole])
    assert b"".join([piece async for piece in results.read(result, 0, begin, end)]) == whole[begin:end]


async def test_another_teams_result_is_as_absent_as_none(results: Results, spools: Spools) -> None:
    await kept(results, spools, label(team="acme"))
    assert await results.find("other", "call-1", NOW) is None
    assert await results.find("acme", "call-2", NOW) is None
    assert await results.find("acme", "", NOW) is None
    with pytest.raises(ValueError, match="not a team's id"):
        await results.find("../acme", "call-1", NOW)


async def test_two_teams_may_have_a_call_of_one_id(results: Results, spools: Spools) -> None:
    ours = await kept(results, spools, label(team="acme"), [b"ours"])
    theirs = await kept(results, spools, label(team="other"), [b"theirs"])
    assert [await reply_of(results, ours), await reply_of(results, theirs)] == [b"ours", b"theirs"]


async def test_names_tell_nothing_and_files_are_their_owners_alone(
    results: Results, spools: Spools, folder: Path
) -> None:
    await kept(results, spools, label(), [FULL], [b"small"])
    names = {path.name.partition(".")[0] for path in files(folder)}
    assert len(names) == 1
    assert len(names.pop()) == 64
    assert not any("call-1" in str(path.relative_to(folder)) for path in files(folder))
    assert [stat.S_IMODE(path.stat().st_mode) for path in files(folder)] == [0o600] * 3
    assert stat.S_IMODE((folder / "acme").stat().st_mode) == 0o700
    await kept(opened(folder, b"another"), spools, label())
    assert len(files(folder)) == 5, "with another secret it has another name"


@pytest.mark.parametrize(("rank", "lasts_s"), [(GIVEN, 900.0), (WANTED, 900.0), (KEYED, 86400.0)])
async def test_each_rank_lasts_as_long_as_it_should(
    results: Results, spools: Spools, folder: Path, rank: Rank, lasts_s: float
) -> None:
    await kept(results, spools, label(rank=rank), [FULL])
    assert await results.find("acme", "call-1", NOW + lasts_s - 0.1)
    assert await results.find("acme", "call-1", NOW + lasts_s) is None
    assert await results.sweep(NOW + lasts_s - 0.1) == 0
    assert await results.sweep(NOW + lasts_s) == 1
    assert (files(folder), results.used_bytes) == ([], 0)


async def test_a_result_that_was_delivered_lasts_from_then_on(results: Results, spools: Spools) -> None:
    result = await kept(results, spools, label(rank=WANTED), [FULL])
    later = NOW + 600
    given = await results.rerank(result, GIVEN, later)
    assert given is not None
    assert (given.rank, given.made_at, given.expires_at) == (GIVEN, NOW, later + 900)
    assert await results.find("acme", "call-1", later) == given
    assert await reply_of(results, given) == FULL
    await results.delete(given)
    assert await results.rerank(given, GIVEN, later) is None
    assert await results.find("acme", "call-1", later) is None


async def test_what_is_deleted_is_nowhere(results: Results, spools: Spools, folder: Path) -> None:
    result = await kept(results, spools, label(), [FULL], [b"small"])
    await results.delete(result)
    await results.delete(result)
    assert (files(folder), results.used_bytes) == ([], 0)
    with pytest.raises(NoSuchResult):
        await reply_of(results, result)


async def test_who_is_reading_what_is_deleted_gets_all_of_it(results: Results, spools: Spools) -> None:
    result = await kept(results, spools, label(), [FULL, FULL])
    async with aclosing(results.read(result, 0)) as pieces:
        first = await anext(pieces)
        await results.delete(result)
        assert first + b"".join([piece async for piece in pieces]) == FULL + FULL


async def test_who_reads_the_tape_goes_on_when_it_is_kept(results: Results, spools: Spools) -> None:
    (tape,) = await taped(spools, [FULL, FULL, b"more"])
    reader = tape.read()
    first = await anext(reader)
    assert await results.keep(label(), [tape], NOW) is None
    assert spools.used_bytes == 0
    assert first + await bytes_of(reader) == FULL + FULL + b"more"
    tape.drop()
    assert await there(results, "call-1") == ["call-1"]


async def test_what_was_given_makes_way_for_what_is_wanted(results: Results, spools: Spools) -> None:
    await kept(results, spools, label("old", rank=GIVEN), [FULL, FULL], now=NOW - 20)
    await kept(results, spools, label("new", rank=GIVEN), [FULL, FULL], now=NOW - 10)
    await kept(results, spools, label("wanted"), [FULL, FULL], now=NOW - 30)
    assert await keep(results, spools, label("next"), [FULL, FULL]) is None
    assert await there(results, "old", "new", "wanted", "next") == ["new", "wanted", "next"]
    assert results.used_bytes == 6 * MIB


async def test_what_finds_no_room_is_not_kept_and_that_is_told(results: Results, spools: Spools, folder: Path) -> None:
    await kept(results, spools, label("wanted"), [FULL] * 5)
    before = files(folder)
    assert await keep(results, spools, label("next"), [FULL, FULL]) is NotKept.FULL
    assert await there(results, "wanted", "next") == ["wanted"]
    assert files(folder) == before
    assert spools.used_bytes == 0


async def test_a_tape_that_is_not_whole_is_not_kept(results: Results, tmp_path: Path, folder: Path) -> None:
    with closing(Spools(tmp_path / "none", 0)) as no_room:
        assert await keep(results, no_room, label(), [b"small"], [FULL]) is NotKept.LOST
    assert (files(folder), results.used_bytes) == ([], 0)


async def test_a_full_disk_keeps_nothing_and_forgets_nothing(results: Results, spools: Spools, folder: Path) -> None:
    await kept(results, spools, label("before"))
    used, before = results.used_bytes, files(folder)
    with full_disk(1000):
        why = await keep(results, spools, label(), [b"small"], [chunk_of(2000)])
    assert why is NotKept.FAILED
    assert (files(folder), results.used_bytes) == (before, used)


async def test_a_restart_finds_everything_and_counts_it(results: Results, spools: Spools, folder: Path) -> None:
    result = await kept(results, spools, label(), [FULL], [b"small"])
    again = opened(folder)
    assert await again.find("acme", "call-1", NOW) == result
    assert await again.sweep(NOW) == 0
    assert again.used_bytes == results.used_bytes == MIB + 5
    assert [await reply_of(again, result, number) for number in range(2)] == [FULL, b"small"]


async def test_replicas_share_what_is_kept_and_learn_of_it_when_they_sweep(
    results: Results, spools: Spools, folder: Path
) -> None:
    other = opened(folder)
    await kept(other, spools, label("theirs", rank=WANTED), [FULL] * 4)
    assert await there(results, "theirs") == ["theirs"]
    assert results.used_bytes == 0
    await results.sweep(NOW)
    assert results.used_bytes == 4 * MIB
    assert await keep(results, spools, label("ours"), [FULL] * 3) is NotKept.FULL
    result = await other.find("acme", "theirs", NOW)
    assert result is not None
    await other.rerank(result, GIVEN, NOW)
    await results.sweep(NOW)
    assert await keep(results, spools, label("ours"), [FULL] * 3) is None
    assert await there(other, "theirs", "ours") == ["ours"]
    await other.sweep(NOW)
    assert other.used_bytes == 3 * MIB


@pytest.mark.parametrize("lost", [".json", ".1"])
async def test_half_of_a_result_is_swept_when_nobody_can_be_writing_it(
    results: Results, spools: Spools, folder: Path, lost: str
) -> None:
    await kept(results, spools, label("half"), [b"one"], [b"two"])
    (half,) = [path for path in files(folder) if path.name.endswith(lost)]
    half.unlink()
    await kept(results, spools, label("whole"), [b"one"], [b"two"])
    assert await results.sweep(NOW) == 0
    assert len(files(folder)) == 5
    grow_old(folder)
    assert await opened(folder).sweep(NOW) == 1
    assert len(files(folder)) == 3
    assert await there(results, "half", "whole") == ["whole"]


@pytest.mark.parametrize("left", [b"", b"{}", b'{"team": "acme', b'{"rank": "old", "sizes": []}'])
async def test_a_record_that_a_crash_of_the_machine_has_spoiled_is_as_absent(
    results: Results, spools: Spools, folder: Path, left: bytes
) -> None:
    await kept(results, spools, label(), [b"one"])
    (record,) = [path for path in files(folder) if path.suffix == ".json"]
    record.write_bytes(left)
    assert await results.find("acme", "call-1", NOW) is None
    grow_old(folder)
    assert await opened(folder).sweep(NOW) == 1
    assert files(folder) == []


async def test_bytes_that_a_crash_of_the_machine_has_cut_are_not_taken_for_all(
    results: Results, spools: Spools, folder: Path
) -> None:
    result = await kept(results, spools, label(), [FULL])
    (reply,) = [path for path in files(folder) if path.suffix == ".0"]
    with reply.open("r+b") as whole:
        whole.truncate(1000)
    with pytest.raises(NoSuchResult):
        await reply_of(results, result)


async def test_a_record_of_a_later_release_is_read(results: Results, spools: Spools, folder: Path) -> None:
    result = await kept(results, spools, label())
    (record,) = [path for path in files(folder) if path.suffix == ".json"]
    record.write_bytes(record.read_bytes().replace(b"{", b'{"later":[1],', 1))
    assert await results.find("acme", "call-1", NOW) == result


async def test_many_at_once_stay_within_the_caps(results: Results, spools: Spools, folder: Path) -> None:
    whys = await asyncio.gather(
        *(keep(results, spools, label(f"call-{number}"), [FULL, chunk_of(1000, number)]) for number in range(12))
    )
    assert sorted(map(str, whys)) == ["None"] * 5 + ["full"] * 7
    found = await there(results, *(f"call-{number}" for number in range(12)))
    assert len(found) == 5
    assert results.used_bytes == sum(path.stat().st_size for path in files(folder) if path.suffix == ".0")
