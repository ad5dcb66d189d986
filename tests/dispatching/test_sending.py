"""From a row to what a service's file is told, and from whatever that does to a result. No network, no threads."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from integration.dispatching import sending
from integration.dispatching.judging import Dropped, PutBack
from integration.dispatching.sending import Sender
from integration.dispatching.worker import PATIENCE
from integration.errors import StoreUnavailable
from integration.keys import Keys
from integration.outbox import LEASE
from integration.outgoing import Refusal, Reply, Request, Sent
from integration.store.dispatches import Kind, State
from tests.dispatching.conftest import DOWN, SECRET, TODAY, Bell, Post

YESTERDAY = TODAY - timedelta(days=1)


@pytest.fixture
def sender(post: Post, bell: Bell) -> Sender:
    return Sender(post.keys, {"bell": bell}, lambda _request: Reply(200))


def test_a_service_is_told_what_was_queued_and_its_settings_with_the_opened_secrets(
    post: Post, bell: Bell, sender: Sender
) -> None:
    connection = post.connect(morning="stretch in bed", label="My bell")
    at = datetime(2026, 6, 2, 7, 5, tzinfo=timezone(timedelta(hours=2)))
    post.queue(connection, at=at, done=1, due=2, extra={"active": 4})
    leased = post.one()
    post.clock.move(minutes=1)
    assert sender.send(leased, post.clock()) == Sent(words="kept")
    [(asked, told, settings)] = bell.told
    assert asked == "complete"
    assert settings == {"morning": "stretch in bed", "token": SECRET}
    assert (told.key, told.slot, told.date) == (leased.dispatch.key, "morning", TODAY)
    assert (told.at, told.at.utcoffset(), told.said_at) == (at, timedelta(hours=2), post.clock() - timedelta(minutes=1))
    assert (told.habit, told.done, told.due, told.extra) == ("stretch in bed", 1, 2, {"active": 4})
    assert (told.today, told.attempt, told.sent_at) == (True, 1, post.clock())


def test_ten_attempts_say_the_same_but_for_their_number_and_their_time(post: Post, bell: Bell, sender: Sender) -> None:
    """S2."""
    connection = post.connect(morning="stretch")
    post.queue(connection, extra={"active": 4})
    for _ in range(200):
        if post.idle_for() is None:
            break
        post.skip()
        leased = post.one()
        sender.send(leased, post.clock())
        post.finish(leased, Refusal("not_yet", "not yet", after=86_400, waiting=True, tries=10))
    assert [told.attempt for _, told, _ in bell.told] == list(range(1, 11))
    assert len({told.sent_at for _, told, _ in bell.told}) == 10
    same = [replace(told, attempt=1, sent_at=None, today=True) for _, told, _ in bell.told]
    assert same == [same[0]] * 10


def test_what_was_done_goes_to_the_habit_that_is_chosen_now_and_an_undo_to_the_one_of_then(
    post: Post, bell: Bell, sender: Sender
) -> None:
    connection = post.connect(morning="new")
    post.queue(connection, habit="old")
    post.queue(connection, Kind.UNDONE, slot="evening", habit="old")
    post.queue(connection, Kind.UNDONE, day=YESTERDAY, habit="old")
    for _ in range(3):
        leased = post.one()
        sender.send(leased, post.clock())
        post.finish(leased, Sent())
    told = {(asked, told.date, told.slot): told.habit for asked, told, _ in bell.told}
    assert told[("complete", TODAY, "morning")] == "new"
    assert told[("undo", YESTERDAY, "morning")] == "old"
    assert told[("undo", TODAY, "evening")] == "old"


def test_a_lowered_number_goes_to_the_habit_that_holds_it(post: Post, bell: Bell, sender: Sender) -> None:
    post.queue(post.connect(morning="new"), habit="old", done=1, due=2, was=2, lowered=True)
    sender.send(post.one(), post.clock())
    assert [told.habit for _, told, _ in bell.told] == ["old"]


@pytest.mark.parametrize("kind", [Kind.DONE, Kind.UNDONE, Kind.EVENT])
@pytest.mark.parametrize("said", ["Old words", None])
def test_where_habits_are_only_words_a_message_keeps_those_that_it_had(
    post: Post, sender: Sender, kind: Kind, said: str | None
) -> None:
    """S2: the same bytes at every attempt, whatever the connection is called by now."""
    bell = Bell(habits=False)
    post.queue(post.connect(morning="New words"), kind, habit=said)
    replace(sender, services={"bell": bell}).send(post.one(), post.clock())
    assert [told.habit for _, told, _ in bell.told] == [said]


@pytest.mark.parametrize("without", ["ability", "function"])
def test_what_cannot_be_undone_there_is_not_sent_and_says_so(
    post: Post, sender: Sender, without: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bell = Bell(undo=without != "ability")
    if without == "function":
        monkeypatch.delattr(Bell, "undo")
    post.queue(post.connect(), Kind.UNDONE)
    result = replace(sender, services={"bell": bell}).send(post.one(), post.clock())
    assert result == Dropped("no_undo", "not sent: cannot be undone there")
    assert bell.told == []


def test_a_past_day_is_not_sent_where_it_would_count_for_another(post: Post, sender: Sender) -> None:
    bell, connection = Bell(dated=False), post.connect()
    undated = replace(sender, services={"bell": bell})
    post.queue(connection)
    leased, tomorrow = post.one(), post.clock() + timedelta(hours=6)
    assert undated.send(leased, post.clock()) == Sent(words="kept")
    assert undated.send(leased, tomorrow) == Dropped("past_day", "not sent: it takes no past day")
    assert sender.send(leased, tomorrow) == Sent(words="kept")
    assert len(bell.told) == 1


def test_news_of_the_streak_has_no_day_to_be_past(post: Post, sender: Sender) -> None:
    post.queue(post.connect(), Kind.EVENT, day=YESTERDAY, slot="", extra={"type": "streak.changed"})
    assert replace(sender, services={"bell": Bell(dated=False)}).send(post.one(), post.clock()) == Sent(words="kept")


def test_a_refusal_is_handed_on_as_it_is_and_holds_no_frame(post: Post, bell: Bell, sender: Sender) -> None:
    def refuse(*_: Any) -> Sent:
        raise DOWN

    bell.answer = refuse
    post.queue(post.connect())
    result = sender.send(post.one(), post.clock())
    assert result is DOWN
    assert DOWN.__traceback__ is None


def test_a_mistake_in_a_services_file_is_no_fault_of_the_service_and_shows_no_secret(
    post: Post, bell: Bell, sender: Sender, caplog: pytest.LogCaptureFixture
) -> None:
    def blunder(*_: Any) -> Sent:
        raise KeyError(SECRET)

    bell.answer = blunder
    connection = post.connect()
    post.queue(connection)
    for _ in range(sending.MISTAKES):
        post.skip()
        leased = post.one()
        result = sender.send(leased, post.clock())
        assert isinstance(result, Refusal)
        post.finish(leased, result)
    dead = post.row(leased.dispatch.id)
    assert (dead.state, dead.attempts, dead.reason) == (State.DEAD, 5, "mistake")
    assert post.outlet(connection).health.failures == 0
    assert "KeyError" in caplog.text
    assert "hunter2" not in caplog.text + dead.message


def test_without_the_key_of_its_secrets_a_message_waits_and_nothing_is_overwritten(
    post: Post, bell: Bell, sender: Sender, caplog: pytest.LogCaptureFixture
) -> None:
    """K4."""
    connection = post.connect()
    post.queue(connection)
    wrong = replace(sender, keys=Keys(("another secret of another operator, for tests",)))
    leased = post.one()
    paused = wrong.send(leased, post.clock())
    assert isinstance(paused, PutBack)
    post.finish(leased, paused)
    assert (bell.told, post.idle_for()) == ([], timedelta(minutes=5))
    waiting = post.row(leased.dispatch.id)
    assert (waiting.state, waiting.attempts, waiting.message) == (State.WAITING, 0, sending.UNSEALED)
    assert connection in caplog.text
    post.skip()
    assert sender.send(post.one(), post.clock()) == Sent(words="kept")


def test_secrets_that_were_moved_to_another_connection_do_not_open(post: Post, sender: Sender) -> None:
    """K2."""
    first, second = post.connect(), post.connect()
    with post.store.writing() as db:
        other = f"(SELECT tokens FROM connections WHERE id = '{first}')"
        db.exec_driver_sql(f"UPDATE connections SET tokens = {other} WHERE id = '{second}'")
    post.queue(second)
    assert isinstance(sender.send(post.one(), post.clock()), PutBack)


def test_a_service_whose_file_is_gone_leaves_its_messages_waiting(post: Post, sender: Sender) -> None:
    post.queue(post.connect("bygone"))
    leased = post.one()
    result = sender.send(leased, post.clock())
    assert isinstance(result, PutBack)
    assert (result.reason, sender.pace(leased)) == ("no_service", timedelta())


class Fetching(Bell):
    def fetch(self, call: Any, settings: Mapping[str, str], id: str) -> list[str]:  # noqa: A002, ARG002
        call(Request("GET", f"https://bell.example/{id}"))
        return [f"report of {id}"]


def queue_fetch(post: Post, connection: str) -> None:
    post.queue(connection, Kind.FETCH, slot="")
    with post.store.writing() as db:
        db.exec_driver_sql("UPDATE dispatches SET remote = 'workout-1'")


def test_what_a_notice_named_is_fetched_and_handed_on(post: Post, sender: Sender) -> None:
    heard, connection = list[Any](), post.connect()
    queue_fetch(post, connection)
    fetching = replace(sender, services={"bell": Fetching()}, heard=lambda *told: heard.append(told))
    leased = post.one()
    assert fetching.send(leased, post.clock()) == Sent(words="fetched")
    assert heard == [(connection, "workout-1", ["report of workout-1"])]
    assert sender.send(leased, post.clock()) == sending.NO_FETCH


def test_what_was_fetched_and_could_not_be_stored_is_fetched_again(post: Post, sender: Sender) -> None:
    def away(*_: Any) -> None:
        raise StoreUnavailable("the database is away")

    queue_fetch(post, post.connect())
    result = replace(sender, services={"bell": Fetching()}, heard=away).send(post.one(), post.clock())
    assert isinstance(result, PutBack)


def calling(bell: Bell) -> None:
    def answer(call: Any, _told: Any) -> Sent:
        call(Request("GET", "https://bell.example/"))
        return Sent(words="kept")

    bell.answer = answer


@pytest.mark.parametrize(("since", "sent"), [(None, True), (sending.GRACE - 1, True), (sending.GRACE + 1, False)])
def test_as_we_stop_a_message_may_finish_quickly_and_else_is_put_back(
    post: Post, bell: Bell, sender: Sender, since: float | None, sent: bool
) -> None:
    """S16."""
    calling(bell)
    post.queue(post.connect())
    result = replace(sender, stopping=lambda: since).send(post.one(), post.clock())
    assert result == (Sent(words="kept") if sent else PutBack("stopped", ""))


@pytest.mark.parametrize("begun", [False, True])
def test_once_its_lease_is_over_a_message_makes_no_further_call(
    post: Post, bell: Bell, sender: Sender, begun: bool
) -> None:
    """A process that was halted in between must not send what may be taken back by now."""
    calls = iter([True, False] if begun else [False])
    asked = list[str]()

    def answer(call: Any, _told: Any) -> Sent:
        for name in ("first", "second"):
            call(Request("GET", f"https://bell.example/{name}"))
        return Sent(words="kept")

    bell.answer = answer
    post.queue(post.connect())
    door = replace(sender, door=lambda request: asked.append(request.url) or Reply(200), holds=lambda _: next(calls))
    assert door.send(post.one(), post.clock()) == PutBack("lease_over", "", begun=begun)
    assert asked == ["https://bell.example/first"] * begun


def test_a_message_makes_no_further_call_once_its_lease_could_run_out(
    post: Post, bell: Bell, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    calling(bell)
    post.queue(post.connect())
    times = iter((100.0, 100.0 + sending.LONGEST + 1))
    monkeypatch.setattr(sending, "monotonic", lambda: next(times))
    result = sender.send(post.one(), post.clock())
    assert isinstance(result, Refusal)
    assert (result.reason, result.outage) == ("too_slow", True)


def test_the_longest_message_ends_within_its_lease() -> None:
    call = 15
    assert LEASE.total_seconds() > sending.LONGEST + call
    assert sending.GRACE + call < PATIENCE


def test_nothing_is_logged_of_a_message_that_goes_well(
    post: Post, sender: Sender, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "integration")
    post.queue(post.connect())
    sender.send(post.one(), post.clock())
    assert caplog.text == ""
