"""How much of the gateway's own code one call runs: the guard of its price that no busy machine can disturb.

A step is a function entered, or one that waits gone on with. What a step costs in CPU is measured by
`python -m tests.bench.wire`; a call that takes a tenth more of them costs about as much more.
"""

import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import gateway as package
from gateway.core.keys import Limits
from tests.house import Gateway

_HOME = str(Path(package.__file__).parent)
_CALLS = 40


@contextmanager
def counting() -> Iterator[Callable[[], int]]:
    """Gives how many steps there were since it was last asked."""
    steps = 0

    def note(frame: FrameType, event: str, _: Any) -> None:
        nonlocal steps
        if event == "call" and frame.f_code.co_filename.startswith(_HOME):
            steps += 1

    def since() -> int:
        nonlocal steps
        before, steps = steps, 0
        return before

    sys.setprofile(note)
    try:
        yield since
    finally:
        sys.setprofile(None)


# Each as it was when the limit was set, and about a seventh on top of it: releases of Python differ too.
MOST = {"native": 1290, "images": 1780, "chat": 2140}


@pytest.mark.parametrize("route", MOST)
async def test_a_call_takes_no_more_steps_than_it_did(gateway: Gateway, route: str) -> None:
    _, secret = await gateway.new_key(Limits(retain=False))  # what is kept goes at its own pace
    gateway.http.headers["authorization"] = f"Bearer {secret}"
    ask = {"native": gateway.native, "images": gateway.images, "chat": gateway.chat}[route]
    for _ in range(5):
        assert (await ask("a boat")).status_code == 200
    with counting() as since:
        taken = []
        for _ in range(_CALLS):
            since()
            assert (await ask("a boat")).status_code == 200
            taken.append(since())
    assert statistics.median(taken) <= MOST[route], f"{route}: {sorted(taken)}"
