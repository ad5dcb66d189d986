"""A small load generator: keep-alive connections on loopback, one request in flight on each, raw bytes, no threads."""

import selectors
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Round:
    """What one round measured: answers a second, latencies in seconds (sorted), and how many had each status."""

    rate: float
    latencies: list[float]
    statuses: dict[int, int]

    def percentile(self, share: float) -> float:
        return self.latencies[min(len(self.latencies) - 1, int(len(self.latencies) * share))]


@dataclass(slots=True)
class _Line:
    connection: socket.socket
    sent_at: float = 0.0
    received: bytes = b""


def drive(port: int, requests: Iterator[bytes], connections: int, seconds: float) -> Round:
    """Sends requests until the time is over or they are, and waits for the last answers."""
    selector = selectors.DefaultSelector()
    latencies: list[float] = []
    statuses: dict[int, int] = {}
    begin = time.perf_counter()
    lines = [_Line(_connected(port)) for _ in range(connections)]
    open_lines = sum(_send(line, requests, begin + seconds, selector) for line in lines)
    while open_lines:
        for key, _ in selector.select(5):
            line: _Line = key.data
            part = line.connection.recv(1 << 20)
            if not part:
                raise ConnectionError(f"the server hung up after {line.received[:200]!r}")
            line.received += part
            status = _answered(line.received)
            if status is None:
                continue
            latencies.append(time.perf_counter() - line.sent_at)
            statuses[status] = statuses.get(status, 0) + 1
            if not _send(line, requests, begin + seconds, selector):
                open_lines -= 1
    took = time.perf_counter() - begin
    for line in lines:
        line.connection.close()
    return Round(len(latencies) / took, sorted(latencies), statuses)


def _connected(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _send(line: _Line, requests: Iterator[bytes], until: float, selector: selectors.BaseSelector) -> bool:
    request = next(requests, None) if time.perf_counter() < until else None
    if request is None:
        if line.sent_at:
            selector.unregister(line.connection)
        return False
    if not line.sent_at:
        selector.register(line.connection, selectors.EVENT_READ, line)
    line.received, line.sent_at = b"", time.perf_counter()
    line.connection.sendall(request)
    return True


def _answered(received: bytes) -> int | None:
    """The status of a complete answer; None while more is to come."""
    head, found, body = received.partition(b"\r\n\r\n")
    if not found:
        return None
    status = int(head[9:12])
    if status == 304:
        return status
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return status if len(body) >= int(length[15:]) else None
