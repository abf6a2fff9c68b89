"""What was last seen behind a secret, and for how long that is believed.

Decides how stale an answer may be. It knows secrets by their digest alone, and nothing of Redis or
the clock.
"""

from dataclasses import dataclass

from gateway.core.keys import Key

# A revocation is seen everywhere within this time.
FRESH_S = 5.0

# While the store is away a key is still taken at its word for so long.
TRUSTED_S = 300.0

# Strangers have a list of their own, so that a flood of guesses cannot push out a key.
_MOST_KEYS = 10_000
_MOST_STRANGERS = 10_000


@dataclass(frozen=True, slots=True)
class Sighting:
    """What was behind a secret at a moment; `key` None means nobody's. `secret_name` is what the key calls it."""

    key: Key | None
    seen_at: float
    secret_name: str = ""

    def opened(self, now: float) -> Key | None:
        """The key that it opens now."""
        return self.key if self.key is not None and self.key.opened_by(self.secret_name, now) else None

    def within(self, seconds: float, now: float) -> bool:
        """Whether it is so young; one from the future, after the clock was set back, is not."""
        return 0 <= now - self.seen_at < seconds


class Known:
    """The sightings of one process."""

    def __init__(self) -> None:
        self._keys: dict[str, Sighting] = {}
        self._strangers: dict[str, Sighting] = {}
        self._changes = 0

    def __repr__(self) -> str:
        return f"<Known {len(self._keys)} keys, {len(self._strangers)} strangers>"

    @property
    def changes(self) -> int:
        """How often something was forgotten: what was looked up before that may be out of date."""
        return self._changes

    def last(self, digest: str) -> Sighting | None:
        return self._keys.get(digest) or self._strangers.get(digest)

    def note(self, digest: str, sighting: Sighting, *, changes: int) -> None:
        """Remembers what was looked up when `changes` was as given, unless a key has changed since."""
        if changes != self._changes:
            return
        self._drop(digest)
        if sighting.key is None:
            _remember(self._strangers, digest, sighting, most=_MOST_STRANGERS)
        else:
            _remember(self._keys, digest, sighting, most=_MOST_KEYS)

    def forget(self, key_id: str) -> None:
        """Whatever is asked next of this key is asked of the store."""
        self._changes += 1
        stale = [digest for digest, seen in self._keys.items() if seen.key is not None and seen.key.id == key_id]
        for digest in stale:
            self._drop(digest)

    def _drop(self, digest: str) -> None:
        self._keys.pop(digest, None)
        self._strangers.pop(digest, None)


def _remember(sightings: dict[str, Sighting], digest: str, sighting: Sighting, *, most: int) -> None:
    """Adds one at the young end; a full list loses its oldest."""
    if len(sightings) >= most:
        del sightings[next(iter(sightings))]
    sightings[digest] = sighting
