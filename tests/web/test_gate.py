"""What the admin API tells of: every change that has a row in the trail, and everybody who is refused."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio
from fastapi import FastAPI

from gateway.core.events import AdminActed, AdminRefused, Event
from gateway.core.jobs import Job, State
from gateway.core.terms import Offer
from gateway.core.trail import Action, Door, Lack
from gateway.ledger import writes
from gateway.ledger.ledger import Ledger, open_ledger
from gateway.vault.folder import Folder
from gateway.vault.records import ResultCaps
from gateway.vault.results import Results
from gateway.web import admin, problems
from tests.house import ADMIN_KEY, Simulator, settings_for
from tests.ledger.accounts import NOW, USD, charge, operator
from tests.web.office import DRILLS, KEYS, ROUTES, TEAMS

pytestmark = pytest.mark.asyncio(loop_scope="module")

ANA = "the-admin-key-of-ana-0123"
ELSEWHERE = "203.0.113.9"


@dataclass(frozen=True, slots=True)
class Desk:
    """An admin API, and what it has told since it was last asked."""

    app: FastAPI
    ledger: Ledger
    offer: Offer
    events: list[Event] = field(default_factory=list)

    def told(self) -> list[Event]:
        told = list(self.events)
        self.events.clear()
        return told

    def by(self, authorization: str, address: str = ELSEWHERE) -> httpx2.AsyncClient:
        headers = {"authorization": authorization} if authorization else {}
        way = httpx2.ASGITransport(self.app, client=(address, 50_000))
        return httpx2.AsyncClient(transport=way, base_url="http://office", headers=headers)


def office_of(desk: Desk, keys: Mapping[str, str], directory: Path) -> admin.Office:
    results = Results(Folder(directory / "results"), b"a secret", ResultCaps())
    return admin.Office(keys, desk.ledger, desk.offer, lambda: NOW, None, results, desk.events.append)


@asynccontextmanager
async def open_desk(directory: Path, **keys: str) -> AsyncIterator[Desk]:
    settings = settings_for(Simulator("http://127.0.0.1:9"), directory)
    async with open_ledger(settings.store, settings.data_dir, None, settings.allowances) as ledger:
        desk = Desk(FastAPI(), ledger, Offer(settings.catalog, settings.groups))
        problems.install(desk.app)
        office = office_of(desk, keys, directory)
        desk.app.include_router(admin.router(office))
        yield desk


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path_factory.mktemp("office"), admin=ADMIN_KEY, ana=ANA) as opened:
        yield opened


async def test_every_row_of_the_trail_is_told_once_with_who_did_it(desk: Desk) -> None:
    await operator(desk.ledger.books, charge(USD, attempt_id="att_1"), call_id="c", team="acme", why=writes.UNSETTLED)
    async with desk.by(f"Bearer {ANA}") as ana, desk.by(f"Bearer {ADMIN_KEY}") as somebody:
        made = (await ana.post(KEYS, json={"team": "acme", "budget_usd": "5"})).json()
        key = f"{KEYS}/{made['id']}"
        for _ in range(2):
            await somebody.patch(key, json={"budget_usd": "10"})
            await ana.patch(f"{TEAMS}/acme", json={"name": "Acme"})
            await ana.post(f"{key}/adjustments", json={"usd": "1", "why": "forgotten", "name": "once"})
            await ana.post("/admin/api/ledger/unsettled/att_1/resolve", json={"billed": True})
        secret = (await ana.post(f"{key}/rotate")).json()["key"]
        drill = (await ana.post(DRILLS, json={"group": "Default", "kind": "dead", "share": 0.5})).json()["id"]
        job = Job("job_1", "acme", made["id"], State.RUNNING, "chat", "flash", "print", 1, 0.0)
        await desk.ledger.jobs.add(job)
        paths = (f"{DRILLS}/{drill}", "/admin/api/jobs/job_1")
        for path in (*paths, *paths, f"{TEAMS}/acme", key):
            await ana.delete(path)
        rows = (await somebody.get("/admin/api/audit")).json()["entries"]
    told = [each for each in desk.told() if isinstance(each, AdminActed)]
    assert {each.action for each in told} == set(Action) - {Action.STORE_MOVED}
    assert [(each.who, each.door, each.action, each.subject) for each in told if each.who == "admin"] == [
        ("admin", Door.API, Action.KEY_CHANGED, made["id"])
    ]
    in_trail = [(row["who"], row["door"], row["action"], row["subject"]) for row in rows]
    assert sorted((each.who, each.door, each.action, each.subject) for each in told) == sorted(map(tuple, in_trail))
    assert [each for each in (made["key"], secret, ANA, ADMIN_KEY) if each in str(told)] == []


async def test_who_only_looks_changes_nothing_and_is_not_told(desk: Desk) -> None:
    async with desk.by(f"Bearer {ANA}") as ana:
        for path in (KEYS, TEAMS, DRILLS, "/admin/api/usage", "/admin/api/audit", "/admin/api/ledger/verify"):
            assert (await ana.get(path)).status_code == 200
        assert (await ana.post(TEAMS, json={"id": "Not An Id"})).is_client_error
        assert (await ana.delete(f"{KEYS}/key_1")).is_client_error
    assert desk.told() == []


@pytest.mark.parametrize(
    ("given", "lack"),
    [
        ("", Lack.NO_KEY),
        ("Bearer", Lack.WRONG_KEY),
        ("Bearer wrong", Lack.WRONG_KEY),
        (f"Basic {ANA}", Lack.WRONG_KEY),
        (f"Bearer {ANA}x", Lack.WRONG_KEY),
    ],
)
async def test_whoever_is_refused_is_told_once_for_each_request_and_without_what_was_sent(
    desk: Desk, given: str, lack: Lack
) -> None:
    async with desk.by(given) as stranger:
        for method, path in ROUTES:
            assert (await stranger.request(method, path)).status_code == 401
    assert desk.told() == [AdminRefused(lack, ELSEWHERE)] * len(ROUTES)


@pytest.mark.parametrize(
    ("claimed", "address"),
    [("::1", "::1"), ("2001:DB8:0::7", "2001:db8::7"), ("", None), ("unix:", None), ("1.2.3.4\n" * 9000, None)],
)
async def test_what_is_no_address_is_not_passed_on(desk: Desk, claimed: str, address: str | None) -> None:
    async with desk.by("Bearer wrong", claimed) as stranger:
        await stranger.get(KEYS)
    assert desk.told() == [AdminRefused(Lack.WRONG_KEY, address)]


async def test_no_admin_key_is_shown_by_what_holds_it(desk: Desk, tmp_path: Path) -> None:
    office = office_of(desk, {"ana": ANA}, tmp_path)
    assert ANA not in f"{office!r} {office.gate!r}"


async def test_without_any_key_whoever_asks_is_told_to_have_found_it_shut(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as shut, shut.by(f"Bearer {ANA}") as ana:
        assert (await ana.get(KEYS)).status_code == 403
        assert shut.told() == [AdminRefused(Lack.SHUT, ELSEWHERE)]
