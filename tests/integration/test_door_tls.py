"""The door over TLS, with an authority of our own: what it trusts, which name it gives, and that the deadline holds."""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from integration.door import Door
from integration.outgoing import Request
from tests.sinks import HOST, LOOPBACK, Dripping, Names, Sink, answer, refused, saying

NAME = "service.example"


class Authority:
    """Signs certificates, and keeps them in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._key, self._name = folder, ec.generate_private_key(ec.SECP256R1()), named("Our authority")
        certificate = self._begun(self._name, self._key.public_key()).add_extension(
            x509.BasicConstraints(True, 0), True
        )
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        signed = certificate.add_extension(usage, True).sign(self._key, hashes.SHA256())
        self.file = folder / "authority.pem"
        self.file.write_bytes(signed.public_bytes(Encoding.PEM))

    def server(self, *names: str, days: int = 1) -> ssl.SSLContext:
        """The context of a server with a certificate for these names and addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.SubjectAlternativeName([general(name) for name in names])
        begun = self._begun(named("server"), key.public_key(), days).add_extension(subject, False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        signed = begun.add_extension(issuer, False).sign(self._key, hashes.SHA256())
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file = self._folder / f"{abs(hash(names))}.pem"
        file.write_bytes(secret + signed.public_bytes(Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _begun(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, days: int = 1) -> x509.CertificateBuilder:
        builder = x509.CertificateBuilder(self._name, subject, key, x509.random_serial_number())
        today = datetime.now(UTC)
        identity = x509.SubjectKeyIdentifier.from_public_key(key)
        begun = builder.not_valid_before(today - timedelta(9)).not_valid_after(today + timedelta(days))
        return begun.add_extension(identity, False)


def named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def call(authority: Authority) -> Callable[..., Door]:
    """Makes doors that trust the authority."""

    def make(deadline: float = 20) -> Door:
        return Door(LOOPBACK, Names(HOST), deadline, ca_file=str(authority.file))

    return make


def over_tls(sink: Sink, host: str = NAME) -> Request:
    return Request("POST", f"https://{host}:{sink.port}/hook", {"X-Key": "k"}, b"{}")


def test_the_connection_goes_to_the_address_and_the_name_stays(authority: Authority, call: Callable[..., Door]) -> None:
    asked_for, server = list[str | None](), authority.server(NAME)
    server.sni_callback = lambda _socket, name, _context: asked_for.append(name)
    with Sink(saying(answer(b"kept")), server) as sink:
        door = call()
        assert [door(over_tls(sink)).body for _ in range(3)] == [b"kept"] * 3
        assert sink.connections == 1, "and it is kept"
    assert asked_for == [NAME]
    assert b"Host: service.example:%d" % sink.port in sink.requests[0]


def test_an_address_may_have_a_certificate_too(authority: Authority, call: Callable[..., Door]) -> None:
    with Sink(saying(answer()), authority.server(HOST)) as sink:
        assert call()(over_tls(sink, HOST)).status == 200


@pytest.mark.parametrize(
    "names, days", [(("other.example",), 1), ((HOST,), 1), ((NAME,), -1)], ids=["other name", "address", "run out"]
)
def test_a_certificate_that_does_not_fit_is_refused(
    names: tuple[str, ...], days: int, authority: Authority, call: Callable[..., Door]
) -> None:
    with Sink(saying(answer()), authority.server(*names, days=days)) as sink:
        refusal = refused(call(), over_tls(sink))
        assert (refusal.reason, refusal.permanent, sink.heard) == ("tls", False, [])
        assert NAME in str(refusal)


def test_an_unknown_authority_is_refused(authority: Authority) -> None:
    with Sink(saying(answer()), authority.server(NAME)) as sink:
        assert refused(Door(LOOPBACK, Names(HOST)), over_tls(sink)).reason == "tls"
        assert sink.heard == []


def test_the_environment_cannot_name_an_authority(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(authority.file))
    with Sink(saying(answer()), authority.server(NAME)) as sink:
        assert refused(Door(LOOPBACK, Names(HOST)), over_tls(sink)).reason == "tls"


def test_a_server_without_tls_is_told_apart(call: Callable[..., Door]) -> None:
    with Sink(saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), asks=False) as sink:
        assert refused(call(), over_tls(sink)).reason == "tls"
        assert sink.heard == []


def test_a_handshake_that_nobody_answers_is_left(call: Callable[..., Door]) -> None:
    with Sink(lambda *_: None) as sink:
        assert refused(call(0.2), over_tls(sink)).reason == "timeout"


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: "], ids=["body", "head"])
def test_a_drip_inside_tls_does_not_stretch_the_deadline(
    head: bytes, authority: Authority, call: Callable[..., Door]
) -> None:
    drip = Dripping(head, b"x")
    with Sink(drip, authority.server(NAME)) as sink:
        assert refused(call(0.5), over_tls(sink)).reason == "timeout"
    assert not drip.ended


def test_a_handshake_that_drips_does_not_stretch_the_deadline(call: Callable[..., Door]) -> None:
    """A record that promises 16 KiB, and comes byte by byte."""
    drip = Dripping(b"\x16\x03\x03\x40\x00", b"\x02")
    with Sink(drip, asks=False) as sink:
        assert refused(call(0.5), over_tls(sink)).reason == "timeout"
    assert not drip.ended
