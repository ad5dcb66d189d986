"""Our verifier beside the reference libraries, `standardwebhooks` and `svix`, on valid input: they must agree.

Both are for tests alone: on junk they raise whatever comes (webhook-reliability 3.3), ours raises Forged.
"""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import standardwebhooks
import svix
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from webhooks import signatures
from webhooks.errors import Forged
from webhooks.providers import open_wearables
from webhooks.report import Incoming

LIBRARIES: dict[str, Callable[[str], Any]] = {"standardwebhooks": standardwebhooks.Webhook, "svix": svix.Webhook}
MISMATCH = (standardwebhooks.webhooks.WebhookVerificationError, svix.webhooks.WebhookVerificationError)
PREFIXES = {"standardwebhooks": "webhook-", "svix": "svix-"}
BASE = datetime(2026, 6, 2, 5, 10, 6, tzinfo=UTC)

keys = st.binary(min_size=24, max_size=64)
# The libraries sign text and read the body as JSON; an id may hold anything a header can but a full stop.
ids = st.text(st.characters(codec="ascii", min_codepoint=33, exclude_characters=".\x7f"), min_size=1, max_size=60)
bodies = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8"), max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
instants = st.datetimes(datetime(2001, 9, 10), datetime(2100, 1, 1), timezones=st.just(UTC))
each = pytest.mark.parametrize("name", LIBRARIES)


def secret_of(key: bytes) -> str:
    return "whsec_" + base64.b64encode(key).decode()


def signed_by(name: str, secret: str, message_id: str, body: bytes, at: datetime = BASE) -> Incoming:
    """A request as that library signs it, under the header names of its own."""
    signature = LIBRARIES[name](secret).sign(message_id, at, body.decode())
    told = {"id": message_id, "timestamp": str(int(at.timestamp())), "signature": signature}
    return Incoming({PREFIXES[name] + part: value for part, value in told.items()}, body, at)


def standard(incoming: Incoming) -> Incoming:
    """The same request under the names of the standard."""
    return replace(
        incoming, headers={name.replace("svix-", "webhook-"): value for name, value in incoming.headers.items()}
    )


def passes(check: Callable[[], Any], *refusals: type[Exception]) -> bool:
    try:
        check()
    except refusals:
        return False
    return True


def judged(name: str, incoming: Incoming, secret: str, at: datetime = BASE) -> tuple[bool, bool]:
    """Whether the library lets a request pass, and whether we do."""
    with time_machine.travel(at, tick=False):
        theirs = passes(lambda: LIBRARIES[name](secret).verify(incoming.body, dict(incoming.headers)), *MISMATCH)
    ours = passes(lambda: signatures.verify(replace(standard(incoming), received_at=at), [secret]), Forged)
    return theirs, ours


@each
@given(key=keys, message_id=ids, value=bodies, at=instants)
def test_what_a_library_signs_passes_and_what_we_sign_is_the_same(
    name: str, key: bytes, message_id: str, value: Any, at: datetime
) -> None:
    secret, body = secret_of(key), json.dumps(value, ensure_ascii=False).encode()
    incoming = signed_by(name, secret, message_id, body, at)
    assert judged(name, incoming, secret, at) == (True, True)
    ours = signatures.sign(secret, message_id, at, body)
    assert ours == standard(incoming).headers["webhook-signature"]
    for shift in (0, 300):
        assert judged(name, incoming, secret, at.replace(microsecond=0) + timedelta(seconds=shift)) == (True, True)


@each
@given(key=keys, other=keys, place=st.integers(0, 3), more=st.lists(keys, max_size=3))
def test_among_several_signatures_any_valid_one_is_enough_for_both(
    name: str, key: bytes, other: bytes, place: int, more: list[bytes]
) -> None:
    secret, body = secret_of(key), b'{"type":"session.completed"}'
    entries = [signatures.sign(secret_of(each), "msg_1", BASE, body) for each in more]
    entries.insert(min(place, len(entries)), signatures.sign(secret, "msg_1", BASE, body))
    incoming = signed_by(name, secret, "msg_1", body)
    header = f"{PREFIXES[name]}signature"
    many = replace(incoming, headers={**incoming.headers, header: " ".join(["v9,AAAA", *entries])})
    assert judged(name, many, secret) == (True, True)
    expected = other in (key, *more)
    assert judged(name, many, secret_of(other)) == (expected, expected)


@each
@pytest.mark.parametrize("seconds", [-86_400, -301, -300, -299, 0, 299, 300, 301, 86_400])
def test_both_have_the_same_five_minutes(name: str, seconds: int) -> None:
    secret = secret_of(b"k" * 32)
    incoming = signed_by(name, secret, "msg_1", b"{}")
    theirs, ours = judged(name, incoming, secret, BASE + timedelta(seconds=seconds))
    assert theirs == ours == (abs(seconds) <= 300)


@each
@given(key=keys, value=st.integers(), place=st.integers(0, 10_000), bit=st.integers(0, 6))
def test_what_a_bit_changes_neither_lets_pass(name: str, key: bytes, value: int, place: int, bit: int) -> None:
    secret, body = secret_of(key), b'{"n": %d}' % value
    incoming = signed_by(name, secret, "msg_1", body)
    at = place % len(body)
    bent = body[:at] + bytes([body[at] ^ (1 << bit)]) + body[at + 1 :]
    assert judged(name, replace(incoming, body=bent), secret) == (False, False)


@given(key=keys, message_id=ids)
def test_svix_under_its_own_header_names_passes_where_a_service_uses_it(key: bytes, message_id: str) -> None:
    secret = secret_of(key)
    open_wearables.verify(signed_by("svix", secret, message_id, b"{}"), [secret])
    with pytest.raises(Forged):
        open_wearables.verify(signed_by("svix", secret, message_id, b"{}"), [secret_of(key[::-1] + b"x")])
