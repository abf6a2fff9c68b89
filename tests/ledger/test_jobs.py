"""Jobs in the store: held by one process at a time, found by their key alone."""

from dataclasses import replace

import pytest
from redis import Redis

from gateway.core.errors import NotFound
from gateway.core.jobs import Job, State
from gateway.core.keys import Key, Limits
from gateway.core.webhooks import Delivery, Webhook
from gateway.ledger import layout
from gateway.ledger.jobs import Jobs
from gateway.ledger.keys import Keys
from gateway.ledger.store import Store
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
    assert await here.find("job_1", key) == first
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
    assert await here.find("job_1", key) == done


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
    await here.told(tried)
    assert await there.find("job_1", key) == tried
    seconds, micros = raw.time()
    left_s = (raw.zscore(layout.JOBS_TOLD, "job_1") or 0) / 1000 - seconds - micros / 1e6
    assert 60 < left_s <= 90
    taken = replace(tried, webhook=tried.webhook and tried.webhook.after(Delivery(NOW + 95, 20, 200)))
    await there.told(taken)
    assert await here.find("job_1", key) == taken
    assert raw.zcard(layout.JOBS_TOLD) == 0


async def test_of_one_that_was_deleted_nobody_is_told(here: Jobs, key: Key, raw: Redis) -> None:
    done = replace(job(key, state=State.SUCCEEDED), webhook=WEBHOOK)
    await here.add(done)
    await here.note(done)
    await here.forget("job_1", key)
    await here.told(replace(done, webhook=WEBHOOK.after(Delivery(NOW, 10, 500))))
    assert await here.tell() is None
    assert list(raw.scan_iter("{jobs}*")) == []


async def test_it_is_added_once(here: Jobs, there: Jobs, key: Key) -> None:
    assert await here.add(job(key))
    assert not await there.add(job(key, state=State.QUEUED))
    assert (await here.find("job_1", key)).state is State.RUNNING


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
            await here.find(absent, other)
        assert unknown.value.message == f"there is no job {absent}; jobs are forgotten a day after they were made"
        with pytest.raises(NotFound):
            await here.forget(absent, other)
    assert [each async for each in here.of(other, limit=10)] == []


async def test_the_newest_come_first_and_page_by_page(here: Jobs, key: Key, raw: Redis) -> None:
    for number in range(5):
        await here.add(job(key, f"job_{number}"))
        raw.zadd(layout.jobs_of(key.id), {f"job_{number}": number})
    raw.zadd(layout.jobs_of(key.id), {"job_gone": 3.5})
    assert [each.id async for each in here.of(key, limit=3)] == ["job_4", "job_3"]
    assert [each.id async for each in here.of(key, limit=3, before="job_3")] == ["job_2", "job_1", "job_0"]
    assert [each.id async for each in here.of(key, limit=3, before="job_0")] == []


async def test_one_that_is_forgotten_is_nowhere(here: Jobs, key: Key, raw: Redis) -> None:
    await here.add(job(key))
    assert await here.forget("job_1", key) is State.RUNNING
    with pytest.raises(NotFound):
        await here.find("job_1", key)
    assert not await here.hold("job_1")
    assert not await here.note(job(key, state=State.SUCCEEDED))
    assert list(raw.scan_iter("{jobs}*")) == []
