"""Pages of calls from several ledgers, newest first: what of all that was read, and where the next begins. Pure.

Each ledger is read back for as long as a page may need. Where one was not read to its beginning, calls of others that
are older than that are left for a later page: there may be newer ones.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gateway.core.errors import BadRequest


class Place(NamedTuple):
    """Where a call is among all: when its row was written, in ms, the number of that row in its ms, and the team."""

    ms: int
    number: int
    team: str

    @classmethod
    def of(cls, name: str, team: str) -> "Place":
        ms, _, number = name.partition("-")
        return cls(int(ms), int(number), team)

    @property
    def name(self) -> str:
        return f"{self.ms}-{self.number}"

    def before(self, team: str) -> str:
        """From where on back the ledger of a team has what comes behind this place."""
        return self.name if team < self.team else f"({self.name}"


@dataclass(frozen=True, slots=True)
class Read:
    """The places of calls that were found in one ledger, newest first, and down to which row it was read; None: to the
    end of what was asked for."""

    places: Sequence[Place]
    down_to: Place | None


def page_of(reads: Sequence[Read], limit: int) -> tuple[list[Place], Place | None]:
    """The places on a page, and behind which the next begins; None: there is none."""
    open_ends = [read.down_to for read in reads if read.down_to is not None]
    least = max(open_ends, default=None)
    found = sorted((place for read in reads for place in read.places), reverse=True)
    shown = [place for place in found if least is None or place >= least][:limit]
    if len(shown) == len(found) and least is None:
        return shown, None
    return shown, shown[-1] if len(shown) == limit else least


def cursor_of(place: Place) -> str:
    """A place as it is handed out, and handed back for the next page."""
    return base64.urlsafe_b64encode(f"{place.name} {place.team}".encode()).decode().rstrip("=")


def place_of(cursor: str) -> Place:
    """Raises `BadRequest`."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        name, _, team = text.partition(" ")
        return Place.of(name, team)
    except (ValueError, binascii.Error):
        raise BadRequest("is not one that was handed out; leave it away for the newest", param="cursor") from None
