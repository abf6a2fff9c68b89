"""What processes have taken of the machine: the operating system's own accounting of all their threads."""

from collections.abc import Iterable
from pathlib import Path

_PROC = Path("/proc")


def cpu_s(pids: Iterable[int]) -> float:
    """Seconds of a processor, user and system together, to the nanosecond."""
    return sum(_ns(task) for pid in pids for task in _tasks(pid)) / 1e9


def pss_bytes(pids: Iterable[int]) -> int:
    """Memory, of what several processes share each its part."""
    return sum(_pss(pid) for pid in pids)


def descendants(pid: int) -> list[int]:
    """A process and all that it has started."""
    found = [pid]
    for task in _tasks(pid):
        found += [each for child in _children(task) for each in descendants(child)]
    return found


def _tasks(pid: int) -> list[Path]:
    try:
        return list((_PROC / str(pid) / "task").iterdir())
    except FileNotFoundError:
        return []


def _children(task: Path) -> list[int]:
    try:
        return [int(pid) for pid in (task / "children").read_text().split()]
    except FileNotFoundError:  # as below
        return []


def _ns(task: Path) -> int:
    try:
        return int((task / "schedstat").read_text().split()[0])
    except FileNotFoundError:  # a thread that has ended meanwhile
        return 0


def _pss(pid: int) -> int:
    lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024
