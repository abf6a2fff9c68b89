"""What the callers ask, and how the seller is told to behave: a scenario of `gateway rehearse` in words of the wire.

Both read the same `Scenario` and the same figures of `world`, so that what is played for real is what was simulated.
"""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gateway.config.settings import Settings
from gateway.core.call import Ask
from gateway.rehearse.scenarios import NOTHING, Scenario
from gateway.rehearse.world import FINISH_LATE, MEDIAN_S, SIGMA, THINKING_MEDIAN_S, Trouble
from tests.house import MODEL
from tests.incidents.callers import Call

# Of eight calls: four speak Google's format, four OpenAI's; half of each are streamed.
_WAYS = {
    "native": 2,
    "native-stream": 2,
    "images": 1,
    "images-stream": 1,
    "chat": 1,
    "chat-stream": 1,
}
_NATIVE = {"native": "generateContent", "native-stream": "streamGenerateContent?alt=sse"}
_MARKERS = {"native": "inlineData", "images": "b64_json", "chat": "data:image/"}

# What the simulator multiplies by where an answer is slow.
_SLOWER = 4.0


def latency_law() -> str:
    """The option of `gateway sim` that says how long pictures take in the world of a rehearsal."""
    sizes = ",".join(f"{size}={median}" for size, median in MEDIAN_S.items())
    return f"{sizes},thinking={THINKING_MEDIAN_S},sigma={SIGMA}"


def asks_of(scenario: Scenario, settings: Settings, seed: int) -> list[tuple[float, Ask]]:
    """The calls of a scenario, which are the same in its simulation with the same seed."""
    named = settings.catalog.find(MODEL)
    assert named is not None
    return list(scenario.arrivals(named.model, None, seed))


def calls_of(asks: Sequence[tuple[float, Ask]], urls: Sequence[str], seed: int) -> list[Call]:
    """Each call of the scenario at its moment, in a random way, at a random one of the gateways."""
    dice = random.Random(f"ways {seed}")
    ways = dice.choices([*_WAYS], [*_WAYS.values()], k=len(asks))
    return [
        _call(number, at, ask, way, dice.choice(urls))
        for number, ((at, ask), way) in enumerate(zip(asks, ways, strict=True))
    ]


def write(calls: Sequence[Call], path: Path) -> None:
    path.write_text("".join(json.dumps(asdict(call)) + "\n" for call in calls))


def rules_of(scenario: Scenario, groups: Sequence[str], speed: float) -> list[dict[str, Any]]:
    """The schedule of the simulator, whose seconds are real ones. Raises `ValueError` for what it cannot play."""
    if scenario.crowd or scenario.drift:
        raise ValueError(f"{scenario.name}: the simulator knows no crowd and no time of day")
    rules = []
    for group, trouble in zip(groups, (scenario.trouble, scenario.second or NOTHING), strict=True):
        for begins_s, ends_s, what in _spans(scenario, trouble):
            for fault, share in _shares(scenario, what):
                until_s = None if ends_s is None else ends_s / speed
                rule = {"fault": fault, "group": group, "share": share, "from_s": begins_s / speed, "until_s": until_s}
                rules.append(rule)
    return rules


def _spans(scenario: Scenario, trouble: Trouble) -> Iterator[tuple[float, float | None, Trouble]]:
    """When there is trouble and when there is none, one after the other."""
    since = 0.0
    on_s, off_s = trouble.on_s or scenario.lasts_s, trouble.off_s
    begins_s = scenario.begins_s
    while trouble is not NOTHING and begins_s < scenario.ends_s:
        ends_s = min(begins_s + on_s, scenario.ends_s)
        yield since, begins_s, NOTHING
        yield begins_s, ends_s, trouble
        since, begins_s = ends_s, ends_s + off_s
        if not trouble.on_s:
            break
    yield since, None, NOTHING


def _shares(scenario: Scenario, trouble: Trouble) -> Iterator[tuple[str, float]]:
    """As `World.fate` throws its dice: refused, else stuck, else slow. Shares of rules add up."""
    left = 1.0 - trouble.refuses
    stuck = left * max(scenario.hangs, trouble.hangs)
    if trouble.slower not in (1.0, _SLOWER):
        raise ValueError(f"{scenario.name}: the simulator is {_SLOWER:g} times as slow, or not at all")
    shares = {
        "unavailable": trouble.refuses,
        "late": stuck * FINISH_LATE,
        "hang": stuck * (1.0 - FINISH_LATE),
        "slow": left - stuck if trouble.slower > 1.0 else 0.0,
    }
    return ((fault, share) for fault, share in shares.items() if share > 0.0)


def _call(number: int, at: float, ask: Ask, way: str, url: str) -> Call:
    """One way of asking for it; the number makes every prompt another."""
    prompt = f"A paper boat, number {number}"
    streamed = way.endswith("-stream")
    family = way.removesuffix("-stream")
    google: dict[str, Any] = {"image_config": {"image_size": ask.size}}
    if ask.thinking:
        google["thinking_config"] = {"thinking_level": ask.thinking}
    openai: dict[str, Any] = {"model": MODEL, "stream": streamed, "extra_body": {"google": google}}
    match family:
        case "native":
            path = f"/v1beta/models/{MODEL}:{_NATIVE[way]}"
            config: dict[str, Any] = {"imageConfig": {"imageSize": ask.size}}
            if ask.thinking:
                config["thinkingConfig"] = {"thinkingLevel": ask.thinking}
            body = {"contents": [{"parts": [{"text": prompt}]}], "generationConfig": config}
        case "images":
            path, body = "/v1/images/generations", {**openai, "prompt": prompt}
        case _:
            path, body = "/v1/chat/completions", {**openai, "messages": [{"role": "user", "content": prompt}]}
    return Call(number, at, url + path, body, _MARKERS[family], streamed)
