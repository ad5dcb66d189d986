from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from ipaddress import ip_network

import pytest

from integration.door import Door
from integration.outgoing import Habit, Refusal, Remote, Reply, Told
from integration.services import beaverhabits
from tests.services.beaver_server import TOKEN, Beaver, beaver

SETTINGS = {"url": "https://beaver.example.org/", "token": TOKEN, "morning": "am", "evening": "pm", "label": "Home"}
HABITS = "https://beaver.example.org/api/v1/habits"
TOLD = Told(
    key="key-1",
    slot="morning",
    date=date(2026, 6, 2),
    at=datetime(2026, 6, 2, 7, 5, tzinfo=timezone(timedelta(hours=2))),
    said_at=datetime(2026, 6, 2, 5, 10, tzinfo=UTC),
    habit="am",
)
WAIT = 0.01


def day(habit: str = "am", first: str = "2026-06-02", last: str = "2026-06-02", limit: int = 1) -> str:
    dates = f"date_start={first}&date_end={last}&date_fmt=%25Y-%25m-%25d&limit={limit}"
    return f"{HABITS}/{habit}/completions?{dates}"


def test_a_tick_is_set_for_its_day_and_read_back(script, sample):
    call = script(
        ("GET", day(), sample("beaverhabits", "empty")),
        ("POST", f"{HABITS}/am/completions", sample("beaverhabits", "said_yes")),
        ("GET", day(), sample("beaverhabits", "ticked")),
    )
    sent = beaverhabits.complete(call, SETTINGS, TOLD)
    assert not sent.already
    assert call.bodies()[1] == {"date": "2026-06-02", "date_fmt": "%Y-%m-%d", "done": True}
    assert all(request.headers["Authorization"] == f"Bearer {TOKEN}" for request in call.sent)


def test_what_is_ticked_already_is_left_alone(script, sample):
    call = script(("GET", day(), sample("beaverhabits", "ticked")))
    assert beaverhabits.complete(call, SETTINGS, TOLD).already


def test_taking_back_clears_the_day(script, sample):
    call = script(
        ("GET", day(), sample("beaverhabits", "ticked")),
        ("POST", f"{HABITS}/am/completions", sample("beaverhabits", "said_yes")),
        ("GET", day(), sample("beaverhabits", "empty")),
    )
    beaverhabits.undo(call, SETTINGS, TOLD)
    assert call.bodies()[1]["done"] is False


def test_what_is_not_ticked_needs_no_taking_back(script, sample):
    call = script(("GET", day(), sample("beaverhabits", "empty")))
    assert beaverhabits.undo(call, SETTINGS, TOLD).already


def test_one_tick_for_two_sessions_waits_for_the_second(script, sample):
    first = beaverhabits.complete(script(), SETTINGS, replace(TOLD, done=1, due=2))
    assert "all" in first.words
    call = script(("GET", day(), sample("beaverhabits", "ticked")))
    assert beaverhabits.complete(call, SETTINGS, replace(TOLD, done=2, due=2)).already


@pytest.mark.parametrize("odd", ["2028-02-29", "2026-01-01", "2025-12-31"])
def test_every_day_is_named_in_full(script, odd):
    ticked = Reply(200, {}, f'["{odd}"]'.encode())
    call = script(("GET", day(first=odd, last=odd), ticked))
    assert beaverhabits.complete(call, SETTINGS, replace(TOLD, date=date.fromisoformat(odd))).already


def test_a_habit_of_any_name_stays_inside_its_address(script, sample):
    call = script(("GET", day(habit="a%2F..%2Fb%3F"), sample("beaverhabits", "ticked")))
    assert beaverhabits.complete(call, SETTINGS, replace(TOLD, habit="a/../b?")).already


@pytest.mark.parametrize(
    ("answer", "reason", "outage"),
    [
        (Reply(401), "credentials", False),
        (Reply(404), "not_found", False),
        (Reply(400), "http_400", False),
        (Reply(302), "redirect", True),
        (Reply(429), "rate_limited", True),
        (Reply(503), "http_503", True),
        (Reply(200, {}, b"<html>"), "unreadable_answer", True),
        (Reply(200, {}, b'{"day": 1}'), "unreadable_answer", True),
        (Reply(200, {}, b'["02-06-2026"]'), "unreadable_answer", True),
    ],
)
def test_a_refusal_says_what_is_wrong_and_quotes_no_key(script, answer, reason, outage):
    with pytest.raises(Refusal) as refused:
        beaverhabits.complete(script(("GET", day(), answer)), SETTINGS, TOLD)
    assert (refused.value.reason, refused.value.outage) == (reason, outage)
    assert TOKEN not in str(refused.value)


def test_the_persons_habits_can_be_chosen_from(script, sample):
    call = script(("GET", HABITS, sample("beaverhabits", "habits")))
    assert beaverhabits.habits(call, SETTINGS) == [
        Habit("ab12cd", "Stretch in the morning"),
        Habit("ef34ab", "Stretch in the evening"),
    ]


def test_a_check_counts_the_habits(script, sample):
    assert "2" in beaverhabits.check(script(("GET", HABITS, sample("beaverhabits", "habits"))), SETTINGS)


def test_the_history_is_read_for_each_habit_that_is_mapped(script, sample):
    week = {"first": "2026-06-01", "last": "2026-06-07", "limit": 7}
    call = script(
        ("GET", day("am", **week), sample("beaverhabits", "ticked")),
        ("GET", day("pm", **week), sample("beaverhabits", "empty")),
    )
    found = beaverhabits.history(call, SETTINGS, date(2026, 6, 1), date(2026, 6, 7))
    assert found == [Remote("am", date(2026, 6, 2))]


@pytest.fixture
def server() -> Iterator[Beaver]:
    with beaver(WAIT, "am", "pm") as running:
        yield running


@pytest.fixture
def door() -> Door:
    return Door(allow=[ip_network("127.0.0.0/8")])


def at(server: Beaver) -> dict[str, str]:
    return {**SETTINGS, "url": server.url}


def test_a_server_that_says_yes_too_soon_is_asked_again_later(server, door):
    with pytest.raises(Refusal) as refused:
        beaverhabits.complete(door, at(server), TOLD)
    assert (refused.value.reason, refused.value.after, refused.value.outage) == ("not_kept_yet", 2, False)
    assert (refused.value.waiting, refused.value.tries) == (False, 10)
    server.clock.now += refused.value.after
    assert beaverhabits.complete(door, at(server), TOLD).already
    assert server.answered == 1


def test_a_tick_that_another_overwrote_is_found_missing_and_set_again(server, door):
    both = [TOLD, replace(TOLD, key="key-2", slot="evening", habit="pm")]
    for told in both:
        with pytest.raises(Refusal):
            beaverhabits.complete(door, at(server), told)
    server.clock.now += 2
    assert server.stored() == {"am": set(), "pm": {"2026-06-02"}}, "the server should have lost one"
    with pytest.raises(Refusal):
        beaverhabits.complete(door, at(server), TOLD)
    server.clock.now += 2
    assert [beaverhabits.complete(door, at(server), told).already for told in both] == [True, True]
    assert server.stored() == {"am": {"2026-06-02"}, "pm": {"2026-06-02"}}


def told_until_kept(door: Door, server: Beaver, told: list[Told]) -> int:
    """As the worker does: at the service's pace, again after the wait that was asked for. How many tries it took."""
    waiting, tries = list(told), 0
    while waiting:
        tries += 1
        server.clock.now += beaverhabits.ABILITIES.pace
        try:
            beaverhabits.complete(door, at(server), waiting[0])
        except Refusal as refused:
            server.clock.now += refused.after or 0
            waiting.append(waiting[0])
        waiting.pop(0)
    return tries


@pytest.mark.parametrize("lag", [0, WAIT, 1.9])
def test_at_its_pace_twelve_ticks_are_twelve(server, door, lag):
    server.lag = lag
    told = [
        replace(TOLD, key=f"key-{number}", date=TOLD.date + timedelta(number), habit=("am", "pm")[number % 2])
        for number in range(12)
    ]
    assert told_until_kept(door, server, told) == (24 if lag else 12)
    assert sum(map(len, server.stored().values())) == server.answered == 12


def test_a_tick_taken_back_stays_back(server, door):
    told_until_kept(door, server, [TOLD])
    with pytest.raises(Refusal):
        beaverhabits.undo(door, at(server), TOLD)
    server.clock.now += 2
    assert beaverhabits.undo(door, at(server), TOLD).already
    assert server.stored()["am"] == set()


def test_a_wrong_token_and_a_habit_that_is_gone_are_told_apart(server, door):
    with pytest.raises(Refusal, match="key"):
        beaverhabits.complete(door, {**at(server), "token": "another"}, TOLD)
    with pytest.raises(Refusal, match="habit"):
        beaverhabits.complete(door, at(server), replace(TOLD, habit="gone"))
