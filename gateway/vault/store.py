"""Where results are kept: things under names, as a directory or a bucket has them.

A name is a team's id, a stroke, and what nobody can guess. Whatever goes wrong is an `OSError`.
"""

from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass
from typing import Protocol

from gateway.vault.tape import Tape


@dataclass(frozen=True, slots=True)
class Thing:
    """`changed_at` by the clock of the store, in seconds; `version` is another whenever it was written anew."""

    changed_at: float
    version: str


class Store(Protocol):
    async def keep(self, name: str, tape: Tape) -> None:
        """All of a closed tape; raises `TapeLost` where it is not whole."""

    async def write(self, name: str, text: bytes) -> None:
        """The whole text or nothing of it, in the place of what was there."""

    async def find(self, name: str) -> bytes | None: ...

    def read(self, name: str, begin: int, end: int) -> AsyncGenerator[bytes]:
        """Pieces of what is between these bytes; fewer when less is there, none when it is not there."""

    async def remove(self, names: Iterable[str]) -> None:
        """In this order. What is not there is passed over; who is reading it may go on."""

    async def listed(self) -> dict[str, Thing]:
        """All there is. What comes and goes meanwhile may be in it or not."""
