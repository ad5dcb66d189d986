"""The one tool that cannot be told what to post to the simple webhook."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from integration.core import habits
from webhooks.errors import Invalid
from webhooks.providers import simple
from webhooks.report import Incoming, Kind, Report

NOW = datetime(2026, 6, 5, 5, 6, 41, tzinfo=UTC)
TASK = {"id": "t1", "title": "Stretch (am)", "doneOn": 1780636000000}


def posted(fields: Any, received_at: datetime = NOW) -> list[Report]:
    incoming = Incoming({"content-type": "application/json"}, json.dumps(fields).encode(), received_at)
    return list(simple.reports(incoming))


def completed(**changes: Any) -> Report:
    [report] = posted({"type": "taskCompleted", "task": {**TASK, **changes}})
    return report


def test_a_completed_task_is_a_session_done_under_its_title():
    report = completed()
    assert (report.kind, report.habit, report.slot) == (Kind.DONE, ("Stretch (am)",), None)
    assert report.performed is not None
    assert report.performed.at == report.said_at == datetime(2026, 6, 5, 5, 6, 40, tzinfo=UTC)


@pytest.mark.parametrize(("title", "name"), [("Stretch (pm)", "Stretch (pm)"), (" ", "t1"), ("", "t1")])
def test_a_person_reads_the_title_of_a_task_and_its_id_only_where_it_has_none(title, name):
    assert habits.title(completed(title=title)) == name


def test_its_time_makes_it_one_event_and_the_next_tick_of_it_another():
    body = {"type": "taskCompleted", "task": TASK}
    assert posted(body) == posted(body, NOW + timedelta(hours=5))
    assert completed(doneOn=1780636060000).event_id != completed().event_id
    assert completed(id="t2").event_id != completed().event_id


@pytest.mark.parametrize("nothing", [{"doneOn": None}, {}])
def test_without_a_time_the_minute_of_arrival_tells_events_apart(nothing):
    body = {"type": "taskCompleted", "task": {"id": "t1", "title": "Stretch", **nothing}}
    [first], [again], [later] = posted(body), posted(body), posted(body, NOW + timedelta(minutes=1))
    assert first.performed is None
    assert first.event_id == again.event_id != later.event_id


@pytest.mark.parametrize("kind", ["taskCreated", "taskUpdated", "taskStarted", "taskStopped", "timeBased"])
def test_what_else_it_posts_means_nothing(kind):
    assert posted({"type": kind, "task": {**TASK, "isDone": False}}) == []


@pytest.mark.parametrize(
    "task", [None, "Stretch", {}, {"id": 1, "title": "a"}, {**TASK, "doneOn": "now"}, {**TASK, "doneOn": 5}]
)
def test_a_task_that_is_none_is_invalid_and_named(task):
    with pytest.raises(Invalid, match="task"):
        posted({"type": "taskCompleted", "task": task})


def test_a_task_beside_the_usual_fields_is_left_alone():
    [report] = posted({"task": "Stretch", "slot": "morning"})
    assert (report.slot, report.habit) == ("morning", ())
