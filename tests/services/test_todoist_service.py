"""Todoist, as told by the answers in tests/samples/todoist/replies."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from urllib.parse import parse_qs, urlsplit

import pytest

from integration.outgoing import Refusal, Remote, Reply, Told
from integration.services import todoist

TASK = "6XMFh56Fm3xX7xg5"
SETTINGS = {"token": "0123456789abcdef0123456789abcdef01234567", "evening": TASK}
BASE = "https://api.todoist.com/api/v1"
URL = f"{BASE}/tasks/{TASK}"
DAY = date(2026, 6, 2)
DONE = Reply(204)
TOLD = Told(
    key="d-1",
    slot="evening",
    date=DAY,
    at=datetime(2026, 6, 2, 22, 14, tzinfo=timezone(timedelta(hours=2))),
    said_at=datetime(2026, 6, 2, 20, 15, tzinfo=UTC),
    habit=TASK,
)


@pytest.fixture
def due(sample):
    """The repeating task, due then."""
    return lambda when: sample("todoist", "repeating", due={"date": when, "is_recurring": True, "string": "every day"})


def test_a_repeating_task_that_is_due_is_ticked_once(script, due):
    call = script(("GET", URL, due("2026-06-02")), ("POST", f"{URL}/close", DONE))
    assert not todoist.complete(call, SETTINGS, TOLD).already
    assert all(request.headers["Authorization"] == f"Bearer {SETTINGS['token']}" for request in call.sent)


@pytest.mark.parametrize("when", ["2026-06-03", "2026-06-03T07:00:00", "2026-06-02T22:30:00Z", "2026-06-09"])
def test_a_repeated_attempt_finds_the_task_moved_on_and_skips_no_day(script, due, when):
    assert todoist.complete(script(("GET", URL, due(when))), SETTINGS, replace(TOLD, attempt=2)).already


@pytest.mark.parametrize("when", ["2026-06-02T22:00:00", "2026-06-02T21:30:00Z", "2026-06-02T20:00:00.000000Z"])
def test_a_time_of_day_is_read_on_the_persons_clock(script, due, when):
    call = script(("GET", URL, due(when)), ("POST", f"{URL}/close", DONE))
    todoist.complete(call, SETTINGS, TOLD)


def test_an_overdue_task_ends_due_after_this_day(script, due):
    moved = script(("GET", URL, due("2026-05-30")), ("POST", f"{URL}/close", DONE), ("GET", URL, due("2026-06-03")))
    todoist.complete(moved, SETTINGS, TOLD)
    still_today = script(
        ("GET", URL, due("2026-06-01T22:30:00")),
        ("POST", f"{URL}/close", DONE),
        ("GET", URL, due("2026-06-02T22:30:00")),
        ("POST", f"{URL}/close", DONE),
    )
    todoist.complete(still_today, SETTINGS, TOLD)
    first, second = (request.headers["X-Request-Id"] for request in still_today.sent if request.method == "POST")
    assert first != second


def test_the_requests_id_stays_for_an_occurrence_and_changes_for_the_next(script, due):
    def sent(when, **told):
        call = script(("GET", URL, due(when)), ("POST", f"{URL}/close", DONE))
        todoist.complete(call, SETTINGS, replace(TOLD, **told))
        return call.sent[1].headers["X-Request-Id"]

    first = sent("2026-06-02")
    assert len(first) <= 36
    assert sent("2026-06-02", attempt=2) == first
    assert sent("2026-06-02", key="d-2") != first
    assert sent("2026-06-02T22:00:00") != first


def test_a_repeating_task_is_not_told_of_a_day_that_is_over(script, due):
    refused = refusal(script(("GET", URL, due("2026-06-02"))), replace(TOLD, today=False))
    assert (refused.reason, refused.permanent) == ("past_day", True)
    assert todoist.complete(script(("GET", URL, due("2026-06-03"))), SETTINGS, replace(TOLD, today=False)).already


def test_one_task_for_two_slots_is_ticked_when_both_are_done(script, due):
    assert todoist.complete(script(), SETTINGS, replace(TOLD, done=1, due=2)).words == "ticked once all are done"
    call = script(("GET", URL, due("2026-06-02")), ("POST", f"{URL}/close", DONE))
    todoist.complete(call, SETTINGS, replace(TOLD, done=2, due=2))


def test_a_single_task_is_ticked_once_and_opened_again_once(script, sample):
    opened, closed = sample("todoist", "single"), sample("todoist", "single_done")
    todoist.complete(script(("GET", URL, opened), ("POST", f"{URL}/close", DONE)), SETTINGS, TOLD)
    assert todoist.complete(script(("GET", URL, closed)), SETTINGS, replace(TOLD, attempt=2)).already
    assert not todoist.undo(script(("GET", URL, closed), ("POST", f"{URL}/reopen", DONE)), SETTINGS, TOLD).already
    assert todoist.undo(script(("GET", URL, opened)), SETTINGS, replace(TOLD, attempt=2)).already


def test_a_single_task_done_on_an_earlier_day_is_done_for_good(script, sample):
    old = sample("todoist", "single_done", completed_at="2026-05-30T20:00:00.000000Z")
    assert refusal(script(("GET", URL, old)), TOLD).reason == "finished"


def test_a_repeating_task_cannot_be_taken_back_once_it_moved(script, due):
    with pytest.raises(Refusal) as refused:
        todoist.undo(script(("GET", URL, due("2026-06-03"))), SETTINGS, TOLD)
    assert (refused.value.reason, refused.value.permanent) == ("cannot_be_undone", True)
    assert todoist.undo(script(("GET", URL, due("2026-06-02"))), SETTINGS, TOLD).already


def test_a_deleted_task_is_final(script, sample):
    refused = refusal(script(("GET", URL, sample("todoist", "repeating", is_deleted=True))), TOLD)
    assert (refused.reason, refused.permanent) == ("not_found", True)


@pytest.mark.parametrize(
    ("reply", "reason", "tries", "after"),
    [
        ("unauthorized", "credentials", 3, None),
        ("premium_only", "credentials", 3, None),
        ("rate_limited", "rate_limited", None, 120),
        (Reply(400), "http_400", 3, None),
        (Reply(404), "not_found", 3, None),
        (Reply(500), "http_500", None, None),
        (Reply(503, {"retry-after": "5"}), "http_503", None, 5),
        (Reply(200, {}, b"<html>"), "unreadable_answer", None, None),
        (Reply(200, {}, b'{"id": 5}'), "unreadable_answer", None, None),
        (Refusal("timeout", "slow"), "timeout", None, None),
    ],
)
def test_what_goes_wrong_is_judged(script, sample, reply, reason, tries, after):
    refused = refusal(script(("GET", URL, sample("todoist", reply) if isinstance(reply, str) else reply)), TOLD)
    assert (refused.reason, refused.tries, refused.after) == (reason, tries, after)
    assert SETTINGS["token"] not in str(refused)


@pytest.mark.parametrize("when", ["", "someday", "2026-02-30", "0000-00-00"])
def test_a_day_that_does_not_exist_is_asked_for_again(script, due, when):
    assert refusal(script(("GET", URL, due(when))), TOLD).reason == "unreadable_answer"


def test_a_refused_tick_is_judged_too(script, due):
    call = script(("GET", URL, due("2026-06-02")), ("POST", f"{URL}/close", Reply(503)))
    assert refusal(call, TOLD).reason == "http_503"


def test_a_connection_is_tested_and_names_neither_address_nor_token(script, sample):
    call = script(*[("GET", f"{BASE}/user", sample("todoist", "user"))] * 2)
    assert todoist.check(call, SETTINGS) == "Connected as Ada."
    assert todoist.account(call, SETTINGS) == "41"


def test_open_tasks_are_offered_page_by_page_with_repeating_ones_first(script, sample):
    first = f"{BASE}/tasks?limit=200"
    call = script(
        ("GET", first, sample("todoist", "tasks")),
        ("GET", f"{first}&cursor=k85gVI5ZAs8AAAABFoOzAQ", sample("todoist", "tasks_last")),
    )
    names = [habit.name for habit in todoist.habits(call, SETTINGS)]
    assert names == ["Stretch (evening) (every day)", "Water (every week)", "Buy milk"]


def test_history_tells_what_was_ticked_and_not_taken_back(script, sample):
    asked = (
        f"{BASE}/activities?object_event_types=%5B%22item%3Acompleted%22%2C%22item%3Auncompleted%22%5D"
        f"&object_id={TASK}&limit=100&date_from=2026-05-31&date_to=2026-06-03"
    )
    assert parse_qs(urlsplit(asked).query)["object_event_types"] == ['["item:completed","item:uncompleted"]']
    call = script(("GET", f"{BASE}/user", sample("todoist", "user")), ("GET", asked, sample("todoist", "activities")))
    assert todoist.history(call, SETTINGS, date(2026, 6, 1), DAY) == [
        Remote(TASK, DAY, datetime(2026, 6, 2, 20, 15, 10, 391658, UTC), event="2148846797991822068047640471540859236")
    ]


def test_a_plan_without_history_is_no_wrong_key(script, sample):
    asked = (
        f"{BASE}/activities?object_event_types=%5B%22item%3Acompleted%22%2C%22item%3Auncompleted%22%5D"
        f"&object_id={TASK}&limit=100&date_from=2026-06-01&date_to=2026-06-03"
    )
    call = script(("GET", f"{BASE}/user", sample("todoist", "user")), ("GET", asked, sample("todoist", "premium_only")))
    with pytest.raises(Refusal) as refused:
        todoist.history(call, SETTINGS, DAY, DAY)
    assert refused.value.reason == "not_in_plan"


def refusal(call, told):
    with pytest.raises(Refusal) as refused:
        todoist.complete(call, SETTINGS, told)
    return refused.value
