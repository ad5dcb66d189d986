"""Every address x every kind of key: only the right one opens, and all others are answered alike."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from integration import people
from integration.connecting import connections
from integration.keys import KeyKind, Keys

PAGES = {
    "me": ("GET", "/me/{key}"),
    "tell": ("POST", "/me/{key}/session"),
    "connect": ("POST", "/me/{key}/connections"),
    "revoke": ("POST", "/me/{key}/connections/{connection}/revoke"),
    "session": ("GET", "/session/{key}"),
    "answer": ("POST", "/session/{key}"),
}
OPENS = {name: KeyKind.ME if path.startswith("/me") else KeyKind.SESSION for name, (_, path) in PAGES.items()}
Ask = Callable[[str, str], Any]


@pytest.fixture
def made(somebody: Any) -> connections.Made:
    parts = somebody.parts
    return connections.add(parts.store, parts.keys, parts.providers, somebody.person.id, "simple", {}, parts.clock())


@pytest.fixture
def keys_of(somebody: Any, made: connections.Made) -> dict[KeyKind, str]:
    key = somebody.parts.keys.key
    return {
        KeyKind.ME: key(KeyKind.ME, somebody.person.key),
        KeyKind.FEED: key(KeyKind.FEED, somebody.feed.key),
        KeyKind.HOOK: made.hook,
        KeyKind.SESSION: somebody.session().removeprefix("/session/"),
        KeyKind.BADGE: key(KeyKind.BADGE, somebody.person.key),
    }


@pytest.fixture
def ask(client: FlaskClient, made: connections.Made) -> Ask:
    def request(name: str, key: str) -> Any:
        method, path = PAGES[name]
        return client.open(path.format(key=key, connection=made.connection.id), method=method)

    return request


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("kind", KeyKind)
def test_only_the_right_kind_of_key_opens_a_page(
    ask: Ask, keys_of: dict[KeyKind, str], name: str, kind: KeyKind
) -> None:
    opened = ask(name, keys_of[kind]).status_code != 404
    assert opened == (OPENS[name] is kind)


@pytest.mark.parametrize("name", PAGES)
def test_a_key_that_is_forged_renamed_unsigned_or_unknown_opens_nothing_and_tells_nothing(
    ask: Ask, keys_of: dict[KeyKind, str], somebody: Any, name: str
) -> None:
    good, parts = keys_of[OPENS[name]], somebody.parts
    random = parts.keys.read(OPENS[name], good)
    body, _, signature = good.rpartition(".")
    unknown = random.replace(random[:8], "AAAAAAAA", 1)
    wrong = [
        "x",
        body,
        f"{body}.",
        f"{body}.{signature[:-2]}AA",
        good + "A",
        good.upper(),
        f"{OPENS[name]}_{random}",
        Keys(("another secret of another operator",)).key(OPENS[name], random),
        parts.keys.key(OPENS[name], unknown),
        *(f"{OPENS[name]}_{key.partition('_')[2]}" for kind, key in keys_of.items() if kind is not OPENS[name]),
        "%00",
        "%ff%fe",
        "☃" * 20,
        "a" * 5000,
    ]
    answers = [ask(name, key) for key in wrong]
    assert [answer.status_code for answer in answers] == [404] * len(wrong)
    assert len({answer.data for answer in answers}) == 1
    assert len({tuple(sorted(answer.headers.items())) for answer in answers}) == 1


@pytest.mark.parametrize("name", PAGES)
def test_the_keys_of_somebody_who_was_deleted_open_nothing(
    ask: Ask, keys_of: dict[KeyKind, str], somebody: Any, name: str
) -> None:
    people.remove(somebody.parts.store, somebody.person.id)
    assert ask(name, keys_of[OPENS[name]]).status_code == 404


def test_an_unknown_address_is_answered_like_an_unknown_key(client: FlaskClient) -> None:
    assert client.get("/nowhere").data == client.get("/me/x").data == client.get("/session/x").data


def test_no_key_reaches_the_log(ask: Ask, keys_of: dict[KeyKind, str], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    for name in PAGES:
        ask(name, keys_of[OPENS[name]])
        ask(name, keys_of[KeyKind.FEED])
    assert not any(key.partition("_")[2][:16] in caplog.text for key in keys_of.values())
