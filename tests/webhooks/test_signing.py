import base64
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhooks import signatures, signing
from webhooks.errors import BadSecret
from webhooks.report import Incoming

PUBLIC_KEY = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
PRIVATE_KEY = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
SHARED = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, BODY, AT = "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', datetime.fromtimestamp(1614265330, UTC)
# The public test vectors of the reference libraries and of svix.
V1 = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
V1A = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="


def arrived(signature: str, body: bytes = BODY, at: datetime = AT) -> Incoming:
    headers = {"webhook-id": ID, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}
    return Incoming(headers, body, at)


def test_a_private_key_signs_the_published_vector():
    assert signing.sign_v1a(PRIVATE_KEY, ID, AT, BODY) == V1A


def test_a_private_key_tells_its_public_half():
    assert signing.public_half(PRIVATE_KEY) == PUBLIC_KEY


def test_every_live_secret_signs_in_the_order_given():
    assert signing.sign_all([PRIVATE_KEY, SHARED], ID, AT, BODY) == f"{V1A} {V1}"


@pytest.mark.parametrize("kept", [SHARED, PUBLIC_KEY])
def test_a_receiver_with_either_key_of_a_change_takes_the_message(kept):
    signatures.verify(arrived(signing.sign_all([PRIVATE_KEY, SHARED], ID, AT, BODY)), [kept])


def test_the_instant_counts_and_not_the_zone_it_is_written_in():
    elsewhere = AT.astimezone(timezone(timedelta(hours=3)))
    assert signing.sign_all([PRIVATE_KEY, SHARED], ID, elsewhere, BODY) == f"{V1A} {V1}"


@given(st.binary(max_size=300))
def test_what_a_new_key_signs_its_public_half_verifies(body):
    key = signing.new_private_key()
    signatures.verify(arrived(signing.sign_v1a(key, ID, AT, body), body), [signing.public_half(key)])


def test_a_new_private_key_is_another_each_time():
    assert signing.new_private_key() != signing.new_private_key()


@pytest.mark.parametrize("count", [0, 6])
def test_no_secret_and_more_than_five_are_refused(count):
    with pytest.raises(BadSecret):
        signing.sign_all([SHARED] * count, ID, AT, BODY)


@pytest.mark.parametrize("usable", [SHARED, PRIVATE_KEY])
def test_a_secret_that_can_sign_is_returned(usable):
    assert signing.check_signing_secret(usable) == usable


@pytest.mark.parametrize(
    "useless",
    [
        PUBLIC_KEY,
        "",
        "whsk_",
        "whsk_!!!!",
        "whsk_grüße",
        "whsec_c2hvcnQ=",
        PRIVATE_KEY[:-8],
        "whsk_" + base64.b64encode(bytes(64)).decode(),
    ],
)
def test_a_secret_that_cannot_sign_is_refused_without_being_quoted(useless):
    with pytest.raises(BadSecret) as refused:
        signing.check_signing_secret(useless)
    assert not useless.partition("_")[2] or useless.partition("_")[2] not in str(refused.value)


def test_a_public_key_is_told_apart_from_a_private_one():
    with pytest.raises(BadSecret, match="whsk_"):
        signing.check_signing_secret(PUBLIC_KEY)
