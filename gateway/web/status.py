"""How the service is, as JSON for whoever holds a key: its groups as they are believed to be, and how callers fared."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.core.board import HealthBoard
from gateway.core.catalog import Model
from gateway.core.groups import Group
from gateway.core.served import Fared, fared
from gateway.ledger.served import Lately
from gateway.web.shapes import decimal


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a key may see: that which it may use."""

    groups: Sequence[Group]
    models: Sequence[Model]


def status(allowed: Allowed, board: HealthBoard, lately: Lately, now: float) -> dict[str, Any]:
    """`now` is on the board's clock. Rates are from 0 to 1, times in seconds; null where there were no calls, and for
    how long a group has stood as it does where it never stood otherwise.
    """
    windows = {"now": fared(lately.now), "1h": fared(lately.hour), "24h": fared(lately.day)}
    return {
        "groups": [_group(group, allowed.models, board, now) for group in allowed.groups],
        "models": [_model(model, windows) for model in allowed.models],
    }


def _group(group: Group, models: Sequence[Model], board: HealthBoard, now: float) -> dict[str, Any]:
    standings = []
    for model in models:
        health = board.of(group, model.id)
        standing, since = health.standing(now), health.since
        for_s = round(max(now - since, 0.0), 1) if math.isfinite(since) else None
        standings.append({"model": model.id, "standing": standing, "for_s": for_s})
    return {"name": group.name, "multiplier": decimal(group.multiplier), "models": standings}


def _model(model: Model, windows: Mapping[str, Mapping[tuple[str, str], Fared]]) -> dict[str, Any]:
    all_sizes = {name: [found.get((model.id, size)) for size in model.sizes] for name, found in windows.items()}
    return {
        "model": model.id,
        "success": {name: _success(several) for name, several in all_sizes.items()},
        "sizes": [_size(model.id, size, windows) for size in model.sizes],
    }


def _size(model_id: str, size: str, windows: Mapping[str, Mapping[tuple[str, str], Fared]]) -> dict[str, Any]:
    hour = windows["1h"].get((model_id, size), Fared())
    return {
        "size": size,
        "calls": {name: found.get((model_id, size), Fared()).calls for name, found in windows.items()},
        "success": {name: _success([found.get((model_id, size))]) for name, found in windows.items()},
        "p50_s": _seconds(hour.quantile_s(0.5)),
        "p95_s": _seconds(hour.quantile_s(0.95)),
    }


def _success(several: Sequence[Fared | None]) -> float | None:
    good = sum(each.good for each in several if each)
    calls = sum(each.calls for each in several if each)
    return round(good / calls, 5) if calls else None


def _seconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
