"""What of a body is kept where its provider says that not all of it may be: never the secret, never what is large.

Source: webhook-reliability K6 and R12; fitness-platforms 3.2 and 3.6.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from integration.app import create_app
from integration.core.model import Connection
from integration.inbox.receiving import NOT_KEPT
from integration.inbox.replay import replay
from integration.parts import Parts
from integration.store import deliveries as stored
from integration.store.deliveries import Entry
from integration.store.tables import deliveries
from tests.integration.conftest import TODAY, Somebody
from tests.integration.senders import post
from webhooks.errors import Invalid, Rejected
from webhooks.registry import providers
from webhooks.report import Incoming

CANARY = "canary-of-what-is-not-kept-12345"
SECRETS = {"intervals_icu": {"secret": CANARY}, "health_auto_export": {}}
"""How each provider that has a `kept` is connected."""


def activity(number: str, kind: str, start: str = f"{TODAY}T05:10:00Z") -> dict[str, Any]:
    told = {"id": number, "type": kind, "moving_time": 300, "start_date": start}
    return {"type": "ACTIVITY_UPLOADED", "activity": told}


def workout(name: str, start: str = f"{TODAY} 07:10:00 +0200") -> dict[str, Any]:
    nested = {"heartRateData": [{"Avg": CANARY}], "activeEnergyBurned": {"qty": CANARY}, "route": [[CANARY]]}
    return {"id": name, "name": name, "start": start, "duration": 300, **nested}


def events(*told: Any, **more: Any) -> dict[str, Any]:
    return {"secret": CANARY, "events": list(told), **more}


def export(*told: Any) -> dict[str, Any]:
    return {"data": {"workouts": list(told), "metrics": [{"name": CANARY}]}}


BODIES: dict[str, dict[str, list[Any]]] = {
    "intervals_icu": {
        "accepted": [events(activity("1", "PhysicalTherapy"))],
        "ignored": [events(activity("2", "Ride")), events()],
        "quarantined": [events(activity("3", "PhysicalTherapy", "2020-01-01T06:00:00Z"))],
        "unreadable": [
            {"secret": CANARY},
            {"secret": CANARY, "events": "x"},
            {"secret": CANARY, "events": [{"type": "ACTIVITY_UPLOADED", "activity": {"id": []}}]},
        ],
    },
    "health_auto_export": {
        "accepted": [export(workout("Flexibility"))],
        "ignored": [export(workout("Running")), {"data": {"metrics": [CANARY]}}],
        "quarantined": [export(workout("Cooldown", "2020-01-01 07:00:00 +0100"))],
        "unreadable": [
            export(workout("Flexibility", "at seven")),
            export(workout("Flexibility") | {"duration": [5]}),
            export(workout("Flexibility") | {"start": [CANARY] * 20}),
            export(5),
            export([CANARY]),
            export([workout("Flexibility", "at seven")]),
            {"data": [CANARY]},
            {"data": CANARY},
            {"data": [workout("Flexibility")]},
            {"data": [{"name": "heart_rate", "data": [{"qty": CANARY}]}]},
            {"data": {"workouts": workout("Flexibility")}},
            [export(workout("Flexibility"))],
        ],
    },
}
EACH = [(name, word, body) for name, words in BODIES.items() for word, told in words.items() for body in told]


def kept_bodies(parts: Parts) -> list[tuple[str, bytes]]:
    with parts.store.reading() as db:
        return [(row.outcome, bytes(row.body)) for row in db.execute(select(deliveries).order_by(deliveries.c.id))]


def test_every_provider_that_keeps_less_is_looked_at_here() -> None:
    assert set(BODIES) == {name for name, provider in providers().items() if hasattr(provider, "kept")}


@pytest.mark.parametrize("name, word, body", EACH)
def test_nothing_that_may_not_be_kept_is_kept_whatever_becomes_of_the_delivery(
    client: FlaskClient, somebody: Somebody, name: str, word: str, body: Any
) -> None:
    connection = somebody.connect(name, **SECRETS[name])
    told = post(client, somebody, connection, body)
    [(outcome, kept)] = kept_bodies(somebody.parts)
    assert (outcome, told == outcome) == (("quarantined", False) if word == "unreadable" else (word, True))
    assert CANARY.encode() not in kept
    assert kept, "an empty body could say something else"


@pytest.mark.parametrize("name, word, body", EACH)
def test_what_is_kept_says_the_same_when_it_is_judged_again(name: str, word: str, body: Any, parts: Parts) -> None:
    provider: Any = parts.providers[name]
    whole = Incoming({"content-type": "application/json"}, json.dumps(body).encode(), parts.clock())

    def said(read: Callable[[Incoming], Any], incoming: Incoming) -> Any:
        try:
            return read(incoming)
        except Invalid as why:
            return str(why)

    if isinstance(kept := said(provider.kept, whole), bytes):
        assert said(provider.reports, replace(whole, body=kept)) == said(provider.reports, whole)
    else:
        assert word == "unreadable"


def fails(_incoming: Incoming) -> bytes:
    raise KeyError(CANARY)


def refuses(_incoming: Incoming) -> bytes:
    raise Invalid("field", "no")


def spoilt(parts: Parts, kept: Any) -> Parts:
    """The same, with a mistake in the `kept` of a provider whose empty body says done."""
    simple = parts.providers["simple"]
    odd = SimpleNamespace(**{name: getattr(simple, name) for name in dir(simple) if not name.startswith("_")})
    odd.kept = kept
    return replace(parts, providers={**parts.providers, "simple": odd})


@pytest.mark.parametrize("kept", [fails, refuses])
@pytest.mark.parametrize("body, outcome", [({"slot": "morning"}, "accepted"), ({"slot": [CANARY]}, "quarantined")])
def test_where_nobody_can_tell_what_may_be_kept_nothing_is_and_the_delivery_is_taken_all_the_same(
    somebody: Somebody, parts: Parts, kept: Any, body: Any, outcome: str, caplog: pytest.LogCaptureFixture
) -> None:
    connection = somebody.connect("simple")
    app = create_app(spoilt(parts, kept))
    post(app.test_client(), somebody, connection, body)
    assert kept_bodies(parts) == [(outcome, NOT_KEPT)]
    assert CANARY not in caplog.text
    assert ("KeyError" in caplog.text) == (kept is fails)


def test_what_was_not_kept_says_nothing_to_any_provider(parts: Parts) -> None:
    """An empty body would: "done, now" to a simple hook. It must not count when everything is judged again."""
    for provider in parts.providers.values():
        with pytest.raises(Rejected):
            provider.reports(Incoming({}, NOT_KEPT, parts.clock()))


def test_a_connection_shows_no_secret_of_what_nobody_can_read(client: FlaskClient, somebody: Somebody) -> None:
    connection: Connection = somebody.connect("intervals_icu", secret=CANARY)
    for broken in (b'{"secret": "%s", "events": [' % CANARY.encode(), f'{{"secret": "{CANARY}"}}'.encode()):
        post(client, somebody, connection, broken)
    assert CANARY.encode() not in b"".join(body for _, body in kept_bodies(somebody.parts))


def newest(somebody: Somebody) -> list[Entry]:
    with somebody.parts.store.reading() as db:
        return stored.latest(db, somebody.id, 10)


START = f"{TODAY} 07:10:00 +0200"


@pytest.mark.parametrize(
    "body",
    [
        export(workout("Flexibility", {"at": START})),
        export(workout("Flexibility") | {"duration": {"qty": 5, "units": "min"}}),
        {"data": {"workouts": workout("Flexibility")}},
        {"data": [workout("Flexibility")]},
        [export(workout("Flexibility"))],
        export(workout("Flexibility") | {"note": "\x00"}),
    ],
)
def test_of_a_workout_that_nobody_can_read_yet_its_name_and_times_are_kept(
    client: FlaskClient, somebody: Somebody, body: Any
) -> None:
    """So that it heals once the adapter is mended."""
    post(client, somebody, somebody.connect("health_auto_export"), body)
    [(outcome, kept)] = kept_bodies(somebody.parts)
    assert outcome == "quarantined"
    assert CANARY.encode() not in kept
    for told in ("Flexibility", START, "min" if b"units" in json.dumps(body).encode() else "id"):
        assert told.encode() in kept


@pytest.mark.parametrize("place", ["start", "data", "workouts", "heartRateData"])
def test_a_name_given_twice_is_kept_with_both_its_values(client: FlaskClient, somebody: Somebody, place: str) -> None:
    """It heals by itself only where it stands in what is not kept."""
    connection = somebody.connect("health_auto_export")
    whole = json.dumps(export(workout("Flexibility")))
    field = f'"{place}": '
    post(client, somebody, connection, whole.replace(field, f'{field}"{CANARY[:6]}", {field}', 1).encode())
    [(outcome, kept)] = kept_bodies(somebody.parts)
    assert (outcome, CANARY.encode() in kept, START.encode() in kept) == ("quarantined", False, True)
    [held] = newest(somebody)
    assert replay(somebody.parts, held.id).outcome == ("accepted" if place == "heartRateData" else "quarantined")


@pytest.mark.parametrize("body", [b"", b"\xff", b'{"data": ', b"[" * 100_000, b"[" * 900 + b"]" * 900, b"qty\n5\n"])
def test_of_what_is_no_json_of_a_phone_nothing_is_kept(client: FlaskClient, somebody: Somebody, body: bytes) -> None:
    """It may hold the pulse or the route anywhere."""
    post(client, somebody, somebody.connect("health_auto_export"), body)
    [(outcome, kept)] = kept_bodies(somebody.parts)
    assert outcome == "quarantined"
    assert kept == NOT_KEPT or set(kept) <= set(b"[]")
