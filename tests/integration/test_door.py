"""The door out, on real loopback sockets: what goes out, what comes back, and when it gives up (S5, S6, S14).

Where it does not go stands in test_door_guard.py, TLS in test_door_tls.py, what takes long or much memory in
tests/faults/test_door_sinks.py.
"""

import logging
import socket
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import responses
from hypothesis import given, settings
from hypothesis import strategies as st

from integration import door as door_module
from integration.door import Door
from integration.outgoing import Call, Refusal, Reply, Request
from tests.sinks import (
    LOOPBACK,
    PATIENCE_SECONDS,
    Dripping,
    Names,
    Sink,
    answer,
    get,
    near,
    refused,
    saying,
    saying_then_gone,
    whole_request,
)

PUBLIC = "9.9.9.9"
SECRET = "hunter2"


# What is sent and what comes back


def test_a_call_is_sent_as_it_is_and_its_answer_comes_back() -> None:
    call: Call = near()
    with Sink(saying(answer(b'{"ok": true}', "201 Created", "X-Thing: One", "X-Thing: Two"))) as sink:
        url = f"http://service.example:{sink.port}/tasks/7?day=1&x=%20y"
        reply = call(Request("PUT", url, {"X-Api-Key": "k", "Content-Type": "application/json"}, b'{"a": 1}'))
    assert (reply.status, reply.body) == (201, b'{"ok": true}')
    assert reply.headers["x-thing"] == "One, Two"
    head, _, body = sink.requests[0].partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"PUT /tasks/7?day=1&x=%20y HTTP/1.1"
    assert b"Host: service.example:%d" % sink.port in lines
    assert {b"X-Api-Key: k", b"Content-Type: application/json", b"Content-Length: 8"} <= set(lines)
    assert b"Accept-Encoding: identity" in lines
    assert next(line for line in lines if line.startswith(b"User-Agent:")).startswith(b"User-Agent: Turntwice/0.")
    assert body == b'{"a": 1}'


def test_what_the_door_says_of_itself_cannot_be_changed() -> None:
    headers = {"host": "inner.example", "User-Agent": "x", "ACCEPT-ENCODING": "gzip", "Transfer-Encoding": "chunked"}
    with Sink(saying(answer())) as sink:
        near()(Request("POST", f"http://service.example:{sink.port}/", headers, b"{}"))
    request = sink.requests[0].lower()
    assert request.count(b"host:") == request.count(b"user-agent:") == request.count(b"accept-encoding:") == 1
    assert b"inner.example" not in request
    assert b"gzip" not in request
    assert b"chunked" not in request


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified", "410 Gone", "429 Slow", "503 Down"])
def test_every_status_is_a_reply_for_the_service_to_judge(status: str) -> None:
    with Sink(saying(answer(b"", status, "Retry-After: 7"))) as sink:
        reply = near()(get(sink))
    assert (reply.status, reply.headers["retry-after"]) == (int(status[:3]), "7")


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 There", "308 There"])
def test_a_redirect_is_a_reply_and_its_target_is_never_called(status: str) -> None:
    with Sink(saying(answer())) as inner:
        location = f"Location: http://127.0.0.1:{inner.port}/inner"
        with Sink(saying(answer(b"", status, location))) as sink:
            assert near()(get(sink)).status == int(status[:3])
            assert len(sink.heard) == 1
        assert inner.connections == 0


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_no_more_than_the_largest_is_read(framing: str) -> None:
    body = b"x" * 100_000
    said = {
        "length": answer(body),
        "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body),
        "close": b"HTTP/1.1 200 OK\r\n\r\n" + body,
    }[framing]
    with Sink(saying_then_gone(said) if framing == "close" else saying(said)) as sink:
        call = near()
        assert call(get(sink)).body == b"x" * 16384
        assert call(get(sink, largest=99_999)).body == b"x" * 99_999
        assert call(get(sink, largest=100_000)).body == body
        assert call(get(sink, largest=5)).body == b"xxxxx"


def test_nobody_can_ask_for_more_than_a_mebibyte() -> None:
    with Sink(saying(answer(b"x" * (1024 * 1024 + 9)))) as sink:
        assert len(near()(get(sink, largest=1 << 40)).body) == 1024 * 1024


def test_what_is_compressed_stays_compressed() -> None:
    with Sink(saying(answer(b"\x1f\x8b not opened", "200 OK", "Content-Encoding: gzip"))) as sink:
        assert near()(get(sink)).body == b"\x1f\x8b not opened"


def test_cookies_are_not_kept() -> None:
    with Sink(saying(answer(b"", "200 OK", "Set-Cookie: session=1; Path=/"))) as sink:
        call = near()
        call(get(sink))
        call(Request("GET", f"http://service.example:{sink.port}/", {"Cookie": "a=b"}))
    assert b"ookie" not in b"".join(sink.requests)


def test_nothing_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine service.example login ada password secret\n", encoding="utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with Sink(saying(answer(b"proxy"))) as proxy, Sink(saying(answer(b"service"))) as sink:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.delenv("no_proxy", raising=False)
        assert near()(get(sink)).body == b"service"
        assert proxy.connections == 0
    assert b"uthorization" not in sink.requests[0]


# Time, and what breaks


DRIPS = {
    "head": (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"),
    "lines": (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", b"X: y\r\n"),
    "continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body": (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "size": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
}


@pytest.mark.parametrize("what", DRIPS)
def test_a_drip_does_not_stretch_the_deadline(what: str) -> None:
    drip = Dripping(*DRIPS[what])
    with Sink(drip) as sink:
        refusal = refused(near(deadline=0.5), get(sink))
    assert not drip.ended
    assert (refusal.reason, refusal.permanent, refusal.after) == ("timeout", False, 60)


def test_a_server_that_never_answers_is_left() -> None:
    with Sink(lambda *_: None) as sink:
        assert refused(near(deadline=0.2), get(sink)).reason == "timeout"


def test_a_server_that_does_not_read_is_left() -> None:
    """More than the system's buffers hold, so that sending itself waits."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        request = Request("POST", f"http://service.example:{deaf.getsockname()[1]}/", body=b"x" * 30_000_000)
        assert refused(near(deadline=0.5), request).reason == "timeout"


def test_connecting_is_given_three_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    def hole(_addresses: Sequence[str], _port: int, seconds: float) -> None:
        raise OSError(handed.append(seconds))

    handed = list[float]()
    monkeypatch.setattr(door_module, "connected", hole)
    refused(Door(LOOPBACK, Names("127.0.0.1")), Request("GET", "http://service.example:9/"))
    assert handed == [3.0]


def test_sending_may_take_longer_than_connecting() -> None:
    """On a connection that is used again, too."""
    with socket.create_server(("127.0.0.1", 0)) as slow, ThreadPoolExecutor(1) as pool:
        url, call = f"http://service.example:{slow.getsockname()[1]}/", near(connect=0.2)
        sent = pool.submit(lambda: [call(Request("POST", url, body=b"x" * size)).body for size in (1, 30_000_000)])
        connection, _ = slow.accept()
        with connection:
            for seconds, said in ((0, b"at once"), (1, b"at last")):
                time.sleep(seconds)
                assert whole_request(connection)
                connection.sendall(answer(said))
            assert sent.result() == [b"at once", b"at last"]


def test_time_that_the_resolver_took_is_gone() -> None:
    def slow(host: str, port: int) -> Sequence[str]:
        time.sleep(0.2)
        return ["127.0.0.1"]

    with Sink(saying(answer())) as sink:
        assert refused(Door(LOOPBACK, slow, deadline=0.1), get(sink)).reason == "timeout"
        assert sink.connections == 0


def test_nobody_listening_is_unreachable_and_may_be_tried_again() -> None:
    with Sink(saying(answer())) as sink:
        closed = get(sink)
    refusal = refused(near(), closed)
    assert (refusal.reason, refusal.permanent) == ("unreachable", False)
    assert "service.example" in str(refusal)


def test_when_one_address_does_not_answer_the_next_is_tried() -> None:
    with Sink(saying(answer())) as sink:
        call = Door(LOOPBACK, Names("127.0.0.3", "::1", "127.0.0.1"))
        assert call(get(sink)).status == 200


BROKEN = {
    "nothing": b"",
    "no http": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "half a status": b"HTTP/1.1 20",
    "half a body": b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
    "half a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nhalf",
    "a bad chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhalf",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "many headers": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 101 + b"\r\n",
    "a long header": b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
    "a long head": b"HTTP/1.1 200 OK\r\n" + (b"X: " + b"y" * 60_000 + b"\r\n") * 50 + b"\r\n",
    "a status of letters": b"HTTP/1.1 OK 200\r\n\r\n",
    "many codings": b"HTTP/1.1 200 OK\r\nContent-Encoding: " + b"gzip," * 9000 + b"\r\n\r\nx",
}


@pytest.mark.parametrize("what", BROKEN)
def test_an_answer_that_is_none_is_unreachable(what: str) -> None:
    with Sink(saying_then_gone(BROKEN[what])) as sink:
        assert refused(near(), get(sink)).reason == "unreachable"


def outcome(call: Call, request: Request) -> str:
    try:
        return "reply" if isinstance(call(request), Reply) else "nothing"
    except Refusal as refusal:
        return refusal.reason


@settings(max_examples=80, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.binary(max_size=200).map(lambda noise: b"HTTP/1.1 200 OK\r\n" + noise)))
def test_noise_is_a_reply_or_a_refusal_and_nothing_else(noise: bytes) -> None:
    with Sink(saying_then_gone(noise)) as sink:
        assert outcome(near(), get(sink)) in {"reply", "unreachable"}


def test_no_failure_tells_the_path_the_query_or_a_header(caplog: pytest.LogCaptureFixture) -> None:
    """Neither in its message, nor in what it was raised from, nor in a log."""
    caplog.set_level(logging.DEBUG)
    told = list[Refusal]()
    for said in BROKEN.values():
        with Sink(saying_then_gone(said)) as sink:
            request = Request("GET", f"http://x.example:{sink.port}/{SECRET}?k={SECRET}", {"X-Key": SECRET})
            told.append(refused(near(), request))
    told.append(refused(near(), request))  # nobody listens any more
    with Sink(saying_then_gone(b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n")) as sink:
        assert near()(get(sink, f"/{SECRET}?k={SECRET}")).status == 200
    told.append(refused(Door(resolve=Names("10.0.0.1")), Request("GET", f"https://x.example/{SECRET}")))
    told.append(refused(Door(resolve=Names()), Request("GET", f"https://x.example/{SECRET}")))
    told.append(refused(near(), Request("GET", f"https://{SECRET}@x.example/")))
    told.append(refused(near(), Request("GET", f"nonsense/{SECRET}")))
    told.append(refused(near(), Request("GET", "https://x.example/", {"X-Key": f"{SECRET}\n"})))
    for refusal in told:
        assert SECRET not in str(refusal)
        assert refusal.__cause__ is None
        assert refusal.__context__ is None, "what failed holds the request"
    assert SECRET not in caplog.text


# Connections that are kept


def test_a_connection_is_used_again_for_the_same_host_alone() -> None:
    with Sink(saying(answer())) as sink:
        call = near()
        for host in ("a.example", "a.example", "b.example", "a.example", "b.example", "A.EXAMPLE"):
            call(get(sink, host=host))
    assert [number for number, _ in sink.heard] == [1, 1, 2, 1, 2, 1]
    assert [b"Host: a.example" in request for request in sink.requests] == [True, True, False, True, False, True]


def test_a_chunked_answer_keeps_its_connection_too() -> None:
    with Sink(saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")) as sink:
        call = near()
        assert [call(get(sink)).body for _ in range(3)] == [b"ok"] * 3
        assert sink.connections == 1


def test_an_idle_connection_does_not_outlive_the_answer_that_allowed_it() -> None:
    names = Names("127.0.0.1")
    call = Door(LOOPBACK, names)
    with Sink(saying(answer(b"one"))) as first, Sink(saying(answer(b"two")), host="127.0.0.2", port=first.port):
        assert call(get(first)).body == b"one"
        names.always = ("127.0.0.2",)
        assert call(get(first)).body == b"two"
        names.always = ("127.0.0.1", "10.0.0.1")
        assert refused(call, get(first)).reason == "blocked"
        assert len(first.heard) == 1
    assert names.asked == ["service.example"] * 3


def test_answers_in_another_order_are_the_same_answers() -> None:
    names = Names("127.0.0.1", "127.0.0.2")
    call = Door(LOOPBACK, names)
    with Sink(saying(answer())) as sink:
        call(get(sink))
        names.always = ("127.0.0.2", "127.0.0.1")
        call(get(sink))
        assert sink.connections == 1


def test_an_answer_that_was_cut_gives_its_connection_up() -> None:
    with Sink(saying(answer(b"x" * 50))) as sink:
        call = near()
        for _ in range(3):
            assert call(get(sink, largest=10)).body == b"x" * 10
        assert sink.connections == 3


def test_a_connection_that_the_server_closed_is_not_used_again() -> None:
    closed = threading.Semaphore(0)

    def once(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(answer())
        connection.shutdown(socket.SHUT_RDWR)
        closed.release()

    with Sink(once) as sink:
        call = near()
        for _ in range(3):
            assert call(get(sink)).status == 200
            assert closed.acquire(timeout=PATIENCE_SECONDS)


def test_a_connection_is_not_used_when_it_has_been_idle_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door_module, "IDLE_SECONDS", 0)
    with Sink(saying(answer())) as sink:
        call = near()
        for _ in range(3):
            call(get(sink))
        assert sink.connections == 3


def test_few_hosts_are_kept() -> None:
    with Sink(saying(answer())) as sink:
        call = near()
        for number in [*range(9), 8, 0]:
            call(get(sink, host=f"host{number}.example"))
    assert [number for number, _ in sink.heard] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 10]


def test_many_threads_share_one_door() -> None:
    def echo(connection: socket.socket, request: bytes) -> None:
        connection.sendall(answer(request))

    def ask(number: int) -> bool:
        host, path = f"host{number % 12}.example", f"/{number}"
        body = call(get(sink, path, host)).body
        return body.startswith(b"GET %b " % path.encode()) and b"Host: %b:" % host.encode() in body

    call = near()
    with Sink(echo) as sink, ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(300)))
        assert len(sink.heard) == 300


# Under mocks


def test_a_service_can_be_tested_with_responses() -> None:
    with responses.RequestsMock() as mock:
        mock.post("https://habitica.example/api/v3/score", json={"data": 1}, status=201, headers={"X-Rate": "3"})
        mock.get("https://habitica.example/moved", status=302, headers={"Location": "https://127.0.0.1/"})
        mock.get("https://habitica.example/long", body=b"x" * 50_000)
        call = Door(resolve=Names(PUBLIC))
        reply = call(Request("POST", "https://habitica.example/api/v3/score?d=1", {"X-Key": "k"}, b"{}"))
        assert (reply.status, reply.json(), reply.headers["x-rate"]) == (201, {"data": 1}, "3")
        assert call(Request("GET", "https://habitica.example/moved")).status == 302
        assert len(call(Request("GET", "https://habitica.example/long")).body) == 16384
        sent = mock.calls[0].request
        assert (sent.headers["X-Key"], sent.headers["User-Agent"][:10], sent.body) == ("k", "Turntwice/", b"{}")


def test_the_guard_stands_under_responses_too() -> None:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.get("https://metadata.example/", json={})
        refusal = refused(Door(resolve=Names("169.254.169.254")), Request("GET", "https://metadata.example/"))
        assert refusal.reason == "blocked"
        assert len(mock.calls) == 0
