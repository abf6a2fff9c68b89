"""Results in every kind of store: who finds them, for how long, what makes way for what, and what a crash leaves."""

import asyncio
from contextlib import closing
from pathlib import Path

import pytest

from gateway.vault.errors import NoSuchResult
from gateway.vault.records import MIB, NotKept, Rank, Result
from gateway.vault.results import Results
from gateway.vault.spools import Spools
from gateway.vault.store import Store
from gateway.vault.tape import PIECE_BYTES
from tests.vault.kept import CAPS, GIVEN, KEYED, NOW, WANTED, keep, kept, label, names, opened, reply_of, taped, there
from tests.vault.tapes import FULL, bytes_of, chunk_of

# When nobody can read any more what was written now.
LATER = NOW + CAPS.keyed_s + 3600.0


@pytest.fixture
def results(store: Store) -> Results:
    return opened(store)


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
    assert 3 <= len(sizes) <= 5
    assert max(sizes) <= PIECE_BYTES


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


@pytest.mark.parametrize(("rank", "lasts_s"), [(GIVEN, 900.0), (WANTED, 900.0), (KEYED, 86400.0)])
async def test_each_rank_lasts_as_long_as_it_should(
    results: Results, spools: Spools, store: Store, rank: Rank, lasts_s: float
) -> None:
    await kept(results, spools, label(rank=rank), [FULL])
    assert await results.find("acme", "call-1", NOW + lasts_s - 0.1)
    assert await results.find("acme", "call-1", NOW + lasts_s) is None
    assert await results.sweep(NOW + lasts_s - 0.1) == 0
    assert await results.sweep(NOW + lasts_s) == 1
    assert (await names(store), results.used_bytes) == ([], 0)


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


async def test_what_is_deleted_is_nowhere(results: Results, spools: Spools, store: Store) -> None:
    result = await kept(results, spools, label(), [FULL], [b"small"])
    await results.delete(result)
    await results.delete(result)
    assert (await names(store), results.used_bytes) == ([], 0)
    with pytest.raises(NoSuchResult):
        await reply_of(results, result)


async def test_who_reads_the_tape_goes_on_when_it_is_kept(results: Results, spools: Spools) -> None:
    (tape,) = await taped(spools, [FULL, FULL, b"more"])
    reader = tape.read()
    first = await anext(reader)
    assert await results.keep(label(), [tape], NOW) is None
    assert first + await bytes_of(reader) == FULL + FULL + b"more"
    tape.drop()
    assert spools.used_bytes == 0
    assert await there(results, "call-1") == ["call-1"]


async def test_what_was_given_makes_way_for_what_is_wanted(results: Results, spools: Spools) -> None:
    await kept(results, spools, label("old", rank=GIVEN), [FULL, FULL], now=NOW - 20)
    await kept(results, spools, label("new", rank=GIVEN), [FULL, FULL], now=NOW - 10)
    await kept(results, spools, label("wanted"), [FULL, FULL], now=NOW - 30)
    assert await keep(results, spools, label("next"), [FULL, FULL]) is None
    assert await there(results, "old", "new", "wanted", "next") == ["new", "wanted", "next"]
    assert results.used_bytes == 6 * MIB


async def test_what_has_just_been_delivered_makes_way_at_once(results: Results, spools: Spools) -> None:
    result = await kept(results, spools, label("first"), [FULL] * 4)
    assert await keep(results, spools, label("next"), [FULL] * 3) is NotKept.FULL
    await results.rerank(result, GIVEN, NOW)
    assert await keep(results, spools, label("next"), [FULL] * 3) is None
    assert await there(results, "first", "next") == ["next"]


async def test_what_finds_no_room_is_not_kept_and_that_is_told(results: Results, spools: Spools, store: Store) -> None:
    await kept(results, spools, label("wanted"), [FULL] * 5)
    before = await names(store)
    assert await keep(results, spools, label("next"), [FULL, FULL]) is NotKept.FULL
    assert await there(results, "wanted", "next") == ["wanted"]
    assert await names(store) == before
    assert spools.used_bytes == 0


async def test_a_tape_that_is_not_whole_is_not_kept_and_pushes_nothing_out(
    results: Results, spools: Spools, store: Store, tmp_path: Path
) -> None:
    await kept(results, spools, label("before", rank=GIVEN), [FULL] * 5)
    before = await names(store)
    with closing(Spools(tmp_path / "none", 0, memory_bytes=0)) as no_room:
        assert await keep(results, no_room, label(), [b"small"], [FULL, FULL]) is NotKept.LOST
    assert (await names(store), results.used_bytes) == (before, 5 * MIB)


async def test_a_restart_finds_everything_and_counts_it(results: Results, spools: Spools, store: Store) -> None:
    result = await kept(results, spools, label(), [FULL], [b"small"])
    again = opened(store)
    assert await again.find("acme", "call-1", NOW) == result
    assert await again.sweep(NOW) == 0
    assert again.used_bytes == results.used_bytes == MIB + 5
    assert [await reply_of(again, result, number) for number in range(2)] == [FULL, b"small"]


async def test_replicas_share_what_is_kept_and_learn_of_it_when_they_sweep(
    results: Results, spools: Spools, store: Store
) -> None:
    other = opened(store)
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


async def test_many_at_once_stay_within_the_caps(results: Results, spools: Spools, store: Store) -> None:
    whys = await asyncio.gather(
        *(keep(results, spools, label(f"call-{number}"), [FULL, chunk_of(1000, number)]) for number in range(12))
    )
    assert sorted(map(str, whys)) == ["None"] * 5 + ["full"] * 7
    found = await there(results, *(f"call-{number}" for number in range(12)))
    assert len(found) == 5
    assert results.used_bytes == 5 * (MIB + 1000)


async def test_half_of_a_result_is_swept_when_nobody_can_be_writing_it(
    results: Results, spools: Spools, store: Store
) -> None:
    await kept(results, spools, label("half", rank=KEYED), [b"one"], [b"two"])
    await store.remove([name for name in await names(store) if name.endswith(".json")])
    await kept(results, spools, label("whole", rank=KEYED), [b"one"], [b"two"])
    assert await results.sweep(NOW) == 0
    assert len(await names(store)) == 5
    assert await opened(store).sweep(NOW + 3600) == 1
    assert len(await names(store)) == 3
    assert await there(results, "half", "whole") == ["whole"]


@pytest.mark.parametrize("left", [b"", b"{}", b'{"team": "acme', b'{"rank": "old", "sizes": []}'])
async def test_a_record_that_is_spoiled_is_as_absent(
    results: Results, spools: Spools, store: Store, left: bytes
) -> None:
    await kept(results, spools, label(rank=KEYED), [b"one"])
    await store.write((await names(store))[-1], left)
    assert await results.find("acme", "call-1", NOW) is None
    assert await opened(store).sweep(LATER) == 1
    assert await names(store) == []


async def test_a_record_of_a_later_release_is_read(results: Results, spools: Spools, store: Store) -> None:
    result = await kept(results, spools, label())
    record = (await names(store))[-1]
    text = await store.find(record)
    assert text is not None
    await store.write(record, text.replace(b"{", b'{"later":[1],', 1))
    assert await results.find("acme", "call-1", NOW) == result


async def test_what_somebody_else_has_in_the_store_stays(results: Results, store: Store) -> None:
    others = [f"acme/{'0' * 63}.json", "acme/picture.png", "acme/sub/" + "0" * 64 + ".0"]
    for name in others:
        await store.write(name, b"theirs")
    assert await results.sweep(LATER) == 0
    assert [await store.find(name) for name in others] == [b"theirs"] * 3
