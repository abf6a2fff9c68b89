"""What one setting's text may be, and what is made of it.

Each rule takes a value as the file or the environment gave it and returns what the settings hold,
or raises `ValueError` with words that follow the setting's path: what is wrong and what to write.
"""

import re
from enum import StrEnum
from fractions import Fraction
from ipaddress import ip_network
from typing import TypeVar
from urllib.parse import urlsplit

from gateway.config.sections import TEXT
from gateway.config.settings import Listen, ListenTcp, ListenUnix, Secret
from gateway.core.groups import Billing
from gateway.core.money import nanos_of
from gateway.core.reach import Network

_LISTEN = "must be HOST:PORT or unix:/path, such as 127.0.0.1:8080; 0.0.0.0:8080 listens everywhere"
_STORES = ("redis", "rediss", "redis+cluster", "rediss+cluster", "redis+sentinel", "rediss+sentinel")
_STORE = (
    "must be embedded, redis://HOST, redis+cluster://HOST,HOST, redis+sentinel://HOST,HOST/NAME, "
    "the same with rediss, or unix:///path"
)

# The shorter of what Linux (107) and macOS (103) take.
_UNIX_PATH_BYTES = 103

_DECIMAL = re.compile(r"[0-9]+(\.[0-9]+)?")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_RECEIVER = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?|[0-9a-f:.]+")
_RATIO = re.compile(r"[1-9][0-9]?:[1-9][0-9]?")
_VAULT = "must be s3://BUCKET or s3://BUCKET/PREFIX, without credentials: those are read from the environment"
_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/[A-Za-z0-9][A-Za-z0-9._-]*)*/?")
_PIXELS = re.compile(r"([1-9][0-9]{1,4})x([1-9][0-9]{1,4})")

# What examples and tutorials put where a secret belongs.
_PLACEHOLDER = re.compile(
    r"(sk-)?([x.*…]*|<.*>|key|secret|token|password|admin|test|example|todo|none|null)"
    r"|.*(change[-_ ]?(me|this|it)|your[-_ ]?[a-z_-]*(key|token|secret)|replace[-_ ]?me|insert[-_ ]?.*here).*",
    re.IGNORECASE,
)

E = TypeVar("E", bound=StrEnum)


def text_of(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(TEXT)
    return value


def null_of(value: object) -> object:
    """Nothing, in the words that an environment variable has for it."""
    return None if value in ("", "null", "~") else value


def name_of(value: object) -> str:
    """A name goes into headers, metrics and paths, so it is kept plain."""
    if _NAME.fullmatch(text_of(value)) is None:
        raise ValueError("must be 1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit")
    return str(value)


def secret_of(value: object) -> Secret:
    text = text_of(value)
    if not text:
        raise ValueError('is empty; write "${NAME}" and set that variable, or name a key_file')
    if _PLACEHOLDER.fullmatch(text) is not None:
        raise ValueError("is a placeholder; put a real one in its place")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("has a space, a line break or a character that cannot be sent in a header")
    return Secret(text)


def admin_key_of(value: object) -> Secret:
    return _long_enough(secret_of(value), 24)


def long_secret_of(value: object) -> Secret:
    return _long_enough(secret_of(value), 32)


def multiplier_of(value: object) -> Fraction:
    """The exact fraction that is written; a YAML number is taken as its shortest decimal, never as a float."""
    text = str(value)
    if isinstance(value, bool) or _DECIMAL.fullmatch(text) is None or not Fraction(text):
        raise ValueError("must be a decimal above 0, such as 1.4")
    return Fraction(text)


def billing_of(value: object) -> Billing:
    if value == "hybrid":
        raise ValueError(
            '"hybrid" is refused: its price per call cannot be known in advance; '
            f"choose {Billing.PAY_AS_YOU_GO_PRIORITY}"
        )
    return choice(Billing, value)


def choice(words: type[E], value: object) -> E:
    if value not in tuple(words):
        raise ValueError(f"must be one of {', '.join(words)}")
    return words(str(value))


def usd_of(value: object) -> int:
    """USD as nano-dollars."""
    return nanos_of(_amount(value))


def token_price_of(value: object) -> Fraction:
    """USD for a million tokens as nano-dollars for one."""
    nanos = Fraction(nanos_of(_amount(value)), 1_000_000)
    if nanos.denominator != 1:
        raise ValueError("must come to whole nano-dollars a token: three decimals at most for a million")
    return nanos


def url_of(value: object) -> str:
    """An http(s) address without a trailing slash, to which a path can be added."""
    text = text_of(value)
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ValueError("is not a URL; write it like https://api.example.com") from None
    if parts.scheme not in ("http", "https") or any(each.isspace() for each in text):
        raise ValueError("must begin with https:// or http://")
    if not parts.hostname:
        raise ValueError("names no host; write it like https://api.example.com")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not carry a user name or password; credentials have settings of their own")
    if parts.query or parts.fragment or text.endswith(("?", "#")):
        raise ValueError("must end with its path: no query, no fragment")
    return text.rstrip("/")


def upstream_url_of(value: object) -> str:
    url = url_of(value)
    if url.endswith(("/v1", "/v1alpha", "/v1beta", "/models")):
        raise ValueError("must not end with an API version; the gateway adds /v1beta itself")
    return url


def listen_of(value: object) -> Listen:
    text = str(value)
    if text.startswith("unix:"):
        return ListenUnix(_socket_path(text.removeprefix("unix:"), _LISTEN))
    host, _, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if bracketed:
        host = host[1:-1]
    if not host or (":" in host) is not bracketed or not port.isdecimal() or int(port) > 65535:
        raise ValueError(_LISTEN)
    return ListenTcp(host, int(port))


def network_of(value: object) -> Network:
    try:
        return ip_network(text_of(value))
    except ValueError:
        raise ValueError("must be a network such as 10.20.0.0/16, with no bit set after its length") from None


def receiver_of(value: object) -> str:
    """A host, by its name, or `*.example.org`, or `*`."""
    text = text_of(value).lower()
    if text != "*" and _RECEIVER.fullmatch(text) is None:
        raise ValueError("must be a host such as hooks.example.org, *.example.org for all below it, or * for all")
    return text


def store_of(value: object) -> str:
    text = text_of(value)
    if text == "embedded":
        return text
    scheme, _, rest = text.partition("://")
    if scheme == "unix":
        _socket_path(rest.partition("?")[0], _STORE)
    elif scheme not in _STORES or not rest.strip("/"):
        raise ValueError(_STORE)
    return text


def vault_of(value: object) -> str:
    text = text_of(value)
    if not _BUCKET.fullmatch(text):
        raise ValueError(_VAULT)
    return text.rstrip("/")


def pixels_of(value: object) -> tuple[int, int]:
    match = _PIXELS.fullmatch(text_of(value))
    if match is None:
        raise ValueError("must be WIDTHxHEIGHT, such as 1024x1024")
    return int(match[1]), int(match[2])


def ratio_of(value: str) -> str:
    if _RATIO.fullmatch(value) is None:
        raise ValueError("must be a ratio, such as 16:9")
    return value


def _amount(value: object) -> str:
    """A price as plain decimal text; a YAML number is taken as its shortest decimal."""
    text = str(value)
    if isinstance(value, bool) or _DECIMAL.fullmatch(text) is None:
        raise ValueError('must be a plain decimal of USD, such as "0.055"')
    return text


def _long_enough(secret: Secret, least: int) -> Secret:
    length = len(secret.reveal())
    if length < least:
        raise ValueError(f"has {length} characters; it needs {least} at least (openssl rand -hex 32 makes one)")
    return secret


def _socket_path(path: str, expected: str) -> str:
    if not path.startswith("/"):
        raise ValueError(expected)
    if len(path.encode()) > _UNIX_PATH_BYTES:
        raise ValueError(f"has a socket path of more than {_UNIX_PATH_BYTES} bytes, the most a system takes")
    return path
