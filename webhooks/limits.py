"""How often a sender may come: so many in a window that moves with the clock, for a hook, an address, a wrong guess.

Source: webhook-reliability R16 and F7; RFC 6585 section 4 (status 429). A limiter that fails lets everybody pass, says
so once, and is asked again half a minute later. Only digests of keys and addresses are kept.

The window of one process is our own: the memory storage of the `limits` library walks every name up to a hundred times
a second (at 5,000 names and 700 requests a second it took a third of a core) and forgets none. Several processes count
together in Redis, where that library does it.
"""

import logging
import re
import time
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil
from threading import Lock
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from limits.storage import Storage

NAMES, LONGEST = 20_000, 64
REST_SECONDS = 30
REDIS_SECONDS = 0.25
"""How long one question to Redis may take; a delivery waits for the answer."""

log = logging.getLogger(__name__)

_NOTATION = re.compile(r"\s*([0-9]{1,6})\s*(?:/|per)\s*([0-9]{1,4})?\s*(second|minute|hour|day)s?\s*", re.IGNORECASE)
_PORT = re.compile(r"\[([^\[\]]*)\](?::[0-9]+)?|([0-9.]+):[0-9]+")  # Azure Application Gateway adds the port.
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
# Loopback, private (RFC 1918, RFC 4193), carrier-grade (RFC 6598) and link-local addresses: a proxy may stand there.
_NEAR_4 = ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16")
_NEAR = tuple(ip_network(near) for near in (*_NEAR_4, "::1/128", "fc00::/7", "fe80::/10"))


class What(StrEnum):
    """What is counted: requests of an address, deliveries to a hook, wrong keys and proofs of an address."""

    ADDRESS = "address"
    HOOK = "hook"
    MISS = "miss"


class Limiter(Protocol):
    """Who says whether a sender comes too often."""

    def wait(self, what: What, who: str) -> int:
        """Counts one for `who` (an address, or what names a hook): 0, or how many seconds are to pass first."""

    @property
    def hook_per_minute(self) -> int | None:
        """How many deliveries a minute one hook takes; None when nobody counts."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in so many seconds."""

    amount: int
    seconds: int

    @classmethod
    def parse(cls, text: str) -> "Rate":
        """The rate of `60/minute`, `5 per 10 seconds`, as the `limits` library writes them. Raises ValueError."""
        found = _NOTATION.fullmatch(text)
        if not found or not int(found[1]) or not int(found[2] or 1):
            raise ValueError("write a limit as 60/minute, or off")
        return cls(int(found[1]), int(found[2] or 1) * _SECONDS[found[3].lower()])


GUESSES = Rate(20, 60)
"""Wrong keys and proofs from one address (F7). What is right passes all the same: a service posts for many people from
one address, and one who left must not silence the others."""


class Window(Protocol):
    """Counts by name over a moving window."""

    def take(self, name: str, rate: Rate) -> float:
        """Counts one unless the rate is used up; the seconds until there is room, 0 when there was."""


class Here:
    """The window of one process. Holds `NAMES` names; the one longest not heard of is forgotten first."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now, self._lock = now, Lock()
        self._taken: OrderedDict[str, list[float]] = OrderedDict()

    def take(self, name: str, rate: Rate) -> float:
        now = self._now()
        with self._lock:
            taken = self._taken.setdefault(name, [])
            self._taken.move_to_end(name)
            del taken[: bisect_right(taken, now - rate.seconds)]
            if len(taken) >= rate.amount:
                return max(0.001, taken[0] + rate.seconds - now)
            taken.append(now)
            if len(self._taken) > NAMES:
                self._taken.popitem(last=False)
        return 0.0


class Shared:
    """The window of several processes, in a storage of the `limits` library."""

    def __init__(self, storage: "Storage") -> None:
        from limits import RateLimitItemPerSecond
        from limits.strategies import MovingWindowRateLimiter

        self._limiter, self._item = MovingWindowRateLimiter(storage), RateLimitItemPerSecond

    def take(self, name: str, rate: Rate) -> float:
        item = self._item(rate.amount, rate.seconds)
        if self._limiter.hit(item, name):
            return 0.0
        return max(1.0, self._limiter.get_window_stats(item, name).reset_time - time.time())


def in_redis(url: str) -> Shared:
    """The window in Redis at that URL; nothing is asked of it yet. Raises ValueError when the URL is none."""
    from limits.errors import ConfigurationError
    from limits.storage import RedisStorage

    try:
        storage = RedisStorage(
            url, key_prefix="turntwice", socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS
        )
        return Shared(storage)
    except ConfigurationError as error:
        raise ValueError(str(error)) from None


class Limits:
    """The limiter of an app: the rates of what is limited, counted in one window.

    `behind_proxies` says that addresses are those of the senders, because somebody takes them from what our proxies
    add; all to whom they give one word, such as `unknown`, are one sender. Without it, all who come by a proxy that
    nobody told us of have its address, so a loopback or private one has no limit of its own; the limit of a hook holds.
    """

    def __init__(
        self,
        rates: Mapping[What, Rate],
        window: Window,
        behind_proxies: bool = False,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rates, self._window, self._behind_proxies, self._now = rates, window, behind_proxies, now
        self._rest_until: float | None = None

    @property
    def hook_per_minute(self) -> int | None:
        rate = self._rates.get(What.HOOK)
        return max(1, rate.amount * 60 // rate.seconds) if rate else None

    def wait(self, what: What, who: str) -> int:
        rate = self._rates.get(what)
        name = who if what is What.HOOK else sender(who[:LONGEST], self._behind_proxies)
        if rate is None or not name or (self._rest_until is not None and self._now() < self._rest_until):
            return 0
        digest = blake2b(f"{what}:{name}".encode(errors="replace"), digest_size=16).hexdigest()
        try:
            seconds = self._window.take(digest, rate)
        except Exception as error:
            self._rest(error)
            return 0
        if self._rest_until is not None:
            self._rest_until = None
            log.warning("the limits count again")
        return ceil(seconds)

    def _rest(self, error: Exception) -> None:
        """Whatever a storage raises must cost no delivery. Its text may quote the address of the storage."""
        if self._rest_until is None:
            log.error("the limits cannot count (%s): everybody passes until they can", type(error).__name__)
        self._rest_until = self._now() + REST_SECONDS


@lru_cache(maxsize=4096)
def sender(address: str, behind_proxies: bool) -> str:
    """Whom an address stands for: itself, its /64 in IPv6; empty when nobody can be told by it (see Limits)."""
    port = _PORT.fullmatch(address)
    try:
        found = ip_address((port[1] or port[2] or "" if port else address).partition("%")[0])
    except ValueError:
        return address if behind_proxies else ""
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    if not behind_proxies and any(found in near for near in _NEAR):
        return ""
    return str(ip_network((found, 64), strict=False) if isinstance(found, IPv6Address) else found)
