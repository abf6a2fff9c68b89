"""Numbers of several workers put together: what is counted is added, what stands goes by its rule."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.core.move import Standing
from gateway.observe.metrics import RULES, Metrics
from gateway.observe.sums import Family, Rule, counted, dumped, loaded, together, written
from tests import facts
from tests.observe.events import EVENTS

Values = dict[str, float]


def family(name: str, kind: str, values: Values) -> Family:
    """With a series for each value of one label."""
    return Family(name, kind, f"Of {name}", {(name, (("of", of),)): value for of, value in values.items()})


@pytest.mark.parametrize(
    ("kind", "rule", "several", "whole"),
    [
        ("counter", None, ({"a": 1}, {"a": 2}), {"a": 3}),
        ("counter", None, ({"a": 1}, {"b": 2}), {"a": 1, "b": 2}),
        ("counter", None, ({}, {"a": 2}), {"a": 2}),
        ("counter", Rule.MOST, ({"a": 1}, {"a": 2}), {"a": 3}),
        ("histogram", None, ({"1": 1, "+Inf": 4}, {"1": 2, "+Inf": 2}), {"1": 3, "+Inf": 6}),
        ("gauge", None, ({"a": 1}, {"a": 2}), {"a": 3}),
        ("gauge", Rule.SUM, ({"a": 1}, {"a": 2}, {"a": 4}), {"a": 7}),
        ("gauge", Rule.MOST, ({"a": 4}, {"a": 2}, {"b": 1}), {"a": 4, "b": 1}),
        ("gauge", Rule.LEAST, ({"a": 4}, {"a": 2}, {"a": 3}), {"a": 2}),
        ("gauge", Rule.LEAST, ({"a": 4},), {"a": 4}),
    ],
)
def test_several_are_one(kind: str, rule: Rule | None, several: tuple[Values, ...], whole: Values) -> None:
    rules = {"some": rule} if rule else {}
    assert together([(family("some", kind, each),) for each in several], rules) == (family("some", kind, whole),)


def test_metrics_that_one_has_alone_are_there_too() -> None:
    one, other = family("one", "counter", {"a": 1}), family("other", "gauge", {"a": 2})
    assert together([(one,), (other,)], {}) == (one, other)
    assert together([], {}) == ()


def test_what_is_counted_is_all_but_the_gauges() -> None:
    gauge, counter, histogram = (family(kind, kind, {"a": 1}) for kind in ("gauge", "counter", "histogram"))
    assert counted((gauge, counter, histogram)) == (counter, histogram)


def real() -> Metrics:
    """The metrics of one of two workers, to whom everything has happened once."""
    metrics = Metrics("1.2.3", workers=2)
    for event in EVENTS.values():
        metrics(event)
    metrics.stand({facts.lane(): 3}, {("Default", "flash"): Standing.OPEN}, {"owed": 2}, 1)
    return metrics


def test_they_survive_the_way_to_another_process() -> None:
    found = real().numbers()
    assert loaded(dumped(found)) == found


@pytest.mark.parametrize("text", [b"", b"[", b"[[1]]", b"{}x"])
def test_what_was_cut_short_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        loaded(text)


@pytest.mark.parametrize(
    ("sample", "whole"),
    [
        ("gateway_calls_total", 2),
        ("gateway_call_seconds_count", 2),
        ("gateway_upstream_in_flight", 6),
        ("gateway_left_calls", 2),
        ("gateway_group_standing", 4),
        ("gateway_drills_active", 0),
        ("gateway_ledger_rows", 1200),
        ("gateway_workers", 2),
        ("gateway_workers_answered", 2),
        ("gateway_build", 1),
    ],
)
def test_two_workers_are_written_as_prometheus_reads_them(sample: str, whole: float) -> None:
    text = written(together([real().numbers(), real().numbers()], RULES)).decode()
    samples = [each for family in text_string_to_metric_families(text) for each in family.samples]
    assert {each.value for each in samples if each.name == sample} == {whole}


def test_one_worker_is_written_as_by_itself() -> None:
    alone = [each for each in real().numbers() if each.name.startswith("gateway_")]
    assert written(tuple(alone)) in real().exposition()


def test_every_gauge_has_a_rule() -> None:
    assert {each.name for each in real().numbers() if each.kind == "gauge"} - set(RULES) == set()
