"""In step: our own words, when they come back, are no evidence; whatever else a service says is its own word."""

import pytest

from integration.core.model import FactKind
from integration.dispatching import operating
from integration.dispatching.breaker import Health, disabled
from integration.dispatching.judging import PutBack
from integration.outgoing import Refusal, Sent
from integration.store import outlets
from integration.store.dispatches import OVERTAKEN, State
from tests.dispatching.conftest import TODAY, Post
from tests.dispatching.streets import Street, opened
from webhooks.report import Kind as Said


@pytest.fixture
def street(post: Post, monkeypatch: pytest.MonkeyPatch) -> Street:
    return opened(post, monkeypatch)


def test_what_we_told_and_hear_again_is_no_evidence(street: Street) -> None:
    told = street.post.connect("sessions")
    street.press()
    street.send()
    street.hear(told)
    assert told not in street.evidence()
    street.press(FactKind.UNDONE)
    assert street.evidence() == frozenset()


def test_an_echo_is_one_once_then_it_is_the_services_own_word(street: Street) -> None:
    told = street.post.connect("sessions")
    street.press()
    street.send()
    street.hear(told)
    street.post.clock.move(minutes=1)
    street.hear(told, Said.UNDONE)
    street.post.clock.move(minutes=1)
    street.hear(told)
    assert told in street.evidence()


def test_who_speaks_our_own_format_is_an_echo_by_its_origin_alone(street: Street) -> None:
    told = street.post.connect("sessions")
    street.press()
    street.send()
    street.hear(told, mixed=False)
    assert told in street.evidence()


def test_hours_later_it_is_no_echo_any_more(street: Street) -> None:
    told = street.post.connect("sessions")
    street.press()
    street.send()
    street.post.clock.move(hours=2, minutes=1)
    street.hear(told)
    assert told in street.evidence()


def test_what_was_never_tried_has_no_echo(street: Street) -> None:
    told = street.post.connect("sessions")
    street.press()
    street.hear(told)
    assert told in street.evidence()


def test_what_was_so_already_has_no_echo(street: Street) -> None:
    told = street.post.connect("sessions")
    street.press()
    street.send(Sent(already=True))
    street.hear(told)
    assert told in street.evidence()


def test_the_echo_of_an_undo_takes_nothing_back_that_others_say(street: Street) -> None:
    told, speaker = street.post.connect("sessions"), street.post.connect("sessions")
    street.hear(speaker)
    street.send()
    street.hear(told)
    street.post.clock.move(minutes=1)
    street.press(FactKind.UNDONE)
    street.send()
    street.post.clock.move(minutes=1)
    street.press(FactKind.DONE)
    street.hear(told, Said.UNDONE)
    assert street.evidence() == {"person"}


def test_our_own_message_is_known_by_its_id_whoever_brings_it_and_whenever(street: Street) -> None:
    street.post.connect("sessions")
    bringer = street.post.connect("?")
    street.press()
    [sent] = street.send()
    street.post.clock.move(hours=2, minutes=1)
    street.hear(bringer, origin=sent.key)
    assert street.evidence() == {"person"}
    street.hear(bringer, origin="tt_of_another")
    assert street.evidence() == {"person", bringer}


@pytest.mark.parametrize("origin", ["turntwice-2026-13-01-morning", "turntwice-2026-06-01-morning", "turntwice-"])
def test_a_mark_of_no_day_or_of_what_we_never_told_is_none_of_ours(street: Street, origin: str) -> None:
    street.post.connect("sessions")
    bringer = street.post.connect("?")
    street.press()
    street.send()
    street.hear(bringer, origin=origin)
    assert bringer in street.evidence()


@pytest.mark.parametrize("reason", ["waiting_for_new_day", "http_404", "credentials", "rate_limited"])
@pytest.mark.parametrize("overtaken", [False, True])
def test_what_the_service_would_not_have_has_no_echo(street: Street, reason: str, overtaken: bool) -> None:
    told = street.post.connect("sessions")
    street.press()
    street.post.send(Refusal(reason, "no", waiting=True))
    if overtaken:
        street.press(FactKind.UNDONE)
    street.hear(told)
    assert told in street.evidence()


@pytest.mark.parametrize("reason", ["timeout", "http_503", "unreachable", "killed"])
@pytest.mark.parametrize("overtaken", [False, True])
def test_what_may_have_arrived_all_the_same_has_an_echo(street: Street, reason: str, overtaken: bool) -> None:
    told = street.post.connect("sessions")
    street.press()
    street.post.send(Refusal(reason, "who knows"))
    if overtaken:
        street.press(FactKind.UNDONE)
    street.hear(told)
    assert told not in street.evidence()


@pytest.mark.parametrize("reason", ["stopped", "lease_over"])
@pytest.mark.parametrize("overtaken", [False, True])
def test_what_was_cut_off_may_have_arrived_also_after_a_plain_no(street: Street, reason: str, overtaken: bool) -> None:
    told = street.post.connect("sessions")
    street.press()
    street.post.send(Refusal("waiting_for_new_day", "not yet", waiting=True))
    street.post.skip()
    street.post.send(PutBack(reason, "", begun=True))
    if overtaken:
        street.press(FactKind.UNDONE)
    street.hear(told)
    assert told not in street.evidence()


@pytest.mark.parametrize("before", ["timeout", "stopped"])
@pytest.mark.parametrize("after", [Refusal("rate_limited", "wait", after=60), PutBack("unsealed", "waiting: no", 300)])
@pytest.mark.parametrize("overtaken", [False, True])
def test_a_try_that_came_to_nothing_says_nothing_of_the_one_before(
    street: Street, before: str, after: Refusal | PutBack, overtaken: bool
) -> None:
    told = street.post.connect("sessions")
    street.press()
    street.post.send(Refusal("timeout", "who knows") if before == "timeout" else PutBack("stopped", "", begun=True))
    street.post.skip()
    assert street.post.send(after).message == str(getattr(after, "message", after))
    if overtaken:
        street.press(FactKind.UNDONE)
    street.hear(told)
    assert told not in street.evidence()


def test_what_a_later_word_that_is_sent_again_overtook_has_no_echo_where_the_service_would_not_have_it(
    street: Street,
) -> None:
    told, post = street.post.connect("sessions"), street.post
    with post.store.writing() as db:
        outlets.save(db, told, disabled(Health(), "it refused our key", post.clock()), None)
    street.press()
    street.press(FactKind.UNDONE)
    done, undone = (held.id for held in post.all())
    operating.enable(post.store, told)
    operating.retry(post.store, [done], post.clock())
    post.send(Refusal("http_404", "no", tries=3))
    operating.retry(post.store, [undone], post.clock())
    assert (post.row(done).reason, post.row(undone).state) == (OVERTAKEN, State.WAITING)
    street.hear(told)
    assert told in street.evidence()


def test_a_mark_of_what_never_set_out_is_none_of_ours(street: Street) -> None:
    street.post.connect("sessions")
    bringer = street.post.connect("?")
    street.press()
    street.hear(bringer, origin=f"turntwice-{TODAY}-morning")
    assert bringer in street.evidence()


@pytest.mark.parametrize("refused", [False, True])
@pytest.mark.parametrize("overtaken", [False, True])
def test_what_is_on_its_way_has_an_echo_also_after_a_plain_no(street: Street, refused: bool, overtaken: bool) -> None:
    told = street.post.connect("sessions")
    street.press()
    if refused:
        street.post.send(Refusal("waiting_for_new_day", "not yet", waiting=True))
        street.post.skip()
    street.post.one()
    if overtaken:
        street.press(FactKind.UNDONE)
    street.hear(told)
    assert told not in street.evidence()


def test_a_number_that_we_raised_by_two_comes_back_twice(street: Street) -> None:
    told = street.post.connect("number", morning="graph", evening="graph")
    street.press(slot="morning")
    street.press(slot="evening")
    street.send()
    for heard, expected in ((1, {"person"}), (2, {"person"}), (3, {"person", told})):
        street.post.clock.move(minutes=1)
        street.hear(told, slot="evening")
        assert street.evidence("evening") == expected, heard


def test_a_number_that_we_raised_by_one_comes_back_once(street: Street) -> None:
    told = street.post.connect("number", morning="graph", evening="graph")
    street.press(slot="morning")
    street.send()
    street.hear(told, slot="morning")
    street.post.clock.move(minutes=1)
    street.press(slot="evening")
    street.send()
    for expected in ({"person"}, {"person", told}):
        street.post.clock.move(minutes=1)
        street.hear(told, slot="evening")
        assert street.evidence("evening") == expected


def test_what_was_unticked_there_and_is_ticked_again_is_no_echo_though_two_were_told_of_together(
    street: Street,
) -> None:
    told = street.post.connect("tick", morning="habit", evening="habit")
    street.press(slot="morning")
    street.press(slot="evening")
    street.send()
    for kind, expected in ((Said.DONE, {"person"}), (Said.UNDONE, {"person"}), (Said.DONE, {"person", told})):
        street.post.clock.move(minutes=1)
        street.hear(told, kind, slot="evening")
        assert street.evidence("evening") == expected
