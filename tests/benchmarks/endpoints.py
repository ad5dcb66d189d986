"""Services to send to, many at once in one thread: each has a loopback address of its own, and answers at once."""

import selectors
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter

YES = b"HTTP/1.1 204 No Content\r\n\r\n"
PATIENCE_SECONDS = 100


@dataclass(slots=True)
class _Line:
    """A connection: `service` is the number of the one that was called, None where it is our own call."""

    connection: socket.socket
    service: int | None
    received: bytes = b""


@dataclass(slots=True)
class Endpoints:
    """`came`: when each message came (perf_counter), and to which service. `answers`: when ours were answered."""

    came: list[tuple[float, int]] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)

    def open(self, closed: socket.socket, number: int) -> None:
        """Listens on a socket that has its address."""
        closed.listen(128)
        closed.setblocking(False)
        self._selector.register(closed, selectors.EVENT_READ, number)

    def call(self, connection: socket.socket, request: bytes) -> float:
        """Sends a request of ours over a kept connection; when."""
        if connection not in self._selector.get_map():
            self._selector.register(connection, selectors.EVENT_READ, _Line(connection, None))
        sent_at = perf_counter()
        connection.sendall(request)
        return sent_at

    def forget(self, connection: socket.socket) -> None:
        """Listens no more to a connection of ours."""
        if connection in self._selector.get_map():
            self._selector.unregister(connection)

    def work(self, done: Callable[[], bool]) -> None:
        """Answers whoever calls until that is so."""
        until = perf_counter() + PATIENCE_SECONDS
        while not done():
            if perf_counter() > until:
                raise SystemExit(f"nothing more comes after {len(self.came)} messages")
            for key, _ in self._selector.select(0.1):
                if isinstance(key.data, _Line):
                    self._read(key.data)
                else:
                    self._accept(key.fileobj, key.data)

    def _accept(self, listening: object, number: int) -> None:
        assert isinstance(listening, socket.socket)
        connection, _ = listening.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(connection, selectors.EVENT_READ, _Line(connection, number))

    def _read(self, line: _Line) -> None:
        try:
            part = line.connection.recv(1 << 16)
        except ConnectionError:
            part = b""
        line.received += part
        if not part:
            self._selector.unregister(line.connection)
            line.connection.close()
        elif _is_whole(line.received):
            line.received = b""
            if line.service is None:
                self.answers.append(perf_counter())
            else:
                self.came.append((perf_counter(), line.service))
                line.connection.sendall(YES)


def closed_place(host: str) -> tuple[socket.socket, tuple[str, int]]:
    """A socket that has an address, and refuses connections until somebody listens."""
    closed = socket.socket()
    closed.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    closed.bind((host, 0))
    return closed, (host, int(closed.getsockname()[1]))


def _is_whole(message: bytes) -> bool:
    head, found, body = message.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
    return bool(found) and len(body) >= length
