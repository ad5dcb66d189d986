"""In step again after what was lost: what is taken over, what is sent, what is asked first, and what is left alone."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from integration.connecting import connections
from integration.core.model import FactKind, State
from integration.dispatching import operating
from integration.errors import NotFound, Refused
from integration.outgoing import Refusal, Remote, Streaks
from integration.reconciling import compared, reconcile
from integration.reconciling.compared import Outcome, Streak, What
from integration.reconciling.looking import look
from integration.reconciling.reconcile import Acted, Way, act, set_right
from integration.store import connections as stored
from integration.store import deliveries
from integration.store.deliveries import Which
from integration.store.dispatches import State as Sending
from integration.store.tables import dispatches as rows
from tests.reconciling.conftest import DAY, TODAY, Mirror, World, berlin
from webhooks.report import Kind

YESTERDAY = TODAY - DAY
REASON = "A day there begins at noon."
SLOTS = ("morning", "evening")
HABITS = {"morning": "m", "evening": "e"}


def looked(world: World, connection: str, **dates: object) -> reconcile.Looked:
    first, last = dates.get("first"), dates.get("last")
    return look(world.parts, connection, first, last, world.clock())


def right(world: World, connection: str, ways: tuple[Way, ...] = reconcile.BOTH, confirmed: bool = False) -> Acted:
    return set_right(world.parts, connection, world.clock(), ways=ways, confirmed=confirmed)[1]


def as_shown(world: World, connection: str, way: Way) -> Acted:
    """A button beside what came of the last look."""
    kept = compared.last(world.parts.store, connection)
    assert kept
    return set_right(world.parts, connection, world.clock(), ways=(way,), shown=kept.found)[1]


def tick_all(world: World, days: int) -> None:
    for back in range(days):
        world.mirror.tick("m", TODAY - back * DAY)


def beside(world: World, connection: str) -> tuple[tuple[Streak, ...], str]:
    kept = compared.last(world.parts.store, connection)
    assert kept
    return kept.found.streaks, kept.found.reason


def echoed(world: World, message: int) -> bool:
    with world.parts.store.reading() as db:
        return bool(db.execute(select(rows.c.echoed).where(rows.c.id == message)).scalar_one())


def test_what_a_lost_webhook_dropped_counts_on_its_own_day(world: World) -> None:
    connection = world.connect()
    world.mirror.tick("e", YESTERDAY, berlin(YESTERDAY, 22, 14))
    acted = right(world, connection)
    assert (acted.outcome, acted.heard) == (Outcome.HEALED, ((YESTERDAY, "evening"),))
    found = world.merged()[YESTERDAY, "evening"]
    assert (found.state, found.evidence) == (State.DONE, {connection})
    assert (found.done_at, found.told_at) == (berlin(YESTERDAY, 22, 14), world.clock())


def test_what_it_says_is_kept_with_the_deliveries_in_words(world: World) -> None:
    connection = world.connect()
    world.mirror.tick("e", YESTERDAY, berlin(YESTERDAY, 22, 14))
    right(world, connection)
    with world.parts.store.reading() as db:
        [kept] = deliveries.newest(db, [connection], 5, Which())
    assert kept.outcome == "accepted"
    assert kept.message.startswith("Mirror said “evening stretch” was done at 22:14. The evening of Monday")


def test_what_they_lack_is_sent_once_on_its_day(world: World) -> None:
    world.press(day=YESTERDAY)
    connection = world.connect()
    assert right(world, connection).queued == ((YESTERDAY, "morning"),)
    assert world.waiting() == [("done", YESTERDAY, "morning")]
    world.work()
    assert world.mirror.kept == [Remote("m", YESTERDAY)]
    assert right(world, connection).outcome is Outcome.AGREED
    assert len(world.messages()) == 1


def test_others_hear_of_what_was_taken_over_and_its_source_does_not(world: World) -> None:
    source, other = world.connect(), world.connect("other")
    world.mirror.tick("m", TODAY)
    right(world, source)
    assert [(one.connection, str(one.kind)) for one in world.messages()] == [(other, "done")]


def test_what_we_sent_and_they_have_is_no_evidence(world: World) -> None:
    connection = world.connect()
    world.press()
    world.work()
    assert right(world, connection).outcome is Outcome.AGREED
    assert world.merged()[TODAY, "morning"].evidence == {"person"}


def test_what_they_add_to_our_own_number_is_their_word_and_no_echo(world: World, mirror: Mirror) -> None:
    mirror.ABILITIES = replace(mirror.ABILITIES, holds="number")
    connection = world.connect(morning="h", evening="h")
    world.press("evening")
    world.work()
    assert mirror.kept == [Remote("h", TODAY)]
    mirror.untick("h", TODAY)
    mirror.tick("h", TODAY, count=2)
    assert right(world, connection).heard == ((TODAY, "morning"),)
    assert world.merged()[TODAY, "morning"].evidence == {connection}


def test_what_was_told_apart_as_theirs_takes_no_echo_of_ours_after_it(world: World, mirror: Mirror) -> None:
    """Their webhook of what we told was lost too, so nothing of ours is left to come back."""
    mirror.ABILITIES = replace(mirror.ABILITIES, holds="number")
    connection = world.connect(morning="h", evening="h")
    world.press("evening")
    world.work()
    [ours] = world.messages()
    assert not echoed(world, ours.id)
    mirror.untick("h", TODAY)
    mirror.tick("h", TODAY, count=2)
    right(world, connection)
    assert echoed(world, ours.id)
    world.hear(connection, "evening")
    assert world.merged()[TODAY, "evening"].evidence == {"person", connection}


def test_a_later_webhook_about_the_same_changes_nothing(world: World) -> None:
    connection = world.connect()
    world.mirror.tick("m", TODAY, berlin(TODAY, 7, 5))
    right(world, connection)
    world.hear(connection)
    assert world.state() is State.DONE
    assert world.merged()[TODAY, "morning"].evidence == {connection}
    world.hear(connection, kind=Kind.UNDONE)
    assert world.state() is None


def test_a_withdrawal_that_names_only_the_habit_finds_what_was_taken_over(world: World) -> None:
    connection = world.connect()
    world.mirror.tick("m", YESTERDAY, berlin(YESTERDAY, 7, 5), event="4711")
    right(world, connection)
    world.hear(connection, slot="evening", kind=Kind.UNDONE, thing="m", habit=("m",))
    assert world.state(day=YESTERDAY) is None


def test_what_was_taken_back_here_is_not_taken_over_again(world: World) -> None:
    connection = world.connect()
    world.mirror.tick("m", TODAY)
    right(world, connection)
    world.press(kind=FactKind.UNDONE)
    for _ in range(2):
        found = looked(world, connection).difference
        assert (found.unheard, found.kept) == ((), ((TODAY, "morning"),))
        assert right(world, connection).outcome is Outcome.AGREED
        assert world.state() is None


def test_a_skip_stands_against_what_has_no_later_time(world: World) -> None:
    connection = world.connect()
    world.press(kind=FactKind.SKIPPED)
    world.mirror.tick("m", TODAY)
    right(world, connection)
    assert world.state() is State.SKIPPED


def test_what_another_service_took_back_is_not_taken_over_while_they_were_not_told(world: World) -> None:
    connection, other = world.connect(), world.connect("other")
    world.hear(other)
    world.work()
    world.hear(other, kind=Kind.UNDONE)
    assert ("undone", TODAY, "morning") in world.waiting()
    right(world, connection)
    assert world.state() is None


def test_what_they_tick_anew_after_we_took_ours_back_is_their_own_word(world: World) -> None:
    connection, other = world.connect(), world.connect("other")
    world.hear(other)
    world.work()
    world.hear(connection)
    assert world.merged()[TODAY, "morning"].evidence == {other}
    world.hear(other, kind=Kind.UNDONE)
    world.work()
    assert world.mirror.kept == []
    world.mirror.tick("m", TODAY)
    assert right(world, connection).heard == ((TODAY, "morning"),)
    assert world.merged()[TODAY, "morning"].evidence == {connection}


def test_what_was_sent_just_now_may_not_be_in_their_history_yet(world: World) -> None:
    connection = world.connect()
    world.press()
    world.work()
    world.mirror.untick("m", TODAY)
    world.clock.move(minutes=-25)
    assert looked(world, connection).difference.unsent == ()
    world.clock.move(minutes=10)
    assert len(looked(world, connection).difference.gone) == 1


def test_a_service_without_habits_is_believed_whatever_it_calls_the_stretch(world: World, mirror: Mirror) -> None:
    mirror.ABILITIES = replace(mirror.ABILITIES, holds="sessions", habits=False)
    connection = world.connect(morning="Something else")
    mirror.history = lambda *_asked: [Remote("Abendstretch", TODAY, berlin(TODAY, 22), event="77")]
    assert right(world, connection).heard == ((TODAY, "evening"),)


def test_what_was_deleted_there_is_shown_and_sent_again_only_when_asked(world: World) -> None:
    connection = world.connect()
    world.press()
    world.work()
    world.mirror.untick("m", TODAY)
    acted = right(world, connection)
    assert (acted.outcome, acted.queued, world.waiting()) == (Outcome.AGREED, (), [])
    assert acted.message == "1 session of yours is not there any more, or could not be sent."
    assert right(world, connection, (Way.AGAIN,), confirmed=True).queued == ((TODAY, "morning"),)
    world.work()
    assert world.mirror.kept == [Remote("m", TODAY)]


def test_what_else_is_gone_since_it_was_shown_is_shown_before_it_is_sent_again(world: World) -> None:
    connection = world.connect()
    for slot in SLOTS:
        world.press(slot)
    world.work()
    world.mirror.untick("m", TODAY)
    right(world, connection)
    world.mirror.untick("e", TODAY)
    acted = as_shown(world, connection, Way.AGAIN)
    assert (acted.outcome, acted.queued) == (Outcome.ASKS, ())
    assert acted.message == f"{reconcile.MORE} 2 sessions of yours are not there any more, or could not be sent."
    assert set(as_shown(world, connection, Way.AGAIN).queued) == {(TODAY, slot) for slot in SLOTS}


def test_what_was_given_up_is_sent_once_more_and_then_only_shown(world: World, mirror: Mirror) -> None:
    connection = world.connect()

    def refuse(*_told: object) -> None:
        raise Refusal("http_400", "no", permanent=True)

    mirror.complete = refuse
    world.press()
    for expected in (1, 1, 0):
        world.work()
        assert len(looked(world, connection).difference.lacking) == (expected if len(world.messages()) == 1 else 0)
        right(world, connection)
    assert [one.state for one in world.messages()] == [Sending.DEAD] * 2
    assert len(looked(world, connection).difference.gone) == 1


def test_up_to_three_are_set_right_and_four_are_shown_first(world: World) -> None:
    connection = world.connect()
    tick_all(world, 4)
    acted = right(world, connection)
    assert (acted.outcome, acted.heard, world.facts()) == (Outcome.ASKS, (), 0)
    assert acted.message == "Mirror has 4 sessions that we never heard of."
    world.mirror.untick("m", TODAY)
    assert len(right(world, connection).heard) == 3


def test_here_and_there_count_together(world: World) -> None:
    tick_all(world, 2)
    world.press("evening")
    world.press("evening", YESTERDAY)
    connection = world.connect()
    acted = right(world, connection)
    assert (acted.outcome, world.waiting()) == (Outcome.ASKS, [])
    assert acted.message == "Mirror has 2 sessions that we never heard of. Mirror lacks 2 sessions that you did."


def test_the_person_may_take_over_one_way_alone(world: World) -> None:
    tick_all(world, 4)
    world.press("evening")
    connection = world.connect()
    acted = right(world, connection, (Way.HEAR,), confirmed=True)
    assert (len(acted.heard), acted.queued, acted.outcome) == (4, (), Outcome.ASKS)
    assert acted.message == "Counted 4 sessions that Mirror had. Mirror lacks 1 session that you did."
    assert right(world, connection, (Way.SEND,), confirmed=True).queued == ((TODAY, "evening"),)


def test_what_might_be_either_session_is_asked_even_if_it_is_one(world: World, mirror: Mirror) -> None:
    mirror.ABILITIES = replace(mirror.ABILITIES, holds="number")
    connection = world.connect(morning="h", evening="h")
    mirror.tick("h", TODAY)
    assert right(world, connection).outcome is Outcome.ASKS
    kept = compared.last(world.parts.store, connection)
    assert kept
    assert [(row.slot, row.what) for row in kept.found.rows] == [("morning", What.UNSURE)]
    assert right(world, connection, confirmed=True).heard == ((TODAY, "morning"),)


def test_what_came_of_it_is_kept_for_the_person(world: World) -> None:
    connection = world.connect()
    assert compared.last(world.parts.store, connection) is None
    tick_all(world, 4)
    right(world, connection)
    [kept] = compared.of(world.parts.store, world.person)
    assert (kept.at, kept.outcome) == (world.clock(), Outcome.ASKS)
    assert kept.found.of(What.UNHEARD) == kept.found.rows
    right(world, connection, confirmed=True)
    [kept] = compared.of(world.parts.store, world.person)
    assert (kept.outcome, kept.found.rows) == (Outcome.HEALED, ())


def test_what_is_done_and_told_while_the_history_is_read_is_no_difference(world: World, mirror: Mirror) -> None:
    connection = world.connect()

    def press() -> None:
        mirror.meanwhile = lambda: None
        world.press()

    mirror.meanwhile = press
    found = looked(world, connection).difference
    assert found.size == 0
    act(world.parts, looked(world, connection))
    assert len(world.messages()) == 1


def test_what_was_taken_back_since_it_was_looked_at_is_not_sent(world: World) -> None:
    world.press()
    connection = world.connect()
    stale = looked(world, connection)
    assert stale.difference.size == 1
    world.press(kind=FactKind.UNDONE)
    assert act(world.parts, stale).queued == ()
    assert ("done", TODAY, "morning") not in world.waiting()


def test_what_they_said_themselves_since_it_was_looked_at_is_not_sent(world: World) -> None:
    world.press()
    connection = world.connect()
    stale = looked(world, connection)
    world.hear(connection)
    assert act(world.parts, stale).queued == ()


def test_a_number_that_is_another_since_it_was_looked_at_is_not_sent(world: World, mirror: Mirror) -> None:
    mirror.ABILITIES = replace(mirror.ABILITIES, holds="number")
    world.press()
    connection = world.connect(morning="h", evening="h")
    world.hear(connection, "evening")
    stale = looked(world, connection)
    assert [one.done for one in stale.difference.lacking] == [2]
    world.hear(connection, "evening", kind=Kind.UNDONE)
    assert act(world.parts, stale).queued == ()
    assert [one.done for one in looked(world, connection).difference.lacking] == [1]


def test_what_was_told_since_it_was_looked_at_is_not_told_twice(world: World) -> None:
    world.press()
    connection = world.connect()
    first, second = looked(world, connection), looked(world, connection)
    act(world.parts, first)
    world.work()
    assert act(world.parts, second).queued == ()
    assert len(world.messages()) == 1


def test_acting_twice_on_one_look_is_acting_once(world: World) -> None:
    world.press("evening")
    connection = world.connect()
    world.mirror.tick("m", TODAY)
    stale = looked(world, connection)
    act(world.parts, stale)
    before = (world.facts(), len(world.messages()))
    act(world.parts, stale)
    assert (world.facts(), len(world.messages())) == before == (2, 1)


def test_a_connection_that_is_switched_off_is_sent_nothing(world: World, mirror: Mirror) -> None:
    connection = world.connect()
    world.press()

    def gone(*_told: object) -> None:
        raise Refusal("gone", "it wants nothing", gone=True)

    mirror.complete = gone
    world.work()
    world.press("evening")
    messages = len(world.messages())
    assert act(world.parts, looked(world, connection)).queued == ()
    assert len(world.messages()) == messages
    operating.enable(world.parts.store, connection)
    assert act(world.parts, looked(world, connection)).queued


def test_a_week_is_read_with_a_day_at_either_end_and_no_further_than_the_plan(world: World, mirror: Mirror) -> None:
    connection = world.connect()
    looked(world, connection)
    looked(world, connection, first=TODAY - 60 * DAY, last=YESTERDAY)
    assert mirror.asked == [
        (TODAY - 8 * DAY, TODAY + DAY),
        (world.person.plan.start - DAY, TODAY),
    ]


@pytest.mark.parametrize(
    ("first", "last"), [(TODAY - 86 * DAY, None), (None, TODAY + DAY), (TODAY, YESTERDAY), (TODAY + DAY, None)]
)
def test_days_that_cannot_be_compared_are_refused(world: World, first: object, last: object) -> None:
    with pytest.raises(Refused):
        looked(world, world.connect(), first=first, last=last)


def test_what_cannot_be_compared_says_why(world: World) -> None:
    with pytest.raises(NotFound):
        looked(world, "nobody")
    with pytest.raises(Refused, match="choose a habit of Mirror for a session first"):
        looked(world, world.connect(label="x"))
    with pytest.raises(Refused, match="Silent does not tell its history"):
        looked(world, world.connect("silent"))
    ended = world.connect()
    connections.revoke(world.parts.store, ended, world.clock())
    with pytest.raises(NotFound):
        looked(world, ended)


def test_a_mistake_of_ours_tells_nothing_of_what_the_service_said(
    world: World, mirror: Mirror, caplog: pytest.LogCaptureFixture
) -> None:
    mirror.trouble = ValueError("the-body-of-an-answer")
    with pytest.raises(Refusal) as refused:
        looked(world, world.connect())
    assert "the-body" not in f"{refused.value} {caplog.text}"
    assert refused.value.__context__ is None or "the-body" not in str(refused.value.__cause__)


def test_the_streak_that_a_service_counts_itself_is_told_by_slot(world: World, mirror: Mirror) -> None:
    connection = world.connect()
    assert looked(world, connection).theirs.counts == {}
    mirror.streaks = lambda _call, _settings: Streaks({"m": 12, "elsewhere": 3}, REASON)
    assert looked(world, connection).theirs == Streaks({"morning": 12}, REASON)


def test_streaks_that_disagree_are_kept_side_by_side_with_the_reason(world: World, mirror: Mirror) -> None:
    connection = world.connect()
    mirror.streaks = lambda _call, _settings: Streaks({"m": 2, "e": 0}, REASON)
    mirror.tick("m", TODAY)
    world.press("morning", YESTERDAY)
    mirror.tick("m", YESTERDAY)
    right(world, connection)
    # What was taken over just now counts in ours too.
    assert beside(world, connection) == ((Streak("morning", 2, 2), Streak("evening", 0, 0)), "")
    mirror.streaks = lambda _call, _settings: Streaks({"m": 1}, REASON)
    right(world, connection)
    why = f"{REASON} Here a skip or a pause ends nothing."
    assert beside(world, connection) == ((Streak("morning", 2, 1),), why)


@pytest.mark.parametrize(("when", "ours"), [("both", 1), ("any", 2)])
def test_one_streak_for_all_sessions_stands_beside_the_days_on_which_it_was_ticked(
    world: World, mirror: Mirror, when: str, ours: int
) -> None:
    connection = world.connect(morning="h", evening="h", when=when)
    mirror.streaks = lambda _call, _settings: Streaks({"h": 9}, REASON)
    for slot, day in (("morning", YESTERDAY), ("morning", TODAY), ("evening", TODAY)):
        world.press(slot, day)
    right(world, connection, ways=())
    assert [(one.ours, one.theirs) for one in beside(world, connection)[0]] == [(ours, 9), (ours, 9)]


def test_a_service_that_does_not_tell_its_streak_is_compared_all_the_same(world: World, mirror: Mirror) -> None:
    def refuse(_call: object, _settings: object) -> None:
        raise Refusal("rate_limited", "wait")

    mirror.tick("m", TODAY)
    for said in (refuse, lambda _call, _settings: {"m": 12}):
        mirror.streaks = said
        found = looked(world, world.connect())
        assert (len(found.difference.unheard), found.theirs.counts) == (1, {})


BUTTONS = {"press": FactKind.DONE, "undo": FactKind.UNDONE, "skip": FactKind.SKIPPED}
SESSIONS = st.tuples(st.sampled_from([TODAY - back * DAY for back in range(3)]), st.sampled_from(SLOTS))
DEEDS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["press", "undo", "skip", "hear", "withdraw", "tick", "untick"]), SESSIONS),
        st.tuples(st.sampled_from(["work", "reconcile"]), st.none()),
    ),
    max_size=12,
)


def do(world: World, connection: str, other: str, deed: str, session: Any) -> None:
    day, slot = session or (TODAY, "morning")
    with world.parts.store.reading() as db:
        found = stored.by_id(db, connection)
    assert found
    match deed:
        case "work":
            world.work()
        case "reconcile":
            right(world, connection)
        case "hear" | "withdraw":
            world.hear(other, slot, day, Kind.DONE if deed == "hear" else Kind.UNDONE)
        case "tick" | "untick":
            getattr(world.mirror, deed)(found.settings[slot], day)
        case _:
            world.press(slot, day, BUTTONS[deed])


@pytest.mark.parametrize("holds", ["tick", "number", "sessions"])
@pytest.mark.parametrize("shared", [True, False], ids=["one habit for both", "a habit for each"])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deeds=DEEDS)
def test_whatever_happened_acting_lowers_nothing_acts_once_and_brings_both_in_step(
    newcomer: Callable[[], World], mirror: Mirror, holds: Any, shared: bool, deeds: list[Any]
) -> None:
    world, mirror.ABILITIES, mirror.kept = newcomer(), replace(mirror.ABILITIES, holds=holds), []
    connection = world.connect(**dict.fromkeys(SLOTS, "h") if shared else HABITS)
    other = world.connect("other")
    for deed, session in deeds:
        do(world, connection, other, deed, session)
    world.work()
    before = world.done()
    right(world, connection, confirmed=True)
    once = (world.done(), world.facts(), len(world.messages()))
    assert before <= once[0]
    right(world, connection, confirmed=True)
    assert (world.done(), world.facts(), len(world.messages())) == once
    world.work()
    assert looked(world, connection).difference.size == 0
