"""`gateway calls fetch`, as a person runs it: the pictures of a call as files, also when its gateway has ended."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.e2e.test_commands import draw, gateway, here, serving
from tests.house import MODEL, START_S, native_picture

__all__ = ["here"]  # a fixture


@dataclass(frozen=True, slots=True)
class Served:
    """A configuration under which calls were made, by a gateway that has ended since."""

    home: Path
    native: httpx2.Response
    several: httpx2.Response
    refused: str
    failed: str

    def fetch(self, *words: str, code: int = 0) -> str:
        return gateway(self.home, "calls", "fetch", *words, code=code)


def id_of(answer: httpx2.Response) -> str:
    return str(answer.headers["x-gateway-call-id"])


@pytest.fixture
def served(here: Path) -> Served:
    key = json.loads(gateway(here, "keys", "create", "--team", "acme", "--json"))["key"]
    with serving(here) as (url, _):
        native = draw(url, key)
        body = {"model": MODEL, "prompt": "a boat", "n": 2}
        headers = {"authorization": f"Bearer {key}"}
        several = httpx2.post(
            f"{url}/v1/images/generations", json=body, headers=headers, timeout=START_S, trust_env=False
        )
        refused, failed = (id_of(draw(url, key, f"x [sim:{fault}]")) for fault in ("refusal", "error"))
        shown = json.loads(gateway(here, "calls", "show", id_of(native), "--json"))
        assert shown["kept"]["pictures"][0]["number"] == 1
    return Served(here, native, several, refused, failed)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def drawn(answer: httpx2.Response) -> list[bytes]:
    document: dict[str, Any] = answer.json()
    if "data" in document:
        return [base64.b64decode(each["b64_json"]) for each in document["data"]]
    return [base64.b64decode(native_picture(document))]


def test_pictures_are_written_and_their_files_told(served: Served) -> None:
    out, call_id = served.home / "pictures", id_of(served.native)
    [line] = served.fetch(call_id, "--out", "pictures").splitlines()
    suffix = Path(line).suffix
    assert (line, suffix in (".png", ".jpg")) == (f"pictures/{call_id}.1{suffix}", True)
    assert list(files(out).values()) == drawn(served.native)
    several = id_of(served.several)
    told = json.loads(served.fetch(several, "--out", "pictures/deep/er", "--json"))
    kept = files(out / "deep" / "er")
    assert [kept[Path(each["path"]).name] for each in told] == drawn(served.several)
    assert [(each["number"], each["bytes"]) for each in told] == [
        (number, len(content)) for number, content in enumerate(drawn(served.several), start=1)
    ]
    assert {each["media_type"] for each in told} <= {"image/png", "image/jpeg"}
    [one] = served.fetch(several, "--picture", "2").splitlines()
    assert (served.home / one).read_bytes() == drawn(served.several)[1]
    assert served.fetch(several, "--picture", "2").splitlines() == [one]
    assert not list(served.home.rglob("*.part"))


def test_replies_are_written_as_they_came(served: Served) -> None:
    [line] = served.fetch(id_of(served.native), "--result").splitlines()
    assert (served.home / line).read_bytes() == served.native.content
    assert line == f"{id_of(served.native)}.1.json"
    assert len(served.fetch(id_of(served.several), "--result").splitlines()) == 2
    [line] = served.fetch(served.refused, "--result").splitlines()
    assert json.loads((served.home / line).read_text())["candidates"][0]["finishReason"] == "IMAGE_SAFETY"


def test_what_cannot_be_fetched_says_why_and_leaves_nothing(served: Served) -> None:
    several = id_of(served.several)
    for words, code, says in (
        ((f"call_{'0' * 32}",), 2, "there is no call"),
        ((served.refused,), 2, "without a picture; --result has what it said"),
        ((served.refused, "--picture", "1"), 2, "the model answered without one"),
        ((served.failed,), 1, "ended without an answer"),
        ((several, "--picture", "3"), 2, "has no picture 3"),
    ):
        assert says in served.fetch(*words, "--out", "nothing", code=code)
    assert not any((served.home / "nothing").rglob("*"))
    assert "kept_until_at" in gateway(served.home, "calls", "show", id_of(served.native))
