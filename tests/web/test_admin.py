"""The admin API at work: what becomes of teams and keys, and what a key may ask of itself."""

import time
from typing import Any

import httpx2
import pytest

from tests.house import ADMIN_KEY, MODEL, PRO
from tests.web.office import KEYS, TEAMS, USAGE, problem
from tests.web.ways import IMAGES

pytestmark = pytest.mark.asyncio(loop_scope="module")


# What an account says of which nothing was used, and that has no limits.
UNUSED: dict[str, Any] = {
    "metadata": {},
    **{f"budget{period}_usd": None for period in ("", "_day", "_month")},
    **{f"{what}{period}_usd": "0" for what in ("spent", "held") for period in ("", "_day", "_month")},
    "soft_budget": False,
    "alert_percents": [80, 100],
    "requests_per_minute": None,
    "pictures_per_minute": None,
    "concurrency": None,
    "running": 0,
}


async def new_key(admin: httpx2.AsyncClient, **wanted: Any) -> dict[str, Any]:
    answer = await admin.post(KEYS, json={"team": "acme", **wanted})
    assert answer.status_code == 201
    made: dict[str, Any] = answer.json()
    return made


async def test_a_team_is_made_once_with_its_budget(admin: httpx2.AsyncClient) -> None:
    made = await admin.post(TEAMS, json={"id": "painters", "name": "The painters", "budget_usd": "12.5"})
    assert made.status_code == 201
    team = made.json()
    assert team.pop("created_at") == pytest.approx(time.time(), abs=600)
    assert team == {
        "id": "painters",
        "name": "The painters",
        "time_zone": "UTC",
        **UNUSED,
        "budget_usd": "12.5",
        "premium_hour_usd": None,
        "premium_hour_drawn_usd": "0",
        "premium_day_usd": None,
        "premium_day_drawn_usd": "0",
    }
    status, detail = problem(await admin.post(TEAMS, json={"id": "painters"}))
    assert (status, "painters" in detail) == (400, True)
    listed = (await admin.get(TEAMS)).json()["teams"]
    assert [(each["id"], each["budget_usd"]) for each in listed if each["id"] == "painters"] == [("painters", "12.5")]


async def test_a_keys_secret_is_in_the_answer_to_its_making_and_nowhere_else(admin: httpx2.AsyncClient) -> None:
    made = await new_key(admin, name="ci")
    secret = made["key"]
    assert secret.startswith("sk-gw-")
    assert made["hint"] == secret[-4:]
    one = await admin.get(f"{KEYS}/{made['id']}")
    for answer in (one, await admin.get(KEYS), await admin.patch(f"{KEYS}/{made['id']}", json={"name": "cd"})):
        assert answer.status_code == 200
        assert secret not in answer.text
        assert "key" not in answer.json()


async def test_a_key_is_as_it_was_asked_for(admin: httpx2.AsyncClient) -> None:
    made = await new_key(
        admin,
        name="ci",
        budget_usd="0.25",
        max_multiplier=1.4,
        models=["gemini-3-pro-image-preview-4k", MODEL],
        groups=["Default"],
        expires_in_s=3600,
        chat_pictures="markdown",
        failover="hang-only",
        retain=False,
    )
    assert made.pop("expires_at") == pytest.approx(time.time() + 3600, abs=600)
    assert made.pop("created_at") == pytest.approx(time.time(), abs=600)
    for name in ("id", "key", "hint"):
        assert made.pop(name)
    assert made == {
        "team": "acme",
        "name": "ci",
        "revoked_at": None,
        "rotated_at": None,
        "old_secrets": [],
        "models": [PRO, MODEL],
        "groups": ["Default"],
        "max_multiplier": "1.4",
        "chat_pictures": "markdown",
        "failover": "hang-only",
        "retain": False,
        **UNUSED,
        "budget_usd": "0.25",
    }


async def test_a_key_without_wishes_may_do_everything(admin: httpx2.AsyncClient) -> None:
    made = await new_key(admin)
    limits = ("budget_usd", "max_multiplier", "models", "groups", "expires_at", "chat_pictures", "failover")
    assert [made[name] for name in limits] == [None] * len(limits)
    assert made["retain"] is True


async def test_a_team_is_made_with_its_first_key(admin: httpx2.AsyncClient) -> None:
    made = await new_key(admin, team="sculptors")
    assert "sculptors" in [each["id"] for each in (await admin.get(TEAMS)).json()["teams"]]
    listed = (await admin.get(f"{KEYS}?team=sculptors")).json()["keys"]
    assert [each["id"] for each in listed] == [made["id"]]


async def test_what_a_patch_does_not_name_stays(admin: httpx2.AsyncClient) -> None:
    made = await new_key(
        admin, name="ci", budget_usd="1", max_multiplier="1.4", models=[MODEL], groups=["Default"], expires_in_s=3600
    )
    made.pop("key")
    path = f"{KEYS}/{made['id']}"
    assert (await admin.patch(path, json={})).json() == made
    assert (await admin.patch(path, json={"budget_usd": "2"})).json() == {**made, "budget_usd": "2"}
    assert (await admin.patch(path, json={"models": None})).json() == {**made, "budget_usd": "2", "models": None}
    renamed = {**made, "budget_usd": "2", "models": None, "name": "cd", "expires_at": None}
    assert (await admin.patch(path, json={"name": "cd", "expires_in_s": None})).json() == renamed
    assert (await admin.get(path)).json() == renamed


async def test_a_team_cannot_be_changed_by_a_patch(admin: httpx2.AsyncClient) -> None:
    made = await new_key(admin)
    assert problem(await admin.patch(f"{KEYS}/{made['id']}", json={"team": "painters"}))[0] == 422


async def test_a_patch_holds_for_the_next_call(admin: httpx2.AsyncClient, stranger: httpx2.AsyncClient) -> None:
    made = await new_key(admin)
    headers = {"authorization": f"Bearer {made['key']}"}
    assert (await stranger.post("/v1/images/generations", json=IMAGES, headers=headers)).status_code == 200
    await admin.patch(f"{KEYS}/{made['id']}", json={"models": [PRO]})
    assert (await stranger.post("/v1/images/generations", json=IMAGES, headers=headers)).status_code == 403


async def test_a_keys_chats_have_their_pictures_where_it_says(
    admin: httpx2.AsyncClient, stranger: httpx2.AsyncClient
) -> None:
    made = await new_key(admin, chat_pictures="markdown")
    headers = {"authorization": f"Bearer {made['key']}"}
    body = {"model": MODEL, "messages": [{"role": "user", "content": "a boat"}]}
    told = await stranger.post("/v1/chat/completions", json=body, headers=headers)
    assert "](data:image/" in told.json()["choices"][0]["message"]["content"]
    await admin.patch(f"{KEYS}/{made['id']}", json={"chat_pictures": None})
    told = await stranger.post("/v1/chat/completions", json=body, headers=headers)
    assert "images" in told.json()["choices"][0]["message"]
    browser = {**headers, "user-agent": "Mozilla/5.0 (X11; Linux x86_64) Chatbox/1.20"}
    told = await stranger.post("/v1/chat/completions", json=body, headers=browser)
    assert "](data:image/" in told.json()["choices"][0]["message"]["content"]


async def test_a_deleted_key_lets_nobody_in_and_stays_in_the_books(
    admin: httpx2.AsyncClient, stranger: httpx2.AsyncClient
) -> None:
    made = await new_key(admin)
    headers = {"authorization": f"Bearer {made['key']}"}
    assert (await stranger.post("/v1/images/generations", json=IMAGES, headers=headers)).status_code == 200
    first = await admin.delete(f"{KEYS}/{made['id']}")
    assert (first.status_code, first.json()["revoked_at"] is not None) == (200, True)
    assert (await stranger.post("/v1/images/generations", json=IMAGES, headers=headers)).status_code == 401
    again = (await admin.delete(f"{KEYS}/{made['id']}")).json()
    assert again["revoked_at"] == first.json()["revoked_at"]
    kept = (await admin.get(f"{KEYS}/{made['id']}")).json()
    assert float(kept["spent_usd"]) > 0
    (row,) = (await admin.get(f"{USAGE}?key_id={made['id']}")).json()["rows"]
    assert (row["usd"], row["pictures"], row["calls"]) == (kept["spent_usd"], 1, 1)
    assert (row["team"], row["model"], row["size"], row["group"]) == ("acme", MODEL, "1K", "Default")


async def test_a_report_is_of_thirty_days_unless_it_is_asked_for_others(admin: httpx2.AsyncClient) -> None:
    asked = (await admin.get(f"{USAGE}?until=2026-03-31")).json()
    assert (asked["since"], asked["until"], asked["rows"]) == ("2026-03-01", "2026-03-31", [])
    assert (await admin.get(f"{USAGE}?team=nobody")).json()["rows"] == []
    assert asked["operator"] == {"spent_usd": "0", "unsettled_usd": "0"}


async def test_a_team_is_read_and_changed(admin: httpx2.AsyncClient) -> None:
    await admin.post(TEAMS, json={"id": "carvers", "name": "Carvers", "budget_usd": "3"})
    changed = (await admin.patch(f"{TEAMS}/carvers", json={"budget_usd": "4.5"})).json()
    assert (changed["name"], changed["budget_usd"], changed["spent_usd"]) == ("Carvers", "4.5", "0")
    assert (await admin.patch(f"{TEAMS}/carvers", json={"budget_usd": None})).json()["budget_usd"] is None
    assert (await admin.patch(f"{TEAMS}/carvers", json={"name": "Wood"})).json()["name"] == "Wood"
    assert (await admin.get(f"{TEAMS}/carvers")).json()["name"] == "Wood"
    assert problem(await admin.get(f"{TEAMS}/nobody")) == (404, "There is no team nobody.")
    assert problem(await admin.patch(f"{TEAMS}/carvers", json={"budget_usd": "-1"}))[0] == 422


async def test_the_groups_are_told_in_order_of_preference(admin: httpx2.AsyncClient) -> None:
    assert (await admin.get("/admin/api/groups")).json() == {
        "groups": [
            {"name": "Default", "multiplier": "1"},
            {"name": "NanoBananaEnterprise", "multiplier": "1.4"},
        ]
    }


async def test_a_key_may_ask_what_it_has_spent(admin: httpx2.AsyncClient, stranger: httpx2.AsyncClient) -> None:
    made = await new_key(admin, budget_usd="5")
    headers = {"x-goog-api-key": made["key"]}
    drawn = await stranger.post("/v1/images/generations", json=IMAGES, headers=headers)
    assert (await stranger.get("/gateway/usage", headers=headers)).json() == {
        "key_id": made["id"],
        "team": "acme",
        **{f"budget{period}_usd": None for period in ("_day", "_month")},
        **{f"spent{period}_usd": drawn.headers["x-gateway-cost-usd"] for period in ("", "_day", "_month")},
        **{f"held{period}_usd": "0" for period in ("", "_day", "_month")},
        "budget_usd": "5",
    }


async def test_limits_are_told_as_they_were_asked_for_and_are_lifted_by_null(admin: httpx2.AsyncClient) -> None:
    limits = {
        "budget_day_usd": "2.5",
        "budget_month_usd": "40",
        "soft_budget": True,
        "alert_percents": [50, 100],
        "requests_per_minute": 60,
        "pictures_per_minute": 90,
        "concurrency": 5,
    }
    made = await admin.post(TEAMS, json={"id": "brisk", "time_zone": "Asia/Shanghai", **limits})
    assert limits.items() <= made.json().items()
    assert made.json()["time_zone"] == "Asia/Shanghai"
    key = await new_key(admin, **limits)
    assert limits.items() <= key.items()
    lifted = (await admin.patch(f"{KEYS}/{key['id']}", json=dict.fromkeys(limits))).json()
    assert UNUSED.items() <= lifted.items()
    patched = (await admin.patch(f"{TEAMS}/brisk", json={"concurrency": 6, "time_zone": None})).json()
    assert ({**limits, "concurrency": 6, "time_zone": "UTC"}).items() <= patched.items()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"time_zone": "Atlantis"}, "time_zone: 'Atlantis' is not a time zone; write it like Asia/Shanghai, or UTC"),
        ({"budget_day_usd": "-1"}, "budget_day_usd: -1 is negative"),
        ({"alert_percents": [0]}, "alert_percents: 0 is not above 0"),
        ({"concurrency": 0}, "concurrency"),
        ({"requests_per_minute": 1.5}, "requests_per_minute"),
    ],
)
async def test_a_limit_that_makes_no_sense_is_refused_by_its_name(
    admin: httpx2.AsyncClient, words: dict[str, Any], says: str
) -> None:
    status, detail = problem(await admin.post(TEAMS, json={"id": "odd", **words}))
    assert status == 422
    assert says in detail


@pytest.mark.parametrize("given", [None, "Bearer no", f"Bearer {ADMIN_KEY}"])
async def test_whoever_has_no_key_has_nothing_to_ask(stranger: httpx2.AsyncClient, given: str | None) -> None:
    answer = await stranger.get("/gateway/usage", headers={} if given is None else {"authorization": given})
    assert problem(answer) == (401, "Send your own key, as for any other call.")
