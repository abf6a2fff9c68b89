"""How long the seller really took: read from the lines that a gateway logs, or from a table of sizes and seconds.

Only a call that one attempt served tells how long an answer takes, and only one of the model that is
rehearsed. A size that was seen too seldom is left to the world's own assumption.
"""

import csv
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gateway.core.catalog import Model

# From fewer the slowest of a hundred cannot be told.
ENOUGH = 50

_EXPECTED = 'lines of JSON as a gateway logs them ("event": "call", …), or CSV with the columns size,seconds[,thinking]'

Observed = Mapping[tuple[str, bool], Sequence[float]]  # seconds, by size and whether it was told to think

_Row = tuple[str, str, bool, float]  # the model, "" for whichever; size, thinking, seconds
_OTHER: _Row = ("other", "", False, 0.0)  # a line of the log that tells nothing of how long an answer takes


class Unusable(Exception):
    """A history without a single line that tells anything; says what is expected."""


@dataclass(frozen=True, slots=True)
class History:
    """What was seen, and how many lines were neither a line of the log nor one of the table."""

    observed: Observed
    unread: int

    @property
    def enough(self) -> Observed:
        """The sizes that were seen often enough to be drawn from."""
        return {kind: seconds for kind, seconds in self.observed.items() if len(seconds) >= ENOUGH}

    def said(self) -> str:
        """In one line, for whoever reads the figures."""
        kinds = [
            f"{size}{' thinking' if thinks else ''} {len(seconds)}{'' if len(seconds) >= ENOUGH else ' (too few)'}"
            for (size, thinks), seconds in sorted(self.observed.items())
        ]
        unread = f"; lines that could not be read: {self.unread}" if self.unread else ""
        return f"latencies observed: {', '.join(kinds)}; all others as assumed{unread}"


def history_of(lines: Iterable[str], model: Model) -> History:
    """What lines tell of a model; raises `Unusable` where that is nothing."""
    observed: defaultdict[tuple[str, bool], list[float]] = defaultdict(list)
    unread = 0
    for seen in _read(line for line in lines if line.strip()):
        match seen:
            case None:
                unread += 1
            case (str(name), size, thinks, seconds) if name in ("", model.id) and size in model.sizes:
                observed[size, thinks].append(seconds)
    if not observed:
        raise Unusable(
            f"no line tells how long {model.id} took (lines that could not be read: {unread}); expected are {_EXPECTED}"
        )
    return History(dict(observed), unread)


def _read(lines: Iterator[str]) -> Iterator[_Row | None]:
    """What each line tells; None where it cannot be read. The first says what all are."""
    first = next(lines, None)
    if first is None:
        return
    columns = [name.strip().lower() for name in next(csv.reader([first]))]
    if {"size", "seconds"} <= set(columns):
        for cells in csv.reader(lines):
            yield _of_table(dict(zip(columns, cells, strict=False)))
    else:
        yield _of_log(first)
        for line in lines:
            yield _of_log(line)


def _of_table(row: Mapping[str, str]) -> _Row | None:
    seconds = _seconds(row.get("seconds"))
    thinks = row.get("thinking", "").strip().lower() in ("1", "true", "yes", "high")
    return None if seconds is None else ("", row["size"].strip(), thinks, seconds)


def _of_log(line: str) -> _Row | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    if not isinstance(row, dict) or "event" not in row:
        return None
    if row["event"] != "call" or row.get("code") != "ok" or row.get("attempts") != 1 or "drill" in row:
        return _OTHER
    seconds = _seconds(row.get("seconds"))
    return None if seconds is None else (str(row.get("model")), str(row.get("size")), False, seconds)


def _seconds(found: object) -> float | None:
    try:
        seconds = float(str(found))
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds > 0 else None
