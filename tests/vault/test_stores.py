"""What every kind of store does, whatever is kept in it."""

import pytest

from gateway.vault.store import Store
from tests.vault.tapes import FULL

NAME = "acme/name"


@pytest.mark.parametrize(("begin", "end"), [(0, 4), (1, 3), (0, 9), (3, 2**30), (4, 5), (99, 100), (0, 0)])
async def test_what_is_read_is_what_is_there(store: Store, begin: int, end: int) -> None:
    await store.write(NAME, b"text")
    assert b"".join([piece async for piece in store.read(NAME, begin, end)]) == b"text"[begin:end]


async def test_what_is_written_anew_is_whole_and_has_another_version(store: Store) -> None:
    await store.write(NAME, FULL)
    before = (await store.listed())[NAME]
    await store.write(NAME, b"text")
    after = (await store.listed())[NAME]
    assert before.version != after.version
    assert await store.find(NAME) == b"text"


async def test_what_is_not_there_is_not_found_and_removing_it_is_nothing(store: Store) -> None:
    assert await store.find(NAME) is None
    assert [piece async for piece in store.read(NAME, 0, 9)] == []
    await store.write(NAME, b"text")
    await store.remove([NAME, "acme/other"])
    await store.remove([NAME])
    await store.remove([])
    assert await store.find(NAME) is None
    assert await store.listed() == {}
