"""What waits for the person: it counts where they say, once, or is put away, and nobody is asked twice."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Barrier
from typing import Any

import pytest
from flask.testing import FlaskClient

from integration import record
from integration.core.merge import merge
from integration.core.model import Connection, FactKind, State
from integration.core.placing import Placed
from integration.errors import NotFound, Refused
from integration.inbox.kept import find
from integration.inbox.mapping import count_too
from integration.inbox.receiving import inbound_of
from integration.inbox.replay import replay, replay_all
from integration.inbox.waiting import own_days, settle
from integration.record import ACCEPTED, DUPLICATE, IGNORED, QUARANTINED
from integration.store import deliveries
from integration.store.deliveries import NOT_A_STRETCH, Entry, Which
from tests.integration.conftest import TODAY, Somebody
from tests.integration.senders import post, scored, workouts
from webhooks.report import Incoming, Kind, Report

YESTERDAY = TODAY - timedelta(days=1)
EVENING = Placed("evening", YESTERDAY)
NO_TIME = {"id": "1", "date": str(YESTERDAY)}
Everything = Callable[[], dict[str, list[Any]]]


@pytest.fixture
def simple(somebody: Somebody) -> Connection:
    return somebody.connect("simple")


def kept(somebody: Somebody) -> list[Entry]:
    """Oldest first."""
    with somebody.parts.store.reading() as db:
        return deliveries.latest(db, somebody.id, 100)[::-1]


def judged(somebody: Somebody) -> list[tuple[str, str | None]]:
    return [(entry.outcome, entry.reason) for entry in kept(somebody)]


def say(somebody: Somebody, choice: Placed | None, nth: int = 0) -> Any:
    return settle(somebody.parts, somebody.person, kept(somebody)[nth].id, choice)


def state(somebody: Somebody, slot: str = "evening", day: date = YESTERDAY) -> State | None:
    return merge(fact for fact in somebody.facts() if (fact.slot, fact.date) == (slot, day)).state


WAITING = {
    "no_time": NO_TIME,
    "outside_the_plan": {"id": "1", "slot": "noon", "date": str(YESTERDAY)},
    "in_the_future": {"id": "1", "performed_at": "2026-07-01T07:00:00+02:00"},
    "before_the_plan": {"id": "1", "slot": "morning", "date": "2026-05-01"},
    "too_old": {"id": "1", "performed_at": "2001-07-01T07:00:00+02:00"},
}


@pytest.mark.parametrize("reason", WAITING)
def test_what_waits_counts_for_the_session_that_the_person_names(
    client: FlaskClient, somebody: Somebody, simple: Connection, clock: Any, reason: str
) -> None:
    arrival = clock()
    assert post(client, somebody, simple, WAITING[reason]) == QUARANTINED
    assert kept(somebody)[0].waits
    clock.move(hours=9)
    result = say(somebody, EVENING)
    assert (result.outcome, result.reason) == (ACCEPTED, None)
    assert result.message.startswith("Simple webhook said it was done")
    assert result.message.endswith("The evening of Monday 1 June is done.")
    [fact] = somebody.facts()
    assert (fact.slot, fact.date, fact.received_at) == ("evening", YESTERDAY, arrival)
    [entry] = kept(somebody)
    assert (entry.outcome, entry.reason, entry.message) == (ACCEPTED, None, result.message)
    assert not entry.waits
    assert somebody.sequence("evening", YESTERDAY) == 1


@pytest.mark.parametrize("choice", [EVENING, Placed("morning", TODAY), None], ids=str)
def test_settling_twice_changes_nothing_whatever_is_said_the_second_time(
    client: FlaskClient, somebody: Somebody, simple: Connection, everything: Everything, choice: Placed | None
) -> None:
    post(client, somebody, simple, NO_TIME)
    say(somebody, EVENING)
    before = everything()
    assert say(somebody, choice).outcome == ACCEPTED
    assert everything() == before


def test_two_who_settle_at_once_count_it_once(client: FlaskClient, somebody: Somebody, simple: Connection) -> None:
    post(client, somebody, simple, NO_TIME)
    ready, delivery, person = Barrier(6), kept(somebody)[0].id, somebody.person

    def settled(number: int) -> str:
        ready.wait()
        return str(settle(somebody.parts, person, delivery, Placed(("morning", "evening")[number % 2], TODAY)).outcome)

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(settled, range(6))) <= {ACCEPTED, DUPLICATE}
    assert len(somebody.facts()) == 1
    assert judged(somebody) == [(ACCEPTED, None)]


def test_a_delivery_of_somebody_else_is_not_there(
    client: FlaskClient, somebody: Somebody, simple: Connection, arrive: Any, everything: Everything
) -> None:
    post(client, somebody, simple, NO_TIME)
    stranger, before = arrive(), everything()
    for number in (kept(somebody)[0].id, 999, 0, -1, 2**63, 10**30):
        for choice in (EVENING, None):
            with pytest.raises(NotFound, match=f"no delivery has the id {number}"):
                settle(somebody.parts, stranger.person, number, choice)
    assert everything() == before


def test_no_stretch_counts_for_nothing_and_no_replay_asks_again(
    client: FlaskClient, somebody: Somebody, simple: Connection, everything: Everything
) -> None:
    post(client, somebody, simple, NO_TIME)
    result = say(somebody, None)
    assert (result.outcome, result.reason) == (IGNORED, NOT_A_STRETCH)
    assert judged(somebody) == [(IGNORED, NOT_A_STRETCH)]
    assert somebody.facts() == []
    before = everything()
    assert replay(somebody.parts, kept(somebody)[0].id).reason == NOT_A_STRETCH
    assert replay_all(somebody.parts, Which()).outcomes == {}
    assert say(somebody, None).reason == NOT_A_STRETCH
    assert everything() == before


def test_what_was_put_away_can_still_be_counted(client: FlaskClient, somebody: Somebody, simple: Connection) -> None:
    post(client, somebody, simple, NO_TIME)
    say(somebody, None)
    assert say(somebody, EVENING).outcome == ACCEPTED
    assert state(somebody) is State.DONE
    assert judged(somebody) == [(ACCEPTED, None)]


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        (Placed("evening", TODAY + timedelta(days=1)), "has not come yet"),
        (Placed("noon", TODAY), "no session called 'noon'"),
        (Placed("evening", date(2026, 5, 31)), "The plan began on Monday 1 June."),
        (Placed("evening", date.max), "has not come yet"),
        (Placed("evening", date.min), "The plan began on"),
    ],
    ids=str,
)
def test_a_session_that_cannot_be_is_refused_and_it_goes_on_waiting(
    client: FlaskClient, somebody: Somebody, simple: Connection, everything: Everything, choice: Placed, told: str
) -> None:
    post(client, somebody, simple, NO_TIME)
    before = everything()
    with pytest.raises(Refused, match=told):
        say(somebody, choice)
    assert everything() == before


def test_what_counts_already_and_what_is_no_concern_is_left_alone(
    client: FlaskClient, somebody: Somebody, simple: Connection, everything: Everything
) -> None:
    post(client, somebody, simple, {"id": "1", "slot": "morning"})
    post(client, somebody, simple, {"type": "something else"})
    before = everything()
    assert say(somebody, EVENING, 0).outcome == ACCEPTED
    assert say(somebody, None, 0).outcome == ACCEPTED
    assert say(somebody, EVENING, 1).reason == "no_completion"
    assert everything() == before


def test_what_nobody_can_read_cannot_count_but_be_put_away(
    client: FlaskClient, somebody: Somebody, simple: Connection
) -> None:
    post(client, somebody, simple, b"{not json")
    with pytest.raises(Refused, match="We could not read"):
        say(somebody, EVENING)
    assert judged(somebody) == [(QUARANTINED, "json")]
    assert say(somebody, None).reason == NOT_A_STRETCH


def test_a_withdrawal_that_waits_takes_back_the_session_that_is_named(
    client: FlaskClient, somebody: Somebody, simple: Connection, clock: Any
) -> None:
    post(client, somebody, simple, {"id": "1", "slot": "evening", "date": str(YESTERDAY)})
    clock.move(minutes=1)
    assert post(client, somebody, simple, {"id": "2", "type": "undone", "date": str(YESTERDAY)}) == QUARANTINED
    result = say(somebody, EVENING, 1)
    assert result.message == "Simple webhook said it was taken back. The evening of Monday 1 June is open."
    assert state(somebody) is None


def test_a_related_activity_counts_once_the_person_says_so(client: FlaskClient, somebody: Somebody) -> None:
    health = somebody.connect("health_auto_export")
    assert post(client, somebody, health, workouts(("Yoga", "21:40"), day=YESTERDAY)) == IGNORED
    assert kept(somebody)[0].waits
    assert say(somebody, EVENING).outcome == ACCEPTED
    assert state(somebody) is State.DONE


def test_of_several_in_one_body_the_word_is_for_what_was_not_placed(client: FlaskClient, somebody: Somebody) -> None:
    """A run is no concern of ours, so the yoga is what was meant."""
    health = somebody.connect("health_auto_export")
    post(client, somebody, health, workouts(("Yoga", "21:40"), ("Outdoor Run", "18:00"), day=YESTERDAY))
    assert say(somebody, EVENING).message.startswith("Health Auto Export said “Yoga” was done at 21:40.")
    assert [fact.event for fact in somebody.facts()] == [f"Yoga-{YESTERDAY}-21:40"]


@pytest.mark.parametrize("choice", [Placed("morning", TODAY), None], ids=["counts", "put away"])
def test_where_a_part_counts_the_word_is_for_the_rest(
    client: FlaskClient, somebody: Somebody, choice: Placed | None
) -> None:
    health = somebody.connect("health_auto_export")
    assert post(client, somebody, health, workouts(("Flexibility", "21:40"), ("Yoga", "07:00"))) == ACCEPTED
    [entry] = kept(somebody)
    with somebody.parts.store.writing() as db:
        deliveries.judge(db, entry.id, ACCEPTED, "related_activity", entry.message)
    assert kept(somebody)[0].waits
    assert say(somebody, choice).outcome == (ACCEPTED if choice else IGNORED), "of what the word was for"
    assert judged(somebody) == [(ACCEPTED, None)]
    assert {fact.slot for fact in somebody.facts()} == ({"morning", "evening"} if choice else {"evening"})


@pytest.mark.parametrize("choice", [EVENING, None], ids=["counts", "put away"])
def test_copies_that_wait_are_settled_with_it_and_others_are_not(
    client: FlaskClient, somebody: Somebody, simple: Connection, clock: Any, choice: Placed | None
) -> None:
    """A service that had no answer of ours sends it again."""
    for number in ("1", "1", "2"):
        post(client, somebody, simple, NO_TIME | {"id": number})
        clock.move(minutes=2)
    say(somebody, choice, 1)
    settled = [(DUPLICATE, "same_event"), (ACCEPTED, None)] if choice else [(IGNORED, NOT_A_STRETCH)] * 2
    assert judged(somebody) == [*settled, (QUARANTINED, "no_time")]
    assert len(somebody.facts()) == (1 if choice else 0)


def test_an_export_that_is_sent_again_with_more_waits_for_the_rest_alone(
    client: FlaskClient, somebody: Somebody, clock: Any
) -> None:
    health, one, two = somebody.connect("health_auto_export"), ("Yoga", "07:00"), ("Pilates", "21:00")
    for named in ((one,), (one, two), (two,)):
        post(client, somebody, health, workouts(*named, day=YESTERDAY))
        clock.move(minutes=1)
    say(somebody, Placed("morning", YESTERDAY))
    assert judged(somebody) == [(ACCEPTED, None), *[(IGNORED, "related_activity")] * 2]
    assert say(somebody, EVENING, 1).message.startswith("Health Auto Export said “Pilates”")
    assert judged(somebody) == [(ACCEPTED, None)] * 2 + [(DUPLICATE, "same_event")]


def test_an_export_that_holds_more_than_what_was_put_away_goes_on_waiting(
    client: FlaskClient, somebody: Somebody
) -> None:
    health, one, two = somebody.connect("health_auto_export"), ("Yoga", "07:00"), ("Pilates", "21:00")
    for named in ((one, two), (one,), (one,)):
        post(client, somebody, health, workouts(*named, day=YESTERDAY))
    say(somebody, None, 1)
    assert judged(somebody) == [(IGNORED, "related_activity"), *[(IGNORED, NOT_A_STRETCH)] * 2]


def test_a_habit_that_nobody_mapped_may_count_this_once(client: FlaskClient, somebody: Somebody, clock: Any) -> None:
    habitica = somebody.connect("habitica")
    post(client, somebody, habitica, scored("Rücken", clock()))
    assert say(somebody, Placed("morning", TODAY)).message.startswith("Habitica said “Rücken” was done at 22:30.")
    assert post(client, somebody, habitica, scored("Rücken", clock() + timedelta(seconds=1))) == QUARANTINED


def test_what_the_person_took_back_later_stays_taken_back(
    client: FlaskClient, somebody: Somebody, simple: Connection, clock: Any
) -> None:
    post(client, somebody, simple, NO_TIME)
    clock.move(minutes=1)
    record.tell(somebody.parts.store, somebody.person, EVENING, FactKind.DONE, clock())
    clock.move(minutes=1)
    record.tell(somebody.parts.store, somebody.person, EVENING, FactKind.UNDONE, clock())
    assert say(somebody, EVENING).message.endswith("is open.")
    assert state(somebody) is None


@pytest.mark.parametrize(
    ("body", "day"),
    [
        (NO_TIME, YESTERDAY),
        ({"id": "1", "performed_at": "2026-06-02T01:00:00+02:00", "slot": "noon"}, YESTERDAY),
        ({"id": "1", "slot": "noon"}, TODAY),
        ({"id": "1", "date": "2031-01-01"}, None),
        ({"id": "1", "date": "2001-01-01"}, None),
        ({"id": "1", "date": "2026-05-31"}, None),
    ],
)
def test_its_own_day_is_what_it_says_or_else_when_it_came(
    client: FlaskClient, somebody: Somebody, simple: Connection, clock: Any, body: dict[str, str], day: date | None
) -> None:
    post(client, somebody, simple, body)
    clock.move(days=3)
    one = find(somebody.parts, kept(somebody)[0].id)
    assert own_days(one, one.reports(), somebody.person.plan.today(clock())) == ((day,) if day else ())


# What was settled is not asked again


def yoga(*times: str, told: str = "Yoga") -> dict[str, Any]:
    """Exports in which the yoga of a time bears the same id by whatever name."""
    found = workouts(*((told, time) for time in times), day=YESTERDAY)["data"]["workouts"]
    return {"data": {"workouts": [one | {"id": f"yoga-{time}"} for one, time in zip(found, times, strict=True)]}}


@pytest.mark.parametrize("told", ["Yoga", "Pilates", "Flexibility", "Running"])
def test_what_the_person_counted_stays_there_however_it_is_told_again(
    client: FlaskClient, somebody: Somebody, clock: Any, told: str
) -> None:
    health = somebody.connect("health_auto_export")
    post(client, somebody, health, yoga("07:05"))
    say(somebody, EVENING)
    before = somebody.facts()
    clock.move(hours=1)
    assert post(client, somebody, health, yoga("07:05", told=told)) == DUPLICATE
    assert somebody.facts() == before
    assert not any(entry.waits for entry in kept(somebody))


@pytest.mark.parametrize("told", ["Yoga", "Pilates", "Flexibility"])
def test_what_the_person_put_away_is_not_asked_again_however_it_is_told(
    client: FlaskClient, somebody: Somebody, clock: Any, told: str, everything: Everything
) -> None:
    health = somebody.connect("health_auto_export")
    post(client, somebody, health, yoga("07:05"))
    say(somebody, None)
    clock.move(hours=1)
    assert post(client, somebody, health, yoga("07:05", told=told)) == IGNORED
    assert judged(somebody) == [(IGNORED, NOT_A_STRETCH)] * 2
    assert somebody.facts() == []
    assert post(client, somebody, health, yoga("07:05", "21:05")) == IGNORED
    assert judged(somebody)[-1] == (IGNORED, "related_activity"), "the other is asked about"
    say(somebody, EVENING, -1)
    assert [fact.event for fact in somebody.facts()] == ["yoga-21:05"]


def test_what_was_put_away_and_counted_after_all_counts_whenever_it_is_told_again(
    client: FlaskClient, somebody: Somebody, clock: Any, census: Callable[[], dict[str, int]]
) -> None:
    health = somebody.connect("health_auto_export")
    post(client, somebody, health, yoga("07:05"))
    say(somebody, None)
    assert census()["remembered"] == 1
    say(somebody, EVENING)
    assert census()["remembered"] == 0
    assert post(client, somebody, health, yoga("07:05")) == DUPLICATE
    assert state(somebody) is State.DONE


@pytest.mark.parametrize("choice", [EVENING, None], ids=["counts", "put away"])
def test_an_update_that_waits_is_settled_with_what_it_updates(
    client: FlaskClient, somebody: Somebody, clock: Any, choice: Placed | None
) -> None:
    health = somebody.connect("health_auto_export")
    for told in ("Yoga", "Pilates", "Mind and Body"):
        post(client, somebody, health, yoga("07:05", told=told))
        clock.move(minutes=1)
    say(somebody, choice, 1)
    assert not any(entry.waits for entry in kept(somebody))
    assert len(somebody.facts()) == (1 if choice else 0)


def test_of_many_copies_that_wait_none_is_left_once_one_is_settled(
    client: FlaskClient, somebody: Somebody, clock: Any
) -> None:
    """An export that comes each hour; before the plan, so that each waits."""
    health = somebody.connect("health_auto_export")
    for _ in range(120):
        post(client, somebody, health, workouts(("Flexibility", "07:05"), day=TODAY - timedelta(days=5)))
        clock.move(minutes=30)
    with somebody.parts.store.reading() as db:
        newest = deliveries.bodies(db, Which(waits=True), 1)[0].id
    settle(somebody.parts, somebody.person, newest, None)
    with somebody.parts.store.reading() as db:
        assert deliveries.ids(db, Which(waits=True), 0, 1000) == []


def test_what_the_person_chose_is_moved_by_no_word_that_counts_later(
    client: FlaskClient, somebody: Somebody, clock: Any
) -> None:
    health = somebody.connect("health_auto_export")
    post(client, somebody, health, yoga("07:05"))
    say(somebody, EVENING)
    clock.move(minutes=1)
    post(client, somebody, health, yoga("07:30", "21:30"))
    count_too(somebody.parts, somebody.person, health.id, "Yoga")
    post(client, somebody, health, yoga("07:05", told="Yoga flow"))
    assert [fact.slot for fact in somebody.facts() if fact.event == "yoga-07:05"] == ["evening"]
    assert state(somebody, "morning") is State.DONE


def test_what_the_person_counted_is_taken_back_by_its_service_and_not_by_an_older_withdrawal(
    somebody: Somebody, clock: Any
) -> None:
    vikunja = somebody.connect("vikunja")
    told = Report(Kind.DONE, "1@a", clock(), habit=("Rücken",), thing="1")
    undo = Report(Kind.UNDONE, "1@b", clock() + timedelta(seconds=30), habit=("Rücken",), thing="1")
    for report in (told, undo):
        clock.move(minutes=1)
        somebody.hear(vikunja, report)
    clock.move(minutes=1)
    inbound = inbound_of(somebody.parts.providers["vikunja"], vikunja, somebody.person)
    for report, nth, choice in ((told, 0, EVENING), (undo, 1, None)):
        incoming, replayed = Incoming({}, b"", kept(somebody)[nth].received_at), kept(somebody)[nth].id
        again = record.Replay(replayed, clock(), choice)
        record.record(somebody.parts.store, inbound, incoming, [report], again=again)
        assert state(somebody) is State.DONE
    clock.move(minutes=1)
    somebody.hear(vikunja, Report(Kind.UNDONE, "1@c", clock(), habit=("Rücken",), thing="1"))
    assert state(somebody) is None
