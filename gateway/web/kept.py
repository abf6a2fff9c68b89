"""What is kept of a call, for whoever may have it: its pictures one by one, and the upstream's replies as they came."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from gateway.core.call import request_of
from gateway.core.errors import BadRequest, NotFound, UpstreamCut
from gateway.dialects.base import EVENT_STREAM, JSON
from gateway.dialects.places import Decoder, Place
from gateway.vault.records import Result
from gateway.vault.results import Results
from gateway.web.downloads import Download, private


@dataclass(frozen=True, slots=True)
class Kept:
    """The answer of one call. Its pictures are numbered from 1 on, as they were asked for; some may have failed.

    `call_id` is as it was asked for: where it is that of one picture of several, that is its picture 1.
    """

    call_id: str
    result: Result
    results: Results
    lasts_s: float

    @property
    def replies(self) -> list[int | None]:
        """Which of the stored replies has each picture; None: that one failed."""
        every: list[int | None] = self.result.facts["replies"]
        _, only = request_of(self.call_id)
        if only is None:
            return every
        return every[only - 1 : only] if len(every) > 1 else []

    @property
    def numbers(self) -> list[int]:
        """Of the pictures that did not fail."""
        return [number for number, reply in enumerate(self.replies, start=1) if reply is not None]

    @property
    def pictured(self) -> list[int]:
        """Of those, the numbers of pictures that there are: the model may have answered without one."""
        return [number for number in self.numbers if self._place(self._reply(number)) is not None]

    def document(self) -> dict[str, Any]:
        """What is kept, and until when."""
        return {"until": self.result.expires_at, "pictures": [self._told(number) for number in self.numbers]}

    async def picture(self, number: int) -> Download:
        """One picture. Raises `NotFound`, and `NoSuchResult` where it is just gone."""
        reply = self._reply(number)
        place = self._place(reply)
        if place is None:
            raise NotFound(f"Picture {number} of call {self.call_id}: the model answered without one.")
        size = place.size
        if size is None:
            size = sum([len(piece) async for piece in self._some(place, reply, 0, place.end - place.begin)])

        def read(begin: int, end: int) -> AsyncGenerator[bytes]:
            return self._all(place, reply, begin, end)

        tag = f"{self.call_id}.{number}"
        name = f"{tag}.{place.suffix}"
        return Download(name, tag, size, private(place.media_type, name, self.lasts_s), read)

    def reply(self, number: int | None) -> Download:
        """The upstream's reply that has a picture; None: the only one. Raises `NotFound` and `BadRequest`."""
        count = len(self.replies)
        if number is None and count > 1:
            why = f"call {self.call_id} has {count} replies, one for each picture; say which, from 1 on"
            raise BadRequest(why, param="picture")
        reply = self._reply(number or 1)

        def read(begin: int, end: int) -> AsyncGenerator[bytes]:
            return self.results.read(self.result, reply, begin, end)

        media_type, suffix = (EVENT_STREAM, "txt") if self.result.facts.get("streams") else (JSON, "json")
        of_reply = f"{self.call_id}.{number or 1}"
        name, size = f"{of_reply}.{suffix}", self.result.sizes[reply]
        return Download(name, f"{of_reply}.reply", size, private(media_type, name, self.lasts_s), read)

    def _reply(self, number: int) -> int:
        replies = self.replies
        if not 1 <= number <= len(replies):
            raise NotFound(f"Call {self.call_id} has no picture {number}; the last one is {len(replies)}.")
        reply = replies[number - 1]
        if reply is None:
            raise NotFound(f"Picture {number} of call {self.call_id} failed when it was drawn; it was not charged.")
        return reply

    def _place(self, reply: int) -> Place | None:
        facts = self.result.facts.get("pictures") or {reply: None}
        return None if facts[reply] is None else Place.of(facts[reply])

    def _told(self, number: int) -> dict[str, Any]:
        reply = self._reply(number)
        place = self._place(reply)
        known = {"media_type": None, "bytes": None} if place is None else place.told()
        return {"number": number, **known, "reply_bytes": self.result.sizes[reply]}

    async def _all(self, place: Place, reply: int, begin: int, end: int) -> AsyncGenerator[bytes]:
        """These bytes of a picture, and not one less. Raises `UpstreamCut` where it is something else."""
        left = end - begin
        async with aclosing(self._some(place, reply, begin, end)) as pieces:
            async for piece in pieces:
                left -= len(piece)
                yield piece
        if left:
            raise _no_base64()

    async def _some(self, place: Place, reply: int, begin: int, end: int) -> AsyncGenerator[bytes]:
        """As many of these bytes as there are."""
        first, last, skip = place.text_of(begin, end)
        left = end - begin
        async with (
            aclosing(self.results.read(self.result, reply, first, last)) as texts,
            aclosing(_decoded(texts)) as pieces,
        ):
            async for piece in pieces:
                wanted = piece[skip : skip + left]
                skip, left = max(0, skip - len(piece)), left - len(wanted)
                if wanted:
                    yield wanted
                if not left:
                    return


async def _decoded(texts: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    decoder = Decoder()
    try:
        async for text in texts:
            yield decoder.feed(text)
        yield decoder.finish()
    except ValueError:
        raise _no_base64() from None


def _no_base64() -> UpstreamCut:
    return UpstreamCut("What the upstream sent in the place of this picture is none; its reply is kept as it came.")
