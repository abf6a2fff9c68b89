"""Which addresses the gateway may fetch from, when a request names a picture by one.

Everything else would let a caller use it to look into the network that it stands in. What a name
resolves to is asked elsewhere; here a URL is taken apart, and an IP address judged.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

IP = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_PORTS = {"http": 80, "https": 443}
_LONGEST = 2048

# IPv4 inside of IPv6, by translation (RFC 6052); Python takes the whole prefix for public.
_NAT64 = IPv6Network("64:ff9b::/96")


class OutOfReach(Exception):
    """An address that is not fetched from; the message says why, to whoever named it."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL, taken apart. `path` has the query; `odd_port`: not the one of its scheme."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def odd_port(self) -> bool:
        return self.port != _PORTS[self.scheme]

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" if self.odd_port else host


def target_of(url: str) -> Target:
    """A URL taken apart; raises `OutOfReach` for one that is not plainly an address of a file on the web."""
    if len(url) > _LONGEST:
        raise OutOfReach(f"is longer than {_LONGEST} characters")
    if not url.isascii() or any(character <= " " or character == "\\" for character in url):
        raise OutOfReach("has characters that must be percent-encoded")
    try:
        split = urlsplit(url)
        port = split.port
    except ValueError:
        raise OutOfReach("is not an address") from None
    scheme = split.scheme.lower()
    if scheme not in _PORTS or not split.hostname:
        raise OutOfReach("is not an http or https address")
    if "@" in split.netloc:
        raise OutOfReach("has a user or a password in it")
    if "%" in split.netloc:
        raise OutOfReach("has a host that is not one")
    path = (split.path or "/") + (f"?{split.query}" if split.query else "")
    return Target(scheme, split.hostname.rstrip("."), _PORTS[scheme] if port is None else port, path)


def check(target: Target, found: Iterable[str], networks: Iterable[Network]) -> list[IP]:
    """The addresses to connect to; raises `OutOfReach` unless each of those that the host has may be.

    Those in `networks` may, on any port, and all that the whole internet can reach, on the usual one.
    """
    known = list(networks)
    addresses = [_bare(ip_address(each)) for each in found]
    if not addresses:
        raise OutOfReach("has no address")
    for address in addresses:
        if any(address in network for network in known):
            continue
        if not _public(address):
            raise OutOfReach("is not on the public internet")
        if target.odd_port:
            raise OutOfReach(f"is not on port {_PORTS[target.scheme]}")
    return addresses


def _bare(address: IP) -> IP:
    """An IPv4 address in whatever dress."""
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def _public(address: IP) -> bool:
    inner = _inside(address) if isinstance(address, IPv6Address) else None
    if inner is not None:
        return _public(inner)
    return address.is_global and not address.is_multicast


def _inside(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that packets to this one come to in the end, if it carries one."""
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    if address.teredo is not None:
        return address.teredo[1]
    return address.sixtofour
