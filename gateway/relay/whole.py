"""A reply that has come to its end, for answers that are written anew: what is in it, and its pictures piece by piece.

Nobody here holds a picture: each is read from the tape, where it is in the chunks that came or on the disk, as often
as it is sent.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from gateway.core.errors import AnswerGone, UpstreamCut
from gateway.core.skim import Skeleton
from gateway.dialects.digits import Padded
from gateway.dialects.places import insides_of
from gateway.dialects.replies import content_of
from gateway.dialects.signatures import PictureDigest, signatures_of, signed_pictures
from gateway.vault.tape import Reader, Tape, TapeLost


class WholeReply:
    """`content` is all of it but the pictures, which go by their numbers. Raises `UpstreamCut` for what is no answer.

    `seat` is a reader of the tape that has not read of it yet: as long as the reply is there, so are its pictures.
    """

    def __init__(self, tape: Tape, seat: Reader, skeleton: Skeleton) -> None:
        self.content = content_of(skeleton.text)
        self._tape = tape
        self._seat = seat
        self._insides = insides_of(skeleton)
        self._sizes: dict[int, int] = {}

    async def base64(self, picture: int) -> AsyncGenerator[bytes]:
        """A picture, standard and padded. Raises `AnswerGone` where it is lost, `UpstreamCut` where it is no base64."""
        padded = Padded()
        try:
            async with aclosing(self._tape.read(*self._insides[picture])) as texts:
                async for text in texts:
                    yield padded.feed(text)
            yield padded.finish()
        except TapeLost:
            raise AnswerGone("The answer was drawn and charged, and could not be kept until you read it.") from None
        except ValueError:
            raise UpstreamCut("What the upstream sent in the place of a picture is none.") from None

    async def size(self, picture: int) -> int:
        """How many bytes `base64` gives."""
        if picture not in self._sizes:
            await self._read_through(picture)
        return self._sizes[picture]

    async def signatures(self) -> dict[str, str]:
        """What its parts were signed with, by what those are known by when they come back."""
        digests = {}
        for picture, _ in signed_pictures(self.content):
            digest = PictureDigest()
            await self._read_through(picture.number, digest.feed)
            digests[picture.number] = digest.told
        return signatures_of(self.content, digests)

    async def _read_through(self, picture: int, *told: Callable[[bytes], None]) -> None:
        """Tells of every piece; others have their turn between two."""
        size = 0
        async with aclosing(self.base64(picture)) as pieces:
            async for piece in pieces:
                size += len(piece)
                for tell in told:
                    tell(piece)
                await asyncio.sleep(0)
        self._sizes[picture] = size
