"""Google's Files API, served by the gateway itself: no seller offers it, and a file must survive failover.

Who asks, and what of theirs they may see. How bytes come in is `uploads`; where they are kept is the
vault's. Errors are raised for the edge to tell; every reply of an upload address carries its status.
"""

import base64
import binascii
import io
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import orjson

from gateway.core.call import Parsed
from gateway.core.errors import BadRequest, BodyTooLarge, WrongMethod
from gateway.core.keys import Key
from gateway.dialects import filed, parts
from gateway.vault.records import MIB, Blob
from gateway.vault.vault import Vault
from gateway.web.reply import Send, send_json
from gateway.web.request import Request, Scope, origin_of
from gateway.web.uploads import Uploads, marked

# "Maximum pageSize is 100. If unspecified, defaults to 10."
_PAGE, _LARGEST_PAGE = 10, 100

# What Google takes in one request since January 2026, and the reseller for all pictures of one together.
_INLINED_BYTES = 100 * MIB


class Files:
    """`public_url` None: upload addresses are on whatever host the request named."""

    def __init__(self, vault: Vault, public_url: str | None, today: Callable[[], float]) -> None:
        self._vault = vault
        self._public_url = public_url
        self._today = today
        self._uploads = Uploads(vault, today, shown)

    def takes(self, path: str, *, gemini: bool) -> bool:
        """Whether a path is for here. Chunks come without anything that tells their sender's family."""
        place = filed.place(path)
        return place is not None and (gemini or place.uploads)

    def watched(self, path: str, send: Send) -> Send:
        """The `send` to answer this path with, from its first error on: an upload address tells its status always."""
        place = filed.place(path)
        return marked(send) if place is not None and place.uploads else send

    async def answer(
        self, request: Request, scope: Scope, receive: Any, send: Send, key: Callable[[], Awaitable[Key]]
    ) -> None:
        """Answers a request that `takes` says is for here; `key` gives the caller's, or raises what it is to be told.

        A chunk needs no key: the address it is sent to is its credential.
        """
        place = filed.place(request.path)
        assert place is not None
        if place.uploads:
            origin = origin_of(scope, request.headers, self._public_url) or ""
            await self._uploads.answer(request, receive, send, key, f"{origin}/upload/{place.version}/files")
            return
        document = await self._kept(request, place, (await key()).team)
        await send_json(send, request.id, orjson.dumps(document))

    async def inlined(self, parsed: Parsed, team: str, request: Request, grow: Callable[[int], None]) -> Parsed:
        """The request with our files in it, as the upstream is to be sent it; `grow` is told of how many bytes.

        Raises `NoSuchBlob` for a file that is not there, not the team's or expired, and what `grow` does.
        """
        hosts, now = self._hosts(request), self._today()
        names = filed.named(parsed.body, hosts)
        if not names:
            return parsed
        blobs = [await self._vault.find(team, name, now) for name in names]
        pieces = filed.cut(parsed.body, hosts, [blob.media_type for blob in blobs])
        size = sum(map(len, pieces)) + sum(-(-blob.size // 3) * 4 for blob in blobs)
        if size > _INLINED_BYTES:
            raise BodyTooLarge(
                f"With its files the request is {size} bytes, and {_INLINED_BYTES} may be sent; use fewer or smaller."
            )
        grow(size)
        return replace(parsed, body=await self._joined(pieces, blobs))

    async def _joined(self, pieces: list[bytes], blobs: list[Blob]) -> bytes:
        """Each file is read once, and put into base64 on its way into the one body there will be."""
        body = io.BytesIO()
        for piece, blob in zip(pieces, blobs, strict=False):
            body.write(piece)
            async with aclosing(self._vault.read(blob)) as chunks:
                begins = True
                async for chunk in chunks:
                    if begins and parts.mime_of(chunk[:32]) is None:
                        raise _no_picture(blob)
                    begins = False
                    body.write(binascii.b2a_base64(chunk, newline=False))
        body.write(pieces[-1])
        return body.getvalue()

    def _hosts(self, request: Request) -> set[str]:
        """The names this gateway goes by, as far as it can know."""
        asked = request.headers.get("host", "").lower()
        public = urlsplit(self._public_url).netloc.lower() if self._public_url else ""
        return {each for each in (asked, public) if each}

    async def _kept(self, request: Request, place: filed.Place, team: str) -> dict[str, Any]:
        method, name, now = request.method, place.name, self._today()
        allowed = ("GET",) if name is None or place.downloads else ("DELETE", "GET")
        if ("GET" if method == "HEAD" else method) not in allowed:
            raise WrongMethod(f"{request.path} takes {' or '.join(allowed)}, not {method}.", allowed=allowed)
        if name is None:
            return _page(request, await self._vault.blobs(team, now))
        if method == "DELETE":
            await self._vault.delete(team, name, now)
            return {}
        blob = await self._vault.find(team, name, now)
        if place.downloads or request.query.get("alt") == "media":
            raise BadRequest("Uploaded files cannot be downloaded; only generated ones can.", code="not_downloadable")
        return shown(blob)


def _no_picture(blob: Blob) -> BadRequest:
    return BadRequest(
        f"files/{blob.name} does not hold a PNG, JPEG, WebP or HEIC picture; nothing was charged.",
        param="fileData.fileUri",
    )


def shown(blob: Blob) -> dict[str, Any]:
    """A file as Google describes one. The uri looks like Google's: SDKs test it against that pattern."""
    made, expires = (_date(when) for when in (blob.created_at, blob.expires_at))
    return {
        "name": f"files/{blob.name}",
        **({"displayName": blob.title} if blob.title else {}),
        "mimeType": blob.media_type,
        "sizeBytes": str(blob.size),
        "createTime": made,
        "updateTime": made,
        "expirationTime": expires,
        "sha256Hash": base64.b64encode(blob.sha256.encode()).decode(),
        "uri": f"https://{filed.GOOGLE}/v1beta/files/{blob.name}",
        "state": "ACTIVE",
        "source": "UPLOADED",
    }


def _date(when: float) -> str:
    return datetime.fromtimestamp(when, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _page(request: Request, blobs: list[Blob]) -> dict[str, Any]:
    """One page; its token is the place of its last file, which may be gone when the next page is asked for."""
    size, after = _page_size(request), request.query.get("pageToken", "")
    if after:
        begin = _place_of(after)
        blobs = [blob for blob in blobs if (-blob.created_at, blob.name) > begin]
    if not blobs:
        return {}
    page: dict[str, Any] = {"files": [shown(blob) for blob in blobs[:size]]}
    if len(blobs) > size:
        last = blobs[size - 1]
        page["nextPageToken"] = base64.urlsafe_b64encode(orjson.dumps([last.created_at, last.name])).decode()
    return page


def _page_size(request: Request) -> int:
    text = request.query.get("pageSize", "")
    if text and not (text.isascii() and text.isdecimal()):
        raise BadRequest(f"{text[:40]!r} is not a page size.", param="pageSize")
    return min(int(text[:9] or 0), _LARGEST_PAGE) or _PAGE


def _place_of(token: str) -> tuple[float, str]:
    try:
        created_at, name = orjson.loads(base64.urlsafe_b64decode(token))
        return -float(created_at), str(name)
    except (ValueError, TypeError):
        raise BadRequest("This pageToken is not one of ours.", param="pageToken") from None
