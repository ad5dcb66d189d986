"""Which internet addresses are public: our own table, since `ipaddress` has no property that answers it (S8).

`is_private` misses 100.64.0.0/10, and `is_global` is true for 168.63.129.16, for multicast and for forms of IPv6 that
carry an inner IPv4 address. Sources: webhook-reliability 2.8; the IANA special-purpose registries of IPv4 and IPv6.
"""

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network

NOT_PUBLIC: dict[str, str] = {
    "0.0.0.0/8": "this machine",
    "10.0.0.0/8": "private",
    "100.64.0.0/10": "behind a carrier's NAT; 100.100.100.200 is a cloud's metadata",
    "127.0.0.0/8": "loopback",
    "168.63.129.16/32": "a cloud's own service beside each of its machines",
    "169.254.0.0/16": "link-local; 169.254.169.254 is the metadata of most clouds",
    "172.16.0.0/12": "private",
    "192.0.0.0/24": "protocol assignments; 192.0.0.192 is a cloud's metadata",
    "192.0.2.0/24": "documentation",
    "192.88.99.0/24": "6to4 relays, retired",
    "192.168.0.0/16": "private",
    "198.18.0.0/15": "benchmarks",
    "198.51.100.0/24": "documentation",
    "203.0.113.0/24": "documentation",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved, and broadcast",
    "2001::/23": "protocol assignments, Teredo with an IPv4 address inside",
    "2001:db8::/32": "documentation",
    "2002::/16": "6to4, with an IPv4 address inside",
    "3ffe::/16": "6bone, retired",
    "3fff::/20": "documentation",
}
"""What is not public, and why. Of IPv6 only 2000::/3 is handed out at all, so that whatever lies outside it needs no
row: loopback, IPv4-mapped, NAT64 (64:ff9b::/96, 64:ff9b:1::/48), 100::/64, 5f00::/16, fc00::/7, fe80::/10, fec0::/10
and ff00::/8.
"""

_NOT_PUBLIC = tuple(ip_network(network) for network in NOT_PUBLIC)
_HANDED_OUT = IPv6Network("2000::/3")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)


def parsed(text: str) -> IPv4Address | IPv6Address | None:
    """The address that is written in the usual way; None for anything else, and for one that names a zone (`%eth0`)."""
    try:
        return None if "%" in text else ip_address(text)
    except ValueError:
        return None


def is_public(text: str) -> bool:
    """Anybody on the internet may own it."""
    address = parsed(text)
    if address is None or (isinstance(address, IPv6Address) and address not in _HANDED_OUT):
        return False
    return not any(address in network for network in _NOT_PUBLIC)


def is_within(text: str, networks: Sequence[Network]) -> bool:
    """It lies in one of the networks. An IPv4-mapped address lies in no IPv4 network."""
    address = parsed(text)
    return address is not None and any(address in network for network in networks)


def is_odd_number(host: str) -> bool:
    """It looks like a name, but systems read it as an address: 127.1, 2130706433, 0x7f.1, 0177.0.0.1."""
    return bool(_NUMBER.fullmatch(host.rpartition(".")[2])) and parsed(host) is None
