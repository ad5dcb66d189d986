"""The door against the heavy sinks of webhook-reliability S6 and S7: endless, bombs, resets, black holes, slow drips.

Memory is the peak of this whole process while the call lasts, the sink's side included.
"""

import contextlib
import errno
import gc
import select
import socket
import struct
import threading
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from integration.door import Door
from integration.outgoing import Call, Refusal, Request
from tests.sinks import (
    HOST,
    LOOPBACK,
    PATIENCE_SECONDS,
    Dripping,
    Names,
    Sink,
    Talk,
    answer,
    get,
    near,
    refused,
    saying,
)

pytestmark = pytest.mark.faults

MIB = 1024 * 1024
ROOM = 5 * MIB
"""What a call may add to memory (S7)."""
BOMB = 256 * MIB
DROPS = 25
"""One a second: more than the deadline of 15 s, and it ends."""

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ENDLESS = {
    "body": (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536),
    "long body": (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", b"x" * 65536),
    "chunks": (CHUNKED, b"10000\r\n" + b"x" * 65536 + b"\r\n"),
    "tiny chunks": (CHUNKED, b"1;extension=" + b"y" * 500 + b"\r\nx\r\n"),
    "chunk size": (CHUNKED, b"0" * 65536),
    "trailers": (CHUNKED + b"0\r\n", b"X: y\r\n" * 10000),
    "one header": (b"HTTP/1.1 200 OK\r\nX: ", b"y" * 65536),
    "headers": (b"HTTP/1.1 200 OK\r\n", (b"X: " + b"y" * 60000 + b"\r\n")),
    "folded header": (b"HTTP/1.1 200 OK\r\nX: y\r\n", b" y\r\n" * 10000),
    "continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "continue with headers": (b"", b"HTTP/1.1 100 Continue\r\n" + b"X: y\r\n" * 90 + b"\r\n"),
    "no line": (b"", b"x" * 65536),
}
CUT_AT_LARGEST = {"body", "long body", "chunks"}


def status(field: str) -> int:
    """Bytes of this process's memory, as Linux counts it."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith(f"{field}:")).split()[1]) * 1024


@contextlib.contextmanager
def within_room() -> Iterator[None]:
    gc.collect()
    # Starts the peak anew: proc(5), clear_refs.
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = status("VmRSS")
    yield
    grown = status("VmHWM") - before
    assert grown < ROOM, f"it took {grown / MIB:.1f} MiB"


def warmed(call: Call) -> Call:
    """What a first call loads and keeps is not what is measured."""
    with Sink(saying(answer(b"x" * 20000))) as sink:
        call(get(sink))
    return call


def endless(head: bytes, more: bytes) -> Talk:
    def talk(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(more)

    return talk


def bomb() -> bytes:
    packer, zeros = zlib.compressobj(9, wbits=31), bytes(MIB)
    return b"".join([*(packer.compress(zeros) for _ in range(BOMB // MIB)), packer.flush()])


@pytest.fixture(scope="module")
def packed() -> bytes:
    return bomb()


@pytest.mark.parametrize("what", ENDLESS)
def test_what_has_no_end_is_cut_or_refused_and_takes_no_memory(what: str) -> None:
    call = warmed(near())
    with Sink(endless(*ENDLESS[what])) as sink, within_room():
        if what in CUT_AT_LARGEST:
            reply = call(get(sink))
            assert (reply.status, reply.body) == (200, b"x" * 16384)
        else:
            assert refused(call, get(sink)).reason == "unreachable"


def test_what_has_no_end_takes_little_memory_however_often_it_comes() -> None:
    call = warmed(near())
    with Sink(endless(*ENDLESS["body"])) as sink, within_room():
        for _ in range(100):
            assert len(call(get(sink)).body) == 16384


@pytest.mark.parametrize("status", ["200 OK", "302 Found", "500 Oh"])
@pytest.mark.parametrize("coding", ["gzip", "deflate", "gzip, gzip"])
def test_a_bomb_does_not_go_off(status: str, coding: str, packed: bytes) -> None:
    call = warmed(near())
    said = answer(packed, status, f"Content-Encoding: {coding}", "Location: http://127.0.0.1:1/")
    with Sink(saying(said)) as sink, within_room():
        reply = call(get(sink))
        assert (reply.status, reply.body) == (int(status[:3]), packed[:16384])


def test_a_bomb_that_fits_does_not_go_off_either(packed: bytes) -> None:
    call = warmed(near())
    said = answer(packed, "200 OK", "Content-Encoding: gzip")
    with Sink(saying(said)) as sink, within_room():
        body = call(get(sink, largest=MIB)).body
    assert body == packed


def test_the_bomb_would_go_off_in_hands_less_careful(packed: bytes) -> None:
    """So that what is measured above can be seen at all."""
    with pytest.raises(AssertionError, match="it took"), within_room():
        zlib.decompress(packed, wbits=31)


def resetting(said: bytes) -> Talk:
    def talk(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(said)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    return talk


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf", CHUNKED])
def test_a_reset_is_unreachable(said: bytes) -> None:
    with Sink(resetting(said)) as sink:
        refusal = refused(near(), get(sink))
    assert (refusal.reason, refusal.permanent) == ("unreachable", False)


def test_a_reset_at_once_is_unreachable() -> None:
    with Sink(resetting(b""), asks=False) as sink:
        assert refused(near(), get(sink)).reason == "unreachable"


def test_a_half_closed_connection_is_read_to_its_end() -> None:
    def half(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(answer(b"whole"))
        connection.shutdown(socket.SHUT_WR)

    with Sink(half) as sink:
        assert near()(get(sink)).body == b"whole"


@contextlib.contextmanager
def black_hole(host: str) -> Iterator[int]:
    """A port where nobody takes what waits: once its queue is full, who knocks is not answered, as by a lost host."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((host, 0))
        listener.listen(0)
        address = listener.getsockname()
        for _ in range(20):
            knocking = stack.enter_context(socket.socket())
            knocking.setblocking(False)
            if knocking.connect_ex(address) == errno.EINPROGRESS and not select.select([], [knocking], [], 0.2)[1]:
                break
        else:
            pytest.skip("this system's queue has no end")
        yield int(address[1])


def test_a_black_hole_is_given_up_and_the_next_address_is_tried() -> None:
    """The time for connecting is shared, so that it is over long before the deadline."""
    with black_hole(HOST) as port:
        request = Request("GET", f"http://service.example:{port}/")
        refusal = refused(near(deadline=60, connect=0.5), request)
        assert (refusal.reason, refusal.after) == ("timeout", 60)
        with Sink(saying(answer(b"here")), host="127.0.0.2", port=port):
            assert Door(LOOPBACK, Names(HOST, "127.0.0.2"), 60)(request).body == b"here"


def test_the_deadline_of_15_seconds_holds_against_every_drip() -> None:
    """All at once, with the door as it is built: a drop a second is never late for a time-out that starts anew."""
    slow: list[Talk] = [
        Dripping(b"HTTP/1.1 200 OK\r\n\r\n", b"x", DROPS, 1),
        Dripping(b"HTTP/1.1 200 OK\r\nX: ", b"y", DROPS, 1),
        Dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", b"X: y\r\n", DROPS, 1),
        Dripping(CHUNKED, b"1\r\nx\r\n", DROPS, 1),
        Dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n", DROPS, 1),
        lambda *_: None,
    ]
    call = Door(LOOPBACK, Names(HOST))

    def told(talk: Talk) -> Refusal:
        with Sink(talk) as sink:
            return refused(call, get(sink))

    with ThreadPoolExecutor(len(slow)) as pool:
        assert [refusal.reason for refusal in pool.map(told, slow)] == ["timeout"] * len(slow)
    assert not any(isinstance(talk, Dripping) and talk.ended for talk in slow)


def test_one_bad_sink_does_not_hold_up_the_others() -> None:
    call, reached = near(deadline=60), threading.Event()
    with Sink(lambda *_: reached.set()) as hole, Sink(saying(answer())) as good, ThreadPoolExecutor(5) as pool:
        stuck = pool.submit(refused, call, get(hole, host="hole.example"))
        assert reached.wait(PATIENCE_SECONDS)
        assert [reply.status for reply in pool.map(call, [get(good)] * 200)] == [200] * 200
        assert not stuck.done()
        hole.hang_up()
        assert stuck.result().reason == "unreachable"
