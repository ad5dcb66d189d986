from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from integration.outgoing import Habit, Refusal, Remote, Reply, Told
from integration.services import hevy
from webhooks.report import Kind, Likeness, Moment, Report

SETTINGS = {"api_key": "hevy-key", "morning": "3BC06AD3", "evening": "3BC06AD3", "label": "Hevy"}
API = "https://api.hevyapp.com/v1"
WORKOUTS = f"{API}/workouts"
EVENTS = f"{WORKOUTS}/events?since=2026-05-31T05%3A10%3A00Z&pageSize=10&page="
MADE, OTHER = "b459cba5-cd6d-463c-abd6-54f8eafcadcb", "efe6801c-4aee-4959-bcdd-fca3f272821b"
TOLD = Told(
    key="key-1",
    slot="morning",
    date=date(2026, 6, 2),
    at=datetime(2026, 6, 2, 7, 5, 0, 999, tzinfo=timezone(timedelta(hours=2))),
    said_at=datetime(2026, 6, 2, 5, 10, tzinfo=UTC),
    habit="3BC06AD3",
)


@pytest.mark.parametrize("answer", ["made", "made_bare"])
def test_a_session_becomes_a_private_workout(script, sample, answer):
    call = script(("GET", f"{EVENTS}1", sample("hevy", "events_none")), ("POST", WORKOUTS, sample("hevy", answer)))
    sent = hevy.complete(call, SETTINGS, TOLD)
    assert (sent.remote, sent.already) == (MADE, False)
    workout = call.bodies()[1]["workout"]
    assert (workout["start_time"], workout["end_time"]) == ("2026-06-02T05:02:00Z", "2026-06-02T05:05:00Z")
    assert workout["is_private"] is True
    (exercise,) = workout["exercises"]
    assert exercise["exercise_template_id"] == "3BC06AD3"
    assert [(turn["reps"], turn["duration_seconds"]) for turn in exercise["sets"]] == [(4, 90), (4, 90)]
    assert call.sent[1].headers["api-key"] == "hevy-key"


def test_a_repeated_attempt_finds_the_workout_among_what_changed_since(script, sample):
    call = script(
        ("GET", f"{EVENTS}1", sample("hevy", "events_first")), ("GET", f"{EVENTS}2", sample("hevy", "events_ours"))
    )
    sent = hevy.complete(call, SETTINGS, replace(TOLD, attempt=2))
    assert (sent.already, sent.remote) == (True, MADE)


def test_a_workout_whose_note_was_changed_is_known_by_its_title_and_start(script, sample):
    events = sample("hevy", "events_ours", page_count=1)
    call = script(("GET", f"{EVENTS}1", Reply(200, {}, events.body.replace(b"turntwice-2026-06-02-morning", b"mine"))))
    assert hevy.complete(call, SETTINGS, TOLD).already


def test_a_session_done_again_after_it_was_taken_back_makes_no_second_workout(script, sample):
    call = script(("GET", f"{EVENTS}1", sample("hevy", "events_ours", page_count=1)))
    assert hevy.complete(call, SETTINGS, replace(TOLD, key="key-3", at=TOLD.at + timedelta(minutes=4))).already


def test_the_evening_is_another_workout_than_the_morning(script, sample):
    evening = replace(TOLD, slot="evening", at=TOLD.at + timedelta(hours=15))
    call = script(
        ("GET", f"{EVENTS}1", sample("hevy", "events_ours", page_count=1)),
        ("POST", WORKOUTS, sample("hevy", "made")),
    )
    assert not hevy.complete(call, SETTINGS, evening).already
    assert call.bodies()[1]["workout"]["description"] == "turntwice-2026-06-02-evening"


def test_a_session_that_was_said_done_on_another_day_lies_at_noon_of_its_own(script, sample):
    late = replace(TOLD, at=TOLD.at + timedelta(days=1, hours=2))
    call = script(("GET", f"{EVENTS}1", sample("hevy", "events_none")), ("POST", WORKOUTS, sample("hevy", "made")))
    hevy.complete(call, SETTINGS, late)
    workout = call.bodies()[1]["workout"]
    assert (workout["start_time"], workout["end_time"]) == ("2026-06-02T10:00:00Z", "2026-06-02T10:03:00Z")


def test_two_sessions_that_both_lie_at_noon_are_two(script, sample):
    evening = replace(TOLD, slot="evening", at=TOLD.at + timedelta(days=1))
    events = sample("hevy", "events_ours", page_count=1)
    morning = Reply(200, {}, events.body.replace(b"2026-06-02T05:02:00", b"2026-06-02T10:00:00"))
    call = script(("GET", f"{EVENTS}1", morning), ("POST", WORKOUTS, sample("hevy", "made")))
    assert not hevy.complete(call, SETTINGS, evening).already


def test_an_account_without_any_event_has_no_first_page(script, sample):
    call = script(("GET", f"{EVENTS}1", sample("hevy", "page_not_found")), ("POST", WORKOUTS, sample("hevy", "made")))
    assert hevy.complete(call, SETTINGS, TOLD).remote == MADE


@pytest.mark.parametrize("body", [b"", b"{}", b'{"workout":[]}', b"created"])
def test_a_workout_that_was_made_is_not_made_again_for_a_strange_answer(script, sample, body):
    call = script(("GET", f"{EVENTS}1", sample("hevy", "events_none")), ("POST", WORKOUTS, Reply(201, {}, body)))
    sent = hevy.complete(call, SETTINGS, TOLD)
    assert (sent.remote, sent.words) == (None, "kept")


@pytest.mark.parametrize(
    ("answer", "reason", "outage"),
    [
        (Reply(401), "credentials", False),
        (Reply(403), "credentials", False),
        (Reply(429), "rate_limited", True),
        (Reply(500), "http_500", True),
        (Reply(200, {}, b"<html>"), "unreadable_answer", True),
        (Reply(200, {}, b"{}"), "unreadable_answer", True),
        (Reply(200, {}, b'{"events":[],"page_count":"many"}'), "unreadable_answer", True),
        (Reply(200, {}, b'{"events":[{"workout":{"id":"1"}}],"page_count":1}'), "unreadable_answer", True),
    ],
)
def test_nothing_is_made_where_we_could_not_look(script, answer, reason, outage):
    with pytest.raises(Refusal) as refused:
        hevy.complete(script(("GET", f"{EVENTS}1", answer)), SETTINGS, TOLD)
    assert (refused.value.reason, refused.value.outage) == (reason, outage)
    assert "hevy-key" not in str(refused.value)


def test_a_workout_that_it_does_not_take_is_refused(script, sample):
    call = script(("GET", f"{EVENTS}1", sample("hevy", "events_none")), ("POST", WORKOUTS, sample("hevy", "invalid")))
    with pytest.raises(Refusal) as refused:
        hevy.complete(call, SETTINGS, TOLD)
    assert (refused.value.reason, refused.value.outage) == ("http_400", False)


def test_it_cannot_be_taken_back():
    assert not hevy.ABILITIES.undo
    assert not hasattr(hevy, "undo")


def test_a_check_asks_for_a_number_alone(script, sample):
    assert hevy.check(script(("GET", f"{WORKOUTS}/count", sample("hevy", "count"))), SETTINGS) == "Connected."
    with pytest.raises(Refusal):
        hevy.check(script(("GET", f"{WORKOUTS}/count", sample("hevy", "bad_key"))), SETTINGS)


def test_exercises_that_sound_like_a_stretch_are_offered_first(script, sample):
    templates = f"{API}/exercise_templates?pageSize=100&page="
    call = script(
        ("GET", f"{templates}1", sample("hevy", "templates", page_count=2)),
        ("GET", f"{templates}2", sample("hevy", "page_not_found")),
    )
    assert hevy.habits(call, SETTINGS) == [Habit("527DA061", "Stretching"), Habit("D04AC939", "Squat (Barbell)")]


def test_the_history_counts_a_workout_once_however_many_sets_it_has(script, sample):
    url = f"{API}/exercise_history/3BC06AD3?start_date=2026-05-31T00%3A00%3A00Z&end_date=2026-06-08T23%3A59%3A59Z"
    call = script(("GET", url, sample("hevy", "exercise_history")))
    assert hevy.history(call, SETTINGS, date(2026, 6, 1), date(2026, 6, 7)) == [
        Remote("3BC06AD3", date(2026, 6, 2), at=datetime(2026, 6, 2, 5, 2, tzinfo=UTC), event=MADE)
    ]


def test_a_workout_that_was_announced_is_fetched_with_all_its_names(script, sample):
    call = script(("GET", f"{WORKOUTS}/{MADE}", sample("hevy", "workout")))
    assert hevy.fetch(call, SETTINGS, MADE) == (
        Report(
            kind=Kind.DONE,
            event_id=MADE,
            said_at=datetime(2026, 6, 2, 5, 10, 7, 340000, tzinfo=UTC),
            performed=Moment(datetime(2026, 6, 2, 5, 2, tzinfo=UTC)),
            thing=MADE,
            habit=("Spinal rotation stretch", "Spinal Twist (Supine)", "3BC06AD3"),
            likeness=Likeness.STRETCH,
            origin="turntwice-2026-06-02-morning",
            duration_seconds=180,
        ),
    )


def test_a_russian_twist_is_no_stretch(script, sample):
    (report,) = hevy.fetch(script(("GET", f"{WORKOUTS}/{OTHER}", sample("hevy", "workout_wrapped"))), SETTINGS, OTHER)
    assert (report.likeness, report.origin, report.duration_seconds) == (Likeness.OTHER, None, 3600)
    assert "99D0AA11" in report.habit


def test_a_workout_that_is_gone_takes_back_what_it_counted_for(script):
    call = script(("GET", f"{WORKOUTS}/{MADE}", Reply(404)))
    assert hevy.fetch(call, SETTINGS, MADE) == (Report(Kind.UNDONE, MADE, thing=MADE),)


@pytest.mark.parametrize("answer", [Reply(401), Reply(503), Reply(200, {}, b"[]"), Reply(200, {}, b'{"workout":null}')])
def test_a_workout_that_cannot_be_fetched_takes_back_nothing(script, answer):
    with pytest.raises(Refusal):
        hevy.fetch(script(("GET", f"{WORKOUTS}/{MADE}", answer)), SETTINGS, MADE)


def test_an_id_stays_inside_its_address(script):
    call = script(("GET", f"{WORKOUTS}/..%2Fexercise_templates%3Fx", Reply(404)))
    hevy.fetch(call, SETTINGS, "../exercise_templates?x")
