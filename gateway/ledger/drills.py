"""The drills that are on, shared by all gateways of a store.

Times are the store's own, so that gateways whose clocks differ begin and end a drill at the same moment. A
drill goes by itself: whoever began it may have gone home.
"""

import json
import secrets
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from gateway.core.drill import Ailment, Drill, DrillTerms, OneKey, OneTeam, Share, Whom, drill_of
from gateway.core.errors import BadRequest, NotFound
from gateway.core.groups import Group
from gateway.core.trail import GATEWAY, Action, Actor
from gateway.ledger import layout
from gateway.ledger.keys import Keys
from gateway.ledger.store import Store

# Every call is held against each of them.
MOST = 50


@dataclass(frozen=True, slots=True)
class Seen:
    """The drills that are on, the first to end first; and the store's clock when it was asked."""

    now: float
    drills: tuple[Drill, ...]


class Drills:
    def __init__(self, store: Store, keys: Keys, actor: Actor = GATEWAY) -> None:
        self._store = store
        self._keys = keys
        self._actor = actor

    def __repr__(self) -> str:
        return f"<Drills in {self._store}>"

    async def on(self) -> Seen:
        """Those that are on; raises `BooksAway`."""
        now_ms, *rows = await self._store.call("drills", [layout.DRILLS])
        read = [_drill(drill_id, row) for drill_id, row in zip(rows[::2], rows[1::2], strict=True)]
        drills = sorted((drill for drill in read if drill is not None), key=lambda drill: (drill.ends_at, drill.id))
        return Seen(int(now_ms) / 1000, tuple(drills))

    async def begin(self, terms: DrillTerms, groups: Collection[Group]) -> Drill:
        """Begins a drill; raises `BadRequest` whose `param` is the field that is wrong, and `BooksAway`."""
        seen = await self.on()
        drill = drill_of(terms, groups, f"drill_{secrets.token_hex(6)}", seen.now)
        await self._look_for(drill.whom)
        if len(seen.drills) >= MOST:
            raise BadRequest(f"there are {MOST} drills already; end one of them first")
        words = self._actor.words(Action.DRILL_BEGUN, drill.id)
        await self._store.call("drill", [layout.DRILLS, layout.DRILLS_TRAIL], [*words, drill.id, _row(drill)])
        self._actor.tell(Action.DRILL_BEGUN, drill.id)
        return drill

    async def end(self, drill_id: str) -> Drill:
        """Ends a drill now: it is over everywhere within seconds. Raises `NotFound` and `BooksAway`."""
        seen = await self.on()
        drill = next((each for each in seen.drills if each.id == drill_id), None)
        words = [*self._actor.words(Action.DRILL_ENDED, drill_id), drill_id]
        if drill is None or await self._store.call("undrill", [layout.DRILLS, layout.DRILLS_TRAIL], words) != ["ended"]:
            raise NotFound(f"there is no drill {drill_id}; it may be over", param="id")
        self._actor.tell(Action.DRILL_ENDED, drill_id)
        return replace(drill, ends_at=seen.now)

    async def _look_for(self, whom: Whom) -> None:
        """Raises `BadRequest` where there is no such key or team."""
        match whom:
            case OneKey(key_id) if await self._keys.get(key_id) is None:
                raise BadRequest(f"there is no key {key_id}; name it by its id", param="key")
            case OneTeam(team) if await self._keys.team(team) is None:
                raise BadRequest(f"there is no team {team}", param="team")


def _row(drill: Drill) -> str:
    written = {
        "group": drill.group,
        "kind": drill.ailment,
        "whom": _whom_fields(drill.whom),
        "delay_s": drill.delay_s,
        "begins_at": drill.begins_at,
        "ends_at": drill.ends_at,
        "note": drill.note,
    }
    return f"{round(drill.ends_at * 1000)} {json.dumps(written)}"


def _drill(drill_id: str, row: str) -> Drill | None:
    """The drill of a row; None: it is of a kind that only a later release knows."""
    try:
        written = json.loads(row.partition(" ")[2])
        return Drill(
            id=drill_id,
            group=written["group"],
            ailment=Ailment(written["kind"]),
            whom=_whom(written["whom"]),
            delay_s=written["delay_s"],
            begins_at=written["begins_at"],
            ends_at=written["ends_at"],
            note=written["note"],
        )
    except (KeyError, TypeError, ValueError):
        return None


def _whom_fields(whom: Whom) -> dict[str, Any]:
    match whom:
        case OneKey(key_id):
            return {"key": key_id}
        case OneTeam(team):
            return {"team": team}
        case Share(of_all):
            return {"share": of_all}


def _whom(fields: dict[str, Any]) -> Whom:
    if "key" in fields:
        return OneKey(fields["key"])
    return OneTeam(fields["team"]) if "team" in fields else Share(fields["share"])
