"""What a row of the trail says, in the words of commands and of the admin API."""

from typing import Any

import pytest

from gateway.core.trail import Action, Actor, Change, Deed, Door, deed_of

WHO = {"who": "ana@desk", "door": "cli", "action": "key.changed", "subject": "key_1"}


def test_a_deed_is_who_when_what_and_to_whom() -> None:
    assert deed_of(7.5, "acme", WHO) == Deed(7.5, "ana@desk", "cli", "key.changed", "key_1", "acme", {})


def test_an_actor_says_what_it_does() -> None:
    words = Actor("ana", Door.API).words(Action.KEY_REVOKED, "key_1")
    assert words == ["ana", "api", "key.revoked", "key_1"]


@pytest.mark.parametrize(
    ("row", "changes"),
    [
        ({"was:name": "ci", "now:name": "cd"}, {"name": ("ci", "cd")}),
        ({"now:budget": "5000000000"}, {"budget_usd": (None, "5")}),
        ({"was:budget_day": "1"}, {"budget_day_usd": ("0.000000001", None)}),
        ({"now:soft": "1"}, {"soft_budget": (None, True)}),
        ({"was:alert_at": "80 100", "now:alert_at": "-"}, {"alert_percents": ([80, 100], [])}),
        ({"now:requests": "60", "now:concurrency": "2"}, {"requests_per_minute": (None, 60), "concurrency": (None, 2)}),
        ({"was:zone": "UTC", "now:zone": "Asia/Shanghai"}, {"time_zone": ("UTC", "Asia/Shanghai")}),
        ({"now:meta:owner": "Zoë"}, {"metadata.owner": (None, "Zoë")}),
        ({"now:revoked": "1800000000.5"}, {"revoked_at": (None, 1_800_000_000)}),
        (
            {
                "was:limits": '{"models": ["a"], "failover": "off"}',
                "now:limits": '{"models": ["b"], "failover": "off"}',
            },
            {"models": (["a"], ["b"])},
        ),
        ({"was:limits": "{}", "now:limits": '{"max_multiplier": "7/5"}'}, {"max_multiplier": (None, "1.4")}),
        ({"now:drill": '{"group": "Default", "delay_s": 0}'}, {"group": (None, "Default"), "delay_s": (None, 0)}),
    ],
)
def test_fields_have_the_names_and_values_that_people_know(
    row: dict[str, str], changes: dict[str, tuple[Any, Any]]
) -> None:
    told = deed_of(0, None, {**WHO, **row}).changes
    assert told == {name: Change(*each) for name, each in changes.items()}


@pytest.mark.parametrize(
    ("row", "changes"),
    [
        ({"now:colour": "red"}, {"colour": (None, "red")}),
        ({"now:budget": "5 USD"}, {"budget": (None, "5 USD")}),
        ({"now:limits": "[1]"}, {"limits": (None, "[1]")}),
        ({"now:limits": "no JSON"}, {"limits": (None, "no JSON")}),
    ],
)
def test_what_a_later_release_writes_is_told_as_it_stands(
    row: dict[str, str], changes: dict[str, tuple[Any, Any]]
) -> None:
    told = deed_of(0, None, {**WHO, **row}).changes
    assert told == {name: Change(*each) for name, each in changes.items()}
