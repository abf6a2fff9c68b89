"""Wires the house: makes every object, passes it to those who need it, starts and stops them in order.

The order of the layers, from the outside: callers' routes as plain ASGI, then the framework with
operations, admin and own-key routes. There is no middleware.
"""

import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TextIO

from fastapi import APIRouter, FastAPI

from gateway import __version__
from gateway.config.settings import Settings
from gateway.core.board import HealthBoard
from gateway.core.events import Event, Observer, StoreLost, WorkerReplaced
from gateway.core.links import Links
from gateway.core.outage import Slices
from gateway.core.pool import Pool
from gateway.core.stakes import Stakes
from gateway.core.terms import Offer
from gateway.dialects.chat import Chat
from gateway.dialects.gemini import Gemini
from gateway.dialects.images import Images
from gateway.dialects.responses import Responses
from gateway.ledger.archive import ARCHIVE_EVERY_S, Archiver
from gateway.ledger.calls import PastCalls
from gateway.ledger.claims import LIVE_S
from gateway.ledger.evidence import Evidence
from gateway.ledger.jobs import HOLD_EVERY_S
from gateway.ledger.keys import Keys
from gateway.ledger.ledger import Ledger
from gateway.ledger.outbox import REVIVE_EVERY_S, TURN_EVERY_S, Outbox
from gateway.ledger.reaper import REAP_EVERY_S, Reaper
from gateway.ledger.shelf import Shelf
from gateway.ledger.signatures import Signatures
from gateway.ledgers import kept_of, ledger_of, pepper_of
from gateway.observe.logs import TELL_EVERY_S, Log
from gateway.observe.metrics import Metrics
from gateway.observe.siblings import Answer, Siblings
from gateway.observe.totals import Totals
from gateway.relay.counting import COUNT_EVERY_S, Counting
from gateway.relay.drilling import LOOK_S, Drilling
from gateway.relay.rooms import Rooms
from gateway.relay.serve import Relay
from gateway.relay.sharing import SHARE_EVERY_S, Sharing
from gateway.relay.supervisor import Supervisor
from gateway.relay.vigil import Pulse
from gateway.upstream.client import Client, Timeouts
from gateway.upstream.fetch import Fetcher, Terms
from gateway.upstream.lanes import Lanes, access
from gateway.upstream.telling import Teller
from gateway.vault.results import Results
from gateway.vault.spools import Spools
from gateway.vault.vault import Vault
from gateway.web import admin, jobs, links, openapi, ops, own_key, problems
from gateway.web.bodies import Bodies
from gateway.web.deliveries import Deliveries, Post
from gateway.web.files import Files
from gateway.web.links import Addresses
from gateway.web.public import Public
from gateway.web.told_jobs import ToldJobs
from gateway.web.visit import Desk, ask
from gateway.web.workshop import Bench, Workshop

_SEALED = StoreLost("vault", "something in it is sealed with another vault_key than that of this gateway")

# What is expired is refused at once; it is swept away for the space alone.
_SWEEP_S = 600.0
_SWEEP_RESULTS_S = 60.0


@dataclass(frozen=True, slots=True)
class House:
    """A running gateway: the ASGI app, that of the admin API if it has a listener of its own, and what commands use;
    `answers` is what its other workers may ask."""

    app: Any
    admin: Any | None
    ledger: Ledger
    supervisor: Supervisor
    answers: Mapping[str, Answer]


@asynccontextmanager
async def running(
    settings: Settings,
    log_to: TextIO = sys.stdout,
    pulse: Pulse = Pulse(),
    now: Callable[[], float] = time.monotonic,
    siblings: Siblings | None = None,
) -> AsyncIterator[House]:
    """A gateway for these settings, or one of its workers: then `siblings` are the others, and `settings` its share.

    Leaving the block waits for calls in flight, then closes everything. `now` measures whatever lasts, and is the clock
    of the loop that this runs in.
    """
    lanes = Lanes(access(each.lane, each.key.reveal(), auth=each.auth, names=each.models) for each in settings.lanes)
    log, metrics = Log(log_to, time.time), _metrics(settings, lanes)
    observe = _all_of(log, metrics)
    timeouts, supervisor = _timeouts(settings), Supervisor()
    async with (
        ledger_of(settings) as ledger,
        Client(lanes, timeouts, carrier=settings.upstream_transport) as client,
        Outbox.open(
            ledger.store, settings.data_dir / "journal", observe, time.time, lambda: supervisor.draining
        ) as outbox,
        _kept(settings, observe) as (spools, results),
        supervisor,
        Drilling(ledger.drills, observe, now) as drilling,
    ):
        counting = Counting(ledger.served, time.time)
        rooms = Rooms(
            books=ledger.books,
            outbox=outbox,
            slices=Slices(settings.store_away, settings.workers),
            claims=ledger.claims,
            spools=spools,
            results=results,
            signatures=Signatures(ledger.store, keep_s=settings.retention.signatures_s),
            client=client,
            board=HealthBoard(settings.patience),
            stakes=Stakes(),
            allowances=ledger.allowances,
            timeouts=timeouts,
            supervisor=supervisor,
            observe=_all_of(log, metrics, counting),
            now=now,
            settle_s=pulse.settle_s,
        )
        vault = _vault(settings, rooms)
        _keep_watch(supervisor, drilling, counting, _sharing(settings, rooms, ledger), log)
        _keep_books(settings, rooms, ledger)
        warmed = replace(pulse, unary_s=settings.timeouts.unary_warm_s)
        relay = Relay(rooms, drilling, warmed, settings.limits.left_calls)
        totals = Totals(metrics, siblings, lambda: _stand(metrics, rooms, lanes, relay))
        vitals = ops.Vitals(ledger.store, outbox, lanes, totals, supervisor, now, siblings)
        deliveries = _deliveries(settings, rooms, ledger)
        supervisor.keep(deliveries.turn, every_s=HOLD_EVERY_S, name="webhooks")
        workshop = _workshop(rooms, ledger, deliveries)
        framework, apart = _faces(settings, ledger, rooms, vitals)
        desk = _desk(settings, rooms, relay, ledger.keys, vault, workshop)
        supervisor.keep(lambda: workshop.turn(partial(ask, desk)), every_s=HOLD_EVERY_S, name="jobs")
        _tell_of_the_one_before(siblings, observe)
        yield House(Public(framework, desk), apart, ledger, supervisor, vitals.answers)


def _metrics(settings: Settings, lanes: Lanes) -> Metrics:
    known = (model.id for model in settings.catalog.models)
    return Metrics(__version__, (state.access.lane for state in lanes), known, workers=settings.workers)


def _stand(metrics: Metrics, rooms: Rooms, lanes: Lanes, relay: Relay) -> None:
    in_flight = {state.access.lane: state.in_flight for state in lanes}
    metrics.stand(in_flight, rooms.board.standings(rooms.now()), rooms.outbox.promises, relay.orders.left)


@asynccontextmanager
async def _kept(settings: Settings, observe: Observer) -> AsyncIterator[tuple[Spools, Results]]:
    with kept_of(settings, lambda: observe(_SEALED)) as kept:
        yield kept


def _tell_of_the_one_before(siblings: Siblings | None, observe: Observer) -> None:
    if siblings is not None and (ended := siblings.worker.after) is not None:
        observe(WorkerReplaced(siblings.worker.number, ended))


def _workshop(rooms: Rooms, ledger: Ledger, deliveries: Deliveries) -> Workshop:
    return Workshop(
        Bench(
            jobs=ledger.jobs,
            keys=ledger.keys,
            results=rooms.results,
            spools=rooms.spools,
            supervisor=rooms.supervisor,
            observe=rooms.observe,
            deliveries=deliveries,
            today=time.time,
        )
    )


def _deliveries(settings: Settings, rooms: Rooms, ledger: Ledger) -> Deliveries:
    return Deliveries(
        Post(
            jobs=ledger.jobs,
            keys=ledger.keys,
            told=ToldJobs(ledger.jobs, PastCalls(ledger.store, _shelf(settings))),
            teller=Teller(settings.webhooks, time.time, rooms.now),
            supervisor=rooms.supervisor,
            observe=rooms.observe,
            today=time.time,
            public_url=settings.public_url,
        )
    )


def _keep_watch(supervisor: Supervisor, drilling: Drilling, counting: Counting, sharing: Sharing, log: Log) -> None:
    """What this process has seen is told, and what others saw is heard."""
    supervisor.keep(drilling.turn, every_s=LOOK_S, name="drills")
    supervisor.keep(counting.turn, every_s=COUNT_EVERY_S, name="counting")
    supervisor.keep(sharing.turn, every_s=SHARE_EVERY_S, name="sharing")
    supervisor.keep(log.turn, every_s=TELL_EVERY_S, name="log")


def _vault(settings: Settings, rooms: Rooms) -> Vault:
    """What is kept, in it or among the results, goes when it is due."""
    vault = Vault.open(settings.data_dir)
    rooms.supervisor.keep(lambda: vault.sweep(time.time()), every_s=_SWEEP_S, name="sweep")
    rooms.supervisor.keep(lambda: rooms.results.sweep(time.time()), every_s=_SWEEP_RESULTS_S, name="results")
    return vault


def _keep_books(settings: Settings, rooms: Rooms, ledger: Ledger) -> None:
    """What is done again and again so that the books come to be right, whoever dies, and stay small."""
    keep, outbox = rooms.supervisor.keep, rooms.outbox
    keep(outbox.turn, every_s=TURN_EVERY_S, name="journal")
    keep(outbox.adopt, every_s=TURN_EVERY_S, name="adopt")
    keep(outbox.heal, every_s=TURN_EVERY_S, name="heal")
    keep(outbox.revive, every_s=REVIVE_EVERY_S, name="revive")
    keep(ledger.claims.live, every_s=LIVE_S, name="claims")
    keep(Reaper(ledger.store, rooms.observe).turn, every_s=REAP_EVERY_S, name="reaper")
    keep(_archiver(settings, rooms, ledger).turn, every_s=ARCHIVE_EVERY_S, name="archive")


def _archiver(settings: Settings, rooms: Rooms, ledger: Ledger) -> Archiver:
    return Archiver(ledger.store, _shelf(settings), settings.retention.ledger_days, rooms.observe, time.time)


def _shelf(settings: Settings) -> Shelf | None:
    return Shelf((settings.archive,)) if settings.archive else None


def _desk(settings: Settings, rooms: Rooms, relay: Relay, keys: Keys, vault: Vault, workshop: Workshop) -> Desk:
    return Desk(
        relay=relay,
        keys=keys,
        claims=rooms.claims,
        workshop=workshop,
        signatures=rooms.signatures,
        fetcher=Fetcher(Terms(settings.fetch.image_urls, settings.fetch.networks)),
        catalog=settings.catalog,
        dialects={dialect.name: dialect for dialect in (Gemini(), Images(), Chat(), Responses())},
        supervisor=rooms.supervisor,
        observe=rooms.observe,
        bodies=Bodies(settings.limits.body_bytes, settings.limits.memory_bytes),
        files=Files(vault, settings.public_url, time.time),
        addresses=Addresses(Links(pepper_of(settings)), settings.public_url),
        patience_s=settings.timeouts.client_s,
        mode=settings.failover_mode,
        now=rooms.now,
        today=time.time,
    )


def _sharing(settings: Settings, rooms: Rooms, ledger: Ledger) -> Sharing:
    sold = {(each.lane.group.name, model.id) for each in settings.lanes for model in settings.catalog.models}
    return Sharing(rooms.board, Pool(rooms.board, sold), Evidence(ledger.store), rooms.observe, rooms.now)


def _timeouts(settings: Settings) -> Timeouts:
    return Timeouts(
        connect_s=settings.timeouts.connect_s,
        idle_s=settings.timeouts.idle_s,
        stream_idle_s=settings.timeouts.stream_idle_s,
        total_s=settings.timeouts.total_s,
        total_long_s=settings.timeouts.total_long_s,
    )


def _faces(settings: Settings, ledger: Ledger, rooms: Rooms, vitals: ops.Vitals) -> tuple[FastAPI, FastAPI | None]:
    """All that is no caller's call; and the admin API, where it has a listener of its own."""
    offer = Offer(settings.catalog, settings.groups)
    office = admin.router(_office(settings, ledger, offer, rooms))
    apart = settings.admin.listen is not None
    window = own_key.Window(ledger, offer, rooms.board, rooms.now, time.time, _shelf(settings), rooms.results)
    framework = _framework(
        ops.router(vitals),
        own_key.router(window),
        jobs.router(window),
        links.router(Links(pepper_of(settings)), window.kept),
        *(() if apart else (office,)),
    )
    openapi.describe(framework)
    return framework, _framework(office) if apart else None


def _office(settings: Settings, ledger: Ledger, offer: Offer, rooms: Rooms) -> admin.Office:
    return admin.Office(
        admin_keys={name: key.reveal() for name, key in settings.admin.keys.items()},
        ledger=ledger,
        offer=offer,
        today=time.time,
        shelf=_shelf(settings),
        results=rooms.results,
        observe=rooms.observe,
    )


def _framework(*routers: APIRouter) -> FastAPI:
    """Everything that is not a caller's call."""
    framework = FastAPI(
        title="Nano Banana Gateway",
        version=__version__,
        description="One base_url for Google's image models, in the formats of both SDK families.",
        docs_url=None,  # the framework's pages load their scripts from elsewhere
        redoc_url=None,
    )
    problems.install(framework)
    for router in routers:
        framework.include_router(router)
    return framework


def _all_of(*observers: Callable[[Event], None]) -> Callable[[Event], None]:
    def observe(event: Event) -> None:
        for observer in observers:
            observer(event)

    return observe
