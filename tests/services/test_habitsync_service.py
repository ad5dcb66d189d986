from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from integration.outgoing import Habit, Refusal, Remote, Reply, Told
from integration.replies import MOST
from integration.services import habitsync

UUID = "4c5a9d0e-1111-4222-8333-444455556666"
SETTINGS = {"url": "https://habits.example.org/", "token": "a-habitsync-key", "morning": UUID, "evening": UUID}
RECORD = f"https://habits.example.org/api/record/{UUID}"
LIST = "https://habits.example.org/api/habit/list"
TOLD = Told(
    key="key-1",
    slot="morning",
    date=date(2026, 6, 2),
    at=datetime(2026, 6, 2, 7, 5, tzinfo=timezone(timedelta(hours=2))),
    said_at=datetime(2026, 6, 2, 5, 10, tzinfo=UTC),
    habit=UUID,
    due=2,
)
DAY = 20606  # 2 June 2026


def test_the_number_of_the_day_is_set_with_its_day(script, sample):
    call = script(("POST", RECORD, sample("habitsync", "record")))
    assert habitsync.complete(call, SETTINGS, TOLD).words == "kept"
    assert call.bodies() == [{"epochDay": DAY, "recordValue": 1}]
    assert call.sent[0].headers["X-API-Key"] == "a-habitsync-key"


def test_twice_a_day_makes_two_and_a_repeated_attempt_makes_no_third(script, sample):
    second = replace(TOLD, key="key-2", slot="evening", done=2)
    call = script(
        ("POST", RECORD, sample("habitsync", "record")),
        ("POST", RECORD, sample("habitsync", "record", recordValue=2.0)),
        ("POST", RECORD, sample("habitsync", "record", recordValue=2.0)),
    )
    for told in (TOLD, second, replace(second, attempt=2)):
        habitsync.complete(call, SETTINGS, told)
    assert [body["recordValue"] for body in call.bodies()] == [1, 2, 2]


@pytest.mark.parametrize("left", [0, 1])
def test_taking_back_sets_what_is_left(script, sample, left):
    call = script(("POST", RECORD, sample("habitsync", "record", recordValue=left)))
    habitsync.undo(call, SETTINGS, replace(TOLD, done=left))
    assert call.bodies() == [{"epochDay": DAY, "recordValue": left}]


@pytest.mark.parametrize(("day", "number"), [("1970-01-02", 1), ("2028-02-29", 21243), ("2025-12-31", 20453)])
def test_days_are_counted_from_1970(script, sample, day, number):
    call = script(("POST", RECORD, sample("habitsync", "record", epochDay=number)))
    habitsync.complete(call, SETTINGS, replace(TOLD, date=date.fromisoformat(day)))
    assert call.bodies()[0]["epochDay"] == number


@pytest.mark.parametrize("kept", [{"recordValue": 5.0}, {"epochDay": DAY + 1}])
def test_an_answer_that_names_another_day_or_number_is_no_proof(script, sample, kept):
    with pytest.raises(Refusal) as refused:
        habitsync.complete(script(("POST", RECORD, sample("habitsync", "record", **kept))), SETTINGS, TOLD)
    assert refused.value.reason == "not_kept"


@pytest.mark.parametrize(
    ("answer", "reason", "outage"),
    [
        (Reply(401), "credentials", False),
        (Reply(404), "not_found", False),
        (Reply(400), "http_400", False),
        (Reply(302), "redirect", True),
        (Reply(429), "rate_limited", True),
        (Reply(500), "http_500", True),
        (Reply(200, {}, b"<!doctype html>"), "unreadable_answer", True),
        (Reply(200, {}, b"{}"), "unreadable_answer", True),
    ],
)
def test_each_refusal_has_its_reason(script, answer, reason, outage):
    with pytest.raises(Refusal) as refused:
        habitsync.complete(script(("POST", RECORD, answer)), SETTINGS, TOLD)
    assert (refused.value.reason, refused.value.outage) == (reason, outage)
    assert "a-habitsync-key" not in str(refused.value)


def test_a_habit_of_somebody_else_is_refused(script, sample):
    with pytest.raises(Refusal) as refused:
        habitsync.complete(script(("POST", RECORD, sample("habitsync", "forbidden"))), SETTINGS, TOLD)
    assert refused.value.reason == "credentials"


def test_the_persons_habits_can_be_chosen_from(script, sample):
    assert habitsync.habits(script(("GET", LIST, sample("habitsync", "habits"))), SETTINGS) == [Habit(UUID, "Stretch")]


def test_a_check_counts_the_habits(script, sample):
    assert "1" in habitsync.check(script(("GET", LIST, sample("habitsync", "habits"))), SETTINGS)


def test_the_history_leaves_out_the_days_that_the_server_fills_up_with_nothing(script, sample):
    url = f"{RECORD}?epochDayFrom=20605&epochDayTo=20607"
    call = script(("GET", url, sample("habitsync", "records")))
    assert habitsync.history(call, SETTINGS, date(2026, 6, 1), date(2026, 6, 3)) == [
        Remote(UUID, date(2026, 6, 1), count=2),
        Remote(UUID, date(2026, 6, 2)),
    ]


@pytest.mark.parametrize("day", [-1, 10**12])
def test_a_day_that_cannot_be_is_not_read(script, sample, day):
    body = f'[{{"epochDay":{day},"recordValue":1.0}}]'.encode()
    url = f"{RECORD}?epochDayFrom={DAY}&epochDayTo={DAY}"
    with pytest.raises(Refusal, match="cannot read"):
        habitsync.history(script(("GET", url, Reply(200, {}, body))), SETTINGS, TOLD.date, TOLD.date)


def test_a_value_beyond_all_sense_leaves_the_history_readable(script):
    body = f'[{{"epochDay":{DAY},"recordValue":1e18}},{{"epochDay":{DAY + 1},"recordValue":-4}}]'.encode()
    url = f"{RECORD}?epochDayFrom={DAY}&epochDayTo={DAY + 1}"
    found = habitsync.history(script(("GET", url, Reply(200, {}, body))), SETTINGS, TOLD.date, date(2026, 6, 3))
    assert found == [Remote(UUID, TOLD.date, count=MOST)]
