"""When a message is tried again: webhook-reliability S3, S4 and S5, value by value."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.dispatching import schedule
from integration.outgoing import Refusal, Reply
from integration.replies import accepted

NOW = datetime(2026, 6, 2, 20, 30, tzinfo=UTC)
LUCK = st.floats(-1, 1)
DAY = 86_400


def refusal(reason: str = "http_503", **more) -> Refusal:
    return Refusal(reason, "Bell is in trouble", **more)


def answered(status: int, **headers: str) -> Refusal:
    """The refusal that an answer amounts to."""
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    with pytest.raises(Refusal) as refused:
        accepted(Reply(status, told), "Bell")
    return refused.value


def wait(refused: Refusal, tries: int = 1, spread: float = 0) -> float | None:
    """Seconds until the next try; None when there is none."""
    due = schedule.next_try(refused, tries, NOW, spread)
    return None if due is None else (due - NOW).total_seconds()


def test_ten_tries_are_spread_over_three_days_and_then_it_is_given_up():
    waits = [wait(refusal(), tries) for tries in range(1, 10)]
    assert waits == [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]
    assert timedelta(seconds=sum(waits)) == timedelta(hours=75, minutes=35, seconds=5)
    assert wait(refusal(), 10) is None


def test_ten_thousand_waits_stay_within_a_fifth_and_reach_all_of_it():
    luck, planned = random.Random(5), 300
    waits = [wait(refusal(), 2, luck.uniform(-1, 1)) for _ in range(10_000)]
    assert planned * 0.8 <= min(waits) < planned * 0.81
    assert planned * 1.19 < max(waits) <= planned * 1.2
    tenths = [sum(planned * (0.8 + n * 0.04) <= w < planned * (0.84 + n * 0.04) for w in waits) for n in range(10)]
    assert all(850 < count < 1150 for count in tenths), tenths


@given(st.integers(1, 9), LUCK)
def test_no_wait_leaves_a_fifth_around_the_plan(tries, spread):
    planned = schedule.WAITS[tries - 1]
    assert planned * 0.8 <= schedule.planned(tries, spread) <= planned * 1.2


@given(st.integers(1, 9), LUCK, st.one_of(st.none(), st.floats(), st.integers(-(10**400), 10**400)))
def test_whatever_wait_is_asked_for_it_lies_between_the_plan_and_a_day(tries, spread, after):
    planned = schedule.planned(tries, spread).total_seconds()
    assert planned <= wait(refusal(after=after), tries, spread) <= max(planned, DAY)


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("1", 5),
        ("120", 120),
        ("21.069", 21.069),
        ("999999999", DAY),
        ("-1", 5),
        ("1e9", 5),
        ("9" * 400, 5),
        ("soon", 5),
        ("", 5),
        ("Mon, 01 Jun 2026 07:02:00 GMT", 120),
        ("Mon, 01 Jun 2026 06:00:00 GMT", 5),
        ("Mon, 01 Jun 2099 07:02:00 GMT", DAY),
    ],
)
def test_what_retry_after_says_is_kept_to_between_the_plan_and_a_day(asked, seconds):
    assert wait(answered(503, retry_after=asked, date="Mon, 01 Jun 2026 07:00:00 GMT")) == seconds


@pytest.mark.parametrize(
    "refused",
    [answered(429), answered(429, retry_after="3"), answered(502), answered(504), refusal("timeout", after=60)],
    ids=lambda refused: refused.reason,
)
def test_after_too_much_and_too_slow_it_rests_for_a_minute_at_least(refused):
    assert wait(refused, 1, -1) == 60
    assert wait(refused, 4, 0) == 7200


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413, 422, 451])
def test_a_four_hundred_is_final_after_three_tries(status):
    refused = answered(status)
    assert [wait(refused, tries) is None for tries in (1, 2, 3)] == [False, False, True]


@pytest.mark.parametrize("status", [302, 408, 409, 425, 429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_ten_times(status):
    refused = answered(status)
    assert [wait(refused, tries) is None for tries in (3, 9, 10)] == [False, False, True]


def test_what_cannot_be_helped_is_final_at_once():
    assert wait(answered(410)) is None
    assert wait(refusal("finished", permanent=True)) is None


def test_only_the_service_itself_can_ask_to_be_left_alone():
    assert schedule.pause(answered(503, retry_after="90"), NOW) == NOW + timedelta(seconds=90)
    assert schedule.pause(answered(429), NOW) == NOW + timedelta(seconds=60)
    assert schedule.pause(answered(503, retry_after="999999999"), NOW) == NOW + timedelta(days=1)
    assert schedule.pause(answered(503), NOW) is None
    assert schedule.pause(refusal("timeout", after=60), NOW) is None


@given(LUCK)
def test_a_service_that_is_down_is_probed_within_every_minute_and_not_at_the_same_second(spread):
    assert timedelta(seconds=40) < schedule.probe(NOW, spread) - NOW < timedelta(seconds=60)
    assert schedule.probe(NOW, 1) - schedule.probe(NOW, -1) > timedelta(seconds=10)


def test_a_service_that_says_when_it_takes_a_message_is_asked_then_however_often() -> None:
    asleep = Refusal("waiting_for_new_day", "Bell sleeps", after=1800, waiting=True)
    assert {schedule.next_try(asleep, tries, NOW, 1.0) for tries in (1, 9, 10, 500)} == {NOW + timedelta(minutes=30)}
    limited = Refusal("waiting_for_new_day", "Bell sleeps", after=1800, waiting=True, tries=10)
    assert schedule.next_try(limited, 10, NOW, 1.0) is None
