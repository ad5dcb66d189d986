"""Sockets that hold one deadline over a whole call, and a cap on what it may receive.

`socket` and `ssl` count a time-out anew for every read, so that a server which sends a byte a second is never late
(webhook-reliability finding 3). These give each wait what is left of the call, without a thread that watches.
"""

import socket
import ssl
import threading
from collections.abc import Sequence
from time import monotonic
from typing import Any

TRIED = 3
"""Of a host's addresses, so many are tried."""


class Limits(threading.local):
    """What the call under way in this thread may still take: seconds, and bytes to receive."""

    until, room = 0.0, 0

    def begin(self, seconds: float, room: int) -> None:
        self.until, self.room = monotonic() + seconds, room

    def over(self) -> bool:
        return monotonic() >= self.until

    def left(self) -> float:
        """Seconds, more than none. Raises TimeoutError."""
        left = self.until - monotonic()
        if left <= 0:
            raise TimeoutError("the call has taken all its time")
        return left

    def took(self, size: int) -> int:
        """Raises OSError for an answer whose head, or whose framing, has no end."""
        self.room -= size
        if self.room < 0:
            raise OSError("the call has received more than it may")
        return size


limits = Limits()


class Socket(socket.socket):
    """Waits no longer than the call under way in this thread may last."""

    def recv_into(self, *into: Any) -> int:
        self.settimeout(limits.left())
        return limits.took(super().recv_into(*into))

    def send(self, *data: Any) -> int:
        self.settimeout(limits.left())
        return super().send(*data)

    def sendall(self, *data: Any) -> None:
        self.settimeout(limits.left())
        super().sendall(*data)


class SecureSocket(Socket, ssl.SSLSocket):
    """The same inside TLS. The handshake takes no longer than the time-out that the plain socket had before it."""


def connected(addresses: Sequence[str], port: int, seconds: float) -> Socket:
    """Tries the addresses in turn, each for its share of the seconds. Raises the last one's OSError or TimeoutError."""
    until, tried = monotonic() + seconds, addresses[:TRIED]
    for later, address in reversed(list(enumerate(reversed(tried)))):
        try:
            return _connected(address, port, max(until - monotonic(), 0.001) / (later + 1))
        except OSError:
            if not later:
                raise
    raise OSError("there is no address to connect to")


def _connected(address: str, port: int, seconds: float) -> Socket:
    made = Socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.settimeout(seconds)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.connect((address, port))
        made.settimeout(limits.left())
    except BaseException:
        made.close()
        raise
    return made
