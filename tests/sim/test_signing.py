"""Thought signatures: what a strict simulator demands of an earlier answer that comes back."""

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.sim.app import SimSettings
from tests.sim.conftest import ENTERPRISE, Caller, Launch, reference

BYPASS = "context_engineering_is_the_way_to_go"

Parts = list[dict[str, Any]]


@pytest.fixture(scope="module")
def strict(launch: Launch) -> Iterator[Caller]:
    with launch(SimSettings(speed=0, weight="light", strict_signatures=True)) as caller:
        yield caller


@pytest.fixture(scope="module")
def answer(strict: Caller) -> Parts:
    """Words and a picture, signed."""
    parts: Parts = strict.ask("A heron").json()["candidates"][0]["content"]["parts"]
    assert [sorted(part) for part in parts] == [["text", "thoughtSignature"], ["inlineData", "thoughtSignature"]]
    return parts


def _next(parts: Parts) -> dict[str, Any]:
    turns = [("user", [{"text": "A heron"}]), ("model", parts), ("user", [{"text": "at night"}])]
    return {"contents": [{"role": role, "parts": each} for role, each in turns]}


def _unsigned(part: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in part.items() if name != "thoughtSignature"}


def test_an_answer_comes_back_as_it_was(strict: Caller, answer: Parts) -> None:
    assert strict.send(_next(answer)).status_code == 200
    assert strict.send(_next(answer), key=ENTERPRISE).status_code == 200


def test_the_url_safe_alphabet_is_the_same_signature(strict: Caller, answer: Parts) -> None:
    safe = str.maketrans("+/", "-_")
    turned = [{**part, "thoughtSignature": part["thoughtSignature"].translate(safe)} for part in answer]
    assert strict.send(_next(turned)).status_code == 200


def test_a_picture_of_somebody_else_passes_with_a_bypass(strict: Caller) -> None:
    assert strict.send(_next([{**reference(64, 64), "thoughtSignature": BYPASS}])).status_code == 200


def test_what_only_the_user_shows_needs_no_signature(strict: Caller) -> None:
    shown = [{"role": "user", "parts": [reference(64, 64), {"text": "at night"}]}]
    assert strict.send({"contents": shown}).status_code == 200


def test_an_answer_without_signatures_is_refused_in_googles_words(strict: Caller, answer: Parts) -> None:
    text, picture = answer
    refusals = {
        "Text part is missing a thought_signature in content position 2, part position 1.": [_unsigned(text), picture],
        "Image part is missing a thought_signature in content position 2, part position 2.": [text, _unsigned(picture)],
        "Invalid thought signature for content at index 1.": [{**reference(64, 64), **_signature(picture)}],
    }
    for words, parts in refusals.items():
        reply = strict.send(_next(parts))
        assert reply.status_code == 400
        assert reply.json()["error"]["message"].startswith(words)


@pytest.mark.parametrize("signature", ["bm90IG91cnM=", "?", "A" * 88])
def test_a_made_up_signature_is_refused(strict: Caller, answer: Parts, signature: str) -> None:
    reply = strict.send(_next([{**answer[1], "thoughtSignature": signature}]))
    assert reply.status_code == 400
    assert reply.json()["error"]["message"].startswith("Invalid thought signature")


def test_a_simulator_that_was_not_told_to_be_strict_takes_it_all(sim: Caller, answer: Parts) -> None:
    assert sim.send(_next([_unsigned(part) for part in answer])).status_code == 200


def _signature(part: dict[str, Any]) -> dict[str, Any]:
    return {"thoughtSignature": part["thoughtSignature"]}
