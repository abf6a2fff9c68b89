"""What may befall a gateway, or its store, while calls go on: one crash, one function."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

from gateway.ledger.servers import _TIMEOUT_S
from tests.kills.home import Home, kill, workers_of
from tests.kills.insisting import Insisting
from tests.kills.load import Load
from tests.kills.stores import (
    ClusteredStore,
    EmbeddedStore,
    LoneStore,
    RealStore,
    WatchedStore,
    behind_sentinels,
    clustered,
    embedded,
    lone,
)
from tests.waiting import until

# Nobody waits so long for a store.
_LONG_S = _TIMEOUT_S + 1.0

S = TypeVar("S", bound=RealStore)


@dataclass(frozen=True)
class Scene(Generic[S]):
    """What may be made to fail, and when."""

    dice: random.Random
    home: Home
    store: S
    load: Load
    process: "subprocess.Popen[str]"

    def goes_on(self, least_s: float, most_s: float) -> None:
        """The load does, for so long."""
        time.sleep(self.dice.uniform(least_s, most_s))

    def answers(self) -> None:
        """Until somebody has a picture that had none before."""
        before = self.load.answered
        until(lambda: self.load.answered > before)


@dataclass(frozen=True)
class Crash(Generic[S]):
    store: Callable[[Path], AbstractContextManager[S]]
    play: Callable[[Scene[S]], None]
    load: type[Load] = Load
    workers: int = 1  # where there are several, one of them dies each time
    long: bool = False  # it is played when it is asked for by name


def at_any_moment(scene: Scene[Any]) -> None:
    scene.answers()
    scene.goes_on(0.0, 2.5)
    kill(scene.process)


def a_worker(scene: Scene[EmbeddedStore]) -> None:
    """The others go on, and another comes in its place."""
    scene.answers()
    scene.goes_on(0.0, 2.0)
    victim = scene.dice.choice(workers_of(scene.process))
    os.kill(victim, signal.SIGKILL)
    scene.answers()
    until(lambda: victim not in (now := workers_of(scene.process)) and len(now) == scene.home.workers)
    scene.goes_on(0.0, 1.0)


def with_its_embedded_store(scene: Scene[EmbeddedStore]) -> None:
    at_any_moment(scene)
    os.kill(int((scene.store.data_dir / "store" / "pid").read_text()), signal.SIGKILL)


def before_the_store_has_it(scene: Scene[LoneStore]) -> None:
    """What is finished meanwhile is in the journal alone."""
    scene.answers()
    with scene.store.server.away():
        scene.goes_on(0.2, 3.0)
        kill(scene.process)


def goes_back(scene: Scene[LoneStore]) -> None:
    """It loses what it took in the last moments, and is told again while calls go on."""
    scene.goes_on(0.5, 1.5)
    with scene.store.server.set_back():
        scene.answers()
        scene.goes_on(0.0, 2.0)
    scene.home.healed()


def goes_back_after_a_kill(scene: Scene[LoneStore]) -> None:
    """It loses what the next gateway has made for one that was killed, and had made itself."""
    with scene.store.server.set_back():
        scene.answers()
        kill(scene.process)
        with scene.home.serving():
            scene.home.adopted()
    with scene.home.serving():
        scene.home.healed()


def is_emptied(scene: Scene[LoneStore]) -> None:
    """It forgets everything, keys too; its callers are given another."""
    scene.answers()
    scene.store.server.emptied()
    scene.goes_on(0.0, 1.0)
    scene.load.secret = scene.home.new_key()
    scene.home.healed()


def is_started_again(scene: Scene[LoneStore]) -> None:
    _troubled(scene, scene.store.server.away(), 0.0, 2.0)


def is_paused(scene: Scene[LoneStore]) -> None:
    """For longer than anybody waits for it. What it was sent before and after it does then, late and out of turn."""
    _troubled(scene, scene.store.server.paused(), _LONG_S, _LONG_S + 2.0)


def weather(scene: Scene[LoneStore], least_s: float = _LONG_S, most_s: float = 2 * _LONG_S, **bad: Any) -> None:
    """The way to it is bad for so long."""
    _troubled(scene, scene.store.way.weather(**bad), least_s, most_s)


def _troubled(scene: Scene[LoneStore], trouble: AbstractContextManager[None], least_s: float, most_s: float) -> None:
    """One time in three the gateway is killed before it is over."""
    scene.answers()
    with trouble:
        scene.goes_on(least_s, most_s)
        if scene.dice.random() < 1 / 3:
            kill(scene.process)
    if scene.process.poll() is None:
        scene.answers()


def fails_over(scene: Scene[WatchedStore] | Scene[ClusteredStore]) -> None:
    """To a replica that lacks the last seconds."""
    scene.goes_on(0.5, 1.5)
    with scene.store.replaced():
        scene.answers()
    scene.home.healed()


CRASHES: dict[str, Crash[Any]] = {
    "moment": Crash(lone, at_any_moment),
    "promised": Crash(lone, at_any_moment, Insisting),
    "worker": Crash(embedded, a_worker, workers=2),
    "embedded": Crash(embedded, with_its_embedded_store),
    "away": Crash(lone, before_the_store_has_it),
    "back": Crash(lone, goes_back),
    "back-after-kill": Crash(lone, goes_back_after_a_kill),
    "emptied": Crash(lone, is_emptied),
    "restarted": Crash(lone, is_started_again),
    "restarted-everysec": Crash(partial(lone, fsync="everysec"), is_started_again),
    "paused": Crash(lone, is_paused),
    "cut": Crash(lone, partial(weather, least_s=0.5, most_s=10.0, cut=True)),
    "silent": Crash(lone, partial(weather, takes=False)),
    "unheard": Crash(lone, partial(weather, answers=False)),
    "slow": Crash(lone, partial(weather, delay_s=2.0)),
    "sentinel": Crash(behind_sentinels, fails_over),
    "cluster": Crash(clustered, fails_over),
    "minutes": Crash(lone, partial(weather, least_s=150.0, most_s=240.0, cut=True), long=True),
}
