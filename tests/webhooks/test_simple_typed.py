"""The simple webhook as people fill it in: on phones that capitalise, in tools that write numbers and times as text."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from webhooks.errors import Invalid, Unreadable
from webhooks.payload import FORM
from webhooks.providers import cloudevents, simple, standard
from webhooks.report import Incoming, Kind, Report

NOW = datetime(2026, 6, 3, 5, 10, 6, tzinfo=UTC)
IFTTT = "November 22, 2026 at 07:05AM"
READ = [
    {"slot": "evening", "type": "undone"},
    {"slot": "morning", "performed_at": "2026-06-03T07:05:00+02:00", "note": "a", "duration_seconds": "180"},
    {"event": "done", "date": "2026-06-02", "habit": "Stretch", "origin": "a", "id": "1"},
    {"timestamp": "2026-06-03T05:06Z", "cause": "b"},
]


def asked(body: str, content_type: str = "application/json") -> Incoming:
    return Incoming({"content-type": content_type, "webhook-id": "msg_1"}, body.encode(), NOW)


def posted(fields: dict[str, Any]) -> Report:
    [report] = simple.reports(asked(json.dumps(fields)))
    return report


def sent_as_form(fields: dict[str, Any]) -> Report:
    [report] = simple.reports(asked(urlencode(fields), FORM))
    return report


@pytest.mark.parametrize("send", [posted, sent_as_form])
@pytest.mark.parametrize("typed", [str.upper, str.capitalize, str.title, "{} ".format, " {}".format])
@pytest.mark.parametrize("fields", READ, ids=lambda fields: ",".join(fields))
def test_a_field_is_read_however_its_name_is_typed(send, typed, fields):
    assert send({typed(name): value for name, value in fields.items()}) == send(fields)


@pytest.mark.parametrize("typed", ["Evening", "EVENING", " evening ", "Evening\n"])
def test_a_slot_is_read_however_it_is_typed(typed):
    assert posted({"slot": typed}) == sent_as_form({"slot": typed}) == posted({"slot": "evening"})


@pytest.mark.parametrize("typed", ["Evening", "EVENING "])
def test_a_slot_is_read_alike_by_the_signed_webhook_and_as_a_cloudevent(typed):
    event = {"type": "session.completed", "data": {"slot": typed}}
    [signed] = standard.reports(asked(json.dumps(event)))
    event = {**event, "specversion": "1.0", "source": "/a", "id": "1"}
    [cloud] = cloudevents.reports(asked(json.dumps(event), cloudevents.STRUCTURED))
    assert signed.slot == cloud.slot == "evening"


@pytest.mark.parametrize("send", [posted, sent_as_form])
@pytest.mark.parametrize("second", ["Slot", "SLOT", " slot"])
def test_a_field_in_two_spellings_is_a_field_given_twice(send, second):
    with pytest.raises(Unreadable) as refused:
        send({"slot": "morning", second: "evening"})
    assert refused.value.reason == "duplicate_field"


def test_fields_that_nobody_knows_may_be_called_anything():
    assert posted({"slot": "morning", "Value1": "", "value1": 5, " ": [], "slots": "x"}) == posted({"slot": "morning"})


def test_a_field_of_nothing_but_space_is_left_blank():
    assert posted({"type": " ", "slot": "\t", "date": " ", "id": " ", "habit": None}) == posted({})


@pytest.mark.parametrize("sent, seconds", [("180", 180), ("179.6", 180), (180, 180), ("null", None), ("0", 0)])
def test_a_number_may_come_as_text(sent, seconds):
    assert posted({"slot": "morning", "duration_seconds": sent}).duration_seconds == seconds


@pytest.mark.parametrize(
    "name, value",
    [
        ("note", True),
        ("note", 5),
        ("note", ["a"]),
        ("duration_seconds", "3 min"),
        ("duration_seconds", "180,5"),
        ("duration_seconds", "nan"),
        ("duration_seconds", -1),
        ("duration_seconds", 86401),
        ("duration_seconds", True),
        ("duration_seconds", {}),
        ("timestamp", IFTTT),
        ("timestamp", 1780463106),
        ("origin", "x" * 501),
        ("cause", {"id": 5}),
    ],
    ids=str,
)
@pytest.mark.parametrize("fields", [{}, {"slot": "morning"}, {"type": "undone", "habit": "Stretch"}], ids=str)
def test_a_field_beside_the_point_that_cannot_be_read_loses_no_session(fields, name, value):
    assert posted({**fields, name: value}) == posted(fields)


@pytest.mark.parametrize("send", [posted, sent_as_form])
def test_a_long_note_is_cut(send):
    assert send({"slot": "morning", "note": " " + "ü" * 600}).note == "ü" * 500


def test_what_is_wrong_beside_a_field_takes_no_other_with_it():
    report = posted({"note": "a", "duration_seconds": "long", "timestamp": "2026-06-03T05:06Z", "origin": 5})
    assert (report.note, report.said_at) == ("a", datetime(2026, 6, 3, 5, 6, tzinfo=UTC))


@pytest.mark.parametrize("slot", ["morning", "Evening "])
@pytest.mark.parametrize("odd", [IFTTT, 1780463106, "2026-06-03T07:05:00"])
def test_beside_a_slot_and_a_date_a_time_that_cannot_be_read_is_left_out(slot, odd):
    fields = {"slot": slot, "date": "2026-06-02"}
    assert posted({**fields, "performed_at": odd}) == posted(fields)


def test_beside_a_slot_a_time_that_can_be_read_is_kept():
    report = posted({"slot": "morning", "performed_at": "2026-06-02T07:05:00+02:00"})
    assert report.performed
    assert report.performed.at == NOW - timedelta(days=1, minutes=5, seconds=6)


@pytest.mark.parametrize(
    "fields",
    [
        {"performed_at": IFTTT},
        {"performed_at": IFTTT, "slot": "morning"},
        {"performed_at": IFTTT, "slot": ""},
        {"performed_at": IFTTT, "slot": None},
        {"performed_at": IFTTT, "date": "2026-06-02", "habit": "Stretch"},
        {"slot": 5},
        {"slot": "x" * 501},
        {"slot": "morning", "date": "yesterday"},
        {"slot": "morning", "date": 20260602},
        {"slot": "morning", "type": True},
        {"slot": "morning", "habit": {}},
        {"slot": "morning", "id": "x" * 256},
    ],
    ids=str,
)
def test_what_says_which_session_or_whether_it_was_done_stays_strict(fields):
    with pytest.raises(Invalid):
        posted(fields)


def test_a_task_of_super_productivity_is_found_under_a_capital_too():
    report = posted({"Type": "taskCompleted", "Task": {"id": "t1", "title": "Stretch (am)"}})
    assert (report.kind, report.habit) == (Kind.DONE, ("Stretch (am)",))
