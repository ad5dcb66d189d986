"""Which addresses are public. The rows are those of webhook-reliability 2.8, and the edges of every network."""

from ipaddress import ip_address, ip_network

import pytest

from integration.network.addresses import NOT_PUBLIC, is_odd_number, is_public, is_within

INNER = """
    0.0.0.0 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1 127.255.255.254
    168.63.129.16 169.254.169.254 169.254.0.1 172.16.0.1 172.31.255.255 192.0.0.8 192.0.0.192 192.0.2.1 192.88.99.1
    192.168.0.1 192.168.255.255 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.7 224.0.0.1 239.255.255.255 240.0.0.1
    255.255.255.255
    :: ::1 ::7f00:1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::ffff:0:8.8.8.8 64:ff9b::a9fe:a9fe 64:ff9b::808:808
    64:ff9b:1::1 100::1 100:0:0:1::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:2::1 2001:10::1 2001:20::1
    2001:1ff:ffff::1 2001:db8::1 2002:a9fe:a9fe:: 2002:7f00:1::1 3ffe::1 3fff::1 3fff:fff::1 4000::1 5f00::1 fc00::1
    fd00:ec2::254 fdff::1 fe80::1 febf::1 fec0::1 ff02::1 ff0e::1
""".split()  # noqa: SIM905  a table reads better without quotes
OUTER = """
    1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.1 168.63.129.15
    168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.1 192.0.3.1 192.88.98.1
    192.88.100.1 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 198.51.99.1 198.51.101.1 203.0.112.1 203.0.114.1
    223.255.255.255
    2000::1 2001:200::1 2001:4860:4860::8888 2001:db7::1 2001:db9::1 2003::1 2606:4700:4700::1111 2a00:1450:4001::200e
    3ffd::1 3fff:1000::1
""".split()  # noqa: SIM905
NO_ADDRESS = ("", "localhost", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "8.8.8.8 ", "8.8.8.8/32", "fe80::1%eth0")


@pytest.mark.parametrize("address", INNER)
def test_an_inner_address_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", OUTER)
def test_an_address_beside_them_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("network", NOT_PUBLIC)
def test_every_row_covers_its_first_and_last_address(network: str) -> None:
    row = ip_network(network)
    assert not is_public(str(row[0]))
    assert not is_public(str(row[-1]))
    assert NOT_PUBLIC[network]


def test_nothing_that_python_calls_private_or_not_global_is_public() -> None:
    """The other way round it is known to be wrong; where Python is right, we are no laxer."""
    for text in OUTER:
        address = ip_address(text)
        assert address.is_global, text
        assert not any((address.is_private, address.is_multicast, address.is_reserved, address.is_link_local)), text


@pytest.mark.parametrize("text", NO_ADDRESS)
def test_what_is_no_address_is_neither_public_nor_allowed(text: str) -> None:
    assert not is_public(text)
    assert not is_within(text, [ip_network("0.0.0.0/0"), ip_network("::/0")])


@pytest.mark.parametrize("zone", ["2606:4700:4700::1111%eth0", "fe80::1%1"])
def test_an_address_that_names_a_zone_is_neither_public_nor_allowed(zone: str) -> None:
    assert not is_public(zone)
    assert not is_within(zone, [ip_network("::/0")])


def test_an_exception_covers_its_network_alone() -> None:
    allow = [ip_network("192.168.1.0/24"), ip_network("fd00::/8")]
    assert is_within("192.168.1.7", allow)
    assert is_within("fd12::1", allow)
    assert not is_within("192.168.2.1", allow)
    assert not is_within("fc12::1", allow)
    assert not is_within("8.8.8.8", allow)
    assert not is_within("192.168.1.7", [])


def test_an_exception_does_not_cover_its_address_in_another_dress() -> None:
    assert not is_within("::ffff:192.168.1.7", [ip_network("192.168.1.0/24")])
    assert not is_within("64:ff9b::c0a8:107", [ip_network("192.168.1.0/24")])


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f.1", "0x7f000001", "0177.0.0.1", "0", "0x", "1.2.3.4.5"])
def test_a_number_that_systems_read_as_an_address_is_odd(host: str) -> None:
    assert is_odd_number(host)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "example.org", "3.example", "10x", "0xde.net"]
)
def test_names_and_usual_addresses_are_not_odd(host: str) -> None:
    assert not is_odd_number(host)
