"""Many calls at once: what each of them takes, and what it does to the others."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.bench.wire import meter
from tests.bench.wire.callers import Callers
from tests.bench.wire.cases import SMALL, Case, Crowd
from tests.bench.wire.load import PROBES, Job
from tests.bench.wire.targets import Target

_LEAD_S = 2.0  # so long it takes to connect all of them


@dataclass(frozen=True, slots=True)
class Crowding:
    """`kb` is memory a call above what there was before; `probe_ms` a small call's time before, meanwhile and after."""

    cpu_ms: float
    kb: float
    added_p50_ms: float
    added_p99_ms: float
    probe_ms: tuple[float, float, float]
    failed: int


def one(target: Target, crowd: Crowd, callers: Callers) -> Crowding:
    """To be taken by itself: what it leaves behind in memory counts for the next one."""
    at = time.time() + crowd.hold_s + _LEAD_S
    route = crowd.route if target.translates else "native"
    case = Case(crowd.name, 1, crowd.says.format(at=f"{at:.3f}"), route=route)
    probe = Case("probe", 1, SMALL)
    job = Job(
        crowd.kind,
        target.port,
        case.head() + target.head,
        callers.body(case, anew=True),
        count=crowd.count,
        hold_s=crowd.hold_s,
        at=at if "{at}" in crowd.says else 0.0,
        probe=probe.head() + target.head + "\r\n" + probe.body().decode(),
    )
    pids = target.pids
    before, cpu_s = meter.pss_bytes(pids), meter.cpu_s(pids)
    came: dict[str, Any] = callers.do(job, look=lambda: meter.pss_bytes(pids))
    cpu_s = meter.cpu_s(pids) - cpu_s
    most = max(came.pop("seen"), default=before)
    return Crowding(
        cpu_s / (crowd.count + (3 * PROBES if crowd.kind == "held" else 0)) * 1000,
        max(0, most - before) / crowd.count / 1024,
        came["p50_ms"],
        came["p99_ms"],
        (came["idle_ms"], came["probe_ms"], came["after_ms"]),
        came["failed"],
    )


def table(found: Sequence[tuple[str, str, Crowding]]) -> str:
    if not found:
        return ""
    columns = ("CPU ms", "KB a call", "added p50", "added p99", "idle ms", "amid ms", "after ms", "failed")
    lines = ["", f"{'crowd':32} {'target':12}" + "".join(f"{column:>11}" for column in columns)]
    for crowd, target, each in found:
        figures = (each.cpu_ms, each.kb, each.added_p50_ms, each.added_p99_ms, *each.probe_ms)
        lines.append(f"{crowd:32} {target:12}" + "".join(f"{figure:11.3f}" for figure in figures) + f"{each.failed:11}")
    return "\n".join(lines)
