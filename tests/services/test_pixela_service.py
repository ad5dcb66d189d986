from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from integration.outgoing import Habit, Refusal, Remote, Reply, Told
from integration.replies import MOST
from integration.services import pixela

SETTINGS = {"username": "ada", "token": "thisissecret", "morning": "stretch", "evening": "stretch", "label": "Mine"}
USER = "https://pixe.la/v1/users/ada"
DAY = f"{USER}/graphs/stretch/20260602"
TOLD = Told(
    key="key-1",
    slot="morning",
    date=date(2026, 6, 2),
    at=datetime(2026, 6, 2, 7, 5, tzinfo=timezone(timedelta(hours=2))),
    said_at=datetime(2026, 6, 2, 5, 10, tzinfo=UTC),
    habit="stretch",
    due=2,
)


def test_the_day_is_set_to_the_number_of_sessions_as_text(script, sample):
    call = script(("PUT", DAY, sample("pixela", "success")))
    assert pixela.complete(call, SETTINGS, TOLD).words == "kept"
    assert call.bodies() == [{"quantity": "1"}]
    assert call.sent[0].headers["X-USER-TOKEN"] == "thisissecret"


def test_twice_a_day_makes_two_and_a_repeated_attempt_makes_no_third(script, sample):
    kept = sample("pixela", "success")
    call = script(("PUT", DAY, kept), ("PUT", DAY, kept), ("PUT", DAY, kept))
    second = replace(TOLD, key="key-2", slot="evening", done=2)
    for told in (TOLD, second, replace(second, attempt=2)):
        pixela.complete(call, SETTINGS, told)
    assert call.bodies() == [{"quantity": "1"}, {"quantity": "2"}, {"quantity": "2"}]


@pytest.mark.parametrize("left", [0, 1])
def test_taking_back_sets_what_is_left(script, sample, left):
    call = script(("PUT", DAY, sample("pixela", "success")))
    pixela.undo(call, SETTINGS, replace(TOLD, done=left))
    assert call.bodies() == [{"quantity": str(left)}]


@pytest.mark.parametrize("odd", ["20280229", "20251231", "20260101"])
def test_a_day_is_written_as_eight_digits(script, sample, odd):
    call = script(("PUT", f"{USER}/graphs/stretch/{odd}", sample("pixela", "success")))
    pixela.complete(call, SETTINGS, replace(TOLD, date=date.fromisoformat(odd)))


def test_a_call_turned_away_by_chance_is_repeated_at_once(script, sample):
    away = sample("pixela", "rejected")
    call = script(*[("PUT", DAY, away)] * 5, ("PUT", DAY, sample("pixela", "success")))
    pixela.complete(call, SETTINGS, TOLD)
    assert len({request.body for request in call.sent}) == 1


def test_being_turned_away_six_times_is_enough_for_now(script, sample):
    call = script(*[("PUT", DAY, sample("pixela", "rejected"))] * 6)
    with pytest.raises(Refusal) as refused:
        pixela.complete(call, SETTINGS, TOLD)
    assert (refused.value.after, refused.value.waiting, refused.value.tries) == (5, False, None)


@pytest.mark.parametrize("body", [b'{"isRejected": true}', b'{"isSuccess":false,\n "isRejected":true}'])
def test_being_turned_away_is_known_however_it_is_spaced(script, sample, body):
    call = script(("PUT", DAY, Reply(503, {}, body)), ("PUT", DAY, sample("pixela", "success")))
    pixela.complete(call, SETTINGS, TOLD)


def test_a_server_in_trouble_is_not_asked_again_at_once(script, sample):
    with pytest.raises(Refusal) as refused:
        pixela.complete(script(("PUT", DAY, sample("pixela", "unavailable"))), SETTINGS, TOLD)
    assert (refused.value.reason, refused.value.outage) == ("http_503", True)


@pytest.mark.parametrize(
    ("answer", "reason", "outage"),
    [
        (Reply(400), "http_400", False),
        (Reply(413), "http_413", False),
        (Reply(429, {"retry-after": "90"}), "rate_limited", True),
        (Reply(500), "http_500", True),
        (Reply(503, {}, b"<html>"), "http_503", True),
        (Reply(302), "redirect", True),
    ],
)
def test_each_refusal_has_its_reason(script, answer, reason, outage):
    with pytest.raises(Refusal) as refused:
        pixela.complete(script(("PUT", DAY, answer)), SETTINGS, TOLD)
    assert (refused.value.reason, refused.value.outage) == (reason, outage)


def test_what_is_not_found_may_be_the_user_the_token_or_the_graph(script, sample):
    with pytest.raises(Refusal) as refused:
        pixela.complete(script(("PUT", DAY, sample("pixela", "not_found"))), SETTINGS, TOLD)
    assert all(word in str(refused.value) for word in ("user", "token", "graph"))
    assert not refused.value.outage
    assert "thisissecret" not in str(refused.value)


def test_only_graphs_of_whole_numbers_are_offered(script, sample):
    call = script(("GET", f"{USER}/graphs", sample("pixela", "graphs")))
    assert pixela.habits(call, SETTINGS) == [Habit("stretch", "Stretching")]


def test_a_check_names_the_account(script, sample):
    assert "ada" in pixela.check(script(("GET", f"{USER}/graphs", sample("pixela", "graphs"))), SETTINGS)


def test_the_history_of_a_graph_that_both_slots_share_is_read_once(script, sample):
    url = f"{USER}/graphs/stretch/pixels?from=20260601&to=20260603&withBody=true"
    found = pixela.history(
        script(("GET", url, sample("pixela", "pixels"))), SETTINGS, date(2026, 6, 1), date(2026, 6, 3)
    )
    assert found == [Remote("stretch", date(2026, 6, 1), count=2), Remote("stretch", date(2026, 6, 3))]


def test_a_long_history_is_asked_for_in_parts_that_pixela_gives(script, sample):
    empty = Reply(200, {}, b'{"pixels":[]}')
    pixels = f"{USER}/graphs/stretch/pixels"
    call = script(
        ("GET", f"{pixels}?from=20250101&to=20251028&withBody=true", empty),
        ("GET", f"{pixels}?from=20251029&to=20260201&withBody=true", empty),
    )
    assert pixela.history(call, SETTINGS, date(2025, 1, 1), date(2026, 2, 1)) == []


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b'{"pixels":[{"date":"soon","quantity":"1"}]}',
        b'{"pixels":[{"date":"20260601","quantity":"many"}]}',
        b'{"pixels":[{"date":"20260601","quantity":"1e999"}]}',
    ],
)
def test_a_history_that_cannot_be_read_is_refused_whole(script, body):
    url = f"{USER}/graphs/stretch/pixels?from=20260601&to=20260601&withBody=true"
    with pytest.raises(Refusal, match="cannot read"):
        pixela.history(script(("GET", url, Reply(200, {}, body))), SETTINGS, date(2026, 6, 1), date(2026, 6, 1))


def test_a_quantity_beyond_all_sense_leaves_the_history_readable(script):
    url = f"{USER}/graphs/stretch/pixels?from=20260601&to=20260602&withBody=true"
    body = b'{"pixels":[{"date":"20260601","quantity":"1e18"},{"date":"20260602","quantity":"nan"}]}'
    found = pixela.history(script(("GET", url, Reply(200, {}, body))), SETTINGS, date(2026, 6, 1), date(2026, 6, 2))
    assert found == [Remote("stretch", date(2026, 6, 1), count=MOST)]
