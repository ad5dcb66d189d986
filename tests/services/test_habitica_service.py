"""Habitica, as told by the answers in tests/samples/habitica/replies."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from integration.outgoing import Refusal, Reply, Told
from integration.replies import MOST
from integration.services import habitica

USER = "7f2e0a4c-3f0d-4b7e-9a55-0c1d2e3f4a5b"
SETTINGS = {"user": USER, "token": "11111111-2222-3333-4444-555555555555", "evening": "turntwice-evening"}
BASE = "https://habitica.com/api/v3"
WHO = f"{BASE}/user?userFields=lastCron,preferences,profile.name"
TASK = f"{BASE}/tasks/turntwice-evening"
UP, DOWN = f"{TASK}/score/up", f"{TASK}/score/down"
HOOKS = f"{BASE}/user/webhook"
ADDRESS = "https://stretch.example.org/hooks/habitica/hook_1"
DAY = date(2026, 6, 2)
TOLD = Told(
    key="d-1",
    slot="evening",
    date=DAY,
    at=datetime(2026, 6, 2, 22, 14, tzinfo=timezone(timedelta(hours=2))),
    said_at=datetime(2026, 6, 2, 20, 15, tzinfo=UTC),
    habit="turntwice-evening",
)


@pytest.fixture
def answer(sample):
    """An answer of Habitica; named values replace those under `data`."""

    def read(name, **changes):
        kept = sample("habitica", name)
        body = json.loads(kept.body)
        return Reply(kept.status, kept.headers, json.dumps({**body, "data": {**body["data"], **changes}}).encode())

    return lambda name, **changes: read(name, **changes) if changes else sample("habitica", name)


def test_a_daily_is_ticked_once_its_day_has_begun(script, answer):
    call = script(("GET", WHO, answer("user")), ("GET", TASK, answer("daily")), ("POST", UP, answer("scored")))
    assert not habitica.complete(call, SETTINGS, TOLD).already
    for request in call.sent:
        assert request.headers["x-api-user"] == USER
        assert request.headers["x-api-key"] == SETTINGS["token"]
        assert request.headers["x-client"] == f"{USER}-Turntwice"


def test_a_repeated_attempt_finds_the_daily_ticked_and_ticks_nothing(script, answer):
    call = script(("GET", WHO, answer("user")), ("GET", TASK, answer("daily_done")))
    assert habitica.complete(call, SETTINGS, replace(TOLD, attempt=2)).already


def test_somebody_who_was_faster_is_no_wrong_key(script, answer):
    call = script(
        ("GET", WHO, answer("user")),
        ("GET", TASK, answer("daily")),
        ("POST", UP, answer("session_outdated")),
        ("GET", TASK, answer("daily_done")),
    )
    assert habitica.complete(call, SETTINGS, TOLD).already


def test_a_task_that_is_not_ours_to_score_is_no_wrong_key(script, answer):
    call = script(
        ("GET", WHO, answer("user")),
        ("GET", TASK, answer("daily")),
        ("POST", UP, answer("session_outdated")),
        ("GET", TASK, answer("daily")),
    )
    assert refusal(call, TOLD).reason == "not_scored"


@pytest.mark.parametrize(
    ("last_cron", "starts", "offset", "reason"),
    [
        ("2026-06-01T20:00:00.000Z", 0, -120, "waiting_for_new_day"),
        ("2026-06-01T22:30:00.000Z", 0, -120, None),
        ("2026-06-01T22:30:00.000Z", 3, -120, "waiting_for_new_day"),
        ("2026-06-02T03:30:00.000Z", 0, 240, "waiting_for_new_day"),
        ("2026-06-02T22:10:00.000Z", 0, -120, "past_day"),
        ("2026-06-02T22:10:00.000Z", 3, -120, None),
    ],
)
def test_only_habiticas_own_day_of_the_session_is_ticked(script, answer, last_cron, starts, offset, reason):
    preferences = {"dayStart": starts, "timezoneOffset": offset}
    who = answer("user", lastCron=last_cron, preferences=preferences)
    lines = [("GET", WHO, who), ("GET", TASK, answer("daily"))]
    if reason is None:
        habitica.complete(script(*lines, ("POST", UP, answer("scored"))), SETTINGS, TOLD)
        return
    refused = refusal(script(*lines), TOLD)
    assert refused.reason == reason
    assert refused.permanent is (reason == "past_day")
    assert refused.waiting is (reason == "waiting_for_new_day")
    assert not refused.outage


def test_nothing_is_told_of_a_day_that_is_over(script):
    refused = refusal(script(), replace(TOLD, today=False))
    assert (refused.reason, refused.permanent) == ("past_day", True)


def test_one_daily_for_two_slots_is_ticked_when_both_are_done(script, answer):
    looked = (("GET", WHO, answer("user")), ("GET", TASK, answer("daily")))
    assert (
        habitica.complete(script(*looked), SETTINGS, replace(TOLD, done=1, due=2)).words == "ticked once all are done"
    )
    call = script(*looked, ("POST", UP, answer("scored")))
    assert not habitica.complete(call, SETTINGS, replace(TOLD, done=2, due=2)).already


@pytest.mark.parametrize(("done", "presses"), [(1, 0), (2, 1), (3, 2)])
def test_a_habits_plus_is_pressed_until_it_was_pressed_as_often_as_is_done(script, answer, done, presses):
    lines = [("GET", WHO, answer("user")), ("GET", TASK, answer("habit"))]
    call = script(*lines, *[("POST", UP, answer("scored"))] * presses)
    assert habitica.complete(call, SETTINGS, replace(TOLD, done=done, due=3)).already is (presses == 0)


def test_a_habits_plus_needs_no_new_day(script, answer):
    stale = answer("user", lastCron="2026-05-01T04:00:00.000Z")
    call = script(("GET", WHO, stale), ("GET", TASK, answer("habit", history=[])), ("POST", UP, answer("scored")))
    habitica.complete(call, SETTINGS, TOLD)


def test_a_habit_without_a_plus_is_refused(script, answer):
    assert refusal(script(("GET", WHO, answer("user")), ("GET", TASK, answer("habit", up=False))), TOLD).permanent


def test_a_to_do_is_ticked_and_one_of_an_earlier_day_is_refused(script, answer):
    who = ("GET", WHO, answer("user"))
    habitica.complete(script(who, ("GET", TASK, answer("todo")), ("POST", UP, answer("scored"))), SETTINGS, TOLD)
    today = answer("todo", completed=True, dateCompleted="2026-06-02T20:00:00.000Z")
    assert habitica.complete(script(who, ("GET", TASK, today)), SETTINGS, TOLD).already
    long_ago = answer("todo", completed=True, dateCompleted="2026-05-30T20:00:00.000Z")
    assert refusal(script(who, ("GET", TASK, long_ago)), TOLD).reason == "finished"


def test_a_reward_is_not_bought(script, answer):
    refused = refusal(script(("GET", WHO, answer("user")), ("GET", TASK, answer("todo", type="reward"))), TOLD)
    assert (refused.reason, refused.permanent) == ("wrong_kind", True)


def test_a_tick_is_taken_back_once(script, answer):
    who = ("GET", WHO, answer("user"))
    call = script(who, ("GET", TASK, answer("daily_done")), ("POST", DOWN, answer("scored")))
    assert not habitica.undo(call, SETTINGS, TOLD).already
    assert habitica.undo(script(who, ("GET", TASK, answer("daily"))), SETTINGS, replace(TOLD, attempt=2)).already


def test_a_habits_minus_is_no_undo(script, answer):
    call = script(("GET", WHO, answer("user")), ("GET", TASK, answer("habit")))
    with pytest.raises(Refusal) as refused:
        habitica.undo(call, SETTINGS, TOLD)
    assert (refused.value.reason, refused.value.permanent) == ("cannot_be_undone", True)


@pytest.mark.parametrize(
    ("reply", "reason", "tries", "after"),
    [
        ("bad_credentials", "credentials", 3, None),
        ("not_found", "not_found", 3, None),
        ("rate_limited", "rate_limited", None, 81.069),
        (Reply(400), "http_400", 3, None),
        (Reply(503), "http_503", None, None),
        (Reply(200, {}, b"<html>"), "unreadable_answer", None, None),
        (Reply(200, {}, b"[]"), "unreadable_answer", None, None),
        (Refusal("timeout", "slow"), "timeout", None, None),
    ],
)
def test_what_goes_wrong_is_judged(script, answer, reply, reason, tries, after):
    refused = refusal(script(("GET", WHO, answer(reply) if isinstance(reply, str) else reply)), TOLD)
    assert (refused.reason, refused.tries, refused.after) == (reason, tries, after)
    assert SETTINGS["token"] not in str(refused)


def test_a_server_of_ones_own_is_asked_at_its_address(script, answer):
    own = "https://habits.example.org"
    call = script(("GET", WHO.replace("https://habitica.com", own), answer("user")))
    assert habitica.check(call, {**SETTINGS, "url": f"{own}/"}) == "Connected as Ada."


def test_what_can_be_scored_is_offered(script, answer):
    call = script(
        ("GET", f"{BASE}/tasks/user?type=dailys", answer("list")),
        ("GET", f"{BASE}/tasks/user?type=habits", Reply(200, {}, b'{"success":true,"data":[]}')),
        ("GET", f"{BASE}/tasks/user?type=todos", Reply(200, {}, b'{"success":true,"data":[]}')),
    )
    offered = habitica.habits(call, SETTINGS)
    assert [habit.name for habit in offered] == ["Spinal rotation - evening (daily)", "Stretch (daily)"]


def test_history_tells_what_was_ticked_and_neither_misses_nor_averages(script, answer):
    call = script(("GET", WHO, answer("user")), ("GET", TASK, answer("daily_done")))
    found = habitica.history(call, SETTINGS, date(2024, 1, 1), DAY)
    assert [(remote.habit, remote.date) for remote in found] == [
        ("turntwice-evening", date(2026, 6, 1)),
        ("turntwice-evening", DAY),
    ]
    assert found[1].at == datetime(2026, 6, 2, 20, tzinfo=UTC)


def test_history_counts_a_habits_plus_and_leaves_out_other_days(script, answer):
    call = script(("GET", WHO, answer("user")), ("GET", TASK, answer("habit")))
    found = habitica.history(call, SETTINGS, date(2026, 6, 1), date(2026, 6, 1))
    assert [(remote.date, remote.count) for remote in found] == [(date(2026, 6, 1), 2)]


def test_history_holds_a_plus_that_was_pressed_beyond_all_sense(script, answer):
    pressed = [{"date": 1780380000000, "scoredUp": up} for up in (1e18, -3)]
    call = script(("GET", WHO, answer("user")), ("GET", TASK, answer("habit", history=pressed)))
    assert [remote.count for remote in habitica.history(call, SETTINGS, DAY, DAY)] == [MOST]


def test_history_passes_over_a_task_that_is_gone(script, answer):
    call = script(("GET", WHO, answer("user")), ("GET", TASK, answer("not_found")))
    assert habitica.history(call, SETTINGS, DAY, DAY) == []


def test_the_streak_of_a_daily_is_told_with_how_habitica_counts(script, answer):
    night = answer("user", preferences={"dayStart": 3, "timezoneOffset": -120})
    found = habitica.streaks(script(("GET", WHO, night), ("GET", TASK, answer("daily_done"))), SETTINGS)
    assert found.counts == {"turntwice-evening": 5}
    assert found.reason == (
        "A day at Habitica begins at 03:00. A day on which a daily is not due counts for nothing there; "
        "one that was due and is missed ends the streak, also where you skipped it here."
    )


@pytest.mark.parametrize("task", ["habit", "todo", "not_found"])
def test_what_is_no_daily_has_no_streak(script, answer, task):
    call = script(("GET", WHO, answer("user")), ("GET", TASK, answer(task)))
    assert habitica.streaks(call, SETTINGS).counts == {}


@pytest.mark.parametrize(("streak", "count"), [(None, 0), (-2, 0), (7.0, 7), (1e18, MOST)])
def test_a_strange_streak_is_a_number_all_the_same(script, answer, streak, count):
    call = script(("GET", WHO, answer("user")), ("GET", TASK, answer("daily", streak=streak)))
    assert habitica.streaks(call, SETTINGS).counts == {"turntwice-evening": count}


def test_a_webhook_that_was_switched_off_is_switched_on_again(script, answer):
    call = script(("GET", HOOKS, answer("webhooks")), ("PUT", f"{HOOKS}/9b2e", answer("webhook")))
    assert habitica.webhook(call, SETTINGS, ADDRESS).remote == "9b2e"
    assert call.bodies()[1]["enabled"] is True


def test_a_webhook_is_made_once(script, answer):
    none = Reply(200, {}, b'{"success":true,"data":[]}')
    call = script(("GET", HOOKS, none), ("POST", HOOKS, answer("webhook")))
    assert not habitica.webhook(call, SETTINGS, ADDRESS).already
    sent = call.bodies()[1]
    assert (sent["url"], sent["label"], sent["type"]) == (ADDRESS, "Turntwice", "taskActivity")
    one = Reply(200, {}, json.dumps({"data": [{"id": "9b2e", "url": ADDRESS, "enabled": True}]}).encode())
    assert habitica.webhook(script(("GET", HOOKS, one)), SETTINGS, ADDRESS).already


def refusal(call, told):
    with pytest.raises(Refusal) as refused:
        habitica.complete(call, SETTINGS, told)
    return refused.value
