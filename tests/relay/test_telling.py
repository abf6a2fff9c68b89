"""What callers are told of the seller's refusals: its words about the request, nothing about its keys."""

import json

import pytest

from gateway.core.errors import GatewayBusy, UpstreamBusy, UpstreamFailed, UpstreamSilent, UpstreamUnavailable
from gateway.core.outcome import Verdict, of_status, outcome
from gateway.relay.telling import of_failure

GOOGLE = json.dumps({"error": {"code": 400, "message": "Image too large.", "status": "FAILED_PRECONDITION"}})
RESELLER = json.dumps(
    {"error": {"message": "Bad ratio (request id: 20261125xyz)", "type": "upstream_error", "code": "x"}}
)
LIST = json.dumps([{"error": {"message": "In a list."}}])

REJECTED = [
    (400, GOOGLE, "Image too large.", "FAILED_PRECONDITION"),
    (400, RESELLER, "Bad ratio", "INVALID_ARGUMENT"),
    (400, LIST, "In a list.", "INVALID_ARGUMENT"),
    (404, '{"error": "no such thing"}', "no such thing", "NOT_FOUND"),
    (400, "plain words", "plain words", "INVALID_ARGUMENT"),
    (400, "", "The upstream found the request wrong and did not say why.", "INVALID_ARGUMENT"),
    (400, '{"error": {"message": "key sk-abcdef123456 and Bearer xyz"}}', "key *** and ***", "INVALID_ARGUMENT"),
    (400, '{"error": {"message": "m", "status": "<script>"}}', "m", "INVALID_ARGUMENT"),
]


@pytest.mark.parametrize(("status", "body", "message", "google_status"), REJECTED)
def test_the_sellers_words_about_the_request_go_through(
    status: int, body: str, message: str, google_status: str
) -> None:
    error = of_failure(of_status(status, body))
    assert (error.status, error.message, error.google_status) == (status, message, google_status)
    assert error.should_retry is False


def test_an_endless_message_ends() -> None:
    assert len(of_failure(of_status(400, "x" * 100_000)).message) == 2048


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, UpstreamUnavailable), (403, UpstreamUnavailable), (429, UpstreamBusy), (500, UpstreamFailed)],
)
def test_of_our_keys_and_of_its_troubles_nothing_is_said(status: int, kind: type[Exception]) -> None:
    error = of_failure(of_status(status, "user 4711 quota of group Default is not enough"))
    assert isinstance(error, kind)
    assert "4711" not in error.message
    assert "Default" not in error.message


@pytest.mark.parametrize(("told", "waits"), [(None, 15), (3, 3), (600, 60), (0, 1)])
def test_how_long_to_wait_is_the_sellers_within_what_sdks_obey(told: int | None, waits: int) -> None:
    assert of_failure(of_status(429, "", retry_after_s=told)).retry_after_s == waits


def test_what_may_have_been_billed_is_not_to_be_repeated() -> None:
    for verdict in (Verdict.SILENT, Verdict.LOST):
        error = of_failure(outcome(verdict))
        assert isinstance(error, UpstreamSilent)
        assert (error.billed, error.should_retry) == ("unknown", False)


def test_without_any_lane_the_gateway_is_busy() -> None:
    assert isinstance(of_failure(None), GatewayBusy)
