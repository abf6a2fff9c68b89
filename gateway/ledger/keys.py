"""Teams, and the virtual keys they call with.

Decides what a secret looks like, what is kept of it and whose it is. A secret is shown once, when
it is made; kept is only its HMAC under a pepper that the store never sees, so that neither a copy
of the store nor a look into it gives a key away. Money is none of this file's business.
"""

import hashlib
import hmac
import os
import re
import secrets
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from gateway.core.errors import BadRequest, BooksAway, NotFound
from gateway.core.keys import LONGEST_OVERLAP_S, MOST_OLD_SECRETS, Key, Limits, Team, TeamLimits
from gateway.core.metadata import Metadata
from gateway.core.trail import GATEWAY, Action, Actor
from gateway.core.webhooks import secret_of
from gateway.ledger import layout
from gateway.ledger.errors import StoreError
from gateway.ledger.known import FRESH_S, TRUSTED_S, Known, Sighting
from gateway.ledger.records import differing, key_fields, key_of, team_fields, team_of
from gateway.ledger.store import Store

_SECRET = re.compile(r"sk-gw-[A-Za-z0-9_-]{43}")
_KEY_ID = re.compile(r"key_[0-9a-f]{22}")
_TEAM_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")

_PEPPER_BYTES = 32


class Keys:
    """The teams and keys in a store."""

    def __init__(self, store: Store, pepper: bytes, known: Known | None = None, actor: Actor = GATEWAY) -> None:
        self._store = store
        self._pepper = pepper
        self._known = known or Known()
        self._actor = actor

    def __repr__(self) -> str:
        return f"<Keys {self._known}>"

    def by(self, actor: Actor) -> "Keys":
        """The same teams and keys, changed by somebody: the trail says by whom."""
        return Keys(self._store, self._pepper, self._known, actor)

    async def create_team(
        self,
        team_id: str,
        *,
        now: float,
        name: str | None = None,
        limits: TeamLimits = TeamLimits(),
        metadata: Metadata = (),
    ) -> Team:
        """A new team; raises `BadRequest` when the id is taken or not one."""
        if not _TEAM_ID.fullmatch(team_id):
            rule = "a team's id is 1 to 63 lower-case letters, digits and hyphens, and begins with no hyphen"
            raise BadRequest(rule, param="id")
        team = Team(team_id, name or team_id, limits, now, metadata)
        words = [*self._actor.words(Action.TEAM_CREATED, team_id), *_words(team_fields(team))]
        # The index first: an entry without a team is passed over, a team without an entry would be lost.
        await self._store.put(layout.TEAMS, {team_id: ""})
        if await self._store.call("create", [layout.account(team_id), layout.trail(team_id)], words) == ["exists"]:
            raise BadRequest(f"there is a team {team_id} already", param="id", code="already_exists")
        self._actor.tell(Action.TEAM_CREATED, team_id)
        return team

    async def ensure_team(self, team_id: str, *, now: float) -> Team:
        """The team of this id; a new one without limits when there is none."""
        team = await self.team(team_id)
        return team if team is not None else await self.create_team(team_id, now=now)

    async def team(self, team_id: str) -> Team | None:
        if not _TEAM_ID.fullmatch(team_id):
            return None
        return team_of(team_id, await self._store.record(layout.account(team_id)))

    async def teams(self) -> list[Team]:
        """All teams, the oldest first."""
        ids = list(await self._store.record(layout.TEAMS))
        records = await self._store.records([layout.account(each) for each in ids])
        teams = [team for each, record in zip(ids, records, strict=True) if (team := team_of(each, record))]
        return sorted(teams, key=lambda team: (team.created_at, team.id))

    async def update_team(
        self, team_id: str, *, name: str, limits: TeamLimits, metadata: Metadata | None = None
    ) -> Team:
        """Replaces a team's name, limits and metadata, unless this is None; raises `NotFound`."""
        old = await self._team(team_id)
        new = replace(old, name=name, limits=limits, metadata=old.metadata if metadata is None else metadata)
        words = [
            *self._actor.words(Action.TEAM_CHANGED, team_id),
            *_words(differing(team_fields(old), team_fields(new))),
        ]
        if await self._store.call("update", [layout.account(team_id), layout.trail(team_id)], words) == ["updated"]:
            self._actor.tell(Action.TEAM_CHANGED, team_id)
        return await self._team(team_id)

    async def create_key(
        self, team_id: str, *, name: str, limits: Limits, now: float, metadata: Metadata = ()
    ) -> tuple[Key, str]:
        """A new key of a team and its secret, which nobody can be told again; raises `NotFound`."""
        await self._team(team_id)
        secret = _new_secret()
        digest = self._digest(secret)
        key_id = "key_" + secrets.token_hex(11)
        key = Key(key_id, team_id, name, _hint(secret), limits, now, secret_name=digest, metadata=metadata)
        words = [*self._actor.words(Action.KEY_CREATED, key_id), *_words(key_fields(key))]
        # What leads to a key comes before it, and what lets a caller in comes last.
        await self._store.put(layout.pointer(key.id), {"team": team_id})
        await self._store.put(layout.key_index(team_id), {key.id: ""})
        await self._store.call("create", _record_of(key), words)
        self._actor.tell(Action.KEY_CREATED, key_id)
        await self._store.put(layout.secret(digest), _pointer(key, digest))
        return key, secret

    async def find(self, secret: str, now: float) -> Key | None:
        """The living key of a secret; None when it is nobody's, expired or revoked.

        An answer is at most 5 s old. While the store is away a key seen within the last 300 s is
        still found; of any other nothing can be said, and `BooksAway` is raised.
        """
        if not _SECRET.fullmatch(secret):
            return None
        digest = self._digest(secret)
        sighting = self._known.last(digest)
        if sighting is None or not sighting.within(FRESH_S, now):
            sighting = await self._look(digest, sighting, now)
        return sighting.opened(now)

    async def get(self, key_id: str) -> Key | None:
        """A key by its id, revoked ones included."""
        if not _KEY_ID.fullmatch(key_id):
            return None
        pointer = await self._store.record(layout.pointer(key_id))
        if not pointer:
            return None
        team = pointer["team"]
        return key_of(team, key_id, await self._store.record(layout.key(team, key_id)))

    async def keys(self, team_id: str | None = None) -> list[Key]:
        """All keys of a team, or of all teams, the oldest first, revoked ones included."""
        teams = [team_id] if team_id is not None else list(await self._store.record(layout.TEAMS))
        indexes = await self._store.records([layout.key_index(team) for team in teams])
        ids = [(team, key_id) for team, index in zip(teams, indexes, strict=True) for key_id in index]
        records = await self._store.records([layout.key(*each) for each in ids])
        keys = [key for each, record in zip(ids, records, strict=True) if (key := key_of(*each, record))]
        return sorted(keys, key=lambda key: (key.created_at, key.id))

    async def update(self, key_id: str, *, name: str, limits: Limits, metadata: Metadata | None = None) -> Key:
        """Replaces a key's name, limits and metadata, unless this is None; raises `NotFound`."""
        old = await self._key(key_id)
        new = replace(old, name=name, limits=limits, metadata=old.metadata if metadata is None else metadata)
        words = [*self._actor.words(Action.KEY_CHANGED, key_id), *_words(differing(key_fields(old), key_fields(new)))]
        if await self._store.call("update", _record_of(old), words) == ["updated"]:
            self._actor.tell(Action.KEY_CHANGED, key_id)
        self._known.forget(key_id)
        return await self._key(key_id)

    async def rotate(self, key_id: str, *, overlap_s: float, now: float) -> tuple[Key, str]:
        """The key with a new secret, which nobody can be told again; the old one goes on for `overlap_s` seconds.

        Secrets that are older still end by then too, or sooner as they were to: so that whoever has lost the answer can
        ask again, and nobody's secret ends earlier for it. Raises `NotFound`, and `BadRequest` for a key that is not
        live or has too many secrets already.
        """
        if not 0 <= overlap_s <= LONGEST_OVERLAP_S:
            raise BadRequest(f"an old secret goes on for 0 to {LONGEST_OVERLAP_S:.0f} s", param="overlap_s")
        key = await self._key(key_id)
        if not key.live(now):
            raise BadRequest(f"key {key_id} is revoked or expired; give it more time, or make a new one")
        secret = _new_secret()
        digest, ends_at = self._digest(secret), now + overlap_s
        words = self._actor.words(Action.KEY_ROTATED, key_id)
        words += [digest, _hint(secret), repr(now), repr(ends_at), str(MOST_OLD_SECRETS)]
        state, *olds = await self._store.call("rotate", _record_of(key), words)
        if state == "full":
            raise _too_many(key_id, float(olds[0]) - now)
        if state != "rotated":
            raise BadRequest(f"key {key_id} was revoked meanwhile; make a new one")
        self._actor.tell(Action.KEY_ROTATED, key_id)
        # What is good is for the record to say, so that here too what lets a caller in comes last.
        await self._store.put(layout.secret(digest), _pointer(key, digest))
        for name, last in zip(olds[::2], olds[1::2], strict=True):
            await self._end(layout.secret(name), float(last) - now)  # of one without a name there is none
        self._known.forget(key_id)
        return await self._key(key_id), secret

    async def revoke(self, key_id: str, now: float) -> Key:
        """Ends a key: at once here, within 5 s elsewhere, and at once for whatever costs money.

        The first time stays when it is revoked again; raises `NotFound`.
        """
        key = await self._key(key_id)
        words = [*self._actor.words(Action.KEY_REVOKED, key_id), repr(now)]
        if await self._store.call("revoke", _record_of(key), words) == ["revoked"]:
            self._actor.tell(Action.KEY_REVOKED, key_id)
        self._known.forget(key_id)
        return await self._key(key_id)

    async def revoke_all(self, team_id: str, now: float) -> list[str]:
        """Ends all keys of a team, and gives the ids of those that were live."""
        live = [key.id for key in await self.keys(team_id) if key.live(now)]
        for key_id in live:
            await self.revoke(key_id, now)
        return live

    def webhook_secret(self, key: Key, secret: str) -> str:
        """What whoever has this secret of a key knows our webhooks by."""
        digest = self._digest(secret)
        known = digest == key.secret_name or any(old.name == digest for old in key.old_secrets)
        return secret_of(self._pepper, key.id, digest if known else "")

    def webhook_secrets(self, key: Key, now: float) -> list[str]:
        """The same of every secret of a key that is good."""
        names = (key.secret_name, *(old.name for old in key.still_good(now)))
        return [secret_of(self._pepper, key.id, name) for name in names]

    def _digest(self, secret: str) -> str:
        """What is compared instead of the secret: how long a comparison takes tells nothing about it."""
        return hmac.new(self._pepper, secret.encode(), hashlib.sha256).hexdigest()

    async def _look(self, digest: str, last: Sighting | None, now: float) -> Sighting:
        changes = self._known.changes
        try:
            sighting = await self._behind(digest, now)
        except BooksAway:
            if last is not None and last.key is not None and last.within(TRUSTED_S, now):
                return last
            raise
        self._known.note(digest, sighting, changes=changes)
        return sighting

    async def _behind(self, digest: str, now: float) -> Sighting:
        found = await self._store.record(layout.secret(digest))
        if not found:
            return Sighting(None, now)
        team, key_id = found["team"], found["key"]
        key = key_of(team, key_id, await self._store.record(layout.key(team, key_id)))
        return Sighting(key, now, found.get("name", ""))

    async def _end(self, pointer: str, in_s: float) -> None:
        """Lets what leads to a key go; earlier releases look at nothing else."""
        await self._store.ask(pointer, lambda client: client.pexpire(pointer, max(0, round(in_s * 1000))))

    async def _team(self, team_id: str) -> Team:
        team = await self.team(team_id)
        if team is None:
            raise NotFound(f"there is no team {team_id}", param="team")
        return team

    async def _key(self, key_id: str) -> Key:
        key = await self.get(key_id)
        if key is None:
            raise NotFound(f"there is no key {key_id}", param="id")
        return key


def pepper(data_dir: Path, configured: str | None) -> bytes:
    """What all secrets are hashed with: as configured, or made once and kept in `data_dir`.

    Replicas need the same one. With another one, or when it is lost, no key is known any more.
    """
    if configured is not None:
        return configured.encode()
    kept = data_dir / "secret"
    if not kept.exists():
        _keep(kept, secrets.token_bytes(_PEPPER_BYTES))
    found = kept.read_bytes()
    if len(found) != _PEPPER_BYTES:
        raise StoreError(f"{kept} should hold {_PEPPER_BYTES} bytes and holds {len(found)}; restore it from a backup")
    return found


def _keep(path: Path, content: bytes) -> None:
    """Writes a private file whole or not at all; where another was faster, theirs stays."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(draft)  # which, unlike a rename, replaces nothing
    finally:
        draft.unlink()


def _new_secret() -> str:
    return "sk-gw-" + secrets.token_urlsafe(32)


def _hint(secret: str) -> str:
    return secret[-4:]


def _record_of(key: Key) -> list[str]:
    """What functions that change a key are given: its record, and the trail that tells of it."""
    return [layout.key(key.team, key.id), layout.trail(key.team)]


def _pointer(key: Key, digest: str) -> dict[str, str]:
    """What leads from a secret to its key. Earlier releases wrote none of the name that the key has for it."""
    return {"team": key.team, "key": key.id, "name": digest}


def _too_many(key_id: str, in_s: float) -> BadRequest:
    return BadRequest(
        f"key {key_id} has {MOST_OLD_SECRETS} old secrets that are still good, the first for another {in_s:.0f} s; "
        "wait, or rotate it without an overlap, which ends them all"
    )


def _words(fields: dict[str, str]) -> list[str]:
    return [word for pair in fields.items() for word in pair]
