"""The workers of one gateway as processes: started, watched and replaced by a parent that does nothing else.

The parent has checked the settings, and has the sockets that all of them listen on; it knows neither the store nor the
upstream. It is forked, so that a worker has the same settings however often it is replaced, shares the memory of what
is loaded, and is there at once. Two pipes tell all workers what there is to be told, by being closed: `life`, which the
kernel closes too when the parent is killed: finish and end; `go`: all have come up, so serve.

One listening socket is shared. Whoever is not accepted yet is anybody's; with sockets of their own (SO_REUSEPORT) a
worker who dies takes such callers along. Those did not spread callers better where it counts: of 8 to 64 connections
that are kept the less busy of two workers had 39 to 50 % of the work with the one socket, 28 to 49 % with two. Of 2 and
4 all of the work came to one worker in half of the rounds, which then was not busy.
"""

import asyncio
import os
import selectors
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from gateway.core.crew import Crew, Ended, Worker

# What ends the gateway; see `listening`. A second one has the parent tell the workers to leave what is in flight.
_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LEAVE = signal.SIGUSR1

# The kernel takes 107 bytes for the name of a socket in it (103 on macOS).
_LONGEST_DIRECTORY = 96


class Orders:
    """`go` is set when a worker is to serve, or is not to wait for that; `stop` when it is to finish and end."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.stop = asyncio.Event()

    def end(self) -> None:
        self.stop.set()
        self.go.set()


@dataclass(frozen=True, slots=True)
class Berth:
    """What a worker has of its parent. The descriptors: `life` and `go` end when they are closed there, and `up` is
    written to when it has come up."""

    worker: Worker
    directory: Path
    parent: int
    life: int
    go: int
    up: int

    def orphaned(self) -> bool:
        return os.getppid() != self.parent

    def came_up(self) -> None:
        os.write(self.up, b".")

    @contextmanager
    def orders(self) -> Iterator[Orders]:
        """What the parent wants, as it comes to want it. Told to leave what is in flight, it cancels the task that
        entered the block.

        SIGTERM to a worker is an order to stop, and no more than that however often it comes: a terminal or an init
        system signals all processes of a group, and the parent tells them once more.
        """
        loop, task, orders = asyncio.get_running_loop(), asyncio.current_task(), Orders()
        assert task is not None
        told = {self.life: orders.end, self.go: orders.go.set}

        def closed(pipe: int) -> None:
            loop.remove_reader(pipe)
            told[pipe]()

        for pipe in told:
            loop.add_reader(pipe, closed, pipe)
        loop.add_signal_handler(signal.SIGTERM, orders.end)
        loop.add_signal_handler(_LEAVE, task.cancel)
        try:
            yield orders
        finally:
            for pipe in told:
                loop.remove_reader(pipe)
            loop.remove_signal_handler(signal.SIGTERM)
            loop.remove_signal_handler(_LEAVE)


def run_workers(of: int, work: Callable[[Berth], int], *, opened: Callable[[], None], shut: Callable[[], None]) -> int:
    """Runs so many until a signal ends them all, and gives the code to exit with.

    `work` is a worker's life, and gives its exit code. `opened` is called when all have come up, `shut` when no
    more is to be accepted.
    """
    directory = Path(tempfile.mkdtemp(prefix="gateway-"))  # for this user alone
    try:
        if len(os.fsencode(directory)) > _LONGEST_DIRECTORY:
            raise OSError(f"{directory} is too long a name for what holds sockets; set TMPDIR to a shorter one")
        with _signals() as heard, selectors.DefaultSelector() as selector:
            return _Parent(Crew(of, time.monotonic()), directory, heard, selector).run(work, opened, shut)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


class _Parent:
    def __init__(self, crew: Crew, directory: Path, heard: int, selector: selectors.DefaultSelector) -> None:
        self._crew = crew
        self._directory = directory
        self._heard = heard
        self._selector = selector
        self._life, self._keep_life = os.pipe()
        self._go, self._keep_go = os.pipe()
        self._pids: dict[int, int] = {}  # by number
        selector.register(heard, selectors.EVENT_READ)

    def run(self, work: Callable[[Berth], int], opened: Callable[[], None], shut: Callable[[], None]) -> int:
        crew = self._crew
        while not crew.over:
            for worker in crew.due(time.monotonic()):
                self._start(worker, work)
            was_whole, was_stopping = crew.whole, crew.stopping
            for key, _ in self._selector.select(crew.rest_s(time.monotonic())):
                if key.fd == self._heard:
                    self._signalled()
                else:
                    self._hear(key.fd, key.data)
            if crew.whole and not was_whole:
                os.close(self._keep_go)
                opened()
            if crew.stopping and not was_stopping:
                shut()
                os.close(self._keep_life)
        return crew.code

    def _start(self, worker: Worker, work: Callable[[Berth], int]) -> None:
        hear, up = os.pipe()
        berth = Berth(worker, self._directory, os.getpid(), self._life, self._go, up)
        self._selector.register(hear, selectors.EVENT_READ, worker.number)
        sys.stdout.flush()
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)  # one that comes to a worker now would be told to the parent
        try:
            if pid := os.fork():
                self._pids[worker.number] = pid
            else:
                self._live(work, berth)
        except OSError as failure:  # it is as if one had ended at once
            _say(f"worker {worker.number} cannot be started: {failure.strerror}")
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP)
        os.close(up)
        self._crew.began(worker.number, time.monotonic())

    def _live(self, work: Callable[[Berth], int], berth: Berth) -> NoReturn:
        """A worker, from its first moment to its end. What the parent had begun is not its to finish."""
        code = 1
        try:
            self._forget()
            code = work(berth)
        except BaseException:  # noqa: BLE001  whatever it is, it must not go on as the parent
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _forget(self) -> None:
        """What is the parent's alone. With its pipes open in a worker the others could not notice its end."""
        signal.set_wakeup_fd(-1)
        for each in _STOP:  # those of a terminal are for the parent
            signal.signal(each, signal.SIG_DFL if each == signal.SIGTERM else signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP)
        for key in list(self._selector.get_map().values()):
            os.close(key.fd)
        self._selector.close()
        os.close(self._keep_life)
        if not self._crew.whole:
            os.close(self._keep_go)

    def _hear(self, fd: int, number: int) -> None:
        """A worker has come up, or its end of the pipe was closed, as only its end does."""
        if os.read(fd, 1):
            self._crew.came_up(number, time.monotonic())
            return
        self._selector.unregister(fd)
        os.close(fd)
        pid = self._pids.pop(number, 0)
        ended = Ended(pid, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) if pid else 1)
        again_s = self._crew.ended(number, ended, time.monotonic())
        if again_s is not None:
            _say(f"worker {number} (process {pid}) {ended}; another is started in {again_s:g} s")
        elif ended.code < 0 and ended.failed:  # others say themselves what is wrong
            _say(f"worker {number} (process {pid}) {ended}")

    def _signalled(self) -> None:
        for _ in os.read(self._heard, 64):
            if not self._crew.stopping:
                self._crew.stop()
                continue
            for pid in self._pids.values():
                os.kill(pid, _LEAVE)


@contextmanager
def _signals() -> Iterator[int]:
    """A descriptor that has a byte for each signal that is to end the gateway."""
    heard, wake = os.pipe()
    os.set_blocking(wake, False)
    before = signal.set_wakeup_fd(wake)
    replaced = [(each, signal.signal(each, lambda *_: None)) for each in _STOP]
    try:
        yield heard
    finally:
        for each, handler in replaced:
            signal.signal(each, handler)
        signal.set_wakeup_fd(before)
        os.close(heard)
        os.close(wake)


def _say(line: str) -> None:
    print(f"gateway: {line}", file=sys.stderr, flush=True)  # noqa: T201  the parent's own words
