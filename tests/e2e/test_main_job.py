"""The main job from end to end: a command, a plan, a calendar, a session, two services, a streak, a tick, a restart."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import recurring_ical_events
from ical.calendar_stream import IcsCalendarStream
from icalendar import Calendar
from standardwebhooks import Webhook

from integration.core.model import Day, State
from integration.core.streaks import Tally, adherence, fold
from tests.serving import Answer, Served, asked

SAMPLE = Path(__file__).resolve().parents[1] / "samples" / "habitica" / "daily_up.json"
BERLIN = ZoneInfo("Europe/Berlin")
AGO = 5


@dataclass
class World:
    """One person of a served Turntwice, their services, and their phone's calendar."""

    served: Served
    person: str
    feed: str
    standard: dict[str, str]
    habitica: dict[str, str]
    first: date
    seen: dict[str, str] = field(default_factory=dict)

    def session(self, event: str, kind: str, day: date, slot: str, minute: int) -> Answer:
        """A request as the reference library signs it."""
        said = datetime.combine(day, time(9, minute), BERLIN).isoformat()
        data = {"date": day.isoformat(), "slot": slot, "performed_at": said}
        body = json.dumps({"type": f"session.{kind}", "timestamp": said, "data": data})
        now = datetime.now(UTC)
        headers = {
            "webhook_id": event,
            "webhook_timestamp": str(int(now.timestamp())),
            "webhook_signature": Webhook(self.standard["secret"]).sign(event, now, body),
            "content_type": "application/json",
        }
        return self.served.ask("POST", self.standard["hook"], body.encode(), **headers)

    def scored(self, direction: str, at: datetime) -> Answer:
        """What Habitica posts when a daily is ticked, in the shape of its own source."""
        body: Any = json.loads(SAMPLE.read_text(encoding="utf-8"))["body"]
        body["direction"] = direction
        body["task"]["history"][-1]["date"] = int(at.timestamp() * 1000)
        return self.served.ask(
            "POST", self.habitica["hook"], json.dumps(body).encode(), content_type="application/json"
        )

    def poll(self) -> Answer:
        """What a phone asks for: only what is new."""
        answer = self.served.ask("GET", self.feed, **({"if_none_match": self.seen["tag"]} if self.seen else {}))
        if answer.status == 200:
            self.seen = {"tag": answer.headers["etag"], "body": answer.body.decode()}
        return answer

    def shown(self, day: date, slot: str) -> tuple[str, int, int]:
        """Title, SEQUENCE and alarms of a session, as two parsers read them alike."""
        document = self.served.ask("GET", self.feed).body
        events = recurring_ical_events.of(Calendar.from_ical(document)).at(day)
        [found] = [event for event in events if str(event["SUMMARY"]).lower().startswith(slot)]
        other = next(e for e in IcsCalendarStream.calendar_from_ics(document.decode()).events if e.uid == found["UID"])
        assert (other.summary, other.sequence, len(other.alarm)) == (
            found["SUMMARY"],
            found["SEQUENCE"],
            len(found.walk("VALARM")),
        )
        return str(found["SUMMARY"]), int(found["SEQUENCE"]), len(other.alarm)

    def status(self) -> Any:
        return asked(self.served.env, "status", self.person)


def numbers_of_the_law(done: set[tuple[date, str]], told: Any) -> dict[str, Any]:
    """What the law says for the days up to the one that `told` calls today; today's states are taken from it."""
    today, days = date.fromisoformat(told["today"]["date"]), []
    first = min(day for day, _ in done)
    for offset in range((today - first).days):
        day = first + timedelta(days=offset)
        states = [(slot, State.DONE if (day, slot) in done else State.MISSED) for slot in ("morning", "evening")]
        days.append(Day(day, tuple(states)))
    days.append(Day(today, tuple((slot, State(told["today"][slot])) for slot in ("morning", "evening")), over=False))
    tally = fold(Tally(), days)
    return {
        "score": round(tally.score, 6),
        "active": tally.active.now,
        "perfect": tally.perfect.now,
        "slots": {name: run.now for name, run in tally.slots.items()},
        "best_active": tally.active.best,
        "adherence": {str(span): list(adherence(days, span)) for span in (7, 28, 90)},
    }


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Somebody who began five days ago, on a server that was started with one command and an empty folder."""
    served = Served(tmp_path / "data").start()
    first = datetime.now(BERLIN).date() - timedelta(days=AGO)
    plan = ("--zone", "Europe/Berlin", "--morning", "07:00", "--evening", "22:00", "--start", first.isoformat())
    made = asked(served.env, "person", "add", *plan)
    standard = asked(served.env, "connection", "add", made["person"], "standard")
    habitica = asked(served.env, "connection", "add", made["person"], "habitica")
    yield World(served, made["person"], made["feed"], standard, habitica, first)
    served.kill()


def test_the_main_job(world: World) -> None:
    morning, evening = (world.first, "morning"), (world.first, "evening")
    assert world.feed.startswith(world.served.address)
    assert world.poll().status == 200
    assert world.shown(*morning) == ("Morning stretch", 0, 1)

    assert world.session("msg_1", "completed", *morning, 0).json["outcome"] == "accepted"
    assert world.poll().status == 200
    assert world.shown(*morning) == ("Morning stretch ✓", 1, 0)

    at = datetime.combine(world.first, time(21, 55), BERLIN)
    assert world.scored("up", at).json["outcome"] == "accepted"
    assert world.poll().status == 200
    assert world.shown(*evening) == ("Evening stretch ✓", 1, 0)
    told = world.status()
    assert (told["best_active"], told["adherence"]["90"][0]) == (1, 2)
    assert {**told, **numbers_of_the_law({morning, evening}, told)} == told

    for again in (world.session("msg_1", "completed", *morning, 0), world.scored("up", at)):
        assert (again.status, again.json["outcome"]) == (200, "duplicate")
    assert world.poll().status == 304
    assert world.status() == told

    assert world.session("msg_2", "undone", *morning, 1).json["outcome"] == "accepted"
    assert world.poll().status == 200
    assert world.shown(*morning) == ("Morning stretch", 2, 1)
    told = world.status()
    assert {**told, **numbers_of_the_law({evening}, told)} == told
    assert (told["perfect"], told["best_active"], told["slots"]["evening"]) == (0, 1, 0)


def test_what_was_done_is_still_done_after_a_restart(world: World) -> None:
    day = world.first + timedelta(days=1)
    world.session("msg_1", "completed", day, "morning", 0)
    world.poll()
    before, told, served = world.seen, world.status(), world.served
    assert served.stop() == 0
    assert not served.answers()
    served.start()
    assert world.poll().status == 304
    assert world.seen == before
    assert world.shown(day, "morning") == ("Morning stretch ✓", 1, 0)
    assert world.status() == told
    assert world.session("msg_1", "completed", day, "morning", 0).json["outcome"] == "duplicate"
    assert world.poll().status == 304


def test_a_forged_delivery_is_turned_away_and_leaves_no_trace(world: World) -> None:
    tag = world.poll().headers["etag"]
    headers = {
        "webhook_id": "m",
        "webhook_timestamp": str(int(datetime.now(UTC).timestamp())),
        "webhook_signature": "v1,x",
    }
    body = json.dumps({"type": "session.completed", "data": {"slot": "morning"}}).encode()
    refused = world.served.ask("POST", world.standard["hook"], body, content_type="application/json", **headers)
    assert refused.status == 401
    assert world.served.ask("POST", world.standard["hook"][:-3] + "AAA", body).status == 404
    assert asked(world.served.env, "deliveries", "list", world.person) == []
    assert world.poll().status == 304
    assert world.seen["tag"] == tag
