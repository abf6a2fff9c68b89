"""Every metric: its name and labels. Labels are closed sets (models, sizes, groups, verdicts), never callers' words."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from itertools import product
from typing import Any, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from gateway.core.allowance import Owner, Purpose, Window
from gateway.core.budgets import Period
from gateway.core.drill import Ailment, Drill
from gateway.core.events import (
    AdminActed,
    AdminRefused,
    AnswerDropped,
    AttemptFinished,
    AttemptLate,
    AttemptPresumed,
    BudgetPassed,
    CallFinished,
    CallRefused,
    CallReplayed,
    CallUnbacked,
    CallUnsettled,
    CredentialRefused,
    DrillBegan,
    DrillEnded,
    Event,
    EvidenceShared,
    FailoverDenied,
    GroupMoved,
    JobEnded,
    JournalAdopted,
    LedgersMeasured,
    OperatorCharged,
    RowsArchived,
    StoreLost,
    StoreRolledBack,
    WebhookTried,
    WorkerReplaced,
)
from gateway.core.groups import Lane
from gateway.core.jobs import State as JobState
from gateway.core.move import Standing
from gateway.core.outcome import Verdict
from gateway.core.trail import Action, Lack
from gateway.core.webhooks import Told
from gateway.observe.sums import Numbers, Rule, numbers

# They would double the number of series to tell when each began.
disable_created_metrics()  # type: ignore[no-untyped-call]

One = TypeVar("One", Counter, Histogram)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.1, 0.5, 1, 2, 4, 6, 8, 10, 13, 16, 20, 25, 32, 40, 50, 65, 90, 120, 180, 300, 600)
_MOMENTS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.2, 1, 5)  # what no caller waits for
# Why the operator pays for an attempt.
_WHY = ("race_loss", "truncated", "fruitless", "unsettled")

_STANDING = {Standing.CLOSED: 0, Standing.SUSPECT: 1, Standing.RAMP: 2, Standing.HALF: 3, Standing.OPEN: 4}


# What is tried again when the store, or the vault, was out of reach.
_DOING = ("settle", "void", "correct", "share", "journal", "adopt", "heal", "revive", "archive", "claims", "vault")

# What is told of each, and its labels.
_Table = Mapping[str, tuple[str, tuple[str, ...]]]

_COUNTERS: _Table = {
    "gateway_calls": ("Calls answered", ("dialect", "operation", "model", "size", "group", "code")),
    "gateway_undelivered_calls": ("Calls whose caller got no whole answer", ("model", "size", "code")),
    "gateway_replayed_calls": (
        "Calls that had the answer of an earlier one, and cost nothing: it was joined, or it was kept",
        ("dialect", "how", "code"),
    ),
    "gateway_jobs": ("Jobs that are over", ("state",)),
    "gateway_webhooks": ("Tries to tell a receiver that a job is over: pending is to be tried again", ("state",)),
    "gateway_dropped_answers": (
        "Answers that were charged, that nobody waited for, and that could not be kept",
        ("why",),
    ),
    "gateway_refused_requests": ("Requests refused before they were calls", ("dialect", "code")),
    "gateway_attempts": ("Attempts on upstream lanes", ("lane", "group", "model", "verdict", "won")),
    "gateway_group_moves": ("Moves of what is believed of a group", ("group", "model", "to", "why")),
    "gateway_late_attempts": ("Attempts without an answer past the suspect line", ("group", "model")),
    "gateway_failover_denials": (
        "Attempts not begun because an allowance was spent",
        ("group", "allowance", "owner", "window"),
    ),
    "gateway_answer_bytes": ("Bytes of upstream answers read", ("group", "model")),
    "gateway_pictures": ("Finished pictures charged", ("model", "size", "group")),
    "gateway_shortfalls": ("Pictures smaller or shaped otherwise than asked", ("model", "size", "group", "how")),
    "gateway_charged_usd": ("Charged to callers' keys", ("model", "size", "group")),
    "gateway_operator_usd": ("Paid by the operator for answers that no caller got", ("model", "group", "why")),
    "gateway_credential_refusals": ("Upstream refusals of a lane's own credential", ("lane", "group")),
    "gateway_store_failures": (
        "Writes to the books that had to be repeated, and times that other replicas were out of reach (share)",
        ("doing",),
    ),
    "gateway_journal_adopted": (
        "What the journals of processes that are gone held: writes owed, in case of their end, told once more; damage",
        ("what",),
    ),
    "gateway_unbacked_calls": ("Calls that went on while the store was away, with nothing set aside", ()),
    "gateway_budget_alerts": (
        "Shares of budgets that were passed, at which somebody is to be told",
        ("whose", "period"),
    ),
    "gateway_unsettled_calls": (
        "Calls that nobody ended in time: held as unsettled, or given up and paid by the operator",
        ("given_up",),
    ),
    "gateway_presumed_attempts": (
        "Attempts of which nobody found out in time whether they were billed: the operator has paid them",
        (),
    ),
    "gateway_store_rollbacks": ("Times that the store had lost what it had taken, and was told it again", ()),
    "gateway_archived_rows": ("Rows of ledgers that were put into files, and have left the store", ()),
    "gateway_admin_actions": ("What administrators changed by the admin API, as the trail has it", ("action",)),
    "gateway_workers_replaced": ("Workers that ended before their time, and were replaced by another", ()),
    "gateway_admin_refusals": ("Requests to the admin API that were refused for want of an admin key", ("why",)),
    # Drills are apart from all of these: what they do is nobody's fault, and no alert is to ring for it.
    "gateway_drilled_calls": ("Calls that drills touched; not among the others", ("code",)),
    "gateway_drilled_attempts": (
        "Attempts that a drill stood before; not among the others",
        ("group", "kind"),
    ),
}
_HISTOGRAMS: _Table = {
    "gateway_evidence_shared_seconds": ("Telling other replicas what was seen, and hearing them", ()),
    "gateway_call_seconds": ("Whole calls, from the first byte of the request to the end", ("model", "size")),
    "gateway_upstream_first_byte_seconds": ("From sending to the first byte of an answer", ("group", "model", "size")),
}
# The last is how one number is made of those of several workers.
_GAUGES: Mapping[str, tuple[str, tuple[str, ...], Rule]] = {
    "gateway_upstream_in_flight": ("Attempts now waiting for the upstream", ("lane", "group"), Rule.SUM),
    "gateway_left_calls": ("Calls that are being drawn with nobody waiting for them", (), Rule.SUM),
    "gateway_group_standing": (
        "0 closed (well), 1 suspect, 2 ramp (coming back), 3 half (being asked), 4 open (put behind)",
        ("group", "model"),
        Rule.MOST,
    ),
    "gateway_journal_promises": (
        "Writes that this gateway owes the books, or will owe if it dies (in_case)",
        ("kind",),
        Rule.SUM,
    ),
    "gateway_ledger_rows": ("Rows that all ledgers had in the store when this gateway last looked", (), Rule.MOST),
    "gateway_drills_active": ("Drills that are on", ("kind",), Rule.MOST),  # each worker has the same
    "gateway_workers": ("Processes that this gateway is to have", (), Rule.MOST),
    "gateway_workers_answered": (
        "Processes that said how they stand; of others is what they last counted",
        (),
        Rule.SUM,
    ),
    "gateway_build": ("Always 1; the version is the label", ("version",), Rule.MOST),
}

# Those of the client library, which tell of one process each. What is not named is counted, or the same of all.
_OF_A_PROCESS = {
    "process_virtual_memory_bytes": Rule.SUM,
    "process_resident_memory_bytes": Rule.SUM,  # what workers share counts for each of them
    "process_open_fds": Rule.SUM,
    "process_max_fds": Rule.SUM,
    "process_start_time_seconds": Rule.LEAST,
    "python_info": Rule.MOST,
}

RULES: Mapping[str, Rule] = {**{name: rule for name, (_, _, rule) in _GAUGES.items()}, **_OF_A_PROCESS}


class Metrics:
    """Counts events; `exposition` is what Prometheus scrapes, after `stand`."""

    def __init__(
        self, version: str, lanes: Iterable[Lane] = (), models: Iterable[str] = (), *, workers: int = 1
    ) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self._counters = {name: Counter(name, *row, registry=registry) for name, row in _COUNTERS.items()}
        self._gauges = {
            name: Gauge(name, told, labels, registry=registry) for name, (told, labels, _) in _GAUGES.items()
        }
        self._histograms = {
            name: Histogram(name, *row, registry=registry, buckets=_SECONDS if row[1] else _MOMENTS)
            for name, row in _HISTOGRAMS.items()
        }
        self._series: dict[tuple[str, ...], Any] = {}  # of what is counted in every call, by name and labels
        self._gauges["gateway_build"].labels(version).set(1)
        self._gauges["gateway_workers"].set(workers)
        self._gauges["gateway_workers_answered"].set(1)
        self._handlers: dict[type, Callable[..., None]] = {
            AttemptFinished: self._attempt,
            AttemptLate: self._attempt_late,
            CallFinished: self._call,
            FailoverDenied: self._failover_denied,
            GroupMoved: self._group_moved,
            OperatorCharged: self._operator_charged,
            CallReplayed: self._call_replayed,
            JobEnded: lambda event: self._counters["gateway_jobs"].labels(event.job.state.value).inc(),
            WebhookTried: lambda event: self._counters["gateway_webhooks"].labels(event.webhook.state.value).inc(),
            AnswerDropped: lambda event: self._counters["gateway_dropped_answers"].labels(event.why).inc(),
            CallRefused: self._call_refused,
            CredentialRefused: self._credential_refused,
            DrillBegan: lambda event: self._active(event.drill).inc(),
            DrillEnded: lambda event: self._active(event.drill).dec(),
            StoreLost: lambda event: self._counters["gateway_store_failures"].labels(event.doing).inc(),
            JournalAdopted: self._journal_adopted,
            CallUnsettled: self._call_unsettled,
            AttemptPresumed: lambda _: self._counters["gateway_presumed_attempts"].inc(),
            CallUnbacked: lambda _: self._counters["gateway_unbacked_calls"].inc(),
            BudgetPassed: self._budget_passed,
            StoreRolledBack: lambda _: self._counters["gateway_store_rollbacks"].inc(),
            RowsArchived: lambda event: self._counters["gateway_archived_rows"].inc(event.rows),
            LedgersMeasured: lambda event: self._gauges["gateway_ledger_rows"].set(event.rows),
            AdminActed: lambda event: self._counters["gateway_admin_actions"].labels(event.action.value).inc(),
            WorkerReplaced: lambda _: self._counters["gateway_workers_replaced"].inc(),
            AdminRefused: lambda event: self._counters["gateway_admin_refusals"].labels(event.lack.value).inc(),
            EvidenceShared: lambda event: self._histograms["gateway_evidence_shared_seconds"].observe(event.took_s),
        }

        self._begin_at_zero(list(lanes), list(models))

    def __call__(self, event: Event) -> None:
        self._handlers[type(event)](event)

    def exposition(self) -> bytes:
        """Everything in Prometheus' text format, as it last stood."""
        return generate_latest(self._registry)

    def numbers(self) -> Numbers:
        """The same, to be put together with those of other workers by the `RULES`."""
        return numbers(self._registry.collect())

    def stand(
        self,
        in_flight: Mapping[Lane, int],
        standings: Mapping[tuple[str, str], Standing],
        promises: Mapping[str, int],
        left: int,
    ) -> None:
        """Sets what is no count to how it is at this moment."""
        for lane, count in in_flight.items():
            self._gauges["gateway_upstream_in_flight"].labels(lane.name, lane.group.name).set(count)
        for pair, standing in standings.items():
            self._gauges["gateway_group_standing"].labels(*pair).set(_STANDING[standing])
        for kind, count in promises.items():
            self._gauges["gateway_journal_promises"].labels(kind).set(count)
        self._gauges["gateway_left_calls"].set(left)

    def _counter(self, *series: str) -> Counter:
        return self._one(self._counters, series)

    def _histogram(self, *series: str) -> Histogram:
        return self._one(self._histograms, series)

    def _one(self, among: Mapping[str, One], series: tuple[str, ...]) -> One:
        """The one of this name and these labels."""
        found: One | None = self._series.get(series)
        if found is None:
            name, *labels = series
            found = self._series[series] = among[name].labels(*labels)
        return found

    def _attempt(self, event: AttemptFinished) -> None:
        ask = event.call.ask
        group, model = event.lane.group.name, ask.model.id
        self._counter("gateway_answer_bytes", group, model).inc(event.body_bytes)
        if event.drill is not None:
            self._counters["gateway_drilled_attempts"].labels(group, event.drill.ailment.value).inc()
            return
        won = "yes" if event.won else "no"
        self._counter("gateway_attempts", event.lane.name, group, model, event.outcome.verdict, won).inc()
        if event.first_byte_s is not None:
            seconds = self._histogram("gateway_upstream_first_byte_seconds", group, model, ask.size)
            seconds.observe(event.first_byte_s)

    def _attempt_late(self, event: AttemptLate) -> None:
        if event.drill is None:
            self._counters["gateway_late_attempts"].labels(event.lane.group.name, event.call.ask.model.id).inc()

    def _group_moved(self, event: GroupMoved) -> None:
        move = event.move
        labels = (event.group, event.model, move.to.value, move.why.value)
        self._counters["gateway_group_moves"].labels(*labels).inc()

    def _failover_denied(self, event: FailoverDenied) -> None:
        spent = event.spent
        labels = (event.lane.group.name, spent.purpose.value, spent.owner.value, spent.window.value)
        self._counters["gateway_failover_denials"].labels(*labels).inc()

    def _credential_refused(self, event: CredentialRefused) -> None:
        self._counters["gateway_credential_refusals"].labels(event.lane.name, event.lane.group.name).inc()

    def _call(self, event: CallFinished) -> None:
        ask, charge = event.call.ask, event.charge
        model, size = ask.model.id, ask.size
        group = charge.group if charge else ""
        if event.drills:
            self._counters["gateway_drilled_calls"].labels(event.code).inc()
        else:
            self._answered(event, group)
        if charge is not None:
            self._counter("gateway_pictures", model, size, group).inc(charge.pictures)
            self._counter("gateway_charged_usd", model, size, group).inc(charge.nanos / 1e9)
        if event.shortfall is not None:
            self._counters["gateway_shortfalls"].labels(model, size, group, event.shortfall.value).inc()

    def _answered(self, event: CallFinished, group: str) -> None:
        """How callers are served."""
        call = event.call
        model, size = call.ask.model.id, call.ask.size
        self._counter("gateway_calls", call.dialect, call.operation, model, size, group, event.code).inc()
        self._histogram("gateway_call_seconds", model, size).observe(event.total_s)
        if not event.delivered:
            self._counters["gateway_undelivered_calls"].labels(model, size, event.code).inc()

    def _active(self, drill: Drill) -> Gauge:
        return self._gauges["gateway_drills_active"].labels(drill.ailment.value)

    def _operator_charged(self, event: OperatorCharged) -> None:
        charge = event.charge
        self._counters["gateway_operator_usd"].labels(charge.model, charge.group, event.why).inc(charge.nanos / 1e9)

    def _journal_adopted(self, event: JournalAdopted) -> None:
        for what, count in asdict(event).items():
            self._counters["gateway_journal_adopted"].labels(what).inc(count)

    def _call_unsettled(self, event: CallUnsettled) -> None:
        self._counters["gateway_unsettled_calls"].labels("yes" if event.given_up else "no").inc()

    def _budget_passed(self, event: BudgetPassed) -> None:
        self._counters["gateway_budget_alerts"].labels(event.alert.whose, event.alert.period.value).inc()

    def _call_replayed(self, event: CallReplayed) -> None:
        how = "joined" if event.joined else "kept"
        self._counters["gateway_replayed_calls"].labels(event.call.dialect, how, event.code).inc()

    def _call_refused(self, event: CallRefused) -> None:
        self._counters["gateway_refused_requests"].labels(event.dialect, event.code).inc()

    def _begin_at_zero(self, lanes: list[Lane], models: list[str]) -> None:
        """Makes the series that alerts look at: a rate sees no first step in one that was not there before it."""
        for kind in Ailment:
            self._gauges["gateway_drills_active"].labels(kind.value)
        self._counters["gateway_drilled_calls"].labels("ok")
        for row in product(("gemini", "images", "chat", "responses"), ("joined", "kept")):
            self._counters["gateway_replayed_calls"].labels(*row, "ok")
        for state in filter(lambda state: state.final, JobState):
            self._counters["gateway_jobs"].labels(state.value)
        for told in Told:
            self._counters["gateway_webhooks"].labels(told.value)
        for why in ("lost", "full", "failed"):
            self._counters["gateway_dropped_answers"].labels(why)
        for row in product(("key", "team"), Period):
            self._counters["gateway_budget_alerts"].labels(*row)
        for action in Action:
            self._counters["gateway_admin_actions"].labels(action.value)
        for lack in Lack:
            self._counters["gateway_admin_refusals"].labels(lack.value)
        self._counters["gateway_journal_adopted"].labels("owed")
        self._counters["gateway_unsettled_calls"].labels("no")
        for doing in (*_DOING, *_WHY):
            self._counters["gateway_store_failures"].labels(doing)
        self._lanes_at_zero(lanes, models)

    def _lanes_at_zero(self, lanes: list[Lane], models: list[str]) -> None:
        for lane in lanes:
            for kind in Ailment:
                self._counters["gateway_drilled_attempts"].labels(lane.group.name, kind.value)
            self._counters["gateway_credential_refusals"].labels(lane.name, lane.group.name)
            for model in models:
                self._counters["gateway_late_attempts"].labels(lane.group.name, model)
                for verdict, won in product(Verdict, ("yes", "no")):
                    self._counters["gateway_attempts"].labels(lane.name, lane.group.name, model, verdict.value, won)
                for why in _WHY:
                    self._counters["gateway_operator_usd"].labels(model, lane.group.name, why)
        for group, purpose, window in product({lane.group.name for lane in lanes}, Purpose, Window):
            for owner in Owner:
                self._counters["gateway_failover_denials"].labels(group, purpose.value, owner.value, window.value)
