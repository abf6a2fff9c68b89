"""What is known of kept bytes, as it stands beside them on disk. Plain records: nothing here opens a file."""

import re
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, Self

import orjson

MIB = 1024 * 1024

# Google's rule for the names of its files, without the dash at either end.
NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Caps:
    """How much may be kept, and for how long."""

    blob_bytes: int = 74 * MIB  # in base64 it fits into the 100 MiB that a request may be, with what is asked of it
    team_bytes: int = 2048 * MIB  # some hundred pictures of the largest kind; Google has 20 GB a project
    blob_s: float = 48 * 3600.0  # as long as Google keeps a file
    upload_s: float = 3600.0  # 100 MiB over one megabit a second take a quarter of it


@dataclass(frozen=True, slots=True)
class Draft:
    """What is told of bytes before they come. `size` None: not told; `name` None: any."""

    team: str
    media_type: str
    title: str | None = None
    size: int | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Blob:
    """Kept bytes. `name` is unique in its team, and cannot be guessed unless its owner chose it."""

    name: str
    team: str
    media_type: str
    title: str | None
    size: int
    sha256: str
    created_at: float
    expires_at: float

    def live(self, now: float) -> bool:
        return now < self.expires_at

    def dumped(self) -> bytes:
        return orjson.dumps(self)

    @classmethod
    def loaded(cls, text: bytes) -> Self:
        return cls(**orjson.loads(text))


class Stage(StrEnum):
    ACTIVE = "active"
    FINAL = "final"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Upload:
    """Bytes on their way to become a blob of this name; `size` is what their sender announced, if it did."""

    name: str
    team: str
    media_type: str
    title: str | None
    size: int | None
    created_at: float
    expires_at: float
    stage: Stage = Stage.ACTIVE

    def live(self, now: float) -> bool:
        return now < self.expires_at

    def most_bytes(self, caps: Caps) -> int:
        return caps.blob_bytes if self.size is None else self.size

    def at(self, stage: Stage) -> "Upload":
        return replace(self, stage=stage)

    def dumped(self) -> bytes:
        return orjson.dumps(self)

    @classmethod
    def loaded(cls, text: bytes) -> Self:
        fields: dict[str, Any] = orjson.loads(text)
        return cls(**{**fields, "stage": Stage(fields["stage"])})


class Rank(StrEnum):
    """Why a result is kept."""

    GIVEN = "given"  # its caller has it
    WANTED = "wanted"  # its caller does not have it, and may come back
    KEYED = "keyed"  # its caller was promised it: it came with an Idempotency-Key, or is a job's


class NotKept(StrEnum):
    """Why a result is not kept."""

    LOST = "lost"  # a tape of it is not whole
    FULL = "full"  # what is kept already is worth more
    FAILED = "failed"  # the disk or the store did not take it


@dataclass(frozen=True, slots=True)
class ResultCaps:
    """How much of results is kept, and how long without anybody who asks."""

    all_bytes: int = 2048 * MIB
    team_bytes: int = 512 * MIB  # twenty pictures in 4K: what a team draws at a time
    given_s: float = 15 * 60.0
    wanted_s: float = 15 * 60.0
    keyed_s: float = 24 * 3600.0  # as long as an Idempotency-Key counts

    def lasts_s(self, rank: Rank) -> float:
        return {Rank.GIVEN: self.given_s, Rank.WANTED: self.wanted_s, Rank.KEYED: self.keyed_s}[rank]


@dataclass(frozen=True, slots=True)
class Label:
    """What is told of a result when it is kept: whose it is, and, in `facts`, what its reader has to know of it."""

    team: str
    call_id: str
    key_id: str
    rank: Rank
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Result:
    """A finished answer. `sizes` are the bytes of each of its replies: of several pictures there are several."""

    team: str
    call_id: str
    key_id: str
    rank: Rank
    facts: dict[str, Any]
    sizes: tuple[int, ...]
    made_at: float
    expires_at: float

    def live(self, now: float) -> bool:
        return now < self.expires_at

    def at(self, rank: Rank, expires_at: float) -> "Result":
        return replace(self, rank=rank, expires_at=expires_at)

    def dumped(self) -> bytes:
        return orjson.dumps(self)

    @classmethod
    def loaded(cls, text: bytes) -> Self:
        """What a later release wrote of it besides is passed over."""
        known = {field.name for field in fields(cls)}
        told = {name: value for name, value in orjson.loads(text).items() if name in known}
        return cls(**{**told, "rank": Rank(told["rank"]), "sizes": tuple(told["sizes"])})
