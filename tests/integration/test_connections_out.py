"""Connections that are told: what switches it on, what it needs, what changes, and how it ends."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from integration.connecting import connections, tokens
from integration.connecting.connections import Made, opened_secrets
from integration.dispatching import operating, queueing
from integration.dispatching.breaker import Health, disabled
from integration.dispatching.judging import Attempt
from integration.dispatching.queueing import Message, Snapshot
from integration.errors import ConfigError, NotFound, Refused
from integration.keys import Keys
from integration.outbox import Claim, claim, finish
from integration.outgoing import Refusal, Sent
from integration.store import connections as stored
from integration.store import outlets
from integration.store.dispatches import Kind, State
from integration.store.outlets import Outlet
from integration.store.tables import connections as rows
from integration.store.tables import people
from tests.integration.conftest import TODAY, Somebody
from webhooks import signatures, signing

UUID = "11111111-2222-3333-4444-555555555555"
TOKEN = "99999999-8888-7777-6666-555555555555"
HABITICA = {"user": UUID, "token": TOKEN}
BEAVER = {"url": "https://beaver.example.org", "token": "beaver-token-1"}
URL = "https://example.org/hooks/stretch"


def connect(somebody: Somebody, service: str, **settings: str) -> Made:
    """Connects, a second after the connection before."""
    parts = somebody.parts
    parts.clock.move(seconds=1)
    return connections.add(parts.store, parts.keys, parts.providers, somebody.id, service, settings, parts.clock())


def alter(somebody: Somebody, connection: str, **changes: str) -> Made:
    parts = somebody.parts
    return connections.alter(parts.store, parts.keys, parts.providers, connection, changes, parts.clock())


def row(somebody: Somebody, connection: str) -> Any:
    with somebody.parts.store.reading() as db:
        return db.execute(select(rows).where(rows.c.id == connection)).one()


def tells(somebody: Somebody) -> int:
    with somebody.parts.store.reading() as db:
        return int(db.execute(select(people.c.tells).where(people.c.id == somebody.id)).scalar_one())


def outlet(somebody: Somebody, connection: str) -> Outlet | None:
    with somebody.parts.store.writing() as db:
        return outlets.locked(db, connection)


def shown(somebody: Somebody, connection: str) -> dict[str, str]:
    """What the service would be shown."""
    return tokens.opened(somebody.parts.keys, connection, row(somebody, connection).tokens)


def queue(somebody: Somebody, connection: str, slot: str = "morning") -> None:
    now = somebody.parts.clock()
    with somebody.parts.store.writing() as db:
        queueing.queue(db, Message(connection, Kind.DONE, TODAY, slot, Snapshot(now, now)), now)


def states(somebody: Somebody) -> list[State]:
    return [held.state for held in operating.listing(somebody.parts.store, somebody.id)]


def test_a_service_that_only_hears_gets_no_address_and_is_told(somebody: Somebody) -> None:
    made = connect(somebody, "beeminder", token="beeminder-token", user="ada", morning="stretch")
    held = row(somebody, made.connection.id)
    assert (made.hook, made.secret, made.public, held.key, held.secrets) == ("", None, None, None, None)
    assert (held.outgoing, held.label) == (True, "Beeminder")
    assert made.connection.settings == {"user": "ada", "morning": "stretch"}
    assert shown(somebody, made.connection.id) == {"token": "beeminder-token"}
    assert outlet(somebody, made.connection.id) == Outlet(made.connection.id, endpoint="beeminder")
    assert tells(somebody) == 1


def test_a_name_that_goes_both_ways_is_one_connection(somebody: Somebody) -> None:
    made = connect(somebody, "habitica", **HABITICA, evening="task-1")
    with somebody.parts.store.reading() as db:
        (held,) = stored.of(db, somebody.id)
    assert (held.outgoing, held.settings) == (True, {"user": UUID, "evening": "task-1"})
    assert made.hook.startswith("hook_")
    assert shown(somebody, held.id) == {"token": TOKEN}


def test_without_what_it_needs_to_be_told_it_only_tells_us(somebody: Somebody) -> None:
    made = connect(somebody, "habitica")
    assert made.hook
    assert (made.connection.outgoing, tells(somebody), outlet(somebody, made.connection.id)) == (False, 0, None)


@pytest.mark.parametrize(
    ("service", "settings"),
    [("todoist", {"token": "t" * 40}), ("intervals_icu", {"api_key": "k" * 20})],
)
def test_a_service_whose_inward_secret_is_theirs_to_give_may_only_be_told(
    somebody: Somebody, service: str, settings: dict[str, str]
) -> None:
    made = connect(somebody, service, **settings)
    assert (made.hook, made.secret, made.connection.outgoing) == ("", None, True)


def test_the_account_of_an_app_takes_the_place_of_an_address(somebody: Somebody) -> None:
    made = connect(somebody, "todoist", account="2671355")
    assert (made.hook, made.connection.outgoing) == ("", False)
    with somebody.parts.store.reading() as db:
        ((found, person),) = stored.by_account(db, "todoist", "2671355")
    assert (found.id, person.id) == (made.connection.id, somebody.id)
    alter(somebody, made.connection.id, account="77", token="t" * 40)
    with somebody.parts.store.reading() as db:
        assert stored.by_account(db, "todoist", "2671355") == []
        assert len(stored.by_account(db, "todoist", "77")) == 1


def test_hevy_makes_its_inward_token_and_takes_the_outward_key(somebody: Somebody) -> None:
    made = connect(somebody, "hevy", api_key="hevy-api-key")
    assert made.secret is not None
    assert opened_secrets(somebody.parts.keys, made.connection) == (made.secret,)
    assert shown(somebody, made.connection.id) == {"api_key": "hevy-api-key"}


def test_one_secret_serves_a_signed_webhook_both_ways(somebody: Somebody) -> None:
    made = connect(somebody, "standard", url=URL)
    assert made.secret is not None
    assert made.secret.startswith("whsec_")
    assert opened_secrets(somebody.parts.keys, made.connection) == (made.secret,)
    assert shown(somebody, made.connection.id) == {"secret": made.secret}
    given = signatures.new_secret()
    both = connect(somebody, "standard", url=URL, secret=given)
    assert (both.secret, shown(somebody, both.connection.id)["secret"]) == (given, given)
    assert both.hook


def test_a_private_key_signs_what_goes_out_and_its_public_half_is_shown(somebody: Somebody) -> None:
    key = signing.new_private_key()
    made = connect(somebody, "standard", url=URL, secret=key)
    assert (made.hook, made.secret, made.public) == ("", None, signing.public_half(key))
    assert shown(somebody, made.connection.id) == {"secret": key}


REFUSED: dict[str, tuple[str, dict[str, str], str]] = {
    "a user without a token": ("habitica", {"user": UUID}, r"Habitica also needs token \(API Token\)"),
    "an address alone": ("habitica", {"url": "https://h.example"}, r"needs user \(User ID\) and token"),
    "half of what is needed": ("vikunja", {"url": "https://v.example"}, r"Vikunja also needs token"),
    "nothing at all": ("beeminder", {}, r"Beeminder needs token \(Auth token\) to be told"),
    "nothing that goes any way": ("todoist", {}, r"needs client_secret \(Client secret\) to tell us, or token"),
    "one of two that may be left out": ("home_assistant", {"url": "https://h.example"}, r"also needs token .* or webh"),
    "a token that is none": (
        "habitica",
        {**HABITICA, "token": "hunter2"},
        "token: it does not look right.* same place",
    ),
    "a token of two lines": ("beeminder", {"token": "12345678\nX-Admin: 1"}, "token: it does not look right"),
    "a token with NUL": ("beaverhabits", {**BEAVER, "token": "12345678\0"}, "token: it does not look right"),
    "an address that is none": ("beaverhabits", {**BEAVER, "url": "beaver.example.org"}, "url: give an address that"),
    "an address with a password": ("beaverhabits", {**BEAVER, "url": "https://me:hunter2@b.example"}, "url: give an"),
    "an address with a fragment": ("beaverhabits", {**BEAVER, "url": "https://b.example/#hunter2"}, "url: give an"),
    "an address with a space": ("beaverhabits", {**BEAVER, "url": "https://b.example /"}, "url: give an"),
    "an address with a backslash": ("beaverhabits", {**BEAVER, "url": r"https://b.example\@c.example"}, "url: give an"),
    "a port that is none": ("beaverhabits", {**BEAVER, "url": "https://b.example:99999"}, "url: give an"),
    "half an IPv6 address": ("beaverhabits", {**BEAVER, "url": "https://[::1"}, "url: give an"),
    "a file": ("beaverhabits", {**BEAVER, "url": "file:///etc/passwd"}, "url: give an"),
    "a public half for signing": (
        "standard",
        {"url": URL, "secret": signing.public_half(signing.new_private_key())},
        "secret: .*receiver's public half",
    ),
    "a weak secret for both": ("standard", {"url": URL, "secret": "whsec_c2hvcnQ="}, "secret: .*24 to 64 bytes"),
    "a broken private key": ("standard", {"url": URL, "secret": "whsk_" + "A" * 44}, "secret: a v1a secret is"),
    "when it counts by itself": (
        "pixela",
        {"username": "ada", "token": "12345678", "when": "both"},
        "no setting .*when",
    ),
    "another word for when": ("habitica", {"when": "never"}, "when: give each, both or any"),
    "two habits for one tick": (
        "habitica",
        {"when": "both", "morning": "a", "evening": "b"},
        "when: the sessions then share one habit",
    ),
    "words where all is ours": ("simple", {"words": "yoga"}, "no setting is called 'words'"),
    "a word of one letter": ("habitica", {"words": "yoga, a"}, "words: one letter"),
    "an account where there is none": ("habitica", {"account": "1"}, "no setting is called 'account'"),
    "an account that is none": ("todoist", {"account": "1 or 1"}, "account: give the id"),
}


@pytest.mark.parametrize(("service", "settings", "told"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused_in_one_line_without_its_secrets(
    somebody: Somebody,
    service: str,
    settings: dict[str, str],
    told: str,
    census: Callable[[], dict[str, int]],
) -> None:
    before = census()
    with pytest.raises(Refused, match=told) as refused:
        connect(somebody, service, **settings)
    said = str(refused.value)
    assert "\n" not in said
    for name in ("token", "secret", "url"):
        assert settings.get(name, "hunter2") not in said
    assert "hunter2" not in said
    assert (census(), tells(somebody)) == (before, 0)


def test_when_sessions_share_a_habit_naming_it_once_is_enough(somebody: Somebody) -> None:
    made = connect(somebody, "habitica", **HABITICA, when="both", evening="task-1")
    shared = {"user": UUID, "when": "both", "morning": "task-1", "evening": "task-1"}
    assert made.connection.settings == shared
    after = alter(somebody, made.connection.id, when="each", morning="task-2")
    assert after.connection.settings == {"user": UUID, "morning": "task-2", "evening": "task-1"}


def test_what_is_not_named_stays_and_what_is_empty_goes(somebody: Somebody) -> None:
    made = connect(somebody, "habitica", **HABITICA, morning="task-1", words="yoga, mobility", label="Mine")
    alter(somebody, made.connection.id, morning="task-2", evening="task-3")
    after = alter(somebody, made.connection.id, words="", label="")
    assert after.connection.settings == {"user": UUID, "morning": "task-2", "evening": "task-3"}
    assert after.connection.label == "Habitica"
    held = row(somebody, made.connection.id)
    assert (held.key, held.label) == (made.connection.key, "Habitica")
    assert shown(somebody, made.connection.id) == {"token": TOKEN}
    assert (after.secret, after.public) == (None, None)


def test_a_connection_that_tells_us_can_be_told_too_and_no_more(somebody: Somebody) -> None:
    made = connect(somebody, "habitica")
    hook = row(somebody, made.connection.id).key
    alter(somebody, made.connection.id, **HABITICA)
    assert (tells(somebody), row(somebody, made.connection.id).outgoing) == (1, True)
    queue(somebody, made.connection.id)
    alter(somebody, made.connection.id, user="", token="")
    held = row(somebody, made.connection.id)
    assert (tells(somebody), held.outgoing, held.tokens, held.key) == (0, False, None, hook)
    assert states(somebody) == [State.DROPPED]


def test_what_is_only_told_cannot_be_emptied(somebody: Somebody) -> None:
    made = connect(somebody, "beaverhabits", **BEAVER)
    for changes in ({"token": ""}, {"url": "", "token": ""}):
        with pytest.raises(Refused, match=r"Beaver Habits .*needs"):
            alter(somebody, made.connection.id, **changes)
    assert shown(somebody, made.connection.id) == {"token": "beaver-token-1"}


@pytest.mark.parametrize(
    "moved", ["https://other.example.org", "https://beaver.example.org:8443", "http://beaver.example.org"]
)
def test_no_token_goes_along_to_another_server(somebody: Somebody, moved: str) -> None:
    made = connect(somebody, "beaverhabits", **BEAVER)
    with pytest.raises(Refused, match=r"url: another address needs its own token \(API token\); give it too"):
        alter(somebody, made.connection.id, url=moved)
    assert row(somebody, made.connection.id).settings == '{"url":"https://beaver.example.org"}'
    alter(somebody, made.connection.id, url=moved, token="token-of-the-other")
    assert shown(somebody, made.connection.id) == {"token": "token-of-the-other"}


def test_what_may_be_left_out_is_forgotten_when_the_server_changes(somebody: Somebody) -> None:
    made = connect(somebody, "ntfy", topic="a-topic-nobody-guesses", token="tk_secret")
    alter(somebody, made.connection.id, url="https://ntfy.example.org", topic="another-topic")
    assert shown(somebody, made.connection.id) == {"topic": "another-topic"}


def test_another_path_on_the_same_server_keeps_the_token(somebody: Somebody) -> None:
    made = connect(somebody, "beaverhabits", **BEAVER)
    alter(somebody, made.connection.id, url="https://BEAVER.example.org:443/app")
    assert shown(somebody, made.connection.id) == {"token": "beaver-token-1"}


def test_a_signed_webhook_that_moves_gets_a_fresh_secret(somebody: Somebody) -> None:
    made = connect(somebody, "standard", url=URL)
    after = alter(somebody, made.connection.id, url="https://other.example.org/")
    assert after.secret not in (None, made.secret)
    assert shown(somebody, made.connection.id) == {"secret": after.secret}
    assert opened_secrets(somebody.parts.keys, after.connection) == (made.secret,), "who tells us is still the same"


def test_a_private_key_stays_outgoing_only_whatever_else_changes(somebody: Somebody) -> None:
    made = connect(somebody, "standard", url=URL, secret=signing.new_private_key())
    after = alter(somebody, made.connection.id, label="Mine")
    assert (after.hook, after.secret, after.public) == ("", None, made.public)


def test_a_given_secret_changes_both_ways_at_once(somebody: Somebody) -> None:
    made, given = connect(somebody, "standard", url=URL), signatures.new_secret()
    after = alter(somebody, made.connection.id, secret=given)
    assert opened_secrets(somebody.parts.keys, after.connection) == (given,)
    assert (shown(somebody, made.connection.id), after.secret) == ({"secret": given}, None)


def test_a_mended_token_starts_afresh_and_sends_what_waits(somebody: Somebody, parts: Any, clock: Any) -> None:
    made = connect(somebody, "beeminder", token="a-wrong-token", morning="stretch")
    queue(somebody, made.connection.id)
    with parts.store.writing() as db:
        outlets.save(db, made.connection.id, disabled(Health(failures=9), "it refused our key", clock()), None)
    clock.move(hours=5)
    alter(somebody, made.connection.id, morning="other")
    assert outlet(somebody, made.connection.id).health.disabled_at is not None, "a mapping heals no credentials"
    alter(somebody, made.connection.id, token="the-right-token")
    held = outlet(somebody, made.connection.id)
    assert held is not None
    assert held.health == Health()
    assert held.next_at is not None
    assert held.next_at <= clock()


@pytest.mark.parametrize("result", [Refusal("gone", "", gone=True), Refusal("http_503", "", after=3600), Sent()])
def test_what_the_old_address_answers_says_nothing_of_the_new_one(
    somebody: Somebody, parts: Any, clock: Any, result: Refusal | Sent
) -> None:
    made, worker = connect(somebody, "standard", url=URL), Claim("worker-a")
    queue(somebody, made.connection.id)
    [leased] = claim(parts.store, worker, clock())
    clock.move(seconds=2)
    alter(somebody, made.connection.id, url="https://elsewhere.example.org/hooks", secret=signatures.new_secret())
    assert operating.find(parts.store, leased.dispatch.id).attempted_at == clock(), "it may have arrived"
    queue(somebody, made.connection.id, "evening")
    # Not even the same worker takes up anything while the old call is under way: it could not tell its answer apart.
    assert claim(parts.store, worker, clock()) == []
    clock.move(seconds=5)
    [again] = finish(parts.store, leased, Attempt(clock(), clock(), result), worker)
    held = outlet(somebody, made.connection.id)
    assert held is not None
    assert held.health == Health(not_before=clock())
    assert again.to.settings == row(somebody, made.connection.id).settings


def test_revoking_ends_what_is_told_drops_what_waits_and_forgets_the_tokens(somebody: Somebody) -> None:
    kept = connect(somebody, "beeminder", token="the-kept-token")
    made = connect(somebody, "habitica", **HABITICA, morning="task-1")
    queue(somebody, made.connection.id)
    assert tells(somebody) == 2
    connections.revoke(somebody.parts.store, made.connection.id, somebody.parts.clock())
    held = row(somebody, made.connection.id)
    assert (held.outgoing, held.tokens, tells(somebody)) == (False, None, 1)
    assert outlet(somebody, made.connection.id) is None
    assert outlet(somebody, kept.connection.id) is not None
    assert states(somebody) == [State.DROPPED]


@pytest.mark.parametrize("wanted", ["revoked", "never", "", "no\0thing"])
def test_what_has_ended_or_never_was_cannot_be_changed(somebody: Somebody, parts: Any, wanted: str) -> None:
    made = connect(somebody, "standard", url=URL)
    connections.revoke(parts.store, made.connection.id, parts.clock())
    wanted = made.connection.id if wanted == "revoked" else wanted
    with pytest.raises(NotFound, match="no live connection has the id"):
        alter(somebody, wanted, label="x")
    with pytest.raises(NotFound):
        connections.rotate(parts.store, parts.keys, parts.providers, wanted, parts.clock())
    with pytest.raises(NotFound):
        connections.revoke(parts.store, wanted, parts.clock())


def test_with_another_operators_key_nothing_is_overwritten(
    somebody: Somebody, parts: Any, everything: Callable[[], dict[str, list[Any]]]
) -> None:
    made = connect(somebody, "habitica", **HABITICA)
    before = everything()
    other = Keys(("another secret of another operator, for tests",))
    with pytest.raises(ConfigError):
        connections.alter(parts.store, other, parts.providers, made.connection.id, {"label": "x"}, parts.clock())
    assert everything() == before


def test_no_secret_stands_in_the_database_or_in_what_is_printed(
    somebody: Somebody, everything: Callable[[], dict[str, list[Any]]]
) -> None:
    secrets = ["canary-of-beeminder", TOKEN, "tk_" + "c" * 40, "canary_of_ntfy", "canary-of-home-assistant"]
    made = [
        connect(somebody, "beeminder", token=secrets[0]),
        connect(somebody, "habitica", user=UUID, token=secrets[1]),
        connect(somebody, "vikunja", url="https://v.example", token=secrets[2], secret="canary-of-vikunja-inward"),
        connect(somebody, "ntfy", topic=secrets[3]),
        connect(somebody, "home_assistant", url="https://h.example", token=secrets[4]),
        connect(somebody, "standard", url=URL),
    ]
    rotated = connections.rotate(
        somebody.parts.store,
        somebody.parts.keys,
        somebody.parts.providers,
        made[-1].connection.id,
        somebody.parts.clock(),
    )
    whsec = [str(one.secret).removeprefix("whsec_") for one in (made[-1], rotated)]
    kept = repr(everything()) + repr(made) + repr(rotated)
    for secret in [*secrets, "canary-of-vikunja-inward", *whsec]:
        assert secret not in kept
