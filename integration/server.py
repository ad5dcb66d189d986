"""The web server of the embedded default: waitress, with limits, a few mended habits, and a clean stop."""

import signal
import socket
from types import FrameType
from typing import Any, Never
from wsgiref.types import WSGIApplication

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import create_server
from waitress.task import WSGITask
from waitress.utilities import RequestEntityTooLarge

from integration.errors import TurntwiceError

THREADS = 24
"""So many deliveries can share a commit: those that wait for the disk cost nothing, and each batch is one commit less.
With four, fifty senders at once were served a third slower (make bench BENCH_ARGS="--connections 50").
"""
LARGEST_BODY, IN_MEMORY = 1024 * 1024, 64 * 1024
"""What is read of a body in bytes, as much as any hook takes in; what of it lies in memory and not in a file."""
LARGEST_HEADERS = 16 * 1024
LONGEST_LINE, LONGEST_HEADER, HEADERS = 4 * 1024, 8 * 1024, 100
"""What a request line and a header may have in bytes, and how many headers may come (webhook-reliability R11)."""


class AddressInUse(TurntwiceError):
    """The address cannot be listened on."""

    reason = "address"


class _Task(WSGITask):
    """Keeps the connection after a 304: it has no body, so waitress finds no length and would hang up on every poll."""

    def set_close_on_finish(self) -> None:
        request: Any = self.request
        asked = request.headers.get("CONNECTION", "").lower() == "close"
        if asked or request.version != "1.1" or not str(self.status).startswith("304"):
            super().set_close_on_finish()


class _Parser(HTTPRequestParser):
    def received(self, data: bytes) -> int:
        """Leaves what is too large to the app, which reads nothing of it, says what to do, and tells its person."""
        consumed: int = super().received(data)
        if isinstance(self.error, RequestEntityTooLarge) and not self.body_bytes_received:
            request: Any = self
            request.error, request.headers["CONNECTION"] = None, "close"
        if self.completed:
            # waitress would ask for a body all the same ("100 Continue"), wait for it, and answer nobody.
            self.expect_continue = False
        return consumed

    def parse_header(self, header_plus: bytes) -> None:
        line, *fields = header_plus.split(b"\r\n")
        sizes = [len(field) for field in fields if field]
        if len(line) > LONGEST_LINE or len(sizes) > HEADERS or max(sizes, default=0) > LONGEST_HEADER:
            raise ParsingError("a line or a header is too long, or there are too many headers")
        try:
            super().parse_header(header_plus)
        except ValueError:  # a length of more digits than Python reads, half an IPv6 address: waitress would hang up
            raise ParsingError("the request line or a length cannot be read") from None
        # Else waitress takes the body for an empty one, and an empty one may mean "done" (RFC 9112 6.1 and 6.3).
        if not self.chunked and any(field.lower().startswith(b"transfer-encoding:") for field in fields):
            raise ParsingError("only HTTP/1.1 has a Transfer-Encoding, and only chunked is known")


class _Channel(HTTPChannel):
    task_class = _Task
    parser_class = _Parser


def listen(host: str, port: int) -> socket.socket:
    """The socket, taken before anything else is done. Raises AddressInUse."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        cure = f"is another program there? Try --port {port % 65535 + 1}"
        raise AddressInUse(f"cannot listen on {host}:{port} ({error.strerror}); {cure}") from None
    return listening


def serve(app: WSGIApplication, listening: socket.socket, behind_proxies: bool = False) -> None:
    """Answers requests until SIGTERM or Ctrl+C; those being answered then are finished first.

    `behind_proxies` leaves X-Forwarded-For to the app, which knows how many to trust; else nobody may claim one.
    """
    signal.signal(signal.SIGTERM, _stop)
    server: Any = create_server(
        app,
        sockets=[listening],
        threads=THREADS,
        ident=None,
        max_request_body_size=LARGEST_BODY + 1,
        inbuf_overflow=IN_MEMORY,
        max_request_header_size=LARGEST_HEADERS,
        clear_untrusted_proxy_headers=not behind_proxies,
    )
    server.channel_class = _Channel
    try:
        server.run()
    finally:
        server.close()


def _stop(_signal: int, _frame: FrameType | None) -> Never:
    """Ends the server's loop as Ctrl+C does."""
    raise KeyboardInterrupt
