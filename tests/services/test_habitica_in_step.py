"""Habitica through its own file, by scripted answers: what its webhook dropped, what it lacks, its webhook alive."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any

import pytest
from flask.testing import FlaskClient

from integration import people, record, status
from integration.connecting import connections, hooking
from integration.core.merge import Merged
from integration.core.model import FactKind, Person, State
from integration.core.placing import Placed
from integration.dispatching.judging import Attempt, Result
from integration.dispatching.sending import Sender
from integration.keys import KeyKind
from integration.outbox import Claim, claim, finish
from integration.outgoing import Refusal, Reply
from integration.parts import Parts
from integration.people import Wish
from integration.reconciling import compared
from integration.reconciling.compared import Streak
from integration.reconciling.reconcile import Acted, set_right
from integration.store.facts import since
from tests.services.conftest import Script

USER = "7f2e0a4c-3f0d-4b7e-9a55-0c1d2e3f4a5b"
TOKEN = "11111111-2222-3333-4444-555555555555"
BASE = "https://habitica.com/api/v3"
WHO = f"{BASE}/user?userFields=lastCron,preferences,profile.name"
TASK = f"{BASE}/tasks/turntwice-evening"
HOOKS = f"{BASE}/user/webhook"
MONDAY, TODAY = date(2026, 6, 1), date(2026, 6, 2)
SCORED_ON_MONDAY = 1780343999000


class Home:
    """Somebody in Berlin with a daily at Habitica for the evening, and Habitica by a script."""

    def __init__(
        self, parts: Parts, script: Callable[..., Script], sample: Callable[..., Reply], **mapping: str
    ) -> None:
        self.script, self.sample = script, sample
        settings = {"user": USER, "token": TOKEN, "evening": "turntwice-evening", **mapping}
        who, _ = people.add(parts.store, Wish("Europe/Berlin", time(7), time(22), start=MONDAY), parts.clock())
        store, keys, now = parts.store, parts.keys, parts.clock()
        made = connections.add(store, keys, parts.providers, who.id, "habitica", settings, now)
        self.parts, self.person, self.connection = parts, who, made.connection
        self.hook = f"/hooks/habitica/{keys.key(KeyKind.HOOK, self.connection.key or '')}"

    def task(self, name: str, **changes: Any) -> Reply:
        """A task as Habitica answers it; named values replace those under `data`."""
        kept = self.sample("habitica", name)
        body = json.loads(kept.body)
        return Reply(200, {}, json.dumps({**body, "data": {**body["data"], **changes}}).encode())

    def look(self, task: Reply) -> Acted:
        """Its history is read, and then its streak."""
        call = self.script(*[("GET", WHO, self.task("user")), ("GET", TASK, task)] * 2)
        return set_right(replace(self.parts, call=call), self.connection.id, self.parts.clock())[1]

    def press(self, slot: str = "evening") -> None:
        record.tell(self.parts.store, self.fresh, Placed(slot, TODAY), FactKind.DONE, self.parts.clock())

    @property
    def fresh(self) -> Person:
        return people.find(self.parts.store, self.person.id)

    def send(self) -> None:
        """What waits, over Habitica's own file."""
        up = ("POST", f"{TASK}/score/up", self.sample("habitica", "scored"))
        result = self.answer(("GET", WHO, self.task("user")), ("GET", TASK, self.task("daily")), up)
        assert not isinstance(result, Refusal), result

    def answer(self, *lines: tuple[str, str, Reply]) -> Result:
        """What waits is sent, and answered so."""
        store, now = self.parts.store, self.parts.clock()
        [leased] = claim(store, Claim("worker"), now)
        result = Sender(self.parts.keys, self.parts.services, self.script(*lines)).send(leased, now)
        finish(store, leased, Attempt(now, now, result), Claim("worker", most=0))
        return result

    def scored(self, client: FlaskClient, **task: Any) -> None:
        """Its webhook tells of a score, now."""
        at = self.parts.clock().timestamp() * 1000
        what = {"id": "0b1c8d52", "alias": "turntwice-evening", "history": [{"date": at}], **task}
        assert client.post(self.hook, json={"type": "scored", "direction": "up", "task": what}).status_code == 200

    def session(self, day: date) -> Merged:
        with self.parts.store.reading() as db:
            return status.merged_sessions(since(db, self.person.id, MONDAY)).get((day, "evening"), Merged())


@pytest.fixture
def home(parts: Parts, script: Callable[..., Script], sample: Callable[..., Reply]) -> Home:
    return Home(parts, script, sample)


def test_a_tick_whose_webhook_was_lost_counts_on_its_day_and_its_late_webhook_adds_nothing(
    home: Home, client: FlaskClient
) -> None:
    home.press()
    assert home.look(home.task("daily_done")).heard == ((MONDAY, "evening"),)
    found = home.session(MONDAY)
    assert (found.state, found.evidence) == (State.DONE, {home.connection.id})
    assert found.done_at == datetime.fromtimestamp(SCORED_ON_MONDAY / 1000, UTC)
    task = {"id": "0b1c8d52", "alias": "turntwice-evening", "type": "daily", "streak": 4}
    late = {"type": "scored", "direction": "up", "task": {**task, "history": [{"date": SCORED_ON_MONDAY}]}}
    assert client.post(home.hook, json=late).status_code == 200
    assert home.session(MONDAY) == found


def test_what_its_webhook_told_is_never_heard_again(home: Home, client: FlaskClient) -> None:
    task = {"id": "0b1c8d52", "alias": "turntwice-evening", "type": "daily", "streak": 4}
    told = {"type": "scored", "direction": "up", "task": {**task, "history": [{"date": SCORED_ON_MONDAY}]}}
    client.post(home.hook, json=told)
    home.press()
    assert home.look(home.task("daily_done")).heard == ()


def test_two_presses_of_ours_on_one_plus_are_both_ours_when_they_come_back_and_a_third_is_not(
    parts: Parts, script: Callable[..., Script], sample: Callable[..., Reply], client: FlaskClient, clock: Any
) -> None:
    home = Home(parts, script, sample, morning="turntwice-evening")
    home.press("morning")
    home.press()
    plus = ("POST", f"{TASK}/score/up", sample("habitica", "scored"))
    home.answer(("GET", WHO, home.task("user")), ("GET", TASK, home.task("habit", history=[])), plus, plus)
    for count, expected in ((1, {"person"}), (2, {"person"}), (3, {"person", home.connection.id})):
        clock.move(minutes=2)
        home.scored(client, type="habit", counterUp=count)
        assert home.session(TODAY).evidence == expected


def test_their_own_tick_after_it_would_not_have_ours_yet_is_their_own(
    home: Home, client: FlaskClient, clock: Any
) -> None:
    home.press()
    before = home.task("user", lastCron="2026-06-01T05:00:00Z")
    refused = home.answer(("GET", WHO, before), ("GET", TASK, home.task("daily")))
    assert isinstance(refused, Refusal)
    clock.move(minutes=20)
    home.scored(client, type="daily", streak=4)
    assert home.session(TODAY).evidence == {"person", home.connection.id}


def test_what_it_lacks_today_is_sent_and_then_it_is_in_step(home: Home, clock: Any) -> None:
    home.press()
    home.send()
    scored = clock().timestamp() * 1000
    clock.move(hours=1)
    ticked = home.task("daily_done", history=[{"date": scored, "completed": True}])
    acted = home.look(ticked)
    assert acted.message == "Habitica and we are in step."
    assert home.session(TODAY).evidence == {"person"}


def test_a_tick_that_was_taken_away_there_is_not_ticked_again_by_itself(home: Home, clock: Any) -> None:
    home.press()
    home.send()
    clock.move(hours=1)
    acted = home.look(home.task("daily", history=[]))
    assert acted.queued == ()
    assert acted.message == "1 session of yours is not there any more, or could not be sent."


def test_no_past_day_is_sent_to_it(home: Home, clock: Any) -> None:
    record.tell(home.parts.store, home.fresh, Placed("evening", MONDAY), FactKind.DONE, clock())
    clock.move(hours=1)
    assert home.look(home.task("daily", history=[])).message == "Habitica and we are in step."


def test_its_streak_stands_beside_ours_with_its_day_boundary_and_its_skips(home: Home) -> None:
    home.look(home.task("daily_done"))
    kept = compared.last(home.parts.store, home.connection.id)
    assert kept
    # What it had of Monday and of today was heard.
    assert kept.found.streaks == (Streak("evening", 2, 5),)
    assert kept.found.reason.startswith("A day at Habitica begins at 00:00. A day on which a daily is not due")


def test_its_refusal_is_said_and_nothing_changes(home: Home, sample: Callable[..., Reply]) -> None:
    call = home.script(("GET", WHO, sample("habitica", "bad_credentials")))
    with pytest.raises(Refusal) as refused:
        set_right(replace(home.parts, call=call), home.connection.id, home.parts.clock())
    assert TOKEN not in str(refused.value)
    assert compared.last(home.parts.store, home.connection.id) is None


def test_its_webhook_is_made_when_asked_and_switched_on_again_when_it_gave_up(home: Home, clock: Any) -> None:
    address = home.parts.links.hook("habitica", home.connection.key or "")
    none, off = ([], [{"id": "9b2e", "url": address, "enabled": False}])
    made = home.task("webhook")
    call = home.script(("GET", HOOKS, listed(none)), ("POST", HOOKS, made))
    assert (
        hooking.ensure(replace(home.parts, call=call), home.connection.id, clock()) == "Habitica tells us from now on."
    )
    assert call.bodies()[1]["url"] == address
    clock.move(hours=24)
    call = home.script(("GET", HOOKS, listed(off)), ("PUT", f"{HOOKS}/9b2e", made))
    assert hooking.mend(replace(home.parts, call=call), home.connection.id) == ""
    call = home.script(("GET", HOOKS, listed(none)))
    assert "was deleted" in hooking.mend(replace(home.parts, call=call), home.connection.id)


def listed(hooks: list[Any]) -> Reply:
    return Reply(200, {}, json.dumps({"success": True, "data": hooks}).encode())
