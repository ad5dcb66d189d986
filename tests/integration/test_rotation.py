"""A secret that changes: the new one first, the old one for 24 hours more, five at most (webhook-reliability S15)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from integration.connecting import connections, grace, tokens
from integration.connecting.connections import Made, opened_secrets
from integration.errors import Refused
from integration.outgoing import Reply, Request, Told
from integration.services import standard
from integration.store import connections as stored
from tests.integration.conftest import TODAY, Somebody
from webhooks import signatures, signing
from webhooks.errors import Forged
from webhooks.report import Incoming

NOW = datetime(2026, 6, 2, 20, 30, tzinfo=UTC)
URL = "https://example.org/hooks/stretch"


def connect(somebody: Somebody, service: str = "standard", **settings: str) -> Made:
    parts = somebody.parts
    return connections.add(parts.store, parts.keys, parts.providers, somebody.id, service, settings, parts.clock())


def rotate(somebody: Somebody, made: Made) -> Made:
    parts = somebody.parts
    return connections.rotate(parts.store, parts.keys, parts.providers, made.connection.id, parts.clock())


def sent(somebody: Somebody, made: Made) -> Incoming:
    """What a receiver hears now."""
    heard, now = list[Request](), somebody.parts.clock()

    def call(request: Request) -> Reply:
        heard.append(request)
        return Reply(204)

    with somebody.parts.store.reading() as db:
        shown = tokens.opened(somebody.parts.keys, made.connection.id, stored.tokens(db, made.connection.id))
    told = Told("key-1", "morning", TODAY, now, now, sent_at=now)
    standard.complete(call, {"url": URL, **shown}, told)
    return Incoming({name.lower(): value for name, value in heard[0].headers.items()}, heard[0].body or b"", now)


def verifies(incoming: Incoming, secret: str | None) -> bool:
    try:
        signatures.verify(incoming, [secret or ""])
    except Forged:
        return False
    return True


def live(somebody: Somebody, made: Made) -> tuple[str, ...]:
    with somebody.parts.store.reading() as db:
        held = stored.by_id(db, made.connection.id)
    assert held is not None
    return opened_secrets(somebody.parts.keys, held, somebody.parts.clock())


def test_both_secrets_hold_for_a_day_both_ways_and_then_only_the_new_one(somebody: Somebody, clock: Any) -> None:
    made = connect(somebody, url=URL)
    fresh = rotate(somebody, made)
    assert fresh.secret not in (None, made.secret)
    for passed in (timedelta(0), grace.GRACE - timedelta(seconds=1)):
        clock.now = NOW + passed
        assert live(somebody, made) == (fresh.secret, made.secret)
        heard = sent(somebody, made)
        assert verifies(heard, made.secret)
        assert verifies(heard, fresh.secret)
    clock.now = NOW + grace.GRACE
    assert live(somebody, made) == (fresh.secret,)
    heard = sent(somebody, made)
    assert len(heard.headers["webhook-signature"].split(" ")) == 1
    assert verifies(heard, fresh.secret)
    assert not verifies(heard, made.secret)


def test_rotating_again_prolongs_no_old_secret_and_keeps_five(somebody: Somebody, clock: Any) -> None:
    made = connect(somebody, url=URL)
    seen = [made.secret]
    for _ in range(6):
        clock.move(hours=1)
        seen.append(rotate(somebody, made).secret)
    assert live(somebody, made) == tuple(reversed(seen[-5:]))
    assert len(sent(somebody, made).headers["webhook-signature"].split(" ")) == 5
    clock.now = NOW + timedelta(hours=25 + 3)
    assert live(somebody, made) == tuple(reversed(seen[-3:])), "each ends a day after its own successor came"


def test_a_private_key_is_followed_by_another_and_both_halves_verify(somebody: Somebody) -> None:
    made = connect(somebody, url=URL, secret=signing.new_private_key())
    fresh = rotate(somebody, made)
    assert (fresh.secret, fresh.hook) == (None, "")
    assert fresh.public not in (None, made.public)
    heard = sent(somebody, made)
    assert verifies(heard, made.public)
    assert verifies(heard, fresh.public)


def test_a_token_that_we_made_for_a_service_can_be_changed_too(somebody: Somebody) -> None:
    made = connect(somebody, "hevy")
    fresh = rotate(somebody, made)
    assert live(somebody, made) == (fresh.secret, made.secret)


@pytest.mark.parametrize(
    ("service", "settings"),
    [("todoist", {"client_secret": "c" * 32}), ("simple", {"bearer": "b" * 24}), ("beeminder", {"token": "t" * 20})],
)
def test_a_secret_that_is_theirs_is_not_ours_to_make(
    somebody: Somebody, service: str, settings: dict[str, str]
) -> None:
    made = connect(somebody, service, **settings)
    with pytest.raises(Refused, match="not ours to make"):
        rotate(somebody, made)


def test_a_change_in_those_24_hours_keeps_the_end_of_the_old_secret(somebody: Somebody, clock: Any) -> None:
    made = connect(somebody, url=URL)
    fresh, parts = rotate(somebody, made), somebody.parts
    connections.alter(parts.store, parts.keys, parts.providers, made.connection.id, {"label": "x"}, clock())
    assert live(somebody, made) == (fresh.secret, made.secret)
    clock.move(hours=24)
    assert live(somebody, made) == (fresh.secret,)


def test_secrets_without_an_end_are_live_for_ever() -> None:
    assert grace.live("a, b", NOW) == ("a", "b")
    assert grace.live(grace.rotated("a,b", "c", NOW), NOW) == ("c", "a", "b")
    assert grace.live(grace.rotated("a,b", "c", NOW), NOW + grace.GRACE) == ("c",)
