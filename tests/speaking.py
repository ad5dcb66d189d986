"""Requests as they stand on the wire, for tests of what no client library would send."""

import re
import socket
from contextlib import suppress

from tests.serving import PATIENCE_SECONDS


def spoken(port: int, request: bytes, ends: bool = False) -> bytes:
    """All that a server on this machine answers until it hangs up; `ends`: nothing more is sent after the request."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS) as line:
        line.sendall(request)
        if ends:
            line.shutdown(socket.SHUT_WR)
        answer = b""
        with suppress(ConnectionResetError):
            while part := line.recv(65536):
                answer += part
        return answer


def post(path: str, *headers: str, body: bytes = b"", version: str = "1.1") -> bytes:
    """A POST after which the server is to hang up."""
    lines = (f"POST {path} HTTP/{version}", "Host: x", "Connection: close", *headers, "", "")
    return "\r\n".join(lines).encode("latin-1") + body


def statuses(answer: bytes) -> list[int]:
    """The status of each answer on that connection, 100 with them."""
    return [int(told) for told in re.findall(rb"HTTP/1\.[01] (\d{3}) ", answer)]


def chunk(body: bytes) -> bytes:
    """A body in one chunk, with its end."""
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
