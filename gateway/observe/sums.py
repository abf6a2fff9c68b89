"""Numbers of several workers as those of one gateway. Pure: how they are asked for is not known here.

What is counted is added up. What stands at a moment is put together by the rule of each, which is written beside it.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from prometheus_client import Metric, generate_latest
from prometheus_client.samples import Sample

# A sample's name, and its labels with their values.
Series = tuple[str, tuple[tuple[str, str], ...]]


class Rule(StrEnum):
    SUM = "sum"
    MOST = "most"
    LEAST = "least"


@dataclass(frozen=True, slots=True)
class Family:
    """One metric with all its series, in their order."""

    name: str
    kind: str
    told: str
    values: Mapping[Series, float]


Numbers = tuple[Family, ...]


def numbers(metrics: Iterable[Metric]) -> Numbers:
    """What a registry collects."""
    return tuple(
        Family(each.name, each.type, each.documentation, {_series(sample): sample.value for sample in each.samples})
        for each in metrics
    )


def counted(numbers: Numbers) -> Numbers:
    """That part of them that only grows, and outlives whoever has counted it."""
    return tuple(each for each in numbers if each.kind != "gauge")


def together(several: Iterable[Numbers], rules: Mapping[str, Rule]) -> Numbers:
    """All of them as one. `rules` has the gauges' by their names; a gauge without one is added up."""
    whole: dict[str, Family] = {}
    for one in several:
        for family in one:
            before = whole.get(family.name)
            whole[family.name] = family if before is None else _both(before, family, rules)
    return tuple(whole.values())


def dumped(numbers: Numbers) -> bytes:
    rows = [[each.name, each.kind, each.told, list(each.values.items())] for each in numbers]
    return json.dumps(rows, separators=(",", ":")).encode()


def loaded(text: bytes) -> Numbers:
    """What was `dumped`; raises `ValueError`."""
    return tuple(
        Family(name, kind, told, {(of, tuple(map(tuple, labels))): value for (of, labels), value in values})
        for name, kind, told, values in json.loads(text)
    )


def written(numbers: Numbers) -> bytes:
    """In Prometheus' text format."""
    return generate_latest(_Collected(numbers))


class _Collected:
    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers

    def collect(self) -> Iterable[Metric]:
        for family in self._numbers:
            metric = Metric(family.name, family.told, family.kind)
            metric.samples = [Sample(name, dict(labels), value) for (name, labels), value in family.values.items()]
            yield metric


def _series(sample: Sample) -> Series:
    return sample.name, tuple(sample.labels.items())


def _both(one: Family, other: Family, rules: Mapping[str, Rule]) -> Family:
    rule = rules.get(one.name, Rule.SUM) if one.kind == "gauge" else Rule.SUM
    values = dict(one.values)
    for series, value in other.values.items():
        values[series] = _of_two(values[series], value, rule) if series in values else value
    return replace(one, values=values)


def _of_two(one: float, other: float, rule: Rule) -> float:
    match rule:
        case Rule.SUM:
            return one + other
        case Rule.MOST:
            return max(one, other)
        case Rule.LEAST:
            return min(one, other)
