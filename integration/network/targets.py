"""Where a call may go: takes a URL apart, resolves its host once, judges every answer (webhook-reliability S8, 2.8).

Public addresses are called by https on port 443 or 8443. Plain http and other ports are for addresses that the
operator lists (TURNTWICE_ALLOW_PRIVATE), and every answer for that host must be listed.
"""

import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from integration.network.addresses import Network, is_odd_number, is_public, is_within
from integration.outgoing import Refusal

Resolver = Callable[[str, int], Sequence[str]]
"""Gives the addresses of a host, best first, for the host and a port. Raises OSError where there are none."""

PORTS = {"https": 443, "http": 80}
SECURE_PORTS = frozenset({443, 8443})

_URL = re.compile(r"[^\s\\\x00-\x1f\x7f]+")
_AUTHORITY = re.compile(r"(?:([a-z0-9._-]+)|\[([0-9a-f:.]+)\])(?::([0-9]{1,5}))?")
_CURE = "whoever runs this Turntwice can allow its address with TURNTWICE_ALLOW_PRIVATE"
NO_URL = "this is no web address; give one such as https://example.org"


@dataclass(frozen=True, slots=True)
class Target:
    """What a connection is for. Two are the same when it may be used for both; `addresses` are best first."""

    scheme: str
    host: str
    port: int
    answers: frozenset[str]
    addresses: tuple[str, ...] = field(compare=False)


def system_resolver(host: str, port: int) -> Sequence[str]:
    """Asks the system. It cannot be interrupted: name servers that do not answer keep the thread for as long as the
    system is set to wait (glibc: 5 s, twice, for each server), and the call is refused when they have done so."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def blocked(message: str) -> Refusal:
    """The refusal of an address that we do not call."""
    return Refusal("blocked", message, permanent=True)


def is_whole(url: str) -> bool:
    """It has no character that two readers of URLs could take in two ways: white space, controls, a backslash."""
    return bool(_URL.fullmatch(url))


def target(url: str, allow: Sequence[Network], resolve: Resolver) -> Target:
    """The target of a URL. Raises Refusal: `blocked` or `no_such_host`."""
    scheme, host, port = _parts(url)
    try:
        addresses = tuple(resolve(host, port))
    except (OSError, UnicodeError):
        addresses = ()
    if not addresses:
        raise Refusal("no_such_host", f"nobody knows the address of {host}; check how it is written")
    if not all(is_within(address, allow) for address in addresses):
        if not all(is_public(address) or is_within(address, allow) for address in addresses):
            raise blocked(f"{host} is not on the public internet; {_CURE}")
        if scheme != "https" or port not in SECURE_PORTS:
            raise blocked(f"{host} can be called by https on port 443 or 8443 alone; {_CURE}")
    return Target(scheme, host, port, frozenset(addresses), addresses)


def _parts(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    found = _AUTHORITY.fullmatch(parts.netloc.lower())
    if parts.scheme not in PORTS or not found:
        raise blocked("give an address that starts with https:// and holds no name and password")
    host, port = found[1] or found[2], int(found[3] or PORTS[parts.scheme])
    if host.endswith(".") or is_odd_number(host) or not 0 < port < 65536:
        raise blocked("write the name of the service as it usually is, without a dot at its end")
    return parts.scheme, host, port
