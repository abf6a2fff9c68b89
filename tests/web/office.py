"""The admin API's routes, and the shape of its refusals."""

import httpx2

KEYS, TEAMS, DRILLS, USAGE = "/admin/api/keys", "/admin/api/teams", "/admin/api/drills", "/admin/api/usage"

# Every route, with a request that an admin could send.
ROUTES: list[tuple[str, str]] = [
    ("POST", TEAMS),
    ("GET", TEAMS),
    ("GET", f"{TEAMS}/acme"),
    ("PATCH", f"{TEAMS}/acme"),
    ("DELETE", f"{TEAMS}/nobody"),
    ("POST", KEYS),
    ("GET", KEYS),
    ("GET", f"{KEYS}/key_1"),
    ("PATCH", f"{KEYS}/key_1"),
    ("DELETE", f"{KEYS}/key_1"),
    ("POST", f"{KEYS}/key_1/rotate"),
    ("POST", DRILLS),
    ("GET", DRILLS),
    ("DELETE", f"{DRILLS}/drill_1"),
    ("GET", USAGE),
    ("GET", "/admin/api/calls"),
    ("GET", "/admin/api/calls/call_1"),
    ("GET", "/admin/api/calls/call_1/pictures/1"),
    ("GET", "/admin/api/calls/call_1/result"),
    ("GET", "/admin/api/jobs"),
    ("GET", "/admin/api/jobs/job_1"),
    ("GET", "/admin/api/jobs/job_1/result"),
    ("DELETE", "/admin/api/jobs/job_1"),
    ("GET", "/admin/api/waste"),
    ("GET", "/admin/api/groups"),
    ("GET", "/admin/api/allowances"),
    ("GET", "/admin/api/audit"),
    ("GET", "/admin/api/ledger/verify"),
    ("GET", "/admin/api/ledger/unsettled"),
    ("POST", "/admin/api/ledger/unsettled/att_1/resolve"),
    ("POST", "/admin/api/ledger/reconcile"),
]


def problem(answer: httpx2.Response) -> tuple[int, str]:
    """Status and detail of a refusal; fails where it is not RFC 9457 to the letter."""
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert list(document) == ["type", "title", "status", "detail"]
    assert document["type"] == "about:blank"
    assert document["title"]
    assert document["status"] == answer.status_code
    detail: str = document["detail"]
    return answer.status_code, detail
