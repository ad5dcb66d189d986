"""A mapped habit that is ticked before its session could begin waits, but for what is known of it already."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from integration.connecting import connections
from integration.inbox import entering
from integration.record import ACCEPTED, DUPLICATE, QUARANTINED
from tests.integration.conftest import TODAY, Somebody, at
from tests.integration.senders import post, scored, workouts
from webhooks.report import Kind, Moment, Report

BREAKFAST = at(5, 30)


def test_our_own_word_that_comes_back_early_is_known_as_ours(
    somebody: Somebody, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the evening was said on our page at noon, and the service tells us of the tick that we made there."""
    clock.now, ours = BREAKFAST, iter([True])
    monkeypatch.setattr(entering.echoes, "is_one", lambda *_: next(ours, False))
    todoist = somebody.connect("todoist", evening="t", client_secret="client-secret-of-the-app-12345")
    report = Report(Kind.DONE, "t@1", BREAKFAST, Moment(BREAKFAST), habit=("t", "Stretch"), thing="t")
    assert somebody.hear(todoist, report).outcome == ACCEPTED
    assert [(fact.slot, fact.date, fact.echo) for fact in somebody.facts()] == [("evening", TODAY, True)]
    assert somebody.hear(todoist, report).outcome == DUPLICATE


def test_what_counts_is_not_asked_about_when_it_is_told_again(
    client: FlaskClient, somebody: Somebody, clock: Any
) -> None:
    """Neither where the habit was given to another slot since."""
    clock.now, habitica = BREAKFAST, somebody.connect("habitica")
    told = scored("Stretch", BREAKFAST)
    assert post(client, somebody, habitica, told) == ACCEPTED
    parts, before = somebody.parts, somebody.facts()
    connections.alter(parts.store, parts.keys, parts.providers, habitica.id, {"evening": "Stretch"}, clock())
    assert post(client, somebody, habitica, told) == DUPLICATE
    assert somebody.facts() == before
    assert post(client, somebody, habitica, scored("Stretch", at(5, 31))) == QUARANTINED


def test_a_workout_has_the_time_at_which_it_was_done_and_is_not_asked_about(
    client: FlaskClient, somebody: Somebody, clock: Any
) -> None:
    clock.now = at(6, 30)
    health = somebody.connect("health_auto_export", evening="Yoga")
    assert post(client, somebody, health, workouts(("Yoga", "08:00"))) == ACCEPTED
    assert [(fact.slot, fact.date) for fact in somebody.facts()] == [("evening", TODAY)]
