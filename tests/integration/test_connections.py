"""Connections: only what can be proved may be connected, and a secret is shown once."""

import base64
from collections.abc import Callable
from typing import Any
from unicodedata import normalize

import pytest
from flask.testing import FlaskClient

from integration.connecting import connections
from integration.connecting.connections import opened_secrets
from integration.errors import NotFound, Refused
from integration.keys import KeyKind
from integration.parts import Parts
from integration.store import connections as stored
from tests.integration.conftest import Somebody


def secret(size: int) -> str:
    return "whsec_" + base64.b64encode(b"x" * size).decode()


def connect(somebody: Somebody, service: str, **settings: str) -> connections.Made:
    """Connects, a second after the connection before."""
    parts = somebody.parts
    parts.clock.move(seconds=1)
    now = parts.clock()
    return connections.add(parts.store, parts.keys, parts.providers, somebody.id, service, settings, now)


def held(somebody: Somebody) -> list[Any]:
    with somebody.parts.store.reading() as db:
        return stored.of(db, somebody.id)


def test_a_signed_connection_gets_a_secret_that_is_shown_now_and_stored_sealed(somebody: Somebody) -> None:
    made = connect(somebody, "standard")
    assert made.secret is not None
    assert made.secret.startswith("whsec_")
    assert made.secret not in repr(made)
    assert made.hook not in repr(made)
    assert made.secret.removeprefix("whsec_") not in (made.connection.sealed or "")
    assert opened_secrets(somebody.parts.keys, held(somebody)[0]) == (made.secret,)


def test_a_given_secret_is_taken_and_several_may_be_live(somebody: Somebody) -> None:
    both = f"{secret(24)}, {secret(64)}"
    made = connect(somebody, "standard", secret=both)
    assert made.secret == both
    assert opened_secrets(somebody.parts.keys, held(somebody)[0]) == (secret(24), secret(64))


def test_a_simple_connection_needs_no_secret_and_takes_a_bearer(somebody: Somebody) -> None:
    assert connect(somebody, "simple").secret is None
    assert connect(somebody, "simple", bearer="b" * 24).secret == "b" * 24
    assert [opened_secrets(somebody.parts.keys, found) for found in held(somebody)] == [(), ("b" * 24,)]


def test_a_person_may_connect_one_service_any_number_of_times(somebody: Somebody) -> None:
    made = [connect(somebody, "simple", label=f"phone {number}") for number in range(3)]
    assert len({one.hook for one in made}) == 3
    assert [found.label for found in held(somebody)] == ["phone 0", "phone 1", "phone 2"]


def test_the_label_is_the_services_name_unless_one_is_given(somebody: Somebody) -> None:
    assert connect(somebody, "habitica").connection.label == "Habitica"


def test_a_mapping_names_the_habit_of_a_slot(somebody: Somebody) -> None:
    connect(somebody, "habitica", morning="task-1", evening="Abendstretch", label="mine")
    assert held(somebody)[0].settings == {"morning": "task-1", "evening": "Abendstretch"}


NAMES = {
    "an emoji with a joiner": "🧘‍♀️ Stretch",
    "a family": "👩‍⚕️ Praxis",
    "Persian": "کشش\u200cصبح",
    "Hindi": "क्‍ष",
    "a soft hyphen": "Wirbel\xadsäule",
    "Japanese with its own space": "朝\u3000ストレッチ",
    "a space that does not break": "Stretch\xa0am",
    "a flag of letters": "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "a letter of the future": "\U0001fbff\U0001faff",
    "Hebrew with its mark": "מתיחה\u200f!",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_name_in_any_script_can_be_given(somebody: Somebody, name: str) -> None:
    given = {"label": name, "morning": name, "words": f"yoga, {name}", "ignore": f"Floss\n{name}"}
    connect(somebody, "habitica", **given)
    [found] = held(somebody)
    assert {"label": found.label, **found.settings} == given


def test_names_are_kept_in_composed_unicode_and_addresses_as_they_were_typed(somebody: Somebody, parts: Parts) -> None:
    """A Mac's file names and some keyboards write an umlaut as two characters; what is reported is composed."""
    names = {"label": "Dehnübung", "morning": "Früh", "words": "Flexibilité, Rücken", "ignore": "Öl\nYoga"}
    apart = {name: normalize("NFD", value) for name, value in names.items()}
    made = connect(somebody, "habitica", **apart)
    [found] = held(somebody)
    assert {"label": found.label, **found.settings} == names
    changed = {name: f"{value}ü" for name, value in apart.items()}
    connections.alter(parts.store, parts.keys, parts.providers, made.connection.id, changed, parts.clock())
    [found] = held(somebody)
    assert {"label": found.label, **found.settings} == {name: f"{value}ü" for name, value in names.items()}
    address = normalize("NFD", "https://example.org/früh")
    assert connect(somebody, "standard", url=address).connection.settings == {"url": address}


REFUSED = {
    "an unknown service": ("fitbit", {}, "no service is called 'fitbit'"),
    "a service's name in capitals": ("Habitica", {}, "there are beaverhabits, beeminder, cloudevents, habitica"),
    "no service": ("", {}, "no service is called ''"),
    "a path": ("../habitica", {}, "no service"),
    "an unknown setting": ("simple", {"token": "x"}, "no setting is called 'token'; there are bearer, evening"),
    "another service's secret": ("habitica", {"secret": secret(32)}, "no setting is called 'secret'"),
    "a slot the plan does not have": ("habitica", {"noon": "task-1"}, "no setting is called 'noon'"),
    "an empty label": ("simple", {"label": ""}, "label: give 1 to 200"),
    "a blank label": ("simple", {"label": "  "}, "label: give 1 to 200"),
    "a long label": ("simple", {"label": "x" * 201}, "label: give 1 to 200"),
    "a label of two lines": ("simple", {"label": "a\nb"}, "label: give 1 to 200"),
    "NUL": ("simple", {"label": "a\0"}, "label: give 1 to 200"),
    "a surrogate": ("simple", {"label": "a\udcff"}, "label: give 1 to 200"),
    "DEL": ("simple", {"label": "a\x7f"}, "label: give 1 to 200"),
    "a control of Latin-1": ("simple", {"label": "a\x9b1m"}, "label: give 1 to 200"),
    "a line separator": ("simple", {"label": "a\u2028b"}, "label: give 1 to 200"),
    "a paragraph separator": ("habitica", {"morning": "a\u2029b"}, "morning: give 1 to 200"),
    "an override of direction": ("habitica", {"morning": "a\u202eb"}, "morning: .*type it by hand"),
    "an isolate of direction": ("habitica", {"words": "yoga, a\u2066b"}, "words: .*type it by hand"),
    "a line in a word": ("habitica", {"words": "yoga\n, tai chi"}, "words: .*on one line"),
    "a name that nobody sees": ("habitica", {"morning": "\u200b \u200d\u3000"}, "morning: give 1 to 200"),
    "a word that nobody sees": ("habitica", {"words": "yoga, \u200b\u200d"}, "words: .*cannot be seen"),
    "an ignored name that nobody sees": ("habitica", {"ignore": "yoga\n\u200b"}, "ignore: .*cannot be seen"),
    "an override in an ignored name": ("habitica", {"ignore": "a\u202eb"}, "ignore: .*a line each"),
    "a secret with a soft hyphen": ("intervals_icu", {"secret": "s" * 24 + "\xad"}, "secret: .*cannot be seen"),
    "an empty secret": ("standard", {"secret": ""}, "secret: give 1 to 200"),
    "a prefix alone": ("standard", {"secret": "whsec_"}, "secret: "),
    "three bytes": ("standard", {"secret": secret(3)}, "secret: .*24 to 64 bytes"),
    "23 bytes": ("standard", {"secret": secret(23)}, "secret: .*24 to 64 bytes"),
    "65 bytes": ("standard", {"secret": secret(65)}, "secret: .*24 to 64 bytes"),
    "no prefix": ("standard", {"secret": secret(32).removeprefix("whsec_")}, "secret: .*begins with whsec_"),
    "the private half": ("standard", {"secret": "whsk_" + "A" * 44}, "secret: .*public half"),
    "not base64": ("standard", {"secret": "whsec_" + "!" * 44}, "secret: .*base64"),
    "one of two is weak": ("standard", {"secret": f"{secret(32)},{secret(3)}"}, "secret: .*24 to 64 bytes"),
    "only a comma": ("standard", {"secret": ","}, "secret: "),
    "a short bearer": ("simple", {"bearer": "b" * 23}, "bearer: "),
    "a bearer with a space": ("simple", {"bearer": "b" * 24 + " b"}, "bearer: "),
}


@pytest.mark.parametrize(("service", "settings", "told"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_connected_is_refused_in_one_line_and_nothing_is_stored(
    somebody: Somebody,
    service: str,
    settings: dict[str, str],
    told: str,
    census: Callable[[], dict[str, int]],
) -> None:
    before = census()
    with pytest.raises(Refused, match=told) as refused:
        connect(somebody, service, **settings)
    assert "\n" not in str(refused.value)
    for name in ("secret", "bearer"):
        assert len(settings.get(name, "")) < 8 or settings[name] not in str(refused.value)
    assert census() == before


def test_an_unknown_person_cannot_be_connected(parts: Parts) -> None:
    with pytest.raises(NotFound):
        connections.add(parts.store, parts.keys, parts.providers, "nobody", "simple", {}, parts.clock())


def test_an_ended_connection_answers_as_one_that_never_was(
    client: FlaskClient, somebody: Somebody, parts: Parts
) -> None:
    made = connect(somebody, "simple")
    hook = somebody.path(parts.links.hook("simple", made.connection.key or ""))
    never = somebody.path(parts.links.hook("simple", "never"))
    assert client.post(hook).status_code == 200
    connections.revoke(parts.store, made.connection.id, parts.clock())
    ended, unknown = client.post(hook), client.post(never)
    assert (ended.status_code, ended.data) == (unknown.status_code, unknown.data)
    assert ended.status_code == 404
    assert len(somebody.facts()) == 1, "what it said stays"
    assert held(somebody) == []


def test_a_connection_ends_once(somebody: Somebody, parts: Parts) -> None:
    made = connect(somebody, "simple")
    connections.revoke(parts.store, made.connection.id, parts.clock())
    for gone in (made.connection.id, "never"):
        with pytest.raises(NotFound, match=r"no live connection has the id .*; 'turntwice connection list PERSON'"):
            connections.revoke(parts.store, gone, parts.clock())


def test_a_hook_takes_only_the_service_that_it_was_made_for(client: FlaskClient, somebody: Somebody) -> None:
    made = connect(somebody, "simple")
    assert client.post(f"/hooks/habitica/{made.hook}", json={"type": "scored"}).status_code == 404
    assert client.post(f"/hooks/standard/{made.hook}").status_code == 404
    assert client.post(f"/hooks/simple/{somebody.parts.keys.key(KeyKind.HOOK, 'x')}").status_code == 404
    assert somebody.facts() == []
