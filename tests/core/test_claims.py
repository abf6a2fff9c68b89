"""Which answers that were asked for before a request may have."""

import pytest

from gateway.core.claims import Claim, Evidence, checked_key, claim_of
from gateway.core.errors import BadRequest

MIN = 60.0

CASES = [
    ("nothing but the request itself", Evidence(), None, Claim("fp", left_s=10 * MIN)),
    ("an SDK's first try", Evidence(retry="0"), None, Claim("fp", left_s=10 * MIN, marks=True)),
    ("its retry", Evidence(retry="1"), None, Claim("fp", left_s=15 * MIN, given_s=2 * MIN, marks=True)),
    ("no number", Evidence(retry="soon"), None, Claim("fp", left_s=10 * MIN)),
    ("wanted anew", Evidence(fresh="1"), None, Claim("fp")),
    ("a retry that is wanted anew", Evidence(retry="2", fresh="true"), None, Claim("fp", marks=True)),
    (
        "not wanted anew",
        Evidence(retry="1", fresh="0"),
        None,
        Claim("fp", left_s=15 * MIN, given_s=2 * MIN, marks=True),
    ),
    ("an Idempotency-Key", Evidence(retry="1"), "name", Claim("fp", "name")),
    ("which says more than fresh does", Evidence(fresh="1"), "name", Claim("fp", "name")),
    ("and rather pays again", Evidence(resend="true"), "name", Claim("fp", "name", resends=True)),
]


@pytest.mark.parametrize(("evidence", "once", "claim"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_what_a_request_claims(evidence: Evidence, once: str | None, claim: Claim) -> None:
    assert claim_of("fp", evidence, once=once) == claim


WRONG = [
    (Evidence(fresh="maybe"), "x-gateway-fresh: 'maybe' is neither 1 nor 0."),
    (Evidence(resend="yes"), "idempotency-resend: 'yes' is neither 1 nor 0."),
    (Evidence(resend="1"), "Idempotency-Resend needs an Idempotency-Key to send again."),
]


@pytest.mark.parametrize(("evidence", "says"), WRONG)
def test_a_header_that_says_nothing_is_refused(evidence: Evidence, says: str) -> None:
    with pytest.raises(BadRequest) as refused:
        claim_of("fp", evidence, once="name" if says.startswith("idem") else None)
    assert refused.value.message == says


@pytest.mark.parametrize("key", ["", "x" * 256, "two words", "ümlaut", "tab\there"])
def test_a_key_that_cannot_be_one_is_refused(key: str) -> None:
    with pytest.raises(BadRequest, match="1 to 255 visible ASCII characters"):
        checked_key(key)


@pytest.mark.parametrize("key", ["1", "x" * 255, "5f0c9f3e-8a1c-4a52-9f0a-0d6f6cf1d5f1"])
def test_a_key_that_can_is_taken(key: str) -> None:
    assert checked_key(key) == key
