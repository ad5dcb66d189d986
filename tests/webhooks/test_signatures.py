import base64
import secrets as randomness
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import standardwebhooks
import time_machine
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from webhooks import signatures
from webhooks.errors import BadSecret, Forged
from webhooks.report import Incoming

PUBLIC_KEY = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
PRIVATE_KEY = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="

# (key, id, timestamp, body, signature): the public test vectors of the reference libraries, and one computed by us.
VECTORS = {
    "v1 A": (
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "1614265330",
        b'{"test": 2432232314}',
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    ),
    "v1 B": (
        "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
        "1649367553",
        b'{"email":"test@example.com","username":"test_user"}',
        "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
    ),
    "v1 ours": (
        "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "msg_1",
        "1700000000",
        b'{"type":"stretch.completed","data":{"id":"s1"}}',
        "v1,sB1CyFiP8RtzukUl1LHMXOaRZAWMgo+EWXKfx4ESbGk=",
    ),
    "v1a": (
        PUBLIC_KEY,
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "1614265330",
        b'{"test": 2432232314}',
        "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==",
    ),
}
vectors = pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS.keys())

SECRET, ID, TIME, BODY, SIGNATURE = VECTORS["v1 A"]


def request(
    message_id: str = ID, timestamp: str = TIME, body: bytes = BODY, signature: str = SIGNATURE, late: int = 0
) -> Incoming:
    headers = {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": signature}
    return Incoming(headers, body, datetime.fromtimestamp(int(TIME), UTC) + timedelta(seconds=late))


def of(vector: tuple[str, str, str, bytes, str]) -> Incoming:
    _, message_id, timestamp, body, signature = vector
    arrival = datetime.fromtimestamp(int(timestamp), UTC)
    return replace(request(message_id, timestamp, body, signature), received_at=arrival)


def flips(value: bytes):
    for place in range(len(value)):
        for bit in range(8):
            yield value[:place] + bytes([value[place] ^ (1 << bit)]) + value[place + 1 :]


@vectors
def test_a_published_vector_passes(vector):
    signatures.verify(of(vector), [vector[0]])


@vectors
def test_any_bit_flipped_anywhere_is_forged(vector):
    secret, message_id, timestamp, body, signature = vector
    headers = {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": signature}
    good = of(vector)
    bad = [replace(good, body=flipped) for flipped in flips(body)]
    for name, value in headers.items():
        changed = [flipped.decode("latin-1") for flipped in flips(value.encode())]
        bad += [replace(good, headers={**headers, name: flipped}) for flipped in changed]
    for incoming in bad:
        with pytest.raises(Forged):
            signatures.verify(incoming, [secret])


@vectors
def test_a_shortened_signature_is_forged(vector):
    for length in range(len(vector[4])):
        with pytest.raises(Forged):
            signatures.verify(of((*vector[:4], vector[4][:length])), [vector[0]])


def test_signing_gives_the_published_signature():
    at = datetime.fromtimestamp(int(TIME), UTC)
    assert signatures.sign(SECRET, ID, at, BODY) == SIGNATURE


def test_signing_converts_the_time_whatever_its_zone():
    at = datetime.fromisoformat("2026-06-02T10:00:00+03:00")
    assert signatures.sign(SECRET, ID, at, BODY) == signatures.sign(SECRET, ID, at.astimezone(UTC), BODY)


@pytest.mark.parametrize("late", [-300, -1, 0, 300, 300.9])
def test_a_request_within_the_window_passes(late):
    signatures.verify(request(late=late), [SECRET])


@pytest.mark.parametrize("late", [-301, 301, 86_400, 10**9])
def test_a_request_outside_the_window_is_forged(late):
    with pytest.raises(Forged, match="300 s"):
        signatures.verify(request(late=late), [SECRET])


@pytest.mark.parametrize(
    "timestamp",
    [
        "",
        " ",
        "1_614_265_330",
        " 1614265330 ",
        "1614265330 ",
        "1614265330\n",
        "+1614265330",
        "1614265330.0",
        "1e9",
        "nan",
        "inf",
        "-1",
        "0x1",
        "١٦١٤٢٦٥٣٣٠",
        "1" * 13,
        "9" * 5000,
        "1614265330,1614265330",
    ],
)
def test_a_timestamp_that_is_not_whole_seconds_is_forged(timestamp):
    signature = "v1," + base64.b64encode(b"x" * 32).decode()
    with pytest.raises(Forged) as caught:
        signatures.verify(request(timestamp=timestamp, signature=signature), [SECRET])
    assert caught.value.reason == "timestamp"


@pytest.mark.parametrize(
    "message_id", ["", "a.b", ".", "a\nb", "a\x00", "\x7f", "a\tb", "x" * 256, "id\u20ac", "\ud800"]
)
def test_an_id_that_could_be_misread_is_forged(message_id):
    with pytest.raises(Forged):
        signatures.verify(request(message_id=message_id), [SECRET])


def test_an_id_cannot_take_its_first_characters_from_the_body():
    at = datetime.fromtimestamp(int(TIME), UTC)
    signed = signatures.sign(SECRET, "m", at, TIME.encode() + b".{}")
    with pytest.raises(Forged):
        signatures.verify(request(message_id=f"m.{TIME}", body=b"{}", signature=signed), [SECRET])


@pytest.mark.parametrize("message_id", ["m", "x" * 255, "with space", "caf\xc3\xa9"])
def test_any_other_id_passes(message_id):
    signed = signatures.sign(SECRET, message_id, datetime.fromtimestamp(int(TIME), UTC), BODY)
    signatures.verify(request(message_id=message_id, signature=signed), [SECRET])


JUNK = {
    "empty": "",
    "no comma": SIGNATURE.replace(",", ""),
    "two commas": SIGNATURE.replace(",", ",,"),
    "Stripe's form": f"t={TIME},v1={SIGNATURE[3:]}",
    "equals sign": SIGNATURE.replace(",", "="),
    "unknown versions": SIGNATURE.replace("v1", "v2") + " v1b,AAAA",
    "other version's name": SIGNATURE.replace("v1", "v1a"),
    "upper case": SIGNATURE.replace("v1", "V1"),
    "bad base64": "v1,@@@@ v1a,@@@@",
    "no padding": SIGNATURE.rstrip("="),
    "more padding": SIGNATURE + "=",
    "url-safe alphabet": SIGNATURE.replace("+", "-").replace("/", "_"),
    "tab": SIGNATURE.replace(",", ",\t"),
    "NUL": SIGNATURE + "\x00",
    "not Latin-1": "v1,\u20ac",
    "not ASCII": "v1,\xe9\xff v1a,\xe9",
    "half a surrogate": "v1,\ud800",
    "10,000 signatures": " ".join(["v1," + "A" * 43 + "="] * 10_000),
    "10,000 spaces": " " * 10_000,
    "joined by a comma": f"v1,AAAA,{SIGNATURE}",
}


@pytest.mark.parametrize("signature", JUNK.values(), ids=JUNK.keys())
def test_junk_for_a_signature_is_forged_and_nothing_worse(signature):
    with pytest.raises(Forged):
        signatures.verify(request(signature=signature), [SECRET, PUBLIC_KEY])


def test_a_request_without_headers_is_forged():
    with pytest.raises(Forged):
        signatures.verify(Incoming({}, b"", datetime.now(UTC)), [SECRET])


@pytest.mark.parametrize("place", range(8))
def test_the_valid_signature_may_stand_anywhere_among_eight(place):
    entries = ["v1,AAAA", "v9,x", "", "junk", "v1a,AAAA", ",", "v1,"]
    entries.insert(place, SIGNATURE)
    signatures.verify(request(signature=" ".join(entries)), [SECRET])


def test_a_ninth_signature_is_not_looked_at():
    with pytest.raises(Forged):
        signatures.verify(request(signature="v1,AAAA " * 8 + SIGNATURE), [SECRET])


@pytest.mark.parametrize("place", range(5))
def test_every_live_secret_is_tried(place):
    live = [signatures.new_secret() for _ in range(4)]
    live.insert(place, SECRET)
    signatures.verify(request(), live)


def test_a_sixth_secret_is_not_live():
    with pytest.raises(Forged):
        signatures.verify(request(), [signatures.new_secret() for _ in range(5)] + [SECRET])


def test_both_kinds_of_secret_can_be_live_at_once():
    signatures.verify(request(), [PUBLIC_KEY, SECRET])
    signatures.verify(of(VECTORS["v1a"]), [SECRET, PUBLIC_KEY])


UNUSABLE = {
    "none": [],
    "empty": [""],
    "prefix alone": ["whsec_", "whpk_"],
    "three bytes": ["whsec_" + base64.b64encode(b"abc").decode()],
    "23 bytes": ["whsec_" + base64.b64encode(b"a" * 23).decode()],
    "65 bytes": ["whsec_" + base64.b64encode(b"a" * 65).decode()],
    "no prefix": [SECRET.removeprefix("whsec_")],
    "not base64": ["whsec_" + "@" * 32],
    "not ASCII": ["whsec_" + "\xe9" * 32],
    "private half": [PRIVATE_KEY],
    "public key as symmetric": [PUBLIC_KEY.replace("whpk_", "whsec_") + "x"],
    "short public key": ["whpk_" + base64.b64encode(b"a" * 31).decode()],
}


@pytest.mark.parametrize("unusable", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_an_unusable_secret_lets_nothing_pass(unusable):
    for vector in VECTORS.values():
        with pytest.raises(Forged):
            signatures.verify(of(vector), unusable)


@pytest.mark.parametrize("secret", [s for group in UNUSABLE.values() for s in group])
def test_an_unusable_secret_cannot_be_set_up_and_is_not_quoted(secret):
    with pytest.raises(BadSecret) as caught:
        signatures.check_secret(secret)
    assert len(secret) < 10 or secret not in str(caught.value)


def test_a_usable_secret_can_be_set_up():
    longest = "whsec_" + base64.b64encode(b"a" * 64).decode()
    for secret in (SECRET, PUBLIC_KEY, longest, signatures.new_secret()):
        assert signatures.check_secret(secret) == secret


def test_a_small_order_public_key_does_not_crash():
    zero = "whpk_" + base64.b64encode(bytes(32)).decode()
    with pytest.raises(Forged):
        signatures.verify(of(VECTORS["v1a"]), [zero])


def test_new_secrets_differ():
    assert signatures.new_secret() != signatures.new_secret()


@pytest.mark.parametrize("secret", [PUBLIC_KEY, "whsec_AAAA", ""])
def test_only_a_symmetric_secret_can_sign(secret):
    with pytest.raises(BadSecret):
        signatures.sign(secret, ID, datetime.now(UTC), BODY)


ids = st.text(st.characters(codec="ascii", exclude_categories=["Cc"], exclude_characters="."), min_size=1, max_size=60)
keys = st.binary(min_size=24, max_size=64)


@given(key=keys, message_id=ids, body=st.text(st.characters(codec="utf-8")), when=st.datetimes())
def test_we_sign_as_the_reference_library_does(key, message_id, body, when):
    at = when.replace(year=2000 + when.year % 100 if (when.month, when.day) != (2, 29) else 2024, tzinfo=UTC)
    secret = "whsec_" + base64.b64encode(key).decode()
    theirs = standardwebhooks.Webhook(secret).sign(message_id, at, body)
    assert signatures.sign(secret, message_id, at, body.encode()) == theirs
    stamp = str(int(at.timestamp()))
    signatures.verify(replace(request(message_id, stamp, body.encode(), theirs), received_at=at), [secret])


@given(key=keys, message_id=ids)
def test_the_reference_library_accepts_what_we_sign(key, message_id):
    at = datetime(2026, 6, 2, 5, 10, tzinfo=UTC)
    secret = "whsec_" + base64.b64encode(key).decode()
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signatures.sign(secret, message_id, at, b'{"type":"x"}'),
    }
    with time_machine.travel(at, tick=False):
        assert standardwebhooks.Webhook(secret).verify(b'{"type":"x"}', headers) == {"type": "x"}


@given(seed=st.binary(min_size=32, max_size=32), body=st.binary(max_size=200))
def test_any_ed25519_signature_of_the_configured_key_passes(seed, body):
    private = Ed25519PrivateKey.from_private_bytes(seed)
    signed = base64.b64encode(private.sign(f"{ID}.{TIME}.".encode() + body)).decode()
    public = "whpk_" + base64.b64encode(private.public_key().public_bytes_raw()).decode()
    signatures.verify(request(body=body, signature=f"v1a,{signed}"), [public])
    with pytest.raises(Forged):
        signatures.verify(request(body=body, signature=f"v1a,{signed}"), [PUBLIC_KEY])


@given(
    headers=st.dictionaries(
        st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature", "authorization"]), st.text()
    ),
    body=st.binary(),
    live=st.lists(st.text() | st.text().map("whsec_".__add__) | st.text().map("whpk_".__add__), max_size=7),
)
def test_random_input_is_forged_and_nothing_worse(headers, body, live):
    incoming = Incoming(headers, body, datetime(2026, 6, 2, tzinfo=UTC))
    with pytest.raises(Forged):
        signatures.verify(incoming, live)
    with pytest.raises(Forged):
        signatures.bearer(incoming, live)


def with_authorization(value: str) -> Incoming:
    return Incoming({"authorization": value}, b"", datetime.now(UTC))


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER  "])
@pytest.mark.parametrize("place", range(3))
def test_any_live_bearer_passes(scheme, place):
    live = [randomness.token_hex(16) for _ in range(3)]
    signatures.bearer(with_authorization(scheme + live[place]), live)


def test_a_bearer_that_is_not_ascii_is_compared_by_its_bytes():
    signatures.bearer(with_authorization("Bearer " + "schlüssel".encode().decode("latin-1")), ["schlüssel"])


@pytest.mark.parametrize(
    "value",
    ["", "Bearer", "Bearer ", "Basic token", "token", "Bearer toke", "Bearer token2", "Bearer \u20ac", "Bearertoken"],
)
def test_any_other_authorization_is_forged(value):
    with pytest.raises(Forged):
        signatures.bearer(with_authorization(value), ["token", ""])


def test_no_live_secret_lets_no_bearer_pass():
    with pytest.raises(Forged):
        signatures.shared_secret("", [])
    with pytest.raises(Forged):
        signatures.shared_secret("", [""])


def test_a_bearer_is_long_enough_and_can_travel_in_a_header():
    assert signatures.check_shared("x" * 24) == "x" * 24
    for bad in ("", "x" * 23, "x" * 256, "x" * 23 + " ", "x" * 23 + "\n", "ü" * 24):
        with pytest.raises(BadSecret):
            signatures.check_shared(bad)
