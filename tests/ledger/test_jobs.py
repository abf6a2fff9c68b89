"""Jobs in the store: held by one process at a time, found by their key alone."""

import asyncio
import time
from dataclasses import replace

import pytest
from redis import Redis

from gateway.core.errors import BadRequest, NotFound
from gateway.core.jobs import Job, State
from gateway.core.keys import Key, Limits
from gateway.core.trail import Action, Actor, Change, Door
from gateway.core.webhooks import Delivery, Webhook
from gateway.ledger import layout
from gateway.ledger.jobs import Jobs, Page, Place
from gateway.ledger.keys import Keys
from gateway.ledger.store import Store
from gateway.ledger.trail import Trail
from tests.ledger.accounts import NOW


@pytest.fixture
def here(store: Store) -> Jobs:
    return Jobs(store, "here")


@pytest.fixture
def there(store: Store) -> Jobs:
    return Jobs(store, "there")


def job(key: Key, name: str = "job_1", state: State = State.RUNNING) -> Job:
    return Job(name, key.team, key.id, state, "images.generate", "flash", "print", 1, NOW)


async def test_a_job_is_found_as_it_was_noted(here: Jobs, key: Key) -> None:
    first = job(key)
    assert await here.add(first)
    assert await here.find("job_1", key_id=key.id) == first
    done = replace(
        first,
        state=State.FAILED,
        begun_at=NOW + 1.5,
        ended_at=NOW + 9.25,
        call_id="call_1",
        status=400,
        code="no",
        tries=3,
    )
    assert await here.note(done)
    assert await here.find("job_1", key_id=key.id) == done


WEBHOOK = Webhook("https://hooks.example.org/")


async def test_its_receiver_is_told_when_it_is_over(here: Jobs, there: Jobs, key: Key, raw: Redis) -> None:
    asked = replace(job(key), webhook=WEBHOOK)
    await here.add(asked)
    await here.add(job(key, "job_2"))
    assert await there.tell() is None
    done = replace(asked, state=State.SUCCEEDED, ended_at=NOW + 9)
    await here.note(done)
    await here.note(job(key, "job_2", State.SUCCEEDED))
    assert await there.tell() == done
    assert await here.tell() is None  # it is being told
    raw.zadd(layout.JOBS_TOLD, {"job_1": 1})
    assert await here.tell() == done


async def test_one_that_did_not_take_it_is_told_again(here: Jobs, there: Jobs, key: Key, raw: Redis) -> None:
    done = replace(job(key, state=State.SUCCEEDED), webhook=WEBHOOK)
    await here.add(done)
    await here.note(done)
    assert await here.tell() == done
    tried = replace(done, webhook=WEBHOOK.after(Delivery(NOW, 1500, 503, after_s=90)))
    assert tried.webhook is not None
    await here.told("job_1", tried.webhook)
    assert await there.find("job_1", key_id=key.id) == tried
    seconds, micros = raw.time()
    left_s = (raw.zscore(layout.JOBS_TOLD, "job_1") or 0) / 1000 - seconds - micros / 1e6
    assert 60 < left_s <= 90
    taken = tried.webhook.after(Delivery(NOW + 95, 20, 200))
    await there.told("job_1", taken)
    assert (await here.find("job_1", key_id=key.id)).webhook == taken
    assert raw.zcard(layout.JOBS_TOLD) == 0


async def test_of_one_that_was_deleted_nobody_is_told(here: Jobs, key: Key, raw: Redis) -> None:
    done = replace(job(key, state=State.SUCCEEDED), webhook=WEBHOOK)
    await here.add(done)
    await here.note(done)
    await here.forget(done, None)
    await here.told("job_1", WEBHOOK.after(Delivery(NOW, 10, 500)))
    assert await here.tell() is None
    assert list(raw.scan_iter("{jobs}*")) == []


async def test_it_is_added_once(here: Jobs, there: Jobs, key: Key) -> None:
    assert await here.add(job(key))
    assert not await there.add(job(key, state=State.QUEUED))
    assert (await here.find("job_1", key_id=key.id)).state is State.RUNNING


async def test_one_that_is_held_is_not_taken(here: Jobs, there: Jobs, key: Key, raw: Redis) -> None:
    await here.add(job(key))
    assert await there.take() is None
    raw.zadd(layout.JOBS, {"job_1": 1})
    assert await here.hold("job_1")
    assert await there.take() is None
    raw.zadd(layout.JOBS, {"job_1": 1})
    assert await there.take() == job(key)
    assert not await here.hold("job_1")
    assert not await here.note(job(key, state=State.SUCCEEDED))
    assert await there.note(job(key, state=State.SUCCEEDED))


async def test_one_that_is_over_is_nobodys(here: Jobs, there: Jobs, key: Key, raw: Redis) -> None:
    await here.add(job(key))
    await here.note(job(key, state=State.SUCCEEDED))
    assert raw.zcard(layout.JOBS) == 0
    assert await there.take() is None
    assert 24 * 3600 < raw.ttl(layout.job("job_1")) <= 25 * 3600


async def test_what_is_gone_is_passed_over(here: Jobs, key: Key, raw: Redis) -> None:
    raw.zadd(layout.JOBS, {"job_0": 1})
    assert await here.take() is None
    assert raw.zcard(layout.JOBS) == 0


async def test_a_key_has_its_own(here: Jobs, keys: Keys, key: Key) -> None:
    other, _ = await keys.create_key("acme", name="other", limits=Limits(), now=NOW)
    await here.add(job(key))
    for absent in ("job_1", "job_2"):
        with pytest.raises(NotFound) as unknown:
            await here.find(absent, key_id=other.id)
        assert unknown.value.message == f"there is no job {absent}; jobs are forgotten a day after they were made"
    assert await here.find("job_1") == job(key)
    assert await here.page(key_id=other.id, limit=10) == Page([], None)


def made_at(raw: Redis, made: Job, ms: int) -> None:
    """Has it look as if it was made then, by the clock of the store."""
    for index in (layout.jobs_of(made.key_id), layout.jobs_of_team(made.team), layout.ALL_JOBS):
        raw.zadd(index, {made.id: ms})


async def found(here: Jobs, limit: int = 100, **whose: str) -> list[str]:
    """The ids on all pages."""
    ids: list[str] = []
    after: Place | None = None
    while True:
        page = await here.page(**whose, after=after, limit=limit)
        ids += [each.id for each in page.jobs]
        if page.next is None:
            return ids
        assert len(page.jobs) == limit
        after = Place.of_cursor(page.next.cursor)
        assert after == page.next


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_the_newest_come_first_and_page_by_page(here: Jobs, key: Key, raw: Redis, limit: int) -> None:
    now = round(time.time() * 1000)
    jobs = [job(key, f"job_{number}") for number in range(7)]
    for each, ms in zip(jobs, (0, 1, 2, 2, 2, 2, 3), strict=True):  # several in one millisecond
        await here.add(each)
        made_at(raw, each, now + ms)
    gone = job(key, "job_3.5")
    made_at(raw, gone, now + 2)
    ids = [each.id for each in reversed(jobs)]
    assert await found(here, limit, key_id=key.id) == ids
    assert raw.zscore(layout.jobs_of(key.id), gone.id) is None
    behind = await here.page(key_id=key.id, after=Place("job_3"), limit=100)
    assert ([each.id for each in behind.jobs], behind.next) == (ids[4:], None)
    assert await here.page(key_id=key.id, after=Place("job_9"), limit=100) == Page([], None)


async def test_behind_one_that_was_deleted_meanwhile_the_list_goes_on(here: Jobs, key: Key) -> None:
    for number in range(4):
        await here.add(job(key, f"job_{number}"))
    ids = await found(here)
    page = await here.page(limit=2)
    await here.forget(page.jobs[-1], None)
    assert [each.id for each in (await here.page(after=page.next, limit=2)).jobs] == ids[2:]


async def test_they_are_found_by_key_by_team_and_all_together(here: Jobs, keys: Keys, key: Key) -> None:
    second, _ = await keys.create_key("acme", name="second", limits=Limits(), now=NOW)
    await keys.create_team("beta", now=NOW)
    third, _ = await keys.create_key("beta", name="third", limits=Limits(), now=NOW)
    for number, each in enumerate((key, second, third)):
        await here.add(job(each, f"job_{number}"))
    assert [await found(here, key_id=each.id) for each in (key, second, third)] == [["job_0"], ["job_1"], ["job_2"]]
    assert set(await found(here, team="acme")) == {"job_0", "job_1"}
    assert await found(here, team="beta") == ["job_2"]
    assert set(await found(here)) == {"job_0", "job_1", "job_2"}


async def test_what_is_too_old_leaves_the_indexes(here: Jobs, key: Key, raw: Redis) -> None:
    long_ago = round(time.time() * 1000) - 25 * 3600 * 1000
    for number in range(20):
        made_at(raw, job(key, f"job_{number}"), long_ago - number)
    await here.add(job(key, "job_new"))
    assert await found(here) == ["job_new"]
    for index in (layout.jobs_of(key.id), layout.jobs_of_team("acme"), layout.ALL_JOBS):
        assert raw.zcard(index) == 5
        assert 24 * 3600 < raw.ttl(index) <= 25 * 3600
    await here.add(job(key, "job_newer"))
    assert raw.zrange(layout.ALL_JOBS, 0, -1) == ["job_new", "job_newer"]


async def test_one_that_an_earlier_release_has_made_is_its_keys_still(here: Jobs, key: Key, raw: Redis) -> None:
    await here.add(job(key))
    raw.delete(layout.jobs_of_team("acme"), layout.ALL_JOBS)
    assert await found(here, key_id=key.id) == ["job_1"]
    assert await found(here) == []
    assert await here.forget(await here.find("job_1"), None) is State.RUNNING


@pytest.mark.parametrize("cursor", ["", "x", "job_1", "@job_1", "1@", "-1@job_1", "1@job 1", f"{10**15}@job_1"])
async def test_a_cursor_is_one_that_was_handed_out(cursor: str) -> None:
    with pytest.raises(BadRequest, match="handed out") as refused:
        Place.of_cursor(cursor)
    assert refused.value.param == "cursor"


async def test_one_that_is_forgotten_is_nowhere(here: Jobs, key: Key, raw: Redis) -> None:
    await here.add(job(key))
    assert await here.forget(job(key), None) is State.RUNNING
    with pytest.raises(NotFound):
        await here.find("job_1")
    with pytest.raises(NotFound):
        await here.forget(job(key), None)
    assert not await here.hold("job_1")
    assert not await here.note(job(key, state=State.SUCCEEDED))
    assert list(raw.scan_iter("{jobs}*")) == []


async def test_what_an_administrator_deletes_is_told_of_its_team(
    store: Store, here: Jobs, keys: Keys, key: Key, raw: Redis
) -> None:
    heard: list[tuple[Action, str]] = []
    ana, trail = Actor("ana", Door.API, lambda *told: heard.append(told)), Trail(store)
    await keys.create_team("beta", now=NOW)
    other, _ = await keys.create_key("beta", name="other", limits=Limits(), now=NOW)
    await asyncio.sleep(0.005)  # of two trails, what is of one millisecond has no order
    for number in range(3):
        for each in (job(other, f"job_b{number}"), job(key, f"job_{number}", State.QUEUED)):
            await here.add(each)
            await here.forget(each, ana)
    with pytest.raises(NotFound):
        await here.forget(job(key, "job_0"), ana)
    assert len(heard) == 6
    told = (await trail.page(limit=100, subject="job_1")).deeds
    assert [(each.who, each.action, each.team) for each in told] == [("ana", Action.JOB_FORGOTTEN, "acme")]
    was = {"key_id": key.id, "state": "queued", "route": "images.generate", "model": "flash"}
    assert told[0].changes == {name: Change(value, None) for name, value in was.items()}
    for _ in range(300):  # of another team, and more than are read at once
        raw.xadd(layout.JOBS_TRAIL, {"who": "bob", "door": "api", "action": "x", "subject": "y", "team": "gamma"})
    for limit in (1, 2, 100):
        assert await told_of(trail, "acme", limit) == ["job_2", "job_1", "job_0", key.id, "acme"]
        assert await told_of(trail, "beta", limit) == ["job_b2", "job_b1", "job_b0", other.id, "beta"]


async def told_of(trail: Trail, team: str, limit: int) -> list[str]:
    """The subjects on all pages."""
    page = await trail.page(limit=limit, subject=team)
    subjects = [each.subject for each in page.deeds]
    while page.cursor:
        page = await trail.page(limit=limit, subject=team, cursor=page.cursor)
        subjects += [each.subject for each in page.deeds]
    return subjects
