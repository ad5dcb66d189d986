"""In step, where it is easily got wrong: two of us who hear the same at once; what is said, taken back and said again
before it goes out; which message may go before which.

Source: DESIGN section 8; spec: streaks section 8; webhook-reliability S13.
"""

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from integration import people, record
from integration.connecting import tokens
from integration.core.merge import Merged, merge
from integration.core.model import Connection, FactKind, State
from integration.core.placing import Placed
from integration.dispatching import telling
from integration.dispatching.queueing import UNKNOWN, decode
from integration.dispatching.sending import Sender
from integration.inbox.admission import Inbound
from integration.keys import Keys
from integration.outbox import Leased
from integration.outgoing import Refusal, Reply, Request, Sent
from integration.service import services
from integration.store import connections, echoes, facts, outlets
from integration.store.dispatches import Dispatch, Kind
from integration.store.dispatches import State as Sending
from integration.store.engine import Store
from tests.dispatching.conftest import BERLIN, DOWN, TODAY, Post
from webhooks.providers import standard as provider
from webhooks.report import Incoming, Report
from webhooks.report import Kind as Said
from webhooks.signatures import new_secret

DONE, UNDONE, EVENT, _ = Kind
FINAL = Refusal("http_400", "it does not like that", permanent=True)
MORNING = Placed("morning", TODAY)
ADDRESS = {"url": "https://other.example.org/hook"}
_numbers = count(1)


@dataclass
class Side:
    """One of two Turntwices of a person: it tells the other over `out` and hears it over `into`. A watch tells it."""

    post: Post
    watch: str
    out: str
    into: str
    told: Counter[Kind] = field(default_factory=Counter)

    @classmethod
    def made(cls, post: Post, one_connection: bool) -> "Side":
        watch, out = connect(post, False), connect(post, True)
        return cls(post, watch, out, out if one_connection else connect(post, False))

    def hear(self, connection: str, *reports: Report) -> None:
        with self.post.store.reading() as db:
            found = connections.by_id(db, connection)
        assert found
        inbound = Inbound(found, people.find(self.post.store, self.post.person), realtime=True, mixed=False)
        record.record(self.post.store, inbound, Incoming({}, b"{}", self.post.clock()), reports)
        self.post.clock.move(seconds=1)

    def see(self, kind: Said = Said.DONE) -> None:
        """The watch says it of this morning."""
        self.hear(self.watch, Report(kind, f"watch-{next(_numbers)}", self.post.clock(), slot="morning", date=TODAY))

    def press(self, kind: FactKind) -> None:
        """A button on my page."""
        record.tell(self.post.store, people.find(self.post.store, self.post.person), MORNING, kind, self.post.clock())
        self.post.clock.move(seconds=1)

    def leave(self) -> list[Leased]:
        """The next message sets out, if there is one."""
        return self.post.claim(most=10)

    def arrive(self, leased: Leased, other: "Side") -> None:
        """It comes to the other, which takes it."""

        def door(request: Request) -> Reply:
            headers = {name.lower(): value for name, value in request.headers.items()}
            other.hear(other.into, *provider.reports(Incoming(headers, request.body or b"", self.post.clock())))
            return Reply(200)

        sender = Sender(self.post.keys, services(), door)
        self.post.finish(leased, sender.send(leased, self.post.clock()))
        self.told[leased.dispatch.kind] += 1

    @property
    def morning(self) -> Merged:
        with self.post.store.reading() as db:
            return merge(facts.of_session(db, self.post.person, TODAY, "morning"))

    @property
    def done(self) -> bool:
        return self.morning.state is State.DONE


def connect(post: Post, outgoing: bool) -> str:
    name = f"standard{next(_numbers)}"
    made = Connection(name, post.person, "standard", "Other", None, ADDRESS if outgoing else {}, None, post.clock())
    with post.store.writing() as db:
        connections.add(db, made)
        if outgoing:
            outlets.add(db, name, tokens.seal(post.keys, name, {"secret": new_secret()}))
    return name


@dataclass
class Pair:
    here: Side
    there: Side

    def exchange(self) -> Counter[Kind]:
        """Both speak until neither has anything to say; what they said of sessions since this was asked last."""
        while any([self._speak(self.here, self.there), self._speak(self.there, self.here)]):
            pass
        return self._counted()

    def cross(self) -> Counter[Kind]:
        """The next message of each sets out before that of the other arrives; then both speak on."""
        here, there = self.here.leave(), self.there.leave()
        for leased in here:
            self.here.arrive(leased, self.there)
        for leased in there:
            self.there.arrive(leased, self.here)
        return self.exchange()

    def _speak(self, one: Side, other: Side) -> bool:
        found = one.leave()
        for leased in found:
            one.arrive(leased, other)
        return bool(found)

    def _counted(self) -> Counter[Kind]:
        told = self.here.told + self.there.told
        self.here.told.clear()
        self.there.told.clear()
        del told[EVENT]
        return told

    @property
    def done(self) -> tuple[bool, bool]:
        return self.here.done, self.there.done


@pytest.fixture
def sqlite(migrated_file: Path, tmp_path: Path) -> Iterator[Store]:
    opened = Store(f"sqlite:///{shutil.copy(migrated_file, tmp_path / 'there.sqlite3')}")
    yield opened
    opened.close()


@pytest.fixture(params=[True, False], ids=["one_connection", "two_connections"])
def pair(post: Post, sqlite: Store, request: pytest.FixtureRequest) -> Pair:
    person, _ = people.add(sqlite, BERLIN, post.clock())
    other = Post(sqlite, post.clock, post.keys, person.id)
    return Pair(Side.made(post, request.param), Side.made(other, request.param))


def acquainted(pair: Pair) -> None:
    """Each has said something before, so that it knows by which way its own words come back."""
    for one in (pair.here, pair.there):
        for kind in Said:
            one.see(kind)
            assert sum(pair.exchange().values()) <= 2
    assert pair.done == (False, False)


def both_hear(pair: Pair) -> None:
    for one in (pair.here, pair.there):
        one.see()
    assert pair.cross() == {DONE: 2}
    assert pair.done == (True, True)


def test_what_both_hear_at_once_both_can_take_back(pair: Pair) -> None:
    acquainted(pair)
    both_hear(pair)
    for one in (pair.here, pair.there):
        one.see(Said.UNDONE)
    assert sum(pair.exchange().values()) <= 2
    assert pair.done == (False, False)


def test_what_both_hear_and_take_back_at_once_is_taken_back(pair: Pair) -> None:
    acquainted(pair)
    both_hear(pair)
    for one in (pair.here, pair.there):
        one.see(Said.UNDONE)
    assert sum(pair.cross().values()) <= 2
    assert pair.done == (False, False)


def test_who_takes_it_back_has_it_back_and_the_other_stands_by_its_own_evidence(pair: Pair) -> None:
    """An undo withdraws the evidence of the one that says it (spec: streaks section 8 rule 4), and sticks there."""
    acquainted(pair)
    both_hear(pair)
    pair.here.press(FactKind.UNDONE)
    assert pair.exchange() == {UNDONE: 1}
    assert pair.done == (False, True)
    assert pair.there.morning.evidence == {pair.there.watch}
    pair.there.press(FactKind.UNDONE)
    assert sum(pair.exchange().values()) <= 2
    assert pair.done == (False, False)


def test_what_the_other_said_before_ours_set_out_is_evidence_here_and_not_there(pair: Pair) -> None:
    """As one of the two was told by nobody else, it may be the other's evidence, but never both."""
    acquainted(pair)
    for one in (pair.here, pair.there):
        one.see()
    [leased] = pair.there.leave()
    pair.there.arrive(leased, pair.here)
    assert pair.exchange() == {DONE: 2}
    assert pair.here.morning.evidence == {pair.here.watch, pair.here.into}
    assert pair.there.morning.evidence == {pair.there.watch}


def test_what_the_other_took_back_and_says_again_is_its_own_word(pair: Pair) -> None:
    acquainted(pair)
    pair.here.see()
    pair.exchange()
    for kind in (FactKind.UNDONE, FactKind.DONE):
        pair.there.press(kind)
        pair.exchange()
    assert pair.here.morning.evidence == {pair.here.watch, pair.here.into}
    pair.here.see(Said.UNDONE)
    pair.exchange()
    assert pair.done == (True, True)


def test_one_who_only_tells_us_is_evidence_beside_our_own(post: Post) -> None:
    """It never heard us, so that it takes nothing over from us."""
    side = Side.made(post, one_connection=False)
    side.see()
    [leased] = side.leave()
    post.finish(leased, Sent())
    side.hear(side.into, Report(Said.DONE, "e-1", post.clock(), slot="morning", date=TODAY, origin="tt_of_another"))
    assert side.morning.evidence == {side.watch, side.into}


def test_where_nobody_else_says_it_any_more_the_other_is_believed(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    side = Side.made(post, one_connection=True)
    side.see()
    post.send(Sent())
    monkeypatch.setattr(telling, "services", dict)  # so that it is not told of the undo
    side.see(Said.UNDONE)
    side.hear(side.into, Report(Said.DONE, "e-1", post.clock(), slot="morning", date=TODAY, origin="tt_of_another"))
    assert side.morning.evidence == {side.into}


@pytest.mark.parametrize(
    ("steps", "stands"),
    [
        ("done", False),
        ("done>", True),
        ("done?", True),
        ("done!", False),
        ("DONE", True),
        ("DONE undone", False),
        ("DONE undone done", True),
        ("DONE UNDONE", False),
        ("DONE UNDONE done", False),
    ],
)
def test_our_word_stands_at_the_other_once_it_set_out_and_until_it_is_taken_back(
    post: Post, steps: str, stands: bool
) -> None:
    """In capitals: it was sent; `?`: tried in vain, it may have arrived; `!`: given up; `>`: on its way."""
    connection = connect(post, True)
    for step in steps.split():
        post.queue(connection, Kind(step.lower().rstrip("?!>")))
        if step.isupper():
            post.send(Sent())
        elif step[-1] in "?!":
            post.send(DOWN if step[-1] == "?" else FINAL)
        elif step[-1] == ">":
            post.one()
    with post.store.reading() as db:
        assert bool(echoes.stands_since(db, connection, TODAY, "morning")) == stands


@pytest.mark.parametrize("failures", [1, 3])
def test_news_of_the_streak_never_goes_before_the_session_that_changed_it(post: Post, failures: int) -> None:
    side = Side.made(post, one_connection=True)
    side.see()
    for _ in range(failures):
        post.skip()
        assert post.send(DOWN).kind is DONE
    post.skip()
    sent = [post.send(Sent()).kind]
    post.skip()
    sent += [post.send(Sent()).kind]
    assert sent == [DONE, EVENT]
    assert post.idle_for() is None


class Toggled(RuleBasedStateMachine):
    """A number from 0 to 2 at a service, changed here at any time, told at another, heard or not.

    `certain` is what it holds where we can know: it said yes to our last message, and none is on its way.
    """

    store: Store
    clock: Any

    @initialize(own=st.integers(0, 2), known=st.booleans())
    def begin(self, own: int, known: bool) -> None:
        person, _ = people.add(self.store, BERLIN, self.clock())
        self.post = Post(self.store, self.clock, Keys(("a secret of the operator, for tests only",)), person.id)
        self.connection = self.post.connect()
        self.ours = self.there = own
        self.certain, self.rows = own if known or not own else None, 0
        self.flying: Leased | None = None

    @rule(number=st.integers(0, 2))
    def change(self, number: int) -> None:
        if number == self.ours:
            return
        was = UNKNOWN if self.certain is None or self.certain != self.ours else self.ours
        kind = DONE if number else UNDONE
        key = self.post.queue(self.connection, kind, done=number, due=2, was=0 if not self.ours else was)
        self.ours, self.rows = number, self.rows + 1
        needless = self.certain == number and not self.flying
        assert needless if key is None else (not needless or self.rows > FEW)

    @precondition(lambda self: not self.flying and self.waiting)
    @rule()
    def leave(self) -> None:
        self.post.skip()
        [self.flying] = self.post.claim()

    @precondition(lambda self: self.flying)
    @rule(taken=st.booleans(), heard=st.booleans())
    def end(self, taken: bool, heard: bool) -> None:
        assert self.flying
        if taken or heard:
            self.there = self.says(self.flying.dispatch)
        self.certain, self.rows = self.there if taken else None, 0
        self.post.finish(self.flying, Sent() if taken else DOWN)
        self.flying = None

    @property
    def waiting(self) -> bool:
        held = [one.state for one in self.post.all()].count(Sending.WAITING)
        assert held <= 1
        return held > 0

    def says(self, told: Dispatch) -> int:
        return decode(told.told).done if told.kind is DONE else 0

    def teardown(self) -> None:
        if not hasattr(self, "post"):
            return
        while self.flying or self.waiting:
            if not self.flying:
                self.leave()
            self.end(taken=True, heard=True)
        people.remove(self.store, self.post.person)
        assert self.there == self.ours


FEW = 4
"""After more changes between two attempts what was sent before is not looked for any more."""


def test_whatever_is_said_and_taken_back_the_service_ends_up_with_what_is_so(sqlite: Store, clock: Any) -> None:
    machine = type("OnSqlite", (Toggled,), {"store": sqlite, "clock": clock})
    run_state_machine_as_test(machine, settings=settings(max_examples=60, stateful_step_count=12, deadline=None))
