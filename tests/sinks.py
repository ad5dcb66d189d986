"""Small servers on loopback, for what calls out, each saying what a test gives it; and names that lead to them."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from types import TracebackType
from typing import Self

import pytest

from integration.door import Door
from integration.outgoing import Call, Refusal, Request

HOST = "127.0.0.1"
LOOPBACK: list[IPv4Network | IPv6Network] = [ip_network("127.0.0.0/8"), ip_network("::1/128")]
PATIENCE_SECONDS = 60
"""A wait longer than this is taken for a hang; nothing is measured by it."""

Talk = Callable[[socket.socket, bytes], None]
"""Given the connection and a whole request, writes what is to be said; closes the connection to end it."""


class Sink:
    """Listens while it is entered. `heard`: every request, whole, with the number of its connection, from 1.

    With `asks` false it talks as soon as somebody connects, once, and is given an empty request.
    """

    def __init__(
        self, talk: Talk, tls: ssl.SSLContext | None = None, host: str = HOST, port: int = 0, asks: bool = True
    ) -> None:
        self._talk, self._tls, self._asks = talk, tls, asks
        self._listener = socket.create_server((host, port))
        self.port = int(self._listener.getsockname()[1])
        self.connections, self.heard = 0, list[tuple[int, bytes]]()
        self._open, self._lock = list[socket.socket](), threading.Lock()

    @property
    def requests(self) -> list[bytes]:
        return [request for _, request in self.heard]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Without shutdown, a thread that waits in accept goes on waiting.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()

    def hang_up(self) -> None:
        """Closes every connection that it has."""
        with self._lock:
            for connection in self._open:
                hang_up(connection)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self.connections += 1
                number = self.connections
                self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection, number), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        try:
            with self._tls.wrap_socket(connection, server_side=True) if self._tls else connection as speaking:
                if not self._asks:
                    self._talk(speaking, b"")
                while request := whole_request(speaking):
                    self.heard.append((number, request))
                    self._talk(speaking, request)
        except (OSError, ValueError):
            pass  # the other side went, or a test hung up
        finally:
            connection.close()


def hang_up(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


def whole_request(connection: socket.socket) -> bytes:
    """One request with its body; empty when there comes no other."""
    request = b""
    while b"\r\n\r\n" not in request:
        if not (more := connection.recv(65536)):
            return b""
        request += more
    head, _, begun = request.partition(b"\r\n\r\n")
    body = bytearray(begun)
    length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    while len(body) < length:
        if not (more := connection.recv(65536)):
            return b""
        body += more
    return head + b"\r\n\r\n" + bytes(body)


def answer(body: bytes = b"ok", status: str = "200 OK", *lines: str) -> bytes:
    """A plain answer that leaves the connection open."""
    head = "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *lines))
    return head.encode() + b"\r\n" + body


def saying(*said: bytes) -> Talk:
    """Says the same to every request."""
    return lambda connection, _request: connection.sendall(b"".join(said))


def saying_then_gone(*said: bytes) -> Talk:
    """Says it and closes the connection."""

    def talk(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(b"".join(said))
        hang_up(connection)

    return talk


class Dripping:
    """Says one drop after another, in the end `ended`: whoever sets no deadline hears all of it."""

    def __init__(self, head: bytes, drop: bytes, drops: int = 200, seconds: float = 0.02) -> None:
        self._head, self._drop, self._drops, self._seconds = head, drop, drops, seconds
        self.ended = False

    def __call__(self, connection: socket.socket, _request: bytes) -> None:
        connection.sendall(self._head)
        for _ in range(self._drops):
            time.sleep(self._seconds)
            connection.sendall(self._drop)
        self.ended = True
        hang_up(connection)


class Names:
    """A resolver that knows what a test tells it, always and by name, and keeps what it was asked."""

    def __init__(self, *always: str) -> None:
        self.always, self.by_name, self.asked = always, dict[str, Sequence[str]](), list[str]()

    def __call__(self, host: str, _port: int) -> Sequence[str]:
        self.asked.append(host)
        return self.by_name.get(host, self.always)


def near(deadline: float = 20.0, connect: float = 3.0) -> Door:
    """A door that may call loopback, where every name leads."""
    return Door(LOOPBACK, Names(HOST), deadline, connect)


def get(sink: Sink, path: str = "/", host: str = "service.example", largest: int = 16384) -> Request:
    return Request("GET", f"http://{host}:{sink.port}{path}", largest=largest)


def refused(call: Call, request: Request) -> Refusal:
    """The refusal that the call ends in."""
    with pytest.raises(Refusal) as found:
        call(request)
    return found.value
