"""Webhooks: who may be told, how a receiver knows us, and how often it is tried."""

import base64
import json
from ipaddress import ip_network

import pytest

from gateway.core.reach import OutOfReach
from gateway.core.webhooks import Delivery, Receivers, Webhook, headers, message, secret_of

# The examples of the libraries of Standard Webhooks, and of its specification.
EXAMPLES = [
    (
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    ),
    (
        "whsec_plJ3nmyCDGBKInavdOK15jsl",
        "msg_loFOjxBNrRLzqYUf",
        1731705121,
        b'{"event_type":"ping","data":{"success":true}}',
        "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=",
    ),
]


@pytest.mark.parametrize(
    ("secret", "message_id", "at", "body", "signature"), EXAMPLES, ids=["libraries", "specification"]
)
def test_the_signature_is_the_one_of_the_specification(
    secret: str, message_id: str, at: int, body: bytes, signature: str
) -> None:
    assert headers(message_id, at + 0.9, body, [secret]) == {
        "webhook-id": message_id,
        "webhook-timestamp": str(at),
        "webhook-signature": signature,
    }


def test_with_two_secrets_there_is_a_signature_by_each() -> None:
    both = headers("job_1", 1.0, b"{}", [secret for secret, *_ in EXAMPLES])["webhook-signature"]
    each = [headers("job_1", 1.0, b"{}", [secret])["webhook-signature"] for secret, *_ in EXAMPLES]
    assert both == " ".join(each)


def test_every_secret_of_every_key_has_one_of_its_own() -> None:
    made = {secret_of(pepper, key, name) for pepper in (b"a", b"b") for key in ("k", "l") for name in ("", "n", "m")}
    assert len(made) == 12
    assert all(each.startswith("whsec_") and len(base64.b64decode(each[6:])) == 32 for each in made)
    assert secret_of(b"a", "k", "n") == secret_of(b"a", "k", "n")


def test_what_is_told_has_its_kind_and_its_date() -> None:
    told = message({"id": "job_1", "state": "succeeded"}, 1_800_000_000.25)
    data = {"id": "job_1", "state": "succeeded"}
    assert json.loads(told) == {"type": "job.succeeded", "timestamp": "2027-01-15T08:00:00.250Z", "data": data}


PUBLIC = Receivers(("hooks.example.org", "*.apps.example.org"))
PRIVATE = Receivers(("*",), (ip_network("10.0.0.0/8"), ip_network("fd00::/8")))


@pytest.mark.parametrize(
    ("receivers", "url", "why"),
    [
        (PUBLIC, "https://hooks.example.org/x?y", None),
        (PUBLIC, "https://HOOKS.example.org./x", None),
        (PUBLIC, "https://a.b.apps.example.org/", None),
        (PUBLIC, "https://apps.example.org/", "not in webhooks.hosts"),
        (PUBLIC, "https://.apps.example.org/", "not in webhooks.hosts"),
        (PUBLIC, "https://xapps.example.org/", "not in webhooks.hosts"),
        (PUBLIC, "https://hooks.example.org.evil.org/", "not in webhooks.hosts"),
        (PUBLIC, "https://hooks.example.org@evil.org/", "user or a password"),
        (PUBLIC, "http://hooks.example.org/", "not an https"),
        (PUBLIC, "ftp://hooks.example.org/", "not an http"),
        (PUBLIC, "nonsense", "not an http"),
        (Receivers(), "https://hooks.example.org/", "not in webhooks.hosts"),
        (PRIVATE, "http://10.1.2.3:8080/", None),
        (PRIVATE, "https://anything.example/", None),
    ],
)
def test_who_may_be_told(receivers: Receivers, url: str, why: str | None) -> None:
    if why is None:
        assert receivers.target(url).host
        return
    with pytest.raises(OutOfReach, match=why):
        receivers.target(url)


@pytest.mark.parametrize(
    ("url", "found", "why"),
    [
        ("https://x.example/", ["93.184.215.14"], None),
        ("https://x.example/", ["10.1.2.3", "93.184.215.14"], None),
        ("http://x.example:8080/", ["10.1.2.3", "fd00::1"], None),
        ("http://x.example/", ["10.1.2.3", "93.184.215.14"], "not an https"),
        ("http://x.example/", ["93.184.215.14"], "not an https"),
        ("https://x.example:8443/", ["93.184.215.14"], "not on port 443"),
        ("https://x.example/", ["192.168.0.1"], "public internet"),
        ("https://x.example/", ["169.254.169.254"], "public internet"),
        ("https://x.example/", ["::ffff:127.0.0.1"], "public internet"),
        ("https://x.example/", [], "no address"),
    ],
)
def test_where_a_message_may_go(url: str, found: list[str], why: str | None) -> None:
    target = PRIVATE.target(url)
    if why is None:
        assert [str(each) for each in PRIVATE.addresses(target, found)] == found
        return
    with pytest.raises(OutOfReach, match=why):
        PRIVATE.addresses(target, found)


@pytest.mark.parametrize(
    ("delivery", "wait_s"),
    [
        (Delivery(100.0, 500, 200), None),
        (Delivery(100.0, 500, 299), None),
        (Delivery(100.0, 500, 410, after_s=1), None),
        (Delivery(100.0, 500, 302), 5),
        (Delivery(100.0, 500, 404), 5),
        (Delivery(100.0, 500, 500), 5),
        (Delivery(100.0, 500, 503, after_s=90), 90),
        (Delivery(100.0, 500, 429, after_s=1), 5),
        (Delivery(100.0, 500, 429, after_s=99_999), 3600),
        (Delivery(100.0, 500, None, "did not answer"), 5),
    ],
)
def test_what_was_not_taken_is_tried_again(delivery: Delivery, wait_s: float | None) -> None:
    webhook = Webhook("https://x.example/").after(delivery)
    assert webhook.deliveries == (delivery,)
    assert webhook.next_at == (None if wait_s is None else 100.5 + wait_s)
    assert webhook.state == ("pending" if wait_s else "delivered" if delivery.taken else "failed")


def test_after_seven_tries_in_vain_it_is_given_up() -> None:
    webhook, at, waits = Webhook("https://x.example/"), 0.0, []
    assert webhook.state == "pending"
    while len(webhook.deliveries) < 7:
        webhook = webhook.after(Delivery(at, 0, 500))
        waits.append((webhook.next_at or at) - at)
        at = webhook.next_at or at
    assert waits == [5, 60, 300, 1800, 7200, 18000, 0]
    assert webhook.state == "failed"
