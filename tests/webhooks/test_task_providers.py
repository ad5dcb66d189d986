"""Todoist and Vikunja: what their users complain about (habit-services 24), each complaint a test."""

import json
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.core.merge import merge
from integration.core.model import Fact, FactKind, State
from webhooks import errors
from webhooks.registry import providers
from webhooks.report import Incoming, Kind, Report

SAMPLES = Path(__file__).parents[1] / "samples"
NOW = datetime(2026, 11, 22, 6, 31, 3, tzinfo=UTC)
Body = dict[str, Any]
TODOIST, VIKUNJA = providers()["todoist"], providers()["vikunja"]
TASK, STRANGER = "6XR4GqQQCW6Gv9h4", "2671366"


def sample(service: str, name: str) -> Body:
    body: Body | str = json.loads((SAMPLES / service / f"{name}.json").read_text())["body"]
    return json.loads(body) if isinstance(body, str) else body


def asked(body: Any, received_at: datetime = NOW) -> Incoming:
    return Incoming({"content-type": "application/json"}, json.dumps(body).encode(), received_at)


def todoist(body: Any, received_at: datetime = NOW) -> list[Report]:
    return list(TODOIST.reports(asked(body, received_at)))


def vikunja(body: Any, received_at: datetime = NOW) -> list[Report]:
    return list(VIKUNJA.reports(asked(body, received_at)))


def item(name: str, at: str, **task: Any) -> Body:
    """A delivery of Todoist's, triggered on 22 November at that time."""
    body = {**sample("todoist", "completed"), "event_name": name, "triggered_at": f"2026-11-22T{at}Z"}
    body["event_data"] = {**body["event_data"], "checked": False, "completed_at": None, **task}
    return body


def changed(name: str = "uncompleted", **task: Any) -> Body:
    """A delivery of Vikunja's with other values in its task."""
    body = deepcopy(sample("vikunja", name))
    body["data"]["task"].update(task)
    return body


def state_of(*reports: Report) -> State | None:
    """What one session is after these reports of one connection, by the streak law."""
    session = ("morning", date(2026, 11, 22))
    heard = [NOW + timedelta(seconds=number) for number in range(len(reports))]
    facts = [
        Fact("c", report.event_id, FactKind(report.kind), *session, report.said_at or arrived, arrived)
        for report, arrived in zip(reports, heard, strict=True)
    ]
    return merge(facts).state


# --- todoist ----------------------------------------------------------------------------------------------------------


def test_one_tick_of_a_recurring_task_over_both_events_is_one_event():
    """Whether `item:completed` shows the old or the new due date is nowhere said: neither is needed."""
    due = sample("todoist", "recurring_completed")["event_data"]["due"]
    updated = item("item:updated", "06:31:02.417000", due={**due, "date": "2026-11-23"})
    old = {**updated["event_data"], "due": {**due, "date": "2026-11-22"}}
    updated["event_data_extra"] = {"old_item": old, "update_intent": "item_completed"}
    [first] = todoist(updated)
    for shown in ("2026-11-22", "2026-11-23", "2026-11-23T07:00:00"):
        [second] = todoist(item("item:completed", "06:31:02.431000", due={**due, "date": shown}))
        assert (second.event_id, second.kind, second.habit) == (first.event_id, Kind.DONE, first.habit)
    assert first.performed
    assert first.performed.at == datetime(2026, 11, 22, 6, 31, 2, 417000, UTC)
    assert first.performed.offset is None


def test_one_tick_of_a_plain_task_over_both_events_is_one_event():
    task = {"checked": True, "completed_at": "2026-11-22T06:30:59.900000Z"}
    updated = item("item:updated", "06:31:00.100000", **task)
    updated["event_data_extra"] = {"old_item": {}, "update_intent": "item_completed"}
    assert todoist(updated) == todoist(item("item:completed", "06:31:00.100000", **task))


def test_a_second_try_a_quarter_of_an_hour_later_is_the_same_report():
    body = sample("todoist", "recurring_completed")
    assert todoist(body) == todoist(body, NOW + timedelta(minutes=15))


def test_each_day_of_a_recurring_task_is_another_event():
    days = [{**item("item:completed", "06:31"), "triggered_at": f"2026-11-{day}T06:31:02Z"} for day in (22, 23, 24)]
    assert len({todoist(body)[0].event_id for body in days}) == 3


def test_done_taken_back_and_done_again_are_three_events_in_any_order():
    bodies = [
        item("item:completed", "06:31:02"),
        item("item:uncompleted", "06:35:10"),
        item("item:completed", "06:40:00"),
    ]
    done, undone, again = (todoist(body)[0] for body in bodies)
    assert len({done.event_id, undone.event_id, again.event_id}) == 3
    assert state_of(done, undone) is None
    assert {state_of(*order) for order in permutations((done, undone, again, done))} == {State.DONE}


def test_within_one_minute_the_last_word_still_wins():
    times = {"06:31:02": "item:completed", "06:31:20": "item:uncompleted", "06:31:40": "item:completed"}
    done, undone, again = (todoist(item(name, at))[0] for at, name in times.items())
    assert {state_of(*order) for order in permutations((done, undone, again))} == {State.DONE}
    assert {state_of(*order) for order in permutations((done, undone))} == {None}


def test_both_events_of_one_withdrawal_take_back_one_session():
    intent = {"event_data_extra": {"update_intent": "item_uncompleted"}}
    [first] = todoist(item("item:uncompleted", "06:35:10.100000"))
    [second] = todoist({**item("item:updated", "06:35:10.200000"), **intent})
    assert first.event_id == second.event_id
    assert first.performed
    assert second.performed


def test_a_withdrawal_is_told_at_its_own_time_and_not_at_that_of_the_tick():
    [report] = todoist(item("item:uncompleted", "06:35:10", completed_at="2026-11-21T19:00:00Z"))
    assert report.event_id == f"{TASK}@2026-11-22T06:35Z@undone"
    assert report.performed
    assert report.performed.at == report.said_at == datetime(2026, 11, 22, 6, 35, 10, tzinfo=UTC)


@pytest.mark.parametrize("intent", ["item_updated", "responsible_uid_changed", "ITEM_COMPLETED", "", None])
def test_what_is_put_off_or_otherwise_changed_is_no_tick(intent):
    body = item("item:updated", "06:31:02", checked=True, completed_at="2026-11-22T06:31:02Z")
    assert todoist({**body, "event_data_extra": {"update_intent": intent}}) == []
    assert todoist({**body, "event_data_extra": None}) == []


@pytest.mark.parametrize("name", ["item:added", "item:deleted", "reminder:fired", "project:archived", "a:new:one", ""])
def test_other_events_of_todoist_are_ignored_whatever_they_hold(name):
    assert todoist({"event_name": name, "event_data": 5, "event_data_extra": []}) == []


def test_the_time_is_when_it_was_completed_rather_than_when_that_was_heard_of():
    [report] = todoist(sample("todoist", "completed_offline"))
    assert report.performed
    assert report.performed.at == datetime(2026, 11, 24, 7, 2, 11, tzinfo=UTC)
    assert report.said_at == datetime(2026, 11, 24, 19, 40, tzinfo=UTC)


def test_without_any_time_the_minute_of_arrival_makes_the_event():
    body = item("item:completed", "06:31")
    del body["triggered_at"]
    [first], [second] = todoist(body), todoist(body, NOW + timedelta(minutes=1))
    assert (first.performed, first.said_at) == (None, None)
    assert first.event_id == f"{TASK}@2026-11-22T06:31Z@done" != second.event_id


def test_a_tick_of_somebody_else_in_a_shared_project_is_not_ours():
    body = item("item:completed", "06:31")
    assert todoist({**body, "initiator": {"id": STRANGER}}) == []
    for nobody in (None, {}, {"id": None}, {"id": 2671355}):
        assert len(todoist({**body, "initiator": nobody})) == 1


def test_a_person_may_map_by_number_title_or_label():
    body = item("item:completed", "06:31", content=" Stretch ", labels=["back", "", "Stretch", "x" * 3000])
    assert todoist(body)[0].habit == (TASK, "Stretch", "back", "x" * 500)
    assert todoist(item("item:completed", "06:31", id=7, content=None, labels=None))[0].habit == ("7",)


def test_the_account_is_the_user_whatever_the_event():
    for name in ("completed", "note_added", "by_a_collaborator"):
        assert TODOIST.account(asked(sample("todoist", name))) == "2671355"  # type: ignore[attr-defined]
    assert TODOIST.account(asked({"user_id": 41})) == "41"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "body", [{}, [], 5, {"user_id": ""}, {"user_id": None}, {"user_id": {}}, {"user_id": "x" * 101}]
)
def test_a_body_without_a_user_has_no_account(body):
    with pytest.raises(errors.Invalid):
        TODOIST.account(asked(body))  # type: ignore[attr-defined]


def test_no_header_is_needed_to_judge_a_delivery_again():
    for path in (SAMPLES / "todoist").glob("*completed*.json"):
        whole = json.loads(path.read_text())
        assert [report.event_id for report in todoist(whole["body"])] == [r["event_id"] for r in whole["reports"]]


@pytest.mark.parametrize(
    "task",
    [
        {"id": ""},
        {"id": None},
        {"id": {}},
        {"id": "x" * 101},
        {"content": 5},
        {"labels": "back"},
        {"labels": [5]},
        {"completed_at": "yesterday"},
        {"completed_at": 1795327200},
    ],
)
def test_a_wrong_value_in_a_todoist_task_is_invalid(task):
    with pytest.raises(errors.Invalid, match=r"event_data\."):
        todoist(item("item:completed", "06:31", **task))


# --- vikunja ----------------------------------------------------------------------------------------------------------


def test_a_repeating_task_counts_once_though_it_is_never_done():
    body = sample("vikunja", "repeating")
    assert body["data"]["task"]["done"] is False
    [report] = vikunja(body)
    assert report.kind is Kind.DONE
    assert report.performed
    assert report.performed.at == datetime(2026, 11, 22, 6, 31, 2, tzinfo=UTC)


def test_three_deliveries_of_one_click_and_later_edits_are_one_report():
    first = vikunja(sample("vikunja", "repeating"))
    fraction = changed("repeating", done_at="2026-11-22T07:31:02.734+01:00")
    edited = changed("repeating", updated="2026-11-24T09:00:00Z", due_date="2026-11-30T06:00:00Z")
    for again in (sample("vikunja", "repeating"), fraction, edited, {**edited, "time": "2026-11-25T09:00:00Z"}):
        assert vikunja(again, NOW + timedelta(days=3)) == first


def test_the_next_time_is_another_event():
    ids = {vikunja(changed("repeating", done_at=f"2026-11-{day}T06:31:02Z"))[0].event_id for day in (22, 23, 24)}
    assert len(ids) == 3


def test_the_offset_of_the_server_is_not_that_of_the_person():
    [report] = vikunja(sample("vikunja", "monthly"))
    assert report.performed
    assert (report.performed.offset, report.performed.wall) == (None, None)


def test_done_taken_back_and_done_again_end_as_the_last_of_them_in_any_order():
    done = vikunja(changed("completed", done_at="2026-11-22T06:31:02Z", updated="2026-11-22T06:31:02Z"))[0]
    undone = vikunja(changed(updated="2026-11-22T06:35:00Z"))[0]
    again = vikunja(changed("completed", done_at="2026-11-22T06:40:00Z", updated="2026-11-22T06:40:00Z"))[0]
    assert len({done.event_id, undone.event_id, again.event_id}) == 3
    assert {state_of(*order) for order in permutations((done, undone))} == {None}
    assert {state_of(*order) for order in permutations((done, undone, again, undone))} == {State.DONE}


def test_an_older_state_that_comes_late_takes_nothing_back():
    done = vikunja(changed("completed", done_at="2026-11-22T06:31:02Z", updated="2026-11-22T06:31:02Z"))[0]
    stale = vikunja(changed(updated="2026-11-22T06:20:00Z"))[0]
    assert stale.kind is Kind.UNDONE
    assert {state_of(*order) for order in permutations((done, stale))} == {State.DONE}


def test_an_edit_of_a_task_that_was_never_done_leaves_an_open_session_open():
    [report] = vikunja(changed(title="Stretch pm", updated="2026-11-22T06:40:00Z"))
    assert (report.kind, report.slot, report.date) == (Kind.UNDONE, None, None)
    assert report.performed
    assert report.performed.at == report.said_at == datetime(2026, 11, 22, 6, 40, tzinfo=UTC)
    assert state_of(report) is None


@pytest.mark.parametrize(
    "repeats", [{"repeat_after": 86400}, {"repeat_mode": 1}, {"repeat_after": 60, "repeat_mode": 2}]
)
def test_an_edit_of_a_repeating_task_never_takes_back(repeats):
    assert vikunja(changed(**repeats)) == []


def test_what_is_written_right_after_adding_a_task_takes_nothing_back():
    times = {"created": "2026-11-22T06:30:00Z", "updated": "2026-11-22T06:30:04Z"}
    assert vikunja(changed(**times)) == []
    assert len(vikunja(changed(**times | {"updated": "2026-11-22T06:30:05Z"}))) == 1


@pytest.mark.parametrize("created", ["2026-11-22T06:30:00Z", "2026-11-22T06:31:55Z", "0001-01-01T00:00:00Z", None])
def test_a_task_may_be_taken_back_soon_after_it_was_added(created):
    times = {"created": created, "updated": "2026-11-22T06:32:00Z"}
    done = vikunja(changed("completed", **{**times, "done_at": "2026-11-22T06:31:00Z"}))[0]
    [undone] = vikunja(changed(**times))
    assert {state_of(*order) for order in permutations((done, undone))} == {None}


def test_a_new_open_task_takes_nothing_back_whatever_its_times():
    assert vikunja({**changed(created=None), "event_name": "task.created"}) == []


@pytest.mark.parametrize(
    "unset", ["0001-01-01T00:00:00Z", "0001-01-01T00:53:28+00:53", "0000-12-31T19:04:00-04:56", "", None]
)
def test_the_year_one_is_no_time(unset):
    [report] = vikunja(changed(done_at=unset, updated="2026-11-22T06:40:00Z"))
    assert report.kind is Kind.UNDONE
    [report] = vikunja(changed("completed", done_at=unset, updated="2026-11-22T06:40:00Z"))
    assert (report.kind, report.performed) == (Kind.DONE, None)
    assert report.said_at == datetime(2026, 11, 22, 6, 40, tzinfo=UTC)


def test_without_any_time_the_arrival_makes_the_event():
    body = {"event_name": "task.updated", "data": {"task": {"id": 12, "done": True}}}
    [report] = vikunja(body)
    assert (report.performed, report.said_at, report.habit) == (None, None, ("12",))
    assert report.event_id == "12@2026-11-22T06:31:03Z@done"
    body["time"] = "2026-11-22T06:31:01Z"
    assert vikunja(body)[0].event_id == "12@2026-11-22T06:31:01Z@done"


@pytest.mark.parametrize("name", ["task.deleted", "task.assignee.created", "project.updated", "tasks.overdue", "", "x"])
def test_other_events_of_vikunja_are_ignored_whatever_they_hold(name):
    assert vikunja({"event_name": name, "data": 5, "time": []}) == []


def test_a_signature_is_asked_for_only_where_a_secret_is_set():
    signed = json.loads((SAMPLES / "vikunja" / "completed.json").read_text())
    incoming = Incoming(signed["headers"], json.dumps(signed["body"]).encode(), NOW)
    for secrets in ([], signed["secrets"], ["another-secret-of-some-length", *signed["secrets"]]):
        VIKUNJA.verify(incoming, secrets)
    for headers in ({}, {**signed["headers"], "x-vikunja-signature": ""}):
        VIKUNJA.verify(Incoming(headers, b"{}", NOW), [])
        with pytest.raises(errors.Forged):
            VIKUNJA.verify(Incoming(headers, incoming.body, NOW), signed["secrets"])


@pytest.mark.parametrize(
    "task",
    [
        {"id": None},
        {"id": "12"},
        {"id": True},
        {"title": 5},
        {"done": "true"},
        {"done_at": 5},
        {"done_at": "soon"},
        {"updated": "2026-11-22"},
        {"repeat_after": "1d"},
        {"labels": {}},
        {"labels": [{"title": 5}]},
    ],
)
def test_a_wrong_value_in_a_vikunja_task_is_invalid(task):
    with pytest.raises(errors.Invalid, match=r"data\.task\."):
        vikunja(changed(**task))


# --- both -------------------------------------------------------------------------------------------------------------

SIGNED = [
    path
    for service in ("todoist", "vikunja")
    for path in sorted((SAMPLES / service).glob("*.json"))
    if "secrets" in json.loads(path.read_text())
]


@pytest.mark.parametrize("path", SIGNED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_one_flipped_byte_anywhere_in_a_signed_body_is_forged(path):
    whole = json.loads(path.read_text())
    raw = (whole["body"] if isinstance(whole["body"], str) else json.dumps(whole["body"])).encode()
    for place in range(len(raw)):
        bad = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        with pytest.raises(errors.Forged):
            providers()[path.parent.name].verify(Incoming(whole["headers"], bad, NOW), whole["secrets"])


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("2026-11-22T06:31:02Z"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
tasks = st.dictionaries(
    st.sampled_from(["id", "content", "labels", "completed_at", "title", "done", "done_at", "updated", "created"]),
    values,
)


@given(
    task=tasks, extra=values, at=values, name=st.sampled_from(["item:completed", "item:updated", "item:uncompleted"])
)
def test_random_tasks_of_todoist_are_reported_or_invalid(task, extra, at, name):
    body = {"event_name": name, "event_data": task, "event_data_extra": extra, "triggered_at": at, "user_id": at}
    try:
        found = todoist(body)
    except errors.Rejected:
        return
    assert all(0 < len(report.event_id) <= 255 for report in found)


@given(task=tasks, number=st.integers(), at=values, name=st.sampled_from(["task.created", "task.updated"]))
def test_random_tasks_of_vikunja_are_reported_or_invalid(task, number, at, name):
    try:
        found = vikunja({"event_name": name, "data": {"task": {**task, "id": number}}, "time": at})
    except errors.Rejected:
        return
    assert all(0 < len(report.event_id) <= 255 for report in found)
