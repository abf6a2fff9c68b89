"""How files come in: Google's resumable protocol, and its multipart and raw forms of one request.

The SDKs go by one header, `X-Goog-Upload-Status`. Without it they send a chunk again, with `active`
they go on to the next one; so an error says `final`, which makes them raise what the body tells.
`query` has the truth. A chunk's body is opaque, whatever its content type says.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any

import orjson

from gateway.core.errors import BadRequest, BodyTooLarge, BodyTooSlow, CallerLeft, WrongMethod
from gateway.core.keys import Key
from gateway.dialects.filed import FileTerms, checked_media_type, terms_of
from gateway.dialects.related import Related
from gateway.vault.records import Blob, Draft, Stage
from gateway.vault.vault import Vault
from gateway.web.bodies import Bodies
from gateway.web.reply import Send, send_json
from gateway.web.request import Request

STATUS = "x-goog-upload-status"

# What Google tells; the SDKs' own chunks are of this size, and nothing is asked of them here.
_GRANULARITY = 8 * 1024 * 1024

# What stands beside a file is a name and a type.
_METADATA_BYTES = 64 * 1024

# A body must move, and end: 100 MiB over one megabit a second take this long.
_IDLE_S, _TOTAL_S = 30.0, 900.0

_PROTOCOLS = {"resumable": "resumable", "multipart": "multipart", "raw": "raw", "media": "raw"}


class Uploads:
    """`shown` is how a finished file is described."""

    def __init__(self, vault: Vault, today: Callable[[], float], shown: Callable[[Blob], dict[str, Any]]) -> None:
        self._vault = vault
        self._today = today
        self._shown = shown
        self._metadata = Bodies(_METADATA_BYTES, None)

    async def answer(
        self, request: Request, receive: Any, send: Send, key: Callable[[], Awaitable[Key]], address: str
    ) -> None:
        """Answers a request to `address`, with the token of a running upload in it or without one."""
        if request.method not in ("POST", "PUT"):
            raise WrongMethod(f"{request.path} takes POST, not {request.method}.", allowed=("POST",))
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise BadRequest("Send the file uncompressed; Content-Encoding is not supported.", code="bad_encoding")
        token = request.query.get("upload_id", "")
        if token:
            await self._carry_on(token, request, receive, send)
            return
        team = (await key()).team
        match _protocol(request):
            case "resumable":
                await self._start(team, request, receive, send, address)
            case "multipart":
                await self._multipart(team, request, receive, send)
            case _:
                media_type = request.headers.get("content-type")
                draft = _draft(team, request, terms_of({}), size=request.length, media_type=media_type)
                async with aclosing(_chunks(receive)) as chunks:
                    await self._whole(draft, chunks, request, send)

    async def _start(self, team: str, request: Request, receive: Any, send: Send, address: str) -> None:
        if "start" not in _commands(request):
            raise BadRequest("X-Goog-Upload-Command: start begins an upload.", code="bad_upload_command")
        body = await self._metadata.read(request, receive)
        self._metadata.forgotten(len(body))
        terms = terms_of(_json(body))
        announced = _number(request.headers, "x-goog-upload-header-content-length")
        if announced is not None and terms.size is not None and announced != terms.size:
            raise BadRequest(f"The header announces {announced} bytes, the body {terms.size}.", param="file.sizeBytes")
        size = terms.size if announced is None else announced
        token, _ = await self._vault.begin(_draft(team, request, terms, size=size), self._today())
        headers = {
            STATUS: Stage.ACTIVE,
            "x-goog-upload-url": f"{address}?upload_id={token}&upload_protocol=resumable",
            "x-goog-upload-chunk-granularity": str(_GRANULARITY),
        }
        await send_json(marked(send, headers), request.id, b"{}")

    async def _carry_on(self, token: str, request: Request, receive: Any, send: Send) -> None:
        """One command, or `upload, finalize`, for a running upload. Every command may come twice."""
        commands, now = _commands(request), self._today()
        upload = await self._vault.upload(token, now)
        if commands == {"query"}:
            here = await self._vault.received(token, upload, now)
            headers = {STATUS: upload.stage, "x-goog-upload-size-received": str(here)}
            await send_json(marked(send, headers), request.id, b"{}")
        elif commands == {"cancel"}:
            upload = await self._vault.cancel(token, now)
            await send_json(marked(send, {STATUS: upload.stage}), request.id, b"{}")
        elif commands and commands <= {"upload", "finalize"}:
            if "upload" in commands:
                offset = _number(request.headers, "x-goog-upload-offset") or 0
                if offset + (request.length or 0) > upload.most_bytes(self._vault.caps):
                    raise BodyTooLarge("The chunk reaches beyond the size that was announced.")
                async with aclosing(_chunks(receive)) as chunks:
                    await self._vault.append(token, offset, chunks, now)
            await self._advance(token, commands, request, send)
        else:
            raise BadRequest(
                "X-Goog-Upload-Command is one of: upload; upload, finalize; finalize; query; cancel.",
                code="bad_upload_command",
            )

    async def _advance(self, token: str, commands: set[str], request: Request, send: Send) -> None:
        now = self._today()
        if "finalize" in commands:
            await self._finish(token, request, send)
            return
        upload = await self._vault.upload(token, now)
        here = await self._vault.received(token, upload, now)
        headers = {STATUS: upload.stage, "x-goog-upload-size-received": str(here)}
        await send_json(marked(send, headers), request.id, b"{}")

    async def _multipart(self, team: str, request: Request, receive: Any, send: Send) -> None:
        if (request.length or 0) > self._vault.caps.blob_bytes + _METADATA_BYTES:
            raise BodyTooLarge(f"The file is larger than the {self._vault.caps.blob_bytes} bytes that one may have.")
        related = Related(request.headers.get("content-type", ""))
        async with aclosing(_chunks(receive)) as chunks:
            first = b""
            async for chunk in chunks:
                first = related.feed(chunk)
                if related.metadata is not None:
                    break
            if related.metadata is None:
                raise BadRequest("A multipart upload is a JSON part and then the file.", code="bad_multipart")
            terms = terms_of(_json(related.metadata))
            draft = _draft(team, request, terms, size=terms.size, media_type=related.media_type)
            await self._whole(draft, _file_of(related, first, chunks), request, send)

    async def _whole(self, draft: Draft, chunks: AsyncIterator[bytes], request: Request, send: Send) -> None:
        """A file in one request: what of it came is dropped when the rest does not."""
        token, _ = await self._vault.begin(draft, self._today())
        try:
            await self._vault.append(token, 0, chunks, self._today())
            await self._finish(token, request, send)
        except BaseException:
            # A caller who left, a full disk, a cancel: nobody has the token.
            await self._vault.cancel(token, self._today())
            raise

    async def _finish(self, token: str, request: Request, send: Send) -> None:
        blob = await self._vault.finish(token, self._today())
        body = orjson.dumps({"file": self._shown(blob)})
        await send_json(marked(send, {STATUS: Stage.FINAL}), request.id, body)


def marked(send: Send, headers: Mapping[str, str] = {STATUS: Stage.FINAL}) -> Send:
    """A `send` that adds headers to the answer's head where they are not there yet."""

    async def marking(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            there = {name for name, _ in message["headers"]}
            added = [(name.encode(), value.encode()) for name, value in headers.items() if name.encode() not in there]
            message = {**message, "headers": [*message["headers"], *added]}
        await send(message)

    return marking


def _protocol(request: Request) -> str:
    asked = (
        request.headers.get("x-goog-upload-protocol")
        or request.query.get("upload_protocol")
        or request.query.get("uploadType")
        or ("resumable" if "x-goog-upload-command" in request.headers else "")
    )
    protocol = _PROTOCOLS.get(asked.lower())
    if protocol is None or (protocol == "resumable" and "uploadType" in request.query):
        raise BadRequest("X-Goog-Upload-Protocol is one of: resumable, multipart, raw.", code="bad_upload_protocol")
    return protocol


def _commands(request: Request) -> set[str]:
    asked = request.headers.get("x-goog-upload-command", "").lower().split(",")
    return {each.strip() for each in asked if each.strip()}


def _draft(team: str, request: Request, terms: FileTerms, *, size: int | None, media_type: str | None = None) -> Draft:
    """What is told of a file: in the JSON first, then in a header, then as `media_type` of the bytes themselves."""
    told = terms.media_type or request.headers.get("x-goog-upload-header-content-type") or media_type
    return Draft(
        team=team,
        media_type=checked_media_type(told or "application/octet-stream"),
        title=terms.title,
        size=size,
        name=terms.name,
    )


def _json(body: bytes) -> dict[str, Any]:
    if not body.strip():
        return {}
    try:
        document = orjson.loads(body)
    except ValueError as error:
        raise BadRequest(f"The file's description is not valid JSON: {error}.", code="invalid_json") from None
    if not isinstance(document, dict):
        raise BadRequest("The file's description must be a JSON object.", code="invalid_json")
    return document


def _number(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise BadRequest(f"{name} must be a number of bytes.", param=name)
    return int(text)


async def _chunks(receive: Any) -> AsyncGenerator[bytes]:
    """A request's body as it comes."""
    until = asyncio.get_running_loop().time() + _TOTAL_S
    more = True
    while more:
        left_s = until - asyncio.get_running_loop().time()
        try:
            # Around the waiting alone: in a generator it would else end whatever its reader does between.
            async with asyncio.timeout(min(_IDLE_S, left_s)):
                message = await receive()
        except TimeoutError:
            raise BodyTooSlow("The file came too slowly; query the upload and go on from there.") from None
        if message["type"] == "http.disconnect":
            raise CallerLeft
        if message.get("body"):
            yield message["body"]
        more = message.get("more_body", False)


async def _file_of(related: Related, first: bytes, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if first:
        yield first
    async for chunk in chunks:
        piece = related.feed(chunk)
        if piece:
            yield piece
    if not related.ended:
        raise BadRequest("The multipart body breaks off before its last boundary.", code="bad_multipart")
