"""The one way out: every call to another service goes through here, and nothing else imports an HTTP library.

What it holds (webhook-reliability S5 to S9): one deadline over everything (integration/network/sockets.py), a cap on
what is read, nothing decompressed, no redirects, no cookies, nothing from the environment (proxies, .netrc), and no
address inside a private network (integration/network/targets.py): the connection goes to an address that was judged,
while `Host` and the TLS name stay those of the URL.

`requests` is used without its Session, which even when it follows no redirect reads and decompresses the whole answer
of one. The guard is the connection, below `HTTPAdapter.send`, so that tests which replace that (`responses`) still run
everything above it.
"""

import logging
import socket
import ssl
from collections import OrderedDict
from collections.abc import Sequence
from importlib.metadata import version
from threading import Lock
from time import monotonic
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError, SSLError
from urllib3.util.ssl_ import create_urllib3_context

from integration.network.addresses import Network
from integration.network.sockets import SecureSocket, connected, limits
from integration.network.targets import NO_URL, Resolver, Target, blocked, is_whole, system_resolver, target
from integration.outgoing import Refusal, Reply, Request

OURS = {"User-Agent": f"Turntwice/{version('turntwice')}", "Accept-Encoding": "identity"}
NOT_THEIRS = frozenset({"user-agent", "accept-encoding", "host", "cookie", "content-length", "transfer-encoding"})
LARGEST, HEAD = 1024 * 1024, 64 * 1024
"""Bytes: what may be read of any answer's body, and what is left to its head."""
IDLE_HOSTS, IDLE_EACH, IDLE_SECONDS = 8, 4, 1.0
"""Connections that are kept for the next call. Servers close idle ones after two seconds or more, and what is sent at
that very moment is lost: so we use none that old."""

_FAILURES = (requests.RequestException, HTTPError, OSError, ValueError)

# They would write whole URLs, and a service's URL may hold its key.
for _name in ("connection", "connectionpool", "util.retry"):
    logging.getLogger(f"urllib3.{_name}").addFilter(lambda _record: False)


class Door:
    """Makes calls (outgoing.Call); any number of threads may share one.

    `allow`: what the operator permits beside public addresses. `deadline`: seconds for a whole call, of which
    `connect` at most for connecting. `ca_file`: certificates (PEM) to trust beside the public ones.

    Raises Refusal: `blocked` (permanent: not public, or not https), `unsendable` (permanent: a header that cannot be
    sent), `no_such_host`, `timeout` (after a minute: S4), `tls`, `unreachable`. Of the URL a message quotes the host.
    """

    def __init__(
        self,
        allow: Sequence[Network] = (),
        resolve: Resolver = system_resolver,
        deadline: float = 15.0,
        connect: float = 3.0,
        ca_file: str | None = None,
    ) -> None:
        self._allow, self._resolve = tuple(allow), resolve
        self._deadline, self._connect = deadline, connect
        self._tls = _verifying(ca_file)
        self._lock, self._adapters = Lock(), OrderedDict[Target, _Adapter]()

    def __call__(self, request: Request) -> Reply:
        most = min(request.largest, LARGEST)
        limits.begin(self._deadline, HEAD + 2 * most)
        prepared = _prepared(request)
        to = target(prepared.url or "", self._allow, self._resolve)
        try:
            return self._reply(prepared, self._adapter(to), most)
        except _FAILURES as error:
            refusal = _refusal(error, to.host)
        # Not inside `except`: what failed holds the request, with its secrets.
        raise refusal

    def _reply(self, prepared: requests.PreparedRequest, adapter: "_Adapter", most: int) -> Reply:
        timeout: Any = Timeout(connect=self._connect, total=limits.left())
        answer = adapter.send(prepared, stream=True, timeout=timeout)
        try:
            body = _read(answer.raw, most)
        finally:
            answer.close()  # without reading what is left
        return Reply(answer.status_code, {name.lower(): value for name, value in answer.headers.items()}, body)

    def _adapter(self, to: Target) -> "_Adapter":
        with self._lock:
            adapter = self._adapters.pop(to, None) or _Adapter(to, self._tls)
            self._adapters[to] = adapter
            while len(self._adapters) > IDLE_HOSTS:
                # Its idle connections close when nobody uses it any more.
                self._adapters.popitem(last=False)
        return adapter


def _prepared(request: Request) -> requests.PreparedRequest:
    if not is_whole(request.url):
        raise blocked(NO_URL)
    headers = {name: value for name, value in request.headers.items() if name.lower() not in NOT_THEIRS}
    try:
        "".join((*headers, *headers.values())).encode("latin-1")
        return requests.Request(request.method, request.url, {**headers, **OURS}, data=request.body).prepare()
    except (requests.exceptions.InvalidHeader, UnicodeEncodeError):
        refusal = Refusal(
            "unsendable", "a setting holds a character that cannot be sent; enter it anew", permanent=True
        )
    except (requests.RequestException, ValueError):
        refusal = blocked(NO_URL)
    raise refusal


def _read(raw: Any, most: int) -> bytes:
    """In turns until nothing more comes: the last one tells a whole body from one that broke off."""
    body = b""
    while len(body) < most and (more := raw.read(most - len(body), decode_content=False)):
        body += more
    return body


def _refusal(error: Exception, host: str) -> Refusal:
    if isinstance(error, requests.Timeout | ReadTimeoutError | TimeoutError) or limits.over():
        return Refusal("timeout", f"{host} did not answer in time", after=60)
    if isinstance(error, requests.exceptions.SSLError | SSLError):
        return Refusal("tls", f"{host} has a certificate that we cannot trust: run out, or made for another name")
    return Refusal("unreachable", f"{host} cannot be reached, or broke off; check that it is running")


class _Pinned(HTTPConnection):
    """Connects to the addresses that were judged, and looks up no name."""

    def __init__(self, *args: Any, addresses: Sequence[str], **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._addresses, self._heard = addresses, 0.0

    def _new_conn(self) -> socket.socket:
        try:
            return connected(self._addresses, self.port, float(self.timeout or 0))
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "no connection in time") from error
        except OSError as error:
            raise NewConnectionError(self, "no connection") from error

    def getresponse(self) -> Any:
        self._heard = monotonic()
        return super().getresponse()

    @property
    def is_connected(self) -> bool:
        """Asked before it is used again."""
        return super().is_connected and monotonic() - self._heard < IDLE_SECONDS


class _PinnedSecure(_Pinned, HTTPSConnection):
    """The same by https."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Pinned


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _PinnedSecure


class _Adapter(HTTPAdapter):
    """Keeps the connections to one target, and speaks to it alone, whatever the URL says."""

    def __init__(self, to: Target, tls: ssl.SSLContext) -> None:
        super().__init__()
        self._pool: HTTPConnectionPool
        if to.scheme == "https":
            self._pool = _SecurePool(to.host, to.port, maxsize=IDLE_EACH, addresses=to.addresses, ssl_context=tls)
        else:
            self._pool = _Pool(to.host, to.port, maxsize=IDLE_EACH, addresses=to.addresses)

    def get_connection_with_tls_context(self, *_args: Any, **_settings: Any) -> HTTPConnectionPool:
        return self._pool

    def cert_verify(self, *_args: Any, **_settings: Any) -> None:
        """Nothing to set: the one context verifies, always."""


def _verifying(ca_file: str | None) -> ssl.SSLContext:
    """One context for all connections: to read the public certificates takes longer than a call."""
    context = create_urllib3_context()
    context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    if ca_file:
        context.load_verify_locations(ca_file)
    context.sslsocket_class = SecureSocket
    return context
