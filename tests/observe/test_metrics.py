"""The metrics: names, labels and sums, as Prometheus reads them."""

import shutil
import subprocess
from dataclasses import replace
from typing import get_args

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from gateway.core.events import (
    AdminActed,
    AdminRefused,
    AttemptLate,
    CallFinished,
    CredentialRefused,
    DrillBegan,
    DrillEnded,
    Event,
    OperatorCharged,
)
from gateway.core.move import Standing
from gateway.core.outcome import Verdict
from gateway.core.truth import Shortfall
from gateway.observe.metrics import Metrics
from tests import facts
from tests.house import Gateway
from tests.observe.events import (
    ADDRESS,
    ADMIN,
    DRILL,
    EVENTS,
    HINT,
    KEY_NAME,
    NOTE,
    PROMPT,
    REFUSED,
    SAID,
    attempt,
    charge,
    finished,
)

# Every metric that others' dashboards and alerts may hold on to, and its labels.
NAMES: dict[str, tuple[str, ...]] = {
    "gateway_calls": ("dialect", "operation", "model", "size", "group", "code"),
    "gateway_shortfalls": ("model", "size", "group", "how"),
    "gateway_undelivered_calls": ("model", "size", "code"),
    "gateway_replayed_calls": ("dialect", "how", "code"),
    "gateway_dropped_answers": ("why",),
    "gateway_left_calls": (),
    "gateway_jobs": ("state",),
    "gateway_webhooks": ("state",),
    "gateway_refused_requests": ("dialect", "code"),
    "gateway_call_seconds": ("model", "size"),
    "gateway_attempts": ("lane", "group", "model", "verdict", "won"),
    "gateway_upstream_first_byte_seconds": ("group", "model", "size"),
    "gateway_late_attempts": ("group", "model"),
    "gateway_group_moves": ("group", "model", "to", "why"),
    "gateway_failover_denials": ("group", "allowance", "owner", "window"),
    "gateway_answer_bytes": ("group", "model"),
    "gateway_pictures": ("model", "size", "group"),
    "gateway_charged_usd": ("model", "size", "group"),
    "gateway_operator_usd": ("model", "group", "why"),
    "gateway_credential_refusals": ("lane", "group"),
    "gateway_drilled_calls": ("code",),
    "gateway_drilled_attempts": ("group", "kind"),
    "gateway_store_failures": ("doing",),
    "gateway_journal_adopted": ("what",),
    "gateway_unbacked_calls": (),
    "gateway_admin_actions": ("action",),
    "gateway_admin_refusals": ("why",),
    "gateway_workers": (),
    "gateway_workers_answered": (),
    "gateway_workers_replaced": (),
    "gateway_budget_alerts": ("whose", "period"),
    "gateway_unsettled_calls": ("given_up",),
    "gateway_presumed_attempts": (),
    "gateway_store_rollbacks": (),
    "gateway_archived_rows": (),
    "gateway_ledger_rows": (),
    "gateway_journal_promises": ("kind",),
    "gateway_evidence_shared_seconds": (),
    "gateway_upstream_in_flight": ("lane", "group"),
    "gateway_group_standing": ("group", "model"),
    "gateway_drills_active": ("kind",),
    "gateway_build": ("version",),
}


def told(*events: Event) -> str:
    metrics = Metrics("1.2.3")
    for event in events:
        metrics(event)
    metrics.stand({facts.lane(): 3}, {("Default", "flash"): Standing.OPEN}, {"owed": 2}, 1)
    return metrics.exposition().decode()


def families(*events: Event) -> dict[str, Metric]:
    found = text_string_to_metric_families(told(*events))
    return {family.name: family for family in found if family.name.startswith("gateway_")}


def samples(*events: Event) -> list[Sample]:
    return [sample for family in families(*events).values() for sample in family.samples]


def value(name: str, *events: Event, **labels: str) -> float:
    """The one sample of this name with these labels among its own."""
    (found,) = [each for each in samples(*events) if each.name == name and labels.items() <= each.labels.items()]
    return float(found.value)


# All kinds, and the branches within them.
EVERYTHING = (
    *EVENTS.values(),
    attempt(Verdict.PICTURE, won=True, first_byte_s=7.5),
    replace(finished(), code="caller_left", delivered=False),
    replace(finished(), drills=(DRILL,)),
    replace(attempt(), drill=DRILL),
    replace(finished(charge()), shortfall=Shortfall.SMALLER),
)


def test_these_are_the_metrics_and_their_labels() -> None:
    found = families(*EVERYTHING)
    labels = {name: {label for each in found[name].samples for label in each.labels} - {"le"} for name in found}
    assert labels == {name: set(names) for name, names in NAMES.items()}


@pytest.mark.parametrize("kind", get_args(Event))
def test_every_kind_of_event_is_counted(kind: type[Event]) -> None:
    assert told(EVENTS[kind]) != told()


def test_no_label_says_who_called_or_what_was_said() -> None:
    values = {value for sample in samples(*EVERYTHING) for value in sample.labels.values()}
    forbidden = {
        "key_1",
        "acme",
        "call_1",
        "call_1-1",
        "req_1",
        PROMPT,
        SAID,
        KEY_NAME,
        HINT,
        NOTE,
        DRILL.id,
        ADMIN,
        ADDRESS,
    }
    assert values & forbidden == set()
    assert [word for word in (PROMPT, SAID, KEY_NAME) if word in told(*EVERYTHING)] == []


def test_every_histogram_of_calls_reaches_to_the_longest() -> None:
    histograms = [
        family
        for family in families(*EVERYTHING).values()
        if family.type == "histogram" and family.name != "gateway_evidence_shared_seconds"
    ]
    assert [family.name for family in histograms] == ["gateway_call_seconds", "gateway_upstream_first_byte_seconds"]
    for family in histograms:
        bounds = {sample.labels["le"] for sample in family.samples if "le" in sample.labels}
        assert {"0.1", "120.0", "600.0", "+Inf"} <= bounds


def test_a_drill_is_apart_from_how_callers_are_served_and_not_from_the_money() -> None:
    drilled = replace(finished(charge()), drills=(DRILL,), code="upstream_overloaded", delivered=False)
    late = AttemptLate(facts.call(), "call_1-1", facts.lane(), DRILL)
    events = (drilled, replace(attempt(), drill=DRILL), late)
    names = {each.name for each in samples(*events)}
    served = {"gateway_calls", "gateway_undelivered_calls", "gateway_attempts", "gateway_late_attempts"}
    assert names.isdisjoint({f"{name}_total" for name in served} | {"gateway_call_seconds_count"})
    assert value("gateway_drilled_calls_total", *events, code="upstream_overloaded") == 1
    assert value("gateway_drilled_attempts_total", *events, group="Default", kind="hang") == 1
    assert value("gateway_charged_usd_total", *events, group="Default") == pytest.approx(0.055)


def test_drills_are_counted_while_they_are_on() -> None:
    began, ended = EVENTS[DrillBegan], EVENTS[DrillEnded]
    assert value("gateway_drills_active", began, began, ended, kind="hang") == 1


def test_what_is_charged_adds_up() -> None:
    two = (finished(charge(55_000_000)), finished(charge(77_000_000)), finished(None))
    assert value("gateway_charged_usd_total", *two, group="Default") == pytest.approx(0.132)
    assert value("gateway_pictures_total", *two, group="Default") == 2
    assert value("gateway_calls_total", *two, group="Default", code="ok") == 2
    assert value("gateway_calls_total", *two, group="", code="ok") == 1
    assert value("gateway_call_seconds_count", *two) == 3
    assert value("gateway_call_seconds_sum", *two) == pytest.approx(3 * 12.3456)


def test_what_the_operator_pays_is_counted_by_reason() -> None:
    call = finished().call
    events = [OperatorCharged(call, charge(1_000_000_000), why) for why in ("race_loss", "race_loss", "truncated")]
    assert value("gateway_operator_usd_total", *events, why="race_loss") == 2
    assert value("gateway_operator_usd_total", *events, why="truncated") == 1
    assert not [each for each in samples(*events) if each.name == "gateway_charged_usd_total"]


def test_attempts_are_counted_by_verdict_and_by_whether_they_won() -> None:
    events = (attempt(), attempt(), attempt(Verdict.PICTURE, won=True, first_byte_s=7.5))
    assert value("gateway_attempts_total", *events, verdict="busy", won="no", lane="default") == 2
    assert value("gateway_attempts_total", *events, verdict="picture", won="yes") == 1
    assert value("gateway_answer_bytes_total", *events) == 3000
    assert value("gateway_upstream_first_byte_seconds_count", *events, size="4K") == 1
    assert value("gateway_upstream_first_byte_seconds_bucket", *events, le="8.0") == 1
    assert value("gateway_upstream_first_byte_seconds_bucket", *events, le="6.0") == 0


def test_attempts_past_the_suspect_line_are_counted_apart() -> None:
    assert value("gateway_late_attempts_total", attempt(), EVENTS[AttemptLate]) == 1


def test_a_picture_that_falls_short_is_counted_by_how() -> None:
    short = replace(finished(charge()), shortfall=Shortfall.OTHER_SHAPE)
    assert value("gateway_shortfalls_total", finished(charge()), short, how="other_shape", size="4K") == 1


def test_a_call_whose_caller_got_no_whole_answer_is_counted_apart() -> None:
    left = replace(finished(charge()), code="caller_left", delivered=False)
    assert value("gateway_undelivered_calls_total", finished(charge()), left, code="caller_left") == 1


def test_what_alerts_look_at_is_there_before_it_happens() -> None:
    text = Metrics("1", [facts.lane()], ["flash"]).exposition().decode()
    for line in (
        'gateway_attempts_total{group="Default",lane="default",model="flash",verdict="busy",won="no"} 0.0',
        'gateway_late_attempts_total{group="Default",model="flash"} 0.0',
        'gateway_operator_usd_total{group="Default",model="flash",why="unsettled"} 0.0',
        'gateway_credential_refusals_total{group="Default",lane="default"} 0.0',
        'gateway_store_failures_total{doing="settle"} 0.0',
        'gateway_admin_actions_total{action="key.created"} 0.0',
        'gateway_admin_refusals_total{why="wrong_key"} 0.0',
    ):
        assert line in text


def test_refusals_are_counted_by_dialect_and_code() -> None:
    assert value("gateway_refused_requests_total", REFUSED, REFUSED, dialect="chat", code="invalid_api_key") == 2
    assert not [each for each in samples(REFUSED) if each.name == "gateway_calls_total"]


def test_what_administrators_do_is_counted_by_what_it_is_and_refusals_by_why() -> None:
    acted, refused = EVENTS[AdminActed], EVENTS[AdminRefused]
    assert value("gateway_admin_actions_total", acted, acted, action="key.revoked") == 2
    assert value("gateway_admin_refusals_total", refused, acted, refused, why="wrong_key") == 2


def test_how_things_stand_is_what_is_true_when_it_is_asked() -> None:
    assert value("gateway_upstream_in_flight", lane="default") == 3
    assert value("gateway_group_standing", group="Default", model="flash") == 4
    assert value("gateway_build", version="1.2.3") == 1


@pytest.mark.parametrize(("standing", "number"), list(zip(Standing, (0, 1, 4, 3, 2), strict=True)))
def test_every_standing_has_a_number(standing: Standing, number: int) -> None:
    metrics = Metrics("1")
    metrics.stand({}, {("Default", "flash"): standing}, {}, 0)
    assert f'gateway_group_standing{{group="Default",model="flash"}} {number}.0' in metrics.exposition().decode()


def test_a_second_gateway_in_the_process_counts_for_itself() -> None:
    first, second = Metrics("1"), Metrics("1")
    first(EVENTS[CallFinished])
    first(EVENTS[CredentialRefused])
    assert b"gateway_calls_total{" not in second.exposition()


async def test_prometheus_finds_nothing_to_say_about_a_real_exposition(gateway: Gateway) -> None:
    await gateway.native("a boat [sim:busy@Default]")
    await gateway.native("a boat", model="no-such-model")
    answer = await gateway.http.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'gateway_attempts_total{group="NanoBananaEnterprise"' in answer.text
    assert 'gateway_refused_requests_total{code="model_not_found",dialect="gemini"} 1.0' in answer.text
    assert gateway.key.id not in answer.text
    assert lint(answer.content) == (0, "")


def lint(exposition: bytes) -> tuple[int, str]:
    promtool = shutil.which("promtool")
    assert promtool, "promtool is not installed"
    checked = subprocess.run([promtool, "check", "metrics"], input=exposition, capture_output=True, check=False)
    return checked.returncode, checked.stderr.decode()
