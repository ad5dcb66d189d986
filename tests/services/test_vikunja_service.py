"""Vikunja, as told by the answers in tests/samples/vikunja/replies."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from integration.outgoing import Refusal, Remote, Reply, Told
from integration.services import vikunja

SETTINGS = {
    "url": "https://tasks.example.org/",
    "token": "tk_0123456789abcdef0123456789abcdef",
    "evening": "12",
}
API = "https://tasks.example.org/api"
V1, V2 = f"{API}/v1/tasks/12", f"{API}/v2/tasks/12"
ZERO = "0001-01-01T00:00:00Z"
DAY = date(2026, 6, 2)
TOLD = Told(
    key="d-1",
    slot="evening",
    date=DAY,
    at=datetime(2026, 6, 2, 22, 14, tzinfo=timezone(timedelta(hours=2))),
    said_at=datetime(2026, 6, 2, 20, 15, tzinfo=UTC),
    habit="12",
)


@pytest.fixture
def answer(sample):
    return lambda name, **changes: sample("vikunja", name, **changes)


def test_a_repeating_task_is_set_done_by_a_patch_of_that_field_alone(script, answer):
    call = script(("GET", V2, answer("repeating")), ("PATCH", V2, answer("repeated")))
    assert not vikunja.complete(call, SETTINGS, TOLD).already
    assert call.bodies()[1] == {"done": True}
    assert call.sent[1].headers["Content-Type"] == "application/merge-patch+json"
    assert all(request.headers["Authorization"] == f"Bearer {SETTINGS['token']}" for request in call.sent)


@pytest.mark.parametrize("refused", ["no_route", "token_refused"])
def test_an_older_server_gets_the_whole_task_back(script, answer, refused):
    call = script(("GET", V2, answer(refused)), ("GET", V1, answer("repeating")), ("POST", V1, answer("repeated")))
    vikunja.complete(call, SETTINGS, TOLD)
    assert call.bodies()[2] == {**json.loads(answer("repeating").body), "done": True}


def test_a_page_for_browsers_is_no_answer_of_the_api(script, answer):
    page = Reply(200, {"content-type": "text/html; charset=utf-8"}, b"<html>")
    call = script(("GET", V2, page), ("GET", V1, answer("repeating")), ("POST", V1, answer("repeated")))
    vikunja.complete(call, SETTINGS, TOLD)
    assert refusal(script(("GET", V2, page), ("GET", V1, page)), TOLD).reason == "unreadable_answer"


def test_a_repeated_attempt_finds_the_task_moved_on_and_skips_no_day(script, answer):
    assert vikunja.complete(script(("GET", V2, answer("repeated"))), SETTINGS, replace(TOLD, attempt=2)).already


@pytest.mark.parametrize(
    ("done_at", "due", "already"),
    [
        ("2026-06-02T20:15:01Z", "2026-06-02T21:00:00Z", True),
        ("2026-06-02T22:15:01+02:00", "2026-06-02T23:00:00+02:00", True),
        ("2026-06-02T05:00:00Z", "2026-06-02T20:00:00Z", False),
        ("2026-06-01T22:30:00Z", "2026-06-02T20:00:00Z", False),
        (ZERO, "2026-06-02T21:59:59Z", False),
        (ZERO, "2026-06-02T22:00:00Z", True),
        ("2026-06-02T05:00:00Z", ZERO, True),
        ("2026-06-01T20:00:00Z", ZERO, False),
        (ZERO, ZERO, False),
        (None, None, False),
    ],
)
def test_what_is_done_is_seen_by_its_dates_on_the_persons_clock(script, answer, done_at, due, already):
    task = answer("repeating", done_at=done_at, due_date=due)
    call = script(("GET", V2, task), *([] if already else [("PATCH", V2, answer("repeated"))]))
    assert vikunja.complete(call, SETTINGS, TOLD).already is already


def test_a_task_that_repeats_monthly_has_no_interval(script, answer):
    task = answer("repeated", repeat_after=0, repeat_mode=1)
    assert vikunja.complete(script(("GET", V2, task)), SETTINGS, TOLD).already


def test_an_overdue_task_ends_due_after_this_day(script, answer):
    call = script(
        ("GET", V2, answer("repeating", due_date="2026-06-01T20:30:00Z")),
        ("PATCH", V2, answer("repeating", due_date="2026-06-02T20:30:00Z", done_at="2026-06-02T20:15:00Z")),
        ("GET", V2, answer("repeating", due_date="2026-06-02T20:30:00Z", done_at="2026-06-02T20:15:00Z")),
        ("PATCH", V2, answer("repeated")),
    )
    vikunja.complete(call, SETTINGS, TOLD)


def test_a_repeating_task_is_not_told_of_a_day_that_is_over(script, answer):
    refused = refusal(script(("GET", V2, answer("repeating"))), replace(TOLD, today=False))
    assert (refused.reason, refused.permanent) == ("past_day", True)


def test_one_task_for_two_slots_is_set_done_when_both_are(script, answer):
    assert vikunja.complete(script(), SETTINGS, replace(TOLD, done=1, due=2)).words == "ticked once all are done"
    call = script(("GET", V2, answer("repeating")), ("PATCH", V2, answer("repeated")))
    vikunja.complete(call, SETTINGS, replace(TOLD, done=2, due=2))


def test_a_single_task_is_set_done_once_and_opened_again_once(script, answer):
    opened, closed = answer("single"), answer("single_done")
    vikunja.complete(script(("GET", V2, opened), ("PATCH", V2, closed)), SETTINGS, TOLD)
    assert vikunja.complete(script(("GET", V2, closed)), SETTINGS, replace(TOLD, attempt=2)).already
    call = script(("GET", V2, closed), ("PATCH", V2, opened))
    assert not vikunja.undo(call, SETTINGS, TOLD).already
    assert call.bodies()[1] == {"done": False}
    assert vikunja.undo(script(("GET", V2, opened)), SETTINGS, replace(TOLD, attempt=2)).already


def test_a_single_task_done_on_an_earlier_day_is_done_for_good(script, answer):
    old = answer("single_done", done_at="2026-05-30T20:00:00Z")
    assert refusal(script(("GET", V2, old)), TOLD).reason == "finished"


def test_a_repeating_task_cannot_be_taken_back_once_it_moved(script, answer):
    with pytest.raises(Refusal) as refused:
        vikunja.undo(script(("GET", V2, answer("repeated"))), SETTINGS, TOLD)
    assert (refused.value.reason, refused.value.permanent) == ("cannot_be_undone", True)
    assert vikunja.undo(script(("GET", V2, answer("repeating"))), SETTINGS, TOLD).already


@pytest.mark.parametrize(
    ("newer", "older", "reason", "tries", "after"),
    [
        ("token_refused", "token_refused", "credentials", 3, None),
        ("no_route", "no_task", "not_found", 3, None),
        ("rate_limited", None, "rate_limited", None, 60),
        (Reply(422), None, "http_422", 3, None),
        (Reply(502), None, "http_502", None, None),
        (Reply(200, {}, b"[]"), None, "unreadable_answer", None, None),
        (Reply(200, {}, b'{"id": "x"}'), None, "unreadable_answer", None, None),
        (Refusal("timeout", "slow"), None, "timeout", None, None),
    ],
)
def test_what_goes_wrong_is_judged(script, answer, newer, older, reason, tries, after):
    lines = [("GET", V2, answer(newer) if isinstance(newer, str) else newer)]
    lines += [("GET", V1, answer(older))] if older else []
    refused = refusal(script(*lines), TOLD)
    assert (refused.reason, refused.tries, refused.after) == (reason, tries, after)
    assert SETTINGS["token"] not in str(refused)


def test_a_refused_change_is_judged_too(script, answer):
    call = script(("GET", V2, answer("repeating")), ("PATCH", V2, answer("token_refused")))
    assert refusal(call, TOLD).reason == "credentials"


def test_the_address_of_the_api_will_do_too(script, answer):
    call = script(("GET", V2, answer("repeated")))
    vikunja.complete(call, {**SETTINGS, "url": f"{API}/v1/"}, TOLD)


def test_open_tasks_are_offered_with_repeating_ones_first(script, answer):
    call = script(*[("GET", f"{API}/v2/tasks?page=1&per_page=50", answer("page"))] * 2)
    assert [habit.id for habit in vikunja.habits(call, SETTINGS)] == ["12", "7"]
    assert vikunja.check(call, SETTINGS) == "Connected. Open tasks there: 2."


def test_an_older_server_lists_its_tasks_elsewhere(script, answer):
    asked = "?page=1&per_page=50"
    call = script(
        ("GET", f"{API}/v2/tasks{asked}", answer("no_route")),
        ("GET", f"{API}/v1/tasks{asked}", answer("no_route")),
        ("GET", f"{API}/v1/tasks/all{asked}", answer("list")),
    )
    assert [habit.name for habit in vikunja.habits(call, SETTINGS)] == ["Stretch in the evening"]


def test_history_tells_the_last_completion_that_a_task_remembers(script, answer):
    call = script(*[("GET", V2, answer("repeated"))] * 2)
    at = datetime(2026, 6, 2, 20, 15, 1, tzinfo=UTC)
    assert vikunja.history(call, SETTINGS, DAY, DAY) == [Remote("12", DAY, at, event=f"12@{at.isoformat()}")]
    assert vikunja.history(call, SETTINGS, DAY - timedelta(9), DAY - timedelta(1)) == []


def test_history_passes_over_what_was_never_done_and_what_is_gone(script, answer):
    assert vikunja.history(script(("GET", V2, answer("single"))), SETTINGS, DAY, DAY) == []
    gone = script(("GET", V2, answer("no_task")), ("GET", V1, answer("no_task")))
    assert vikunja.history(gone, SETTINGS, DAY, DAY) == []


def refusal(call, told):
    with pytest.raises(Refusal) as refused:
        vikunja.complete(call, SETTINGS, told)
    return refused.value
