"""In step, on real processes and sockets: who hears of a session, what follows when a service or we ourselves were
down, and what two Turntwices tell each other.

Source: DESIGN section 8; webhook-reliability S1, S2, S4, S11 and S13.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from integration.failpoints import KILLED
from tests.e2e.neighbours import (
    COMPLETED,
    PATH,
    STREAK,
    UNDONE,
    Instance,
    Pair,
    Place,
    Wire,
    at_first,
    closed_place,
    heard,
    until,
)
from tests.serving import PATIENCE_SECONDS, Served, asked
from tests.sinks import Sink, answer, saying

pytestmark = pytest.mark.faults  # each test starts servers of its own: two minutes in all

BUSY = answer(b"later", "503 Service Unavailable", "Retry-After: 1")
GONE, ELSEWHERE = answer(status="410 Gone"), answer(b"", "302 Found", f"Location: {PATH}")


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    made = Instance.started(tmp_path / "one")
    yield made
    made.served.kill()


@pytest.fixture
def place() -> Iterator[Place]:
    with closed_place() as made:
        yield made


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    here, there = Instance.started(tmp_path / "here"), Instance.started(tmp_path / "there")
    out, back = Wire(there), Wire(here)
    with out.sink, back.sink:
        yield Pair(here, there, out, back)
        for one in (here, there):
            one.served.kill()


def test_a_session_is_told_once_signed_and_taken_back_once(instance: Instance) -> None:
    with Sink(saying(answer())) as sink:
        secret = instance.told_at(sink.port)
        for event, number in (("done", 1), ("done", 1), ("done", 2), ("undone", 3)):
            assert instance.say(event, number=number).status == 200
            instance.settled()
    messages = heard(sink)
    assert [one.type for one in messages] == [COMPLETED, STREAK, UNDONE, STREAK]
    for one in messages:
        assert Webhook(secret).verify(one.body, one.headers) == one.event
        assert one.path == PATH
    assert len({one.id for one in messages}) == 4
    done, risen, undone, fallen = (one.data for one in messages)
    assert (done["slot"], done["date"]) == (undone["slot"], undone["date"]) == ("morning", risen["date"])
    assert (risen["active"], risen["slots"]["morning"], fallen["active"]) == (1, 1, 0)
    rows = asked(instance.served.env, "dispatches", "list", instance.person)
    assert {(row["state"], row["attempts"], row["message"]) for row in rows} == {("sent", 1, "taken")}


def test_after_a_503_the_same_message_comes_again_signed_anew(instance: Instance) -> None:
    with Sink(at_first(BUSY)) as sink:
        secret = instance.told_at(sink.port)
        instance.say("done")
        instance.settled()
    once, again = heard(sink, COMPLETED)
    assert (once.id, once.body, once.path) == (again.id, again.body, again.path)
    assert int(again.headers["webhook-timestamp"]) > int(once.headers["webhook-timestamp"])
    assert once.headers["webhook-signature"] != again.headers["webhook-signature"]
    for one in (once, again):
        Webhook(secret).verify(one.body, one.headers)
    assert len(heard(sink, STREAK)) == 1


def test_what_a_service_missed_while_it_was_away_it_hears_when_it_is_back(instance: Instance, place: Place) -> None:
    instance.told_at(place.port)
    assert instance.say("done").status == 200
    instance.tried()
    with place.open() as sink:
        instance.settled()
    assert [one.type for one in heard(sink)] == [COMPLETED, STREAK]


@pytest.mark.faults
def test_a_service_that_was_down_for_long_hears_all_within_a_minute_of_its_return(
    instance: Instance, place: Place
) -> None:
    """Once it is known to be down a probe a minute looks for it; then the rest follows at once."""
    instance.told_at(place.port)
    today = datetime.now(UTC).date()
    days = [today - timedelta(days=back) for back in range(2, 12)]
    for day in days:
        assert instance.say("done", day=day).status == 200
    until(lambda: instance.stored("SELECT failures FROM outlets")[0][0] >= 3)
    with place.open() as sink:
        instance.settled()
    probe, *rest = [one.data["date"] for one in heard(sink, COMPLETED)]
    assert {probe, *rest} == {day.isoformat() for day in days}
    assert rest == sorted(rest, reverse=True), "in the order in which it was said"
    assert len({one.id for one in heard(sink)}) == len(sink.requests)


@pytest.mark.parametrize("end", [Served.stop, Served.kill])
def test_a_restart_between_queueing_and_delivery_loses_nothing(
    instance: Instance, place: Place, end: Callable[[Served], int]
) -> None:
    instance.told_at(place.port)
    assert instance.say("done").status == 200
    end(instance.served)
    assert instance.waiting() == 2
    with place.open() as sink:
        instance.served.start()
        instance.settled()
    assert sorted(one.type for one in heard(sink)) == [COMPLETED, STREAK]


def test_what_was_delivered_but_not_noted_before_a_crash_comes_again_under_its_id(instance: Instance) -> None:
    instance.served.stop()
    instance.served.settings["FAILPOINT"] = "after_send"
    instance.served.start()
    with Sink(saying(answer())) as sink:
        instance.told_at(sink.port)
        instance.say("done")
        instance.served.process.wait(PATIENCE_SECONDS)
        assert instance.served.kill() == KILLED
        del instance.served.settings["FAILPOINT"]
        instance.served.start()
        instance.settled()
    once, again = heard(sink, COMPLETED)
    assert (once.id, once.body) == (again.id, again.body)
    assert len(heard(sink, STREAK)) == 1


def test_its_log_names_no_secret_no_key_and_no_address(instance: Instance, place: Place) -> None:
    secrets = [instance.told_at(place.port)]
    with ExitStack() as stack:
        sinks = [stack.enter_context(Sink(saying(said))) for said in (BUSY, GONE, ELSEWHERE, b"nonsense\r\n\r\n")]
        secrets += [instance.told_at(sink.port) for sink in sinks]
        instance.say("done")
        instance.tried()
        assert instance.served.stop() == 0
    log = instance.served.log.read_text() + instance.served.said
    assert "is switched off" in log
    for hidden in (*(secret.removeprefix("whsec_") for secret in secrets), instance.own.rpartition("/")[2], PATH):
        assert hidden not in log


@pytest.mark.parametrize("wired", [Pair.each_by_one_connection, Pair.each_by_two_connections])
def test_two_of_us_stay_in_step_and_exchange_two_messages_of_a_session_at_most(
    pair: Pair, wired: Callable[[Pair], None]
) -> None:
    wired(pair)
    for speaker in (pair.here, pair.there, pair.here):
        for event, kind, state in (("done", COMPLETED, True), ("undone", UNDONE, False)):
            assert speaker.say(event).json["outcome"] == "accepted"
            exchanged = pair.exchanged()
            assert pair.done() == (state, state)
            assert 1 <= exchanged.pop(kind) <= 2
            # News of each one's own streak, which nobody answers.
            assert exchanged.pop(STREAK, 0) <= 2
            assert not exchanged


@pytest.mark.parametrize("wired", [Pair.each_by_one_connection, Pair.each_by_two_connections])
def test_what_both_hear_at_once_each_tells_the_other_once_and_both_can_take_back(
    pair: Pair, wired: Callable[[Pair], None]
) -> None:
    wired(pair)
    # The first round, one after the other, shows each by which way its own words come back.
    for speakers in ([pair.here], [pair.there], [pair.here, pair.there], [pair.there, pair.here]):
        for event, kind, state in (("done", COMPLETED, True), ("undone", UNDONE, False)):
            for one in speakers:
                assert one.say(event).status == 200
            assert 1 <= pair.exchanged()[kind] <= 2
            assert pair.done() == (state, state)
