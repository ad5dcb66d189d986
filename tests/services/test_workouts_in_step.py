"""Hevy and Intervals.icu through their own files: what we make there is reported to us, and is nothing new."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from integration import people, record, status
from integration.connecting import connections
from integration.core.model import Connection, FactKind, State
from integration.core.placing import Placed
from integration.dispatching import operating
from integration.dispatching.judging import Attempt
from integration.dispatching.sending import Sender
from integration.inbox.fetched import recorder
from integration.inbox.receiving import inbound_of
from integration.outbox import Claim, Leased, claim, finish
from integration.outgoing import Reply, Request
from integration.parts import Parts
from integration.people import Wish
from integration.store.dispatches import Dispatch
from integration.store.facts import since
from webhooks.report import Incoming

MONDAY, TODAY = date(2026, 6, 1), date(2026, 6, 2)
MADE, SECRET = "W-1", "z" * 40
OWN = Claim("worker", most=0)


class Gym:
    """Somebody in Berlin, one of the two services that keeps what it is told, and HabitSync, which tells nothing."""

    def __init__(self, parts: Parts, clock: Any, service: str) -> None:
        self.parts, self.clock, self.service = parts, clock, service
        self.person, _ = people.add(parts.store, Wish("Europe/Berlin", time(7), time(22), start=MONDAY), clock())
        self.kept: dict[str, Any] = {}
        self.shown: dict[str, Any] = {}
        habits = {"morning": "T-1", "evening": "T-1"}
        more = habits if service == "hevy" else {"secret": SECRET, "words": "stretch"}
        self.workouts = self.connect(service, {"api_key": "k" * 20, **more})
        other = {"url": "https://habits.example.org", "token": "k" * 20, "morning": "am", "evening": "pm"}
        self.other = self.connect("habitsync", other)

    def connect(self, service: str, settings: Mapping[str, str]) -> Connection:
        store, keys, providers = self.parts.store, self.parts.keys, self.parts.providers
        return connections.add(store, keys, providers, self.person.id, service, settings, self.clock()).connection

    def call(self, request: Request) -> Reply:
        if "habits.example.org" in request.url:
            return Reply(200, {}, request.body or b"")
        body = json.loads(request.body or b"null")
        if request.method == "POST":
            self.kept = {"id": MADE, **(body["workout"] if self.service == "hevy" else body[0])}
            return Reply(201, {}, json.dumps(self.kept if self.service == "hevy" else [self.kept]).encode())
        if self.shown and request.url.endswith(f"/workouts/{self.shown['id']}"):
            return Reply(200, {}, json.dumps({**self.shown, "updated_at": stamp(self.clock())}).encode())
        return Reply(404) if self.service == "hevy" else Reply(200, {}, b"[]")

    def press(self, slot: str, day: date) -> None:
        record.tell(self.parts.store, self.person_now, Placed(slot, day), FactKind.DONE, self.clock())

    @property
    def person_now(self) -> Any:
        return people.find(self.parts.store, self.person.id)

    def claimed(self) -> list[Leased]:
        return claim(self.parts.store, Claim("worker"), self.clock())

    def settle(self, leased: Leased, known: bool = True) -> None:
        """Its answer is stored; `known`: it tells the id of what was made."""
        sender = Sender(self.parts.keys, self.parts.services, self.call, recorder(self.parts))
        result: Any = sender.send(leased, self.clock())
        if not known:
            result = type(result)(words=result.words)
        finish(self.parts.store, leased, Attempt(self.clock(), self.clock(), result), OWN)

    def send(self, known: bool = True) -> None:
        while leased := self.claimed():
            self.settle(leased[0], known)

    def hear(self, **changes: Any) -> None:
        """Its webhook tells of what we made, as it stands there now, or of another workout."""
        self.shown = {**self.kept, **changes}
        provider = self.parts.providers[self.service]
        body: Any = {"workoutId": self.shown["id"]}
        if self.service == "intervals_icu":
            local = datetime.fromisoformat(self.kept["start_date_local"])
            activity = {"start_date": stamp(local - timedelta(hours=2)), **self.shown}
            event = {"type": "ACTIVITY_ANALYZED", "timestamp": stamp(self.clock()), "activity": activity}
            body = {"secret": SECRET, "events": [event]}
        incoming = Incoming({"content-type": "application/json"}, json.dumps(body).encode(), self.clock())
        notices = provider.notices(incoming) if self.service == "hevy" else ()
        inbound = inbound_of(provider, self.workouts, self.person_now)
        record.record(self.parts.store, inbound, incoming, provider.reports(incoming), notices)

    def done(self) -> set[tuple[date, str]]:
        with self.parts.store.reading() as db:
            merged = status.merged_sessions(since(db, self.person.id, MONDAY))
        return {session for session, found in merged.items() if found.state is State.DONE}

    def told(self, to: Connection) -> list[Dispatch]:
        found = operating.listing(self.parts.store, self.person.id)
        return [held for held in found if held.connection == to.id and held.kind in ("done", "undone")]


def stamp(at: datetime) -> str:
    return f"{at.replace(tzinfo=at.tzinfo or UTC):%Y-%m-%dT%H:%M:%SZ}"


@pytest.fixture
def gym(parts: Parts, clock: Any) -> Callable[[str], Gym]:
    return lambda service: Gym(parts, clock, service)


both = pytest.mark.parametrize("service", ["hevy", "intervals_icu"])


@both
@pytest.mark.parametrize("later", [timedelta(seconds=30), timedelta(days=3)])
@pytest.mark.parametrize("lies", ["where we put it", "when it was ticked"])
def test_a_session_ticked_late_is_no_second_one_when_it_comes_back(
    gym: Callable[[str], Gym], clock: Any, service: str, later: timedelta, lies: str
) -> None:
    clock.now = datetime(2026, 6, 2, 7, tzinfo=UTC)
    here = gym(service)
    here.press("evening", MONDAY)
    here.send()
    clock.now += later
    starts = "start_time" if service == "hevy" else "start_date"
    moved = {starts: "2026-06-02T06:57:00Z", "start_date_local": "2026-06-02T08:57:00"}
    for number in range(2):
        here.hear(**(moved if lies == "when it was ticked" else {}), title=f"Spinal stretch {number}")
        here.send()
        clock.move(minutes=5)
    assert here.done() == {(MONDAY, "evening")}
    assert len(here.told(here.workouts)) == len(here.told(here.other)) == 1


@both
@pytest.mark.parametrize("known", ["by its id there", "by our mark"])
def test_what_we_made_is_known_by_its_id_and_by_our_mark(
    gym: Callable[[str], Gym], clock: Any, service: str, known: str
) -> None:
    """Somebody may write over the mark, and an answer may not say the id."""
    clock.now = datetime(2026, 6, 2, 20, tzinfo=UTC)
    here = gym(service)
    here.press("morning", TODAY)
    by_id = known == "by its id there"
    here.send(known=by_id)
    clock.move(hours=3)
    mark = "description" if service == "hevy" else "external_id"
    here.hear(**({mark: "felt good"} if by_id else {}), name="Spinal stretch", start_time="2026-06-02T19:57:00Z")
    here.send()
    assert here.done() == {(TODAY, "morning")}
    assert len(here.told(here.workouts)) == len(here.told(here.other)) == 1


def test_a_webhook_that_is_faster_than_the_answer_is_known_by_our_mark(gym: Callable[[str], Gym], clock: Any) -> None:
    clock.now = datetime(2026, 6, 2, 20, tzinfo=UTC)
    here = gym("intervals_icu")
    here.press("morning", TODAY)
    leased = next(one for one in here.claimed() + here.claimed() if one.to.service == "intervals_icu")
    Sender(here.parts.keys, here.parts.services, here.call).send(leased, clock())
    here.hear(start_date="2026-06-02T19:57:00Z", start_date_local="2026-06-02T21:57:00")
    assert here.done() == {(TODAY, "morning")}


@both
def test_a_workout_of_their_own_beside_ours_counts(gym: Callable[[str], Gym], clock: Any, service: str) -> None:
    clock.now = datetime(2026, 6, 2, 20, tzinfo=UTC)
    here = gym(service)
    here.press("morning", TODAY)
    here.send()
    clock.move(minutes=1)
    mark = "description" if service == "hevy" else "external_id"
    starts = {"start_time": "2026-06-02T19:57:00Z", "start_date": "2026-06-02T19:57:00Z"}
    here.hear(id="W-2", **{mark: None}, **starts, start_date_local="2026-06-02T21:57:00")
    here.send()
    assert here.done() == {(TODAY, "morning"), (TODAY, "evening")}
