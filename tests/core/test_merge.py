"""Facts to the state of a session, whatever their order or number (spec: streaks section 8)."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import permutations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from integration import keys, record
from integration.core.merge import Merged, merge, newest_contents
from integration.core.model import PERSON, Connection, FactKind, Person, State
from integration.core.placing import Placed
from integration.inbox.admission import Inbound
from integration.ledger import Ledger
from integration.status import merged_sessions
from integration.store import connections, facts, people, schema, tables
from integration.store.engine import Store
from tests.core import strategies
from tests.core.strategies import BERLIN, done, fact, utc
from webhooks.report import Incoming, Kind, Report


def t(minute):
    return utc(2026, 6, 1, 6, minute)


DONE, UNDONE, SKIPPED, HURT = FactKind.DONE, FactKind.UNDONE, FactKind.SKIPPED, FactKind.HURT
A = done("habitica", "a", t(10))
B = done("home-assistant", "b", t(12))
C = fact("habitica", "c", UNDONE, t(20))
D = fact(PERSON, "d", UNDONE, t(30))
E = replace(done("beaver", "e", t(15)), echo=True)
F = done("habitica", "f", t(40))

TABLE = [
    ((A,), State.DONE, {"habitica"}),
    ((A, A), State.DONE, {"habitica"}),
    ((A, B), State.DONE, {"habitica", "home-assistant"}),
    ((A, B, C), State.DONE, {"home-assistant"}),
    ((A, C), None, set()),
    ((A, B, C, D), None, set()),
    ((A, B, C, D, F), State.DONE, {"habitica"}),
    ((A, E, C), None, set()),
]


@pytest.mark.parametrize("told, state, evidence", TABLE)
def test_the_table_of_the_law_holds_in_every_order(told, state, evidence):
    for order in permutations(told):
        merged = merge(order)
        assert (merged.state, merged.evidence) == (state, evidence)


def test_all_720_orders_of_the_whole_table_with_copies_give_one_result():
    luck = Random(7)
    found = {merge([*order, *luck.choices(order, k=3)]) for order in permutations((A, B, C, D, E, F))}
    assert [(m.state, m.evidence) for m in found] == [(State.DONE, {"habitica"})]


def test_no_facts_leave_the_session_open():
    assert merge([]) == Merged(None, frozenset(), None, None)


# Rule 1: one event, newest content


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_newest_content_of_an_event_is_what_it_says(order):
    withdrawn = fact("habitica", "a", UNDONE, t(11))
    assert merge([(A, withdrawn)[i] for i in order]).state is None
    again = replace(A, said_at=t(11), performed_at=t(3))
    assert merge([(A, again)[i] for i in order]).done_at == t(3)


def test_of_two_contents_said_at_one_time_the_one_that_arrived_later_holds():
    corrected = fact("habitica", "a", UNDONE, t(10), received_at=t(11))
    assert merge([A, corrected]).state is merge([corrected, A]).state is None
    restored = done("habitica", "a", t(10), received_at=t(12))
    assert merge([restored, corrected, A]).state is State.DONE


def test_an_activity_that_was_done_earlier_after_all_moves_there():
    """Its word counts as of when it was done, its contents as of when each was told."""
    first = done("intervals", "a", t(50), performed_at=t(50), worded_at=t(51))
    mended = done("intervals", "a", t(10), performed_at=t(10), worded_at=t(52))
    for order in permutations((first, mended)):
        assert newest_contents(order) == [mended]


def test_where_the_person_put_an_event_only_an_undo_takes_it_away():
    chosen = done("intervals", "a", t(10), worded_at=t(20), chosen=True)
    judged = done("intervals", "a", t(10), worded_at=t(30))
    undone = fact("intervals", "a", UNDONE, t(25), worded_at=t(25))
    for order in permutations((chosen, judged)):
        assert newest_contents(order) == [chosen]
    for order in permutations((chosen, judged, undone)):
        assert newest_contents(order) == [undone]
    assert newest_contents([chosen, replace(undone, worded_at=t(19))]) == [chosen]


def test_two_sources_may_use_the_same_event_id():
    other = done("home-assistant", "a", t(10))
    assert merge([A, other]).evidence == {"habitica", "home-assistant"}


# Rule 2: the last word of a source, undo first at equal times


def test_at_equal_times_the_undo_wins():
    undone = fact("habitica", "c", UNDONE, t(10))
    assert merge([A, undone]).state is merge([undone, A]).state is None
    assert merge([A, undone, B]).evidence == {"home-assistant"}


def test_a_source_may_say_done_again():
    assert merge([A, C, done("habitica", "g", t(21))]).evidence == {"habitica"}


def test_the_senders_time_decides_and_not_the_arrival():
    early_but_late_heard = done("habitica", "a", t(10), received_at=t(50))
    assert merge([C, early_but_late_heard]).state is None


def a_done(event, minute, thing, **more):
    return done("intervals", event, t(minute), thing=thing, **more)


def an_undo(event, minute, thing):
    return fact("intervals", event, UNDONE, t(minute), thing=thing)


def test_who_deletes_one_of_two_activities_keeps_the_other():
    one, other = a_done("a", 10, "a", performed_at=t(1)), a_done("b", 12, "b", performed_at=t(3))
    for order in permutations((one, other, an_undo("c", 20, "a"))):
        merged = merge(order)
        assert (merged.state, merged.done_at) == (State.DONE, t(3))
    assert merge([one, other, an_undo("c", 20, "a"), an_undo("d", 5, "b")]).state is State.DONE, (
        "that one was before it"
    )
    assert merge([one, other, an_undo("c", 20, "a"), an_undo("d", 21, "b")]).state is None


def test_an_undo_that_names_nothing_takes_back_all_that_its_source_said_before():
    told = (a_done("a", 10, "a"), a_done("b", 12, "b"), an_undo("c", 20, None))
    for order in permutations(told):
        assert merge(order).state is None
    assert merge([*told, a_done("d", 21, "b")]).state is State.DONE


def test_what_names_nothing_is_taken_back_by_the_next_undo_whatever_that_names():
    for order in permutations((a_done("a", 10, None), an_undo("c", 20, "a"))):
        assert merge(order).state is None


def test_the_last_word_of_each_thing_counts_and_not_its_first():
    for order in permutations((a_done("a", 10, "a"), an_undo("b", 11, "a"), a_done("c", 12, "a", performed_at=t(9)))):
        assert merge(order).done_at == t(9)


# Rule 4: the person


def test_the_persons_undo_voids_everything_up_to_its_time():
    same_time = done("home-assistant", "g", t(30))
    assert merge([A, B, D, same_time]).state is None
    assert merge([A, B, D, same_time, done("home-assistant", "h", t(31))]).evidence == {"home-assistant"}


def test_a_done_that_is_older_than_the_persons_undo_stays_void_however_late_it_arrives():
    assert merge([D, done("habitica", "late", t(29), received_at=t(59))]).state is None


def test_the_persons_own_done_can_be_undone_and_said_again():
    mine = done(PERSON, "x", t(5))
    assert merge([mine]).evidence == {PERSON}
    assert merge([mine, D]).state is None
    assert merge([mine, D, done(PERSON, "y", t(31))]).evidence == {PERSON}


def test_the_undo_of_a_service_withdraws_no_word_of_the_person():
    assert merge([done(PERSON, "x", t(5)), A, C]).evidence == {PERSON}


@pytest.mark.parametrize("kind, state", [(SKIPPED, State.SKIPPED), (HURT, State.HURT)])
def test_a_skip_and_a_stop_are_neutral_until_somebody_says_done(kind, state):
    word = fact(PERSON, "s", kind, t(5))
    assert merge([word]).state is state
    assert merge([word, fact(PERSON, "u", UNDONE, t(6))]).state is None
    assert merge([word, A]).state is merge([A, replace(word, said_at=t(50))]).state is State.DONE


def test_the_persons_last_word_of_their_own_holds():
    skip, hurt, mine = fact(PERSON, "s", SKIPPED, t(5)), fact(PERSON, "h", HURT, t(6)), done(PERSON, "x", t(7))
    for order in permutations((skip, hurt, mine)):
        assert merge(order).state is State.DONE
    assert merge([skip, hurt]).state is State.HURT
    assert merge([replace(skip, said_at=t(8)), hurt, mine]).state is State.SKIPPED


# Rule 5: echoes


def test_an_echo_is_no_evidence_and_withdraws_nothing():
    assert merge([E]).state is None
    assert merge([A, replace(C, echo=True)]).evidence == {"habitica"}


def test_done_and_told_times_are_the_earliest_that_any_source_gives():
    one = done("habitica", "a", t(10), received_at=t(30), performed_at=t(8))
    two = done("home-assistant", "b", t(9), received_at=t(20))
    assert merge([one, two]) == Merged(State.DONE, frozenset({"habitica", "home-assistant"}), t(8), t(20), said=True)


# Any order, any number of copies


@pytest.mark.parametrize(
    "one, other",
    [
        (replace(A, content="plain"), replace(A, content="echo", echo=True)),
        (replace(A, performed_at=t(1)), replace(A, event="g", performed_at=t(9))),
        (replace(A, received_at=t(20)), replace(A, event="g", received_at=t(30))),
    ],
    ids=["an echo of its own event", "two times of doing", "two arrivals"],
)
def test_facts_that_tie_are_judged_alike_in_both_orders(one, other):
    assert merge([one, other]) == merge([other, one])


@settings(max_examples=300, deadline=None)
@given(st.lists(strategies.facts(), min_size=1, max_size=9), st.randoms(use_true_random=False))
def test_order_and_copies_of_facts_change_nothing(told, luck):
    first = merge(told)
    for _ in range(4):
        copies = told + luck.choices(told, k=luck.randrange(6))
        luck.shuffle(copies)
        assert merge(copies) == first


@settings(max_examples=200, deadline=None)
@given(st.lists(strategies.facts(), max_size=9))
def test_copies_that_the_fold_has_reduced_already_merge_to_the_same(told):
    assert merge(newest_contents(told)) == merge(told)


@settings(max_examples=200, deadline=None)
@given(st.lists(strategies.facts(), max_size=8), strategies.facts())
def test_a_further_done_of_a_new_event_never_takes_a_done_away(told, more):
    more = replace(more, event="new", kind=DONE)
    if merge(told).state is State.DONE:
        assert merge([*told, more]).state is State.DONE


# The same through the store


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    opened = Store(f"sqlite:///{tmp_path_factory.mktemp('merge') / 'law.db'}")
    schema.upgrade(opened)
    yield opened
    opened.close()


NOW = utc(2026, 6, 2, 12)
SESSIONS = [(date(2026, 6, day), slot) for day in (1, 2) for slot in ("morning", "evening")]


def somebody(store, connected=0):
    """A fresh person with so many connections."""
    person = Person(keys.new_id(), keys.random_id(), BERLIN, 0, utc(2026, 1, 4, 12))
    links = [Connection(keys.new_id(), person.id, "simple", "", None, {}, None, NOW) for _ in range(connected)]
    with store.writing() as db:
        people.add(db, person)
        for link in links:
            connections.add(db, link)
    return person, links


def stored(store, person):
    """What the store says of each session, and how many facts it holds."""
    with store.reading() as db:
        merged = merged_sessions(facts.since(db, person.id, BERLIN.start))
        count = db.execute(select(func.count()).where(tables.facts.c.person == person.id)).scalar_one()
        sequences = facts.revisions_between(db, person.id, *(day for day, _ in (SESSIONS[0], SESSIONS[-1])))
    said = {key: value for key, value in merged.items() if value != Merged()}
    return said, count, {key: sequence for key, (sequence, _) in sequences.items()}


def enter(store, person, batches):
    """Enters facts as `record` does, one transaction a batch."""
    for batch in batches:
        with store.writing() as db:
            ledger = Ledger(db, person, NOW)
            for one in batch:
                if not ledger.held(one):
                    ledger.enter(one)
            ledger.save(None)


def in_batches(told, luck):
    cut = sorted(luck.choices(range(len(told) + 1), k=luck.randrange(4)))
    return [told[a:b] for a, b in zip([0, *cut], [*cut, len(told)], strict=True)]


@settings(max_examples=40, deadline=None)
@given(st.lists(strategies.facts(SESSIONS), min_size=1, max_size=9), st.randoms(use_true_random=False))
def test_the_ledger_stores_one_truth_in_whatever_order_facts_come_and_however_often(store, told, luck):
    expected = merged_sessions(newest_contents(told))
    distinct = len({(one.source, one.event, one.content) for one in told})
    for _ in range(3):
        person, _ = somebody(store)
        copies = told + luck.choices(told, k=luck.randrange(5))
        luck.shuffle(copies)
        enter(store, person, in_batches(copies, luck))
        said, count, sequences = stored(store, person)
        assert said == {key: value for key, value in expected.items() if value != Merged()}
        assert count == distinct
        assert set(said) <= set(sequences)


def report_of(said, kind, event, session):
    day, slot = session
    return Report(kind, f"event {event}", said_at=t(said), slot=slot, date=day)


WORDS = st.tuples(
    st.integers(0, 1),
    st.builds(
        report_of, st.integers(0, 9), st.sampled_from(list(Kind)), st.integers(0, 3), st.sampled_from(SESSIONS[:3])
    ),
)


def deliver(store, told):
    """Hands reports to `record`, each a second after the one before; what became of them, connections by number."""
    person, links = somebody(store, connected=2)
    for second, (index, report) in enumerate(told):
        incoming = Incoming({}, b"{}", NOW + timedelta(seconds=second))
        outcome = record.record(store, Inbound(links[index], person, False, False, ()), incoming, [report])
        lost = (outcome.outcome, outcome.reason) == (record.IGNORED, "nothing_to_take_back")
        assert lost or outcome.outcome in (record.ACCEPTED, record.DUPLICATE)
    said, count, _ = stored(store, person)
    names = {link.id: index for index, link in enumerate(links)}
    return {key: (one.state, {names[source] for source in one.evidence}) for key, one in said.items()}, count


def content(word):
    index, report = word
    return index, report.event_id, report.said_at


@settings(max_examples=40, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=7, unique_by=content), st.randoms(use_true_random=False))
def test_services_may_deliver_in_any_order_and_as_often_as_they_like(store, told, luck):
    results = []
    for _ in range(3):
        copies = told + luck.choices(told, k=luck.randrange(4))
        luck.shuffle(copies)
        results.append(deliver(store, copies))
    assert results[0] == results[1] == results[2]
    assert results[0][1] == len(told)


def of_a_task(said, kind, task):
    """Of a task that comes again: it counts for the session of its time, and a withdrawal names none."""
    day, slot = SESSIONS[said % 3] if kind is Kind.DONE else (None, None)
    return 0, Report(kind, f"{task}@{said}@{kind}", said_at=t(said), slot=slot, date=day, thing=task)


def of_an_activity(said, kind, activity):
    """Of an activity that is told anew, moved and deleted, all by one id."""
    day, slot = SESSIONS[said % 3] if kind is Kind.DONE else (None, None)
    return 1, Report(kind, activity, said_at=t(said), slot=slot, date=day, thing=activity)


THINGS = st.builds(of_a_task, st.integers(0, 7), st.sampled_from(list(Kind)), st.sampled_from("ab")) | st.builds(
    of_an_activity, st.integers(0, 7), st.sampled_from(list(Kind)), st.sampled_from("xy")
)


@settings(max_examples=60, deadline=None)
@given(st.lists(THINGS, min_size=1, max_size=8, unique_by=repr), st.randoms(use_true_random=False))
def test_a_withdrawal_may_come_before_what_it_withdraws(store, told, luck):
    results = []
    for _ in range(3):
        copies = told + luck.choices(told, k=luck.randrange(4))
        luck.shuffle(copies)
        results.append(deliver(store, copies)[0])
    assert results[0] == results[1] == results[2]


def test_a_correction_that_names_another_session_moves_the_completion(store):
    person, _ = somebody(store)
    first, second = SESSIONS[0], SESSIONS[1]
    told = done("habitica", "a", t(1), day=first[0], slot=first[1], content="one")
    moved = done("habitica", "a", t(2), day=second[0], slot=second[1], content="two")
    enter(store, person, [[told], [moved], [told]])
    said, count, sequences = stored(store, person)
    assert (set(said), count, sequences) == ({second}, 2, {first: 2, second: 1})


def test_what_the_person_says_twice_is_one_fact(store):
    person, _ = somebody(store)
    said = []
    for minute, kind in enumerate((DONE, DONE, UNDONE, UNDONE, SKIPPED, SKIPPED)):
        said.append(record.tell(store, person, Placed("morning", date(2026, 6, 1)), kind, t(minute)))
    assert said == [State.DONE, State.DONE, None, None, State.SKIPPED, State.SKIPPED]
    assert stored(store, person)[1] == 3


def test_that_it_hurt_is_kept_of_a_done_session_and_stands_when_the_service_takes_its_word_back(store):
    person, _ = somebody(store)
    session = (date(2026, 6, 1), "morning")
    enter(store, person, [[A]])
    assert record.tell(store, person, Placed("morning", session[0]), HURT, t(15)) is State.DONE
    enter(store, person, [[C]])
    assert stored(store, person)[0][session].state is State.HURT
