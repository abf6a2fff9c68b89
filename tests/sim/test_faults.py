"""Each fault does what its name says, as a caller sees it."""

import socket
import time

import httpx2
import orjson
import pytest

from gateway.sim.app import SimSettings
from tests.sim.conftest import DEFAULT, ENTERPRISE, NB2, Caller, Launch, pictures


def _spoken(sim: Caller, fault: str, verb: str = "generateContent") -> socket.socket:
    """A connection on which a whole request for this fault has been sent."""
    body = orjson.dumps({"contents": [{"parts": [{"text": "A heron"}]}]})
    head = (
        f"POST /v1beta/models/{NB2}:{verb} HTTP/1.1\r\nhost: sim\r\nx-goog-api-key: {DEFAULT}\r\n"
        f"x-sim-fault: {fault}\r\nx-request-id: {fault}-{verb}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    caller = socket.create_connection((sim.http.base_url.host, sim.http.base_url.port), timeout=60)
    caller.sendall(head.encode() + body)
    return caller


def _to_the_end(caller: socket.socket) -> bytes:
    with caller, caller.makefile("rb") as reading:
        return reading.read()


@pytest.mark.parametrize(
    ("fault", "status", "marker"),
    [
        ("busy", 429, "当前分组上游负载已饱和，请稍后再试"),
        ("unavailable", 503, f"no available channel for model {NB2} under group Default"),
        ("error", 500, "connection reset by peer"),
        ("quota", 403, "preConsumedQuota"),
        ("bad-key", 401, "无效的令牌"),
    ],
)
def test_an_error_comes_in_the_sellers_envelope(
    sim: Caller, call_id: str, fault: str, status: int, marker: str
) -> None:
    reply = sim.ask(f"[sim:{fault}] A heron", call_id=call_id)
    error = reply.json()["error"]
    assert reply.status_code == status
    assert marker in error["message"]
    assert error["message"].endswith(f"(request id: {call_id})")


def test_a_bad_gateway_has_an_empty_message(sim: Caller) -> None:
    reply = sim.ask("[sim:bad-gateway] A heron")
    error = reply.json()["error"]
    assert reply.status_code == 502
    assert (error["message"], error["param"], error["code"]) == ("", "502", "bad_response_status_code")


@pytest.mark.parametrize(("fault", "status"), [("edge", 524), ("html", 200)])
def test_a_page_comes_instead_of_a_reply(sim: Caller, fault: str, status: int) -> None:
    reply = sim.ask(f"[sim:{fault}] A heron")
    assert (reply.status_code, reply.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert reply.text.startswith("<!DOCTYPE html>")


def test_garbage_claims_to_be_json_and_is_not(sim: Caller) -> None:
    reply = sim.ask("[sim:garbage] A heron")
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/json; charset=utf-8")
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(reply.content)


def test_a_reset_is_a_reset(sim: Caller) -> None:
    with _spoken(sim, "reset") as caller, pytest.raises(ConnectionResetError):
        caller.recv(1)
    assert sim.rows("reset-generateContent") == []


def test_a_closed_connection_ends_without_a_word(sim: Caller) -> None:
    assert _to_the_end(_spoken(sim, "close")) == b""
    assert sim.rows("close-generateContent") == []


def test_a_cut_reply_ends_in_the_middle_and_is_billed(sim: Caller) -> None:
    head, _, body = _to_the_end(_spoken(sim, "cut")).partition(b"\r\n\r\n")
    assert (
        f"content-length: {2 * len(body)}" in head.decode() or f"content-length: {2 * len(body) + 1}" in head.decode()
    )
    assert [row["delivered"] for row in sim.rows("cut-generateContent")] == [False]


def test_a_cut_stream_ends_inside_the_frame_of_the_picture(sim: Caller) -> None:
    whole = _to_the_end(_spoken(sim, "cut", "streamGenerateContent"))
    assert b'"inlineData"' in whole
    assert not whole.endswith(b"0\r\n\r\n")
    last_frame = whole.rpartition(b"data: ")[2]
    assert b"\r\n\r\n" not in last_frame.removesuffix(b"\r\n")


def test_a_hanging_seller_says_nothing_until_its_caller_leaves(sim: Caller) -> None:
    with _spoken(sim, "hang") as caller:
        while sim.status()["waiting"] == 0:
            pass
        caller.setblocking(False)
        with pytest.raises(BlockingIOError):
            caller.recv(1)
    while sim.status()["waiting"] > 0:
        pass
    assert sim.rows("hang-generateContent") == []


def test_a_hanging_seller_closes_the_connection_in_the_end(launch: Launch) -> None:
    with launch(SimSettings(speed=10_000)) as sim:  # 900 s become 0.09 s
        assert _to_the_end(_spoken(sim, "hang")) == b""


def test_a_slow_seller_takes_four_times_as_long_and_delivers(launch: Launch) -> None:
    with launch(SimSettings(speed=100, weight="light")) as sim:
        began = time.monotonic()
        reply = sim.ask("[sim:slow] A heron", imageConfig={"imageSize": "512"})
        assert time.monotonic() - began >= 4 * 4.0 / 100  # four seconds is the fastest for 512
        assert len(pictures(reply.json())) == 1


def test_a_trickling_seller_delivers_everything_in_many_drips(sim: Caller, call_id: str) -> None:
    headers = {"authorization": f"Bearer {DEFAULT}", "x-request-id": call_id, "x-sim-fault": "trickle"}
    body = {"contents": [{"parts": [{"text": "A heron"}]}]}
    reply = sim.http.post(f"/v1beta/models/{NB2}:generateContent", json=body, headers=headers)
    assert len(pictures(reply.json())) == 1
    assert [row["delivered"] for row in sim.rows(call_id)] == [True]


def test_a_refusal_is_a_candidate_without_parts(sim: Caller) -> None:
    (candidate,) = sim.ask("[sim:refusal] A heron").json()["candidates"]
    assert candidate["finishReason"] == "IMAGE_SAFETY"
    assert "content" not in candidate


def test_a_blocked_prompt_has_no_candidates(sim: Caller) -> None:
    reply = sim.ask("[sim:blocked] A heron").json()
    assert reply["promptFeedback"] == {"blockReason": "PROHIBITED_CONTENT"}
    assert "candidates" not in reply


def test_a_text_only_reply_stops_without_a_picture(sim: Caller) -> None:
    reply = sim.ask("[sim:text-only] A heron").json()
    assert reply["candidates"][0]["finishReason"] == "STOP"
    assert pictures(reply) == []


def test_the_last_of_three_drafts_is_the_picture(sim: Caller) -> None:
    parts = sim.ask("[sim:drafts] A heron").json()["candidates"][0]["content"]["parts"]
    drafts = [part for part in parts if "inlineData" in part]
    assert len({part["inlineData"]["data"] for part in drafts}) == 3
    assert not any("thought" in part for part in drafts)


def test_a_thought_image_comes_first_and_is_marked(sim: Caller) -> None:
    parts = sim.ask("[sim:thought-image] A heron").json()["candidates"][0]["content"]["parts"]
    assert [part.get("thought", False) for part in parts if "inlineData" in part] == [True, False]


def test_a_directive_can_be_for_one_group_only(sim: Caller) -> None:
    prompt = "[sim:busy@Default] A heron"
    assert sim.ask(prompt, key=DEFAULT).status_code == 429
    assert sim.ask(prompt, key=ENTERPRISE).status_code == 200


def test_the_header_comes_before_the_directive(sim: Caller) -> None:
    body = {"contents": [{"parts": [{"text": "[sim:busy] A heron"}]}]}
    headers = {"x-goog-api-key": DEFAULT, "x-sim-fault": "none"}
    assert sim.http.post(f"/v1/models/{NB2}:generateContent", json=body, headers=headers).status_code == 200


def test_a_fault_that_does_not_exist_is_said_so(sim: Caller) -> None:
    reply = sim.ask("[sim:earthquake] A heron")
    assert reply.status_code == 400
    assert "no fault is called earthquake" in reply.json()["error"]["message"]


def test_a_late_answer_comes_and_is_billed_whether_or_not_its_caller_has_left(launch: Launch) -> None:
    with launch(SimSettings(speed=1000, weight="light")) as sim:
        began = time.monotonic()
        assert pictures(sim.ask("[sim:late] A heron", call_id="stays").json())
        assert time.monotonic() - began >= 0.2
        _spoken(sim, "late").close()
        left = "late-generateContent"
        while not sim.rows(left):
            time.sleep(0.01)
        assert [row["delivered"] for row in (*sim.rows("stays"), *sim.rows(left))] == [True, False]


def test_a_late_stream_shows_nothing_until_it_is_drawn(launch: Launch) -> None:
    headers = {"x-goog-api-key": DEFAULT, "x-sim-fault": "late"}
    body = {"contents": [{"parts": [{"text": "A heron"}]}]}
    with launch(SimSettings(speed=100, weight="light")) as sim, pytest.raises(httpx2.ReadTimeout):
        sim.http.post(f"/v1/models/{NB2}:streamGenerateContent", json=body, headers=headers, timeout=1.0)


@pytest.mark.parametrize("fault", ["hang", "reset"])
def test_a_stream_meets_a_fault_of_the_network_before_its_head(sim: Caller, fault: str) -> None:
    headers = {"x-goog-api-key": DEFAULT, "x-sim-fault": fault}
    body = {"contents": [{"parts": [{"text": "A heron"}]}]}
    with pytest.raises(httpx2.TransportError):
        sim.http.post(f"/v1/models/{NB2}:streamGenerateContent", json=body, headers=headers, timeout=0.3)
