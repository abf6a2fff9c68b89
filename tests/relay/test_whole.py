"""Whole replies on real tapes: their pictures are read wherever the bytes are, and nobody holds them for that."""

import asyncio
import base64
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.core.errors import AnswerGone, GatewayError, UpstreamCut
from gateway.core.skim import Skimmer
from gateway.dialects.signatures import digest_of
from gateway.relay.whole import WholeReply
from gateway.vault.spools import Spools
from gateway.vault.tape import PIECE_BYTES, WINDOW_BYTES, Tape
from tests.dialects.test_places import part, picture, reply
from tests.vault.tapes import PLENTY

LARGE, SMALL = picture(3 * WINDOW_BYTES + 1), picture(100)
TEXTS = [base64.b64encode(each) for each in (SMALL, LARGE, LARGE[1:])]
BODY = json.dumps(
    reply({"text": "So."}, part(SMALL, thought=True), part(LARGE, thoughtSignature="c2ln"), part(LARGE[1:]))
).encode()

# Of memory and of the disk.
PLACES = {"in memory": (PLENTY, PLENTY), "on the disk": (0, PLENTY), "nowhere else": (0, 0)}


@pytest.fixture(params=PLACES)
def spools(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Spools]:
    memory_bytes, most_bytes = PLACES[request.param]
    with closing(Spools(tmp_path / "spools", most_bytes, memory_bytes=memory_bytes)) as made:
        yield made


async def whole(spools: Spools, body: bytes = BODY, step: int = 100_000) -> tuple[WholeReply, Tape]:
    tape, skimmer = Tape(spools), Skimmer()
    tape.widen()
    seat = tape.read()
    for at in range(0, len(body), step):
        skimmer.feed(body[at : at + step])
        await tape.put(body[at : at + step])
    tape.close()
    return WholeReply(tape, seat, skimmer.skeleton), tape


async def read(found: WholeReply, number: int) -> bytes:
    return b"".join([piece async for piece in found.base64(number)])


async def test_every_picture_is_read_as_often_as_it_is_wanted(spools: Spools) -> None:
    found, _ = await whole(spools)
    for number in (2, 0, 1, 2):
        assert await read(found, number) == TEXTS[number]
        assert await found.size(number) == len(TEXTS[number])
    together = await asyncio.gather(*(read(found, number) for number in (1, 2, 1)))
    assert together == [TEXTS[1], TEXTS[2], TEXTS[1]]


async def test_it_comes_in_pieces_and_never_whole(spools: Spools) -> None:
    found, _ = await whole(spools)
    assert max([len(piece) async for piece in found.base64(1)]) <= PIECE_BYTES


async def test_what_was_signed_is_known_by_what_it_is_known_by_when_it_comes_back(spools: Spools) -> None:
    found, _ = await whole(spools)
    assert await found.signatures() == {digest_of(part(LARGE)): "c2ln"}


async def test_when_it_is_dropped_its_pictures_are_gone(spools: Spools) -> None:
    found, tape = await whole(spools)
    size = await found.size(1)
    tape.drop()
    with pytest.raises(AnswerGone):
        await read(found, 1)
    assert await found.size(1) == size
    with pytest.raises(AnswerGone):
        await found.size(2)


@pytest.mark.parametrize("body", [b"{}", BODY[:-1], b'{"error":{"message":"no"}}'])
async def test_what_is_no_answer_is_told(spools: Spools, body: bytes) -> None:
    with pytest.raises(UpstreamCut):
        await whole(spools, body)


async def test_an_escape_that_is_none_is_told_before_anything_is_sent(spools: Spools) -> None:
    text = TEXTS[1].decode()
    found, _ = await whole(spools, BODY.replace(text.encode(), f"{text[:90_000]}\\x{text[90_000:]}".encode()))
    told: list[GatewayError] = []
    for reading in (found.size(1), found.signatures(), read(found, 1)):
        with pytest.raises(UpstreamCut) as caught:
            await reading
        told.append(caught.value)
    assert len(told) == 3
