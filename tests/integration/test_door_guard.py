"""Where the door does not go: every row of webhook-reliability 2.8, each with nothing connected to (S8)."""

import socket
from collections.abc import Sequence
from ipaddress import ip_network

import pytest

from integration.door import Door
from integration.network.targets import system_resolver
from integration.outgoing import Request
from tests.sinks import Names, refused

PUBLIC = "9.9.9.9"
INNER = (
    *("127.0.0.1", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1", "::7f00:1", "169.254.169.254", "100.100.100.200"),
    *("168.63.129.16", "192.0.0.192", "fd00:ec2::254", "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1"),
    *("192.0.0.1", "192.88.99.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "64:ff9b::a9fe:a9fe"),
    *("64:ff9b::808:808", "64:ff9b:1::1", "2002:a9fe:a9fe::", "2001::1", "fec0::1", "fe80::1", "fe80::1%eth0"),
    *("2606:4700::1%eth0", "ff02::1", "5f00::1", "3fff::1", "100::1", "nonsense"),
)
THIS_MACHINE = (
    *("127.0.0.1", "127.1", "2130706433", "0x7f.1", "0x7f000001", "0177.0.0.1", "0", "①②⑦.0.0.1", "127。0。0。1"),
    *("127.0.0.1.", "localhost", "LOCALHOST", "localhost.", "[::]", "[::1]", "[::ffff:127.0.0.1]", "[::7f00:1]"),
    *("[::ffff:7f00:1]", "[fe80::1%eth0]", "[fe80::1%25eth0]", "[::1%1]", "@127.0.0.1", "127.0.0.1#@service.example"),
)
ODD = (
    *("file:///etc/passwd", "gopher://service.example/", "ftp://service.example/", "http+unix://x/", "data:,x"),
    *("javascript:alert(1)", "//service.example/", "service.example/hook", "https:/service.example", "", "https://"),
    *("https://user:pw@service.example/", "https://user@service.example/", "https://:pw@service.example/"),
    *("https://service.example@127.0.0.1/", "https://127.0.0.1\\@x.example/", "https://service.example:-1/"),
    *("https://service.example:22/", "https://service.example:80/", "https://service.example:8443x/"),
    *("https://service.example:65536/", "https://service.example:99999/", "https://service.example:४४३/"),
    *("http://service.example/", "http://service.example:443/", "http://service.example:8443/", "https://a b/"),
    *("https://service.example./", "https://.service.example/", "https://*.example/", "https://[::1/", "https://[x]/"),
    *(" https://service.example/", "https://service.example/\r\nX: y", "https://service\t.example/", "ftp://["),
    *("https://service.example%2f@127.0.0.1/", "https://127.0.0.1%00.example/", "https://exa\udcffmple/"),
    *(f"https://{'a' * 64}ä.example/", "gopher://a／b/", "https://134744072/", "https://8.8/", "https://0x8.8.8.8/"),
)


@pytest.fixture
def connects(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every attempt to connect, none of which leaves this machine."""
    tried = list[object]()

    def connect(_self: socket.socket, address: object) -> None:
        tried.append(address)
        raise ConnectionRefusedError("no test connects here")

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket.socket, "connect_ex", connect)
    return tried


@pytest.mark.parametrize("inner", INNER)
@pytest.mark.parametrize("mixed", [(), (PUBLIC,)], ids=["alone", "after a public one"])
def test_a_name_with_any_inner_address_is_refused(inner: str, mixed: tuple[str, ...], connects: list[object]) -> None:
    names = Names(*mixed, inner)
    refusal = refused(Door(resolve=names), Request("GET", "https://service.example/"))
    assert (refusal.reason, refusal.permanent, connects) == ("blocked", True, [])
    assert "TURNTWICE_ALLOW_PRIVATE" in str(refusal)
    assert inner not in str(refusal), "who may see the page may not see the network"
    assert names.asked == ["service.example"]


@pytest.mark.parametrize("host", THIS_MACHINE)
def test_no_spelling_of_this_machine_is_called(host: str, connects: list[object]) -> None:
    """Whatever the system would make of it: 127.0.0.1 or ::1."""
    for loopback in ("127.0.0.1", "::1"):
        refusal = refused(Door(resolve=Names(loopback)), Request("GET", f"https://{host}/"))
        assert (refusal.reason, refusal.permanent, connects) == ("blocked", True, [])


@pytest.mark.parametrize("url", ODD)
def test_what_is_no_plain_https_address_is_refused(url: str, connects: list[object]) -> None:
    refusal = refused(Door(resolve=Names(PUBLIC)), Request("POST", url, body=b"{}"))
    assert (refusal.permanent, connects) == (True, [])
    assert refusal.reason in {"blocked", "unsendable"}


@pytest.mark.parametrize("port", ["", ":443", ":8443"])
def test_a_public_name_is_connected_to_by_that_very_address(port: str, connects: list[object]) -> None:
    names = Names(PUBLIC)
    refusal = refused(Door(resolve=names), Request("GET", f"https://service.example{port}/"))
    assert refusal.reason == "unreachable"
    assert connects == [(PUBLIC, int(port[1:] or 443))]
    assert names.asked == ["service.example"]


def test_a_name_that_changes_its_mind_is_asked_once_and_not_again(connects: list[object]) -> None:
    answers = iter([[PUBLIC], ["127.0.0.1"]])
    refused(Door(resolve=lambda *_: next(answers)), Request("GET", "https://rebinding.example/"))
    assert connects == [(PUBLIC, 443)]
    assert next(answers) == ["127.0.0.1"]


def test_an_exception_of_the_operator_allows_plain_http_and_any_port(connects: list[object]) -> None:
    call = Door([ip_network("192.168.1.0/24")], Names("192.168.1.7"))
    refused(call, Request("GET", "http://homeassistant:8123/"))
    refused(call, Request("GET", "https://homeassistant/"))
    assert connects == [("192.168.1.7", 8123), ("192.168.1.7", 443)]


@pytest.mark.parametrize(
    "url, answers",
    [
        ("http://x.example/", ["192.168.1.7", PUBLIC]),
        ("https://x.example:8123/", ["192.168.1.7", PUBLIC]),
        ("https://x.example/", ["192.168.1.7", "192.168.2.1"]),
        ("https://x.example/", ["::ffff:192.168.1.7"]),
    ],
)
def test_an_exception_must_hold_for_every_answer(url: str, answers: list[str], connects: list[object]) -> None:
    call = Door([ip_network("192.168.1.0/24")], Names(*answers))
    assert refused(call, Request("GET", url)).reason == "blocked"
    assert connects == []


@pytest.mark.parametrize("error", [socket.gaierror(socket.EAI_AGAIN, "again"), UnicodeError("label too long"), None])
def test_a_name_without_address_is_said_so_and_tried_again(error: Exception | None, connects: list[object]) -> None:
    def resolve(host: str, port: int) -> Sequence[str]:
        if error:
            raise error
        return []

    refusal = refused(Door(resolve=resolve), Request("GET", "https://nowhere.example/"))
    assert (refusal.reason, refusal.permanent, connects) == ("no_such_host", False, [])
    assert "nowhere.example" in str(refusal)


def test_the_system_is_asked_unless_told_otherwise() -> None:
    assert system_resolver("127.0.0.1", 80) == ["127.0.0.1"]
    assert refused(Door(), Request("GET", "https://127.0.0.1/")).reason == "blocked"


@pytest.mark.parametrize("value", ["two\r\nlines: x", "ключ", "\ud800", " spaced", "a\nb"])
def test_a_header_that_cannot_be_sent_is_refused_before_anything_is_sent(value: str, connects: list[object]) -> None:
    request = Request("GET", "https://service.example/", {"Authorization": value})
    refusal = refused(Door(resolve=Names(PUBLIC)), request)
    assert (refusal.reason, refusal.permanent, connects) == ("unsendable", True, [])
    assert value not in str(refusal)
