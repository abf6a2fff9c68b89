"""What a request says of itself, for whoever sends it again: its fingerprint, and the headers of a retry."""

import asyncio
import hashlib
from collections.abc import Iterator

from gateway.core.claims import Claim, Evidence, checked_key, claim_of
from gateway.core.headers import FRESH, IDEMPOTENCY_KEY, IDEMPOTENCY_RESEND, RETRY_COUNT
from gateway.core.keys import Key
from gateway.dialects import forms
from gateway.dialects.base import Asked
from gateway.ledger.claims import Claims
from gateway.web.request import Request

# Hashed where they are; what is longer would keep everybody waiting, and goes to a thread.
_SHORT_BYTES = 256 * 1024


async def read(request: Request, asked: Asked, key: Key, claims: Claims) -> Claim:
    """Raises `BadRequest` for a header that says nothing."""
    headers = request.headers
    once = headers.get(IDEMPOTENCY_KEY)
    evidence = Evidence(
        retry=headers.get(RETRY_COUNT),
        fresh=headers.get(FRESH),
        resend=headers.get(IDEMPOTENCY_RESEND),
    )
    short = len(asked.body) <= _SHORT_BYTES
    digest = fingerprint(request, asked) if short else await asyncio.to_thread(fingerprint, request, asked)
    name = None if once is None else claims.name(key, "once", checked_key(once))
    return claim_of(claims.name(key, "asked", digest), evidence, once=name)


def fingerprint(request: Request, asked: Asked) -> str:
    """The same for requests that ask for the same, in whatever way their bytes were cut into a form."""
    whole = hashlib.sha256()
    for part in _parts(request, asked):
        whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()


def _parts(request: Request, asked: Asked) -> Iterator[bytes | memoryview]:
    yield request.method.encode()
    yield request.path.encode()
    for name, value in sorted(request.asked.items()):
        yield f"{name}={value}".encode()
    if not forms.is_form(asked.content_type):
        yield asked.body
        return
    form = forms.read_form(asked.body, asked.content_type)
    for name, text in form.fields.items():
        yield b"field"
        yield name.encode()
        yield text.encode()
    for file in form.files:
        yield b"file"
        yield file.name.encode()
        yield file.content
