"""How the address of a store is written, and what of it may be shown.

    redis://user:password@host:port/DB, rediss:// (TLS), unix:///path           one server
    redis+cluster://user:password@host:port,host:port                           a Cluster, by some of its nodes
    redis+sentinel://user:password@host:port,host:port/NAME/DB                  what these sentinels call NAME

Knows nothing of what is at an address.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qsl, quote, urlencode

Place = tuple[str, int]


class Kind(StrEnum):
    """What is at an address; the value shows how it is written."""

    ONE = "redis://host:6379/0"
    CLUSTER = "redis+cluster://host:6379,host:6379"
    SENTINEL = "redis+sentinel://host:26379,host:26379/name/0"


_KINDS = {
    "redis": Kind.ONE,
    "rediss": Kind.ONE,
    "unix": Kind.ONE,
    "redis+cluster": Kind.CLUSTER,
    "rediss+cluster": Kind.CLUSTER,
    "redis+sentinel": Kind.SENTINEL,
    "rediss+sentinel": Kind.SENTINEL,
}

SCHEMES = tuple(f"{scheme}://" for scheme in _KINDS)

_PORTS = {Kind.CLUSTER: 6379, Kind.SENTINEL: 26379}
_STEPS = {Kind.CLUSTER: (0,), Kind.SENTINEL: (1, 2)}  # in the path
_PLACE = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\[\]:/@]+)(?::(?P<port>\d{1,5}))?")


@dataclass(frozen=True, slots=True, repr=False)
class Several:
    """The address of several servers that are one store: those that are asked first, and how each is spoken to."""

    scheme: str
    user: str  # with its password, as in an address, or nothing
    places: tuple[Place, ...]
    path: tuple[str, ...]
    options: Mapping[str, str]

    def server(self, place: Place) -> str:
        """The address of one of the servers that hold something."""
        return self._one(place, self.user, "/".join(self.path[1:]))

    def sentinel(self, place: Place) -> str:
        """The address of a sentinel, which has a user and a password of its own, or none."""
        name, password = (quote(self.options.get(f"sentinel_{what}", ""), safe="") for what in ("username", "password"))
        return self._one(place, f"{name}:{password}@" if name or password else "", "")

    def _one(self, place: Place, user: str, database: str) -> str:
        host = f"[{place[0]}]" if ":" in place[0] else place[0]
        options = urlencode({name: text for name, text in self.options.items() if not name.startswith("sentinel_")})
        return f"{self.scheme}://{user}{host}:{place[1]}/{database}" + (f"?{options}" if options else "")


def kind_of(address: str) -> Kind | None:
    """What is at an address, by how it begins; None: it is none."""
    scheme, mark, _ = address.partition("://")
    return _KINDS.get(scheme) if mark else None


def several(address: str) -> Several:
    """The address of a Cluster or of sentinels; raises `ValueError` for one that cannot be read."""
    scheme, _, rest = address.partition("://")
    kind = _KINDS[scheme]
    rest, _, options = rest.partition("?")
    user, mark, rest = rest.rpartition("@")
    hosts, _, path = rest.partition("/")
    steps = tuple(path.rstrip("/").split("/")) if path.rstrip("/") else ()
    if len(steps) not in _STEPS[kind] or (len(steps) == 2 and not steps[1].isdigit()):
        raise ValueError("the path is not that of this kind")
    places = tuple(_place(each, _PORTS[kind]) for each in hosts.split(","))
    return Several(scheme.partition("+")[0], user + mark, places, steps, dict(parse_qsl(options)))


def shown(address: str) -> str:
    """An address without its user, password and options, even one that is written wrongly."""
    scheme, mark, rest = address.rpartition("://")
    place = re.split(r"[?#]", rest.rpartition("@")[2])[0]
    return f"{scheme}{mark}{place}"


def _place(text: str, port: int) -> Place:
    match = _PLACE.fullmatch(text)
    if match is None:
        raise ValueError("not a host and a port")
    return match["host"].strip("[]"), int(match["port"] or port)
