"""Google's Files API as far as it is words: its addresses, and the files that a request names.

A part may name a file instead of holding a picture. No seller has the files, so a request that names
ours is cut at those places, and whoever has the bytes joins it again around them. Nothing here knows
where files are kept, or whose they are.
"""

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson

from gateway.core.errors import BadRequest
from gateway.core.skim import Skimmer
from gateway.dialects import canonical
from gateway.dialects.base import read_json
from gateway.dialects.spelling import camel_keys

GOOGLE = "generativelanguage.googleapis.com"

_VERSION = r"v1(?:beta|alpha)?"
_ADDRESS = re.compile(
    rf"(?:/{_VERSION})*(?P<upload>/upload(?:/{_VERSION})*)?/files(?:/(?P<name>[^/:]+)(?P<download>:download)?)?"
)
_LAST_VERSION = re.compile(rf"/({_VERSION})(?=/)")
_FILE = re.compile(r"(?:.*/)?files/(?P<name>[^/:?#]+)(?::download)?/?")

_MEDIA_TYPE = re.compile(r"[\w.+-]{1,80}/[\w.+-]{1,80}", re.ASCII)
_LONGEST_TITLE = 512


@dataclass(frozen=True, slots=True)
class Place:
    """An address of the Files API. `name` None: all files."""

    version: str
    name: str | None
    uploads: bool
    downloads: bool


def place(path: str) -> Place | None:
    """What a path means to the Files API; None: nothing."""
    tidy = "/" + "/".join(part for part in path.split("/") if part)
    match = _ADDRESS.fullmatch(tidy)
    if match is None or (match["upload"] and match["name"]):
        return None
    versions = _LAST_VERSION.findall(tidy)
    return Place(versions[-1] if versions else "v1beta", match["name"], bool(match["upload"]), bool(match["download"]))


def named(body: bytes, hosts: Collection[str]) -> list[str]:
    """The names of our files in a native request, in the order in which it has them.

    `hosts` are the gateway's own names; Google's is one of ours as well, because our uris are written so.
    """
    if b"fileData" not in body:
        return []
    skimmer = Skimmer()
    skimmer.feed(body)
    return [name for _, name in _filed(read_json(skimmer.skeleton.text), hosts)]


def cut(body: bytes, hosts: Collection[str], media_types: Sequence[str]) -> list[bytes]:
    """A native request around its files: between two pieces goes the base64 of the file that `named` has there.

    `media_types` are those of the files, for parts that do not say it.
    """
    document = read_json(body)
    # A text cannot hold its own hash, so this is found where it was put and nowhere else.
    mark = hashlib.sha256(body).hexdigest()
    for (part, _), media_type in zip(list(_filed(document, hosts)), media_types, strict=True):
        file = part.pop("fileData")
        given = file.get("mimeType") or media_type
        part["inlineData"] = {"mimeType": "image/jpeg" if given == "image/jpg" else given, "data": mark}
    return orjson.dumps(document).split(mark.encode())


def _filed(document: Mapping[str, Any], hosts: Collection[str]) -> Iterator[tuple[dict[str, Any], str]]:
    """Every part that names one of our files, and the name."""
    for part in canonical.content_parts(document):
        file = part.get("fileData")
        uri = file.get("fileUri") if isinstance(file, dict) else None
        name = _name_in(uri, hosts) if isinstance(uri, str) else None
        if name is None:
            continue
        if "inlineData" in part:
            raise BadRequest("A part holds either inlineData or fileData.", param="contents.parts")
        yield part, name


def _name_in(uri: str, hosts: Collection[str]) -> str | None:
    try:
        split = urlsplit(uri)
    except ValueError:
        return None
    match = _FILE.fullmatch(split.path)
    if match is None:
        return None
    if split.scheme in ("http", "https"):
        ours = split.netloc.lower() in {GOOGLE, *hosts}
        return match["name"] if ours else None
    bare = not split.scheme and not split.netloc and split.path.startswith("files/")
    return match["name"] if bare else None


@dataclass(frozen=True, slots=True)
class FileTerms:
    """What a caller says of a file it is about to send; None: nothing."""

    name: str | None
    title: str | None
    media_type: str | None
    size: int | None


def terms_of(document: dict[str, Any]) -> FileTerms:
    """The description in an upload's JSON, in either spelling. Raises `BadRequest`."""
    file = camel_keys(document).get("file") or {}
    if not isinstance(file, dict):
        raise BadRequest("file must be an object.", param="file")
    name, title, media_type = (_text(file, each) for each in ("name", "displayName", "mimeType"))
    if title is not None and len(title) > _LONGEST_TITLE:
        raise BadRequest(f"A displayName has at most {_LONGEST_TITLE} characters.", param="file.displayName")
    size = file.get("sizeBytes")
    if size is not None and not (str(size).isascii() and str(size).isdecimal() and len(str(size)) < 16):
        raise BadRequest("sizeBytes must be a number of bytes.", param="file.sizeBytes")
    return FileTerms(
        name=name.removeprefix("files/") if name else None,
        title=title,
        media_type=checked_media_type(media_type) if media_type else None,
        size=None if size is None else int(size),
    )


def checked_media_type(text: str) -> str:
    """A MIME type without its parameters."""
    bare = text.partition(";")[0].strip().lower()
    if not _MEDIA_TYPE.fullmatch(bare):
        raise BadRequest(f"{text[:80]!r} is not a MIME type.", param="file.mimeType")
    return bare


def _text(file: Mapping[str, Any], name: str) -> str | None:
    value = file.get(name)
    if value is not None and not isinstance(value, str):
        raise BadRequest(f"{name} must be a string.", param=f"file.{name}")
    return value or None
