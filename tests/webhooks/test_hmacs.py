import base64
import hmac
import secrets as randomness
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhooks import hmacs
from webhooks.errors import BadSecret, Forged
from webhooks.report import Incoming

HEADER = "x-signature"
NOW = datetime(2026, 6, 2, 5, 10, 6, tzinfo=UTC)
BODY = b'{"event_name":"item:completed","user_id":"1"}'
SECRET = "test-secret"

# The golden vector of Todoist, of Vikunja, and of those that write a word before it.
BASE64 = "EcOQ4jIV/5t4eL/WadVbb3Bf1Nd9mr6EHh/68BGz6/A="
HEX = "11c390e23215ff9b7878bfd669d55b6f705fd4d77d9abe841e1ffaf011b3ebf0"
PREFIXED = f"sha256={HEX}"


def prefixed(incoming, header, secrets):
    hmacs.hex_hmac(incoming, header, secrets, prefix="sha256=")


STYLES = {"base64": (hmacs.base64_hmac, BASE64), "hex": (hmacs.hex_hmac, HEX), "prefixed": (prefixed, PREFIXED)}
styles = pytest.mark.parametrize("check, signature", STYLES.values(), ids=STYLES.keys())


def request(signature: str, body: bytes = BODY) -> Incoming:
    return Incoming({HEADER: signature}, body, NOW)


def flips(value: bytes):
    for place in range(len(value)):
        for bit in range(8):
            yield value[:place] + bytes([value[place] ^ (1 << bit)]) + value[place + 1 :]


@styles
def test_the_golden_vector_passes(check, signature):
    check(request(signature), HEADER, [SECRET])


@styles
def test_any_bit_flipped_in_body_signature_or_secret_is_forged(check, signature):
    bad = [(request(signature, flipped), SECRET) for flipped in flips(BODY)]
    bad += [(request(flipped.decode("latin-1")), SECRET) for flipped in flips(signature.encode())]
    bad += [(request(signature), flipped.decode("latin-1")) for flipped in flips(SECRET.encode())]
    assert len(bad) == 8 * (len(BODY) + len(signature) + len(SECRET))
    for incoming, secret in bad:
        with pytest.raises(Forged):
            check(incoming, HEADER, [secret])


@styles
def test_a_shortened_or_lengthened_signature_or_body_is_forged(check, signature):
    shorter = [request(signature[:length]) for length in range(len(signature))]
    for incoming in (*shorter, request(signature + signature[-1]), request(signature, BODY[:-1]), request("", b"")):
        with pytest.raises(Forged):
            check(incoming, HEADER, [SECRET])


JUNK = {
    "empty": "",
    "space before": f" {HEX}",
    "line feed": f"{HEX}\n",
    "upper case": HEX.upper(),
    "no padding": BASE64.rstrip("="),
    "more padding": BASE64 + "=",
    "url-safe alphabet": BASE64.replace("+", "-").replace("/", "_"),
    "two signatures": f"{HEX},{HEX}",
    "another prefix": f"sha1={HEX}",
    "prefix twice": f"sha256={PREFIXED}",
    "prefix alone": "sha256=",
    "base64 of the hex": base64.b64encode(HEX.encode()).decode(),
    "NUL": HEX + "\x00",
    "not ASCII": "\xe9" * 64,
    "not Latin-1": "\u20ac" * 64,
    "half a surrogate": "\ud800" * 64,
    "a megabyte": "1" * 2**20,
}


@styles
@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK.keys())
def test_junk_for_a_signature_is_forged_and_nothing_worse(check, signature, junk):
    with pytest.raises(Forged) as caught:
        check(request(junk), HEADER, [SECRET])
    assert caught.value.reason == "signature"


@styles
def test_one_style_does_not_pass_for_another(check, signature):
    for other in {BASE64, HEX, PREFIXED} - {signature}:
        with pytest.raises(Forged):
            check(request(other), HEADER, [SECRET])


@styles
def test_a_request_without_the_header_is_forged_and_told_which(check, signature):
    with pytest.raises(Forged, match=HEADER):
        check(Incoming({"x-other": signature}, BODY, NOW), HEADER, [SECRET])


@styles
@pytest.mark.parametrize("place", range(5))
def test_every_live_secret_is_tried(check, signature, place):
    live = [randomness.token_hex(16) for _ in range(4)]
    live.insert(place, SECRET)
    check(request(signature), HEADER, live)


@styles
def test_a_sixth_secret_is_not_live(check, signature):
    with pytest.raises(Forged):
        check(request(signature), HEADER, [*(randomness.token_hex(16) for _ in range(5)), SECRET])


@styles
def test_no_secret_or_an_empty_one_lets_nothing_pass(check, signature):
    unkeyed = hmac.digest(b"", BODY, "sha256")
    sent = {BASE64: base64.b64encode(unkeyed).decode(), HEX: unkeyed.hex(), PREFIXED: f"sha256={unkeyed.hex()}"}
    for live in ([], [""]):
        with pytest.raises(Forged):
            check(request(sent[signature]), HEADER, live)


@styles
@given(
    headers=st.dictionaries(st.sampled_from([HEADER, "x-other"]), st.text(st.characters(exclude_categories=[]))),
    body=st.binary(),
    live=st.lists(st.text(st.characters(exclude_categories=[])), max_size=7),
)
def test_random_input_is_forged_and_nothing_worse(check, signature, headers, body, live):
    with pytest.raises(Forged):
        check(Incoming(headers, body, NOW), HEADER, live)


@given(body=st.binary(), secret=st.text(min_size=1))
def test_what_the_standard_library_signs_passes(body, secret):
    digest = hmac.new(secret.encode(), body, "sha256").digest()
    hmacs.hex_hmac(request(digest.hex(), body), HEADER, [secret])
    hmacs.base64_hmac(request(base64.b64encode(digest).decode(), body), HEADER, [secret])


def test_a_secret_long_enough_can_be_set_up():
    for good in ("0123456789abcdef0123456789abcdef", "x" * 24, "x" * 255):
        assert hmacs.check_signing(good) == good


@pytest.mark.parametrize(
    "bad", ["", SECRET, "x" * 23, "x" * 256, "with a space in the middle", "ü" * 24, "x" * 24 + "\n"]
)
def test_a_short_or_odd_secret_cannot_be_set_up_and_is_not_quoted(bad):
    with pytest.raises(BadSecret, match="24 to 255") as caught:
        hmacs.check_signing(bad)
    assert not bad or bad not in str(caught.value)
    assert caught.value.__cause__ is None
