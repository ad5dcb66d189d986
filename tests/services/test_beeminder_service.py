"""Beeminder, as told by the answers in tests/samples/beeminder/replies."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from urllib.parse import parse_qs

import pytest

from integration.outgoing import Refusal, Remote, Reply, Told
from integration.services import beeminder

SETTINGS = {"token": "abc-123-token", "evening": "stretch", "morning": "stretch"}
BASE = "https://www.beeminder.com/api/v1/users/me"
POINTS = f"{BASE}/goals/stretch/datapoints.json"
TOLD = Told(
    key="d-1",
    slot="evening",
    date=date(2026, 6, 2),
    at=datetime(2026, 6, 2, 22, 14, tzinfo=timezone(timedelta(hours=2))),
    said_at=datetime(2026, 6, 2, 20, 15, tzinfo=UTC),
    habit="stretch",
)


def form(request):
    return {name: values[0] for name, values in parse_qs(request.body.decode()).items()}


def test_a_session_is_one_datapoint_on_its_day(script, sample):
    call = script(("POST", POINTS, sample("beeminder", "datapoint")))
    sent = beeminder.complete(call, SETTINGS, TOLD)
    assert (sent.already, sent.remote) == (False, "4f9dd9fd86f22478d3000008")
    told = form(call.sent[0])
    assert (told["value"], told["daystamp"], told["requestid"]) == ("1", "20260602", "turntwice-20260602-evening")
    assert call.sent[0].headers["Authorization"] == f"Bearer {SETTINGS['token']}"
    assert SETTINGS["token"] not in call.sent[0].url


@pytest.mark.parametrize("name", ["duplicate", "duplicate_ok"])
def test_the_same_datapoint_again_is_no_trouble(script, sample, name):
    call = script(("POST", POINTS, sample("beeminder", name)))
    assert beeminder.complete(call, SETTINGS, replace(TOLD, attempt=2)).already


def test_every_attempt_sends_the_same_bytes_whatever_its_key(script, sample):
    call = script(*[("POST", POINTS, sample("beeminder", "datapoint"))] * 3)
    beeminder.complete(call, SETTINGS, TOLD)
    beeminder.complete(call, SETTINGS, replace(TOLD, attempt=2, today=False))
    beeminder.complete(call, SETTINGS, replace(TOLD, key="d-2", at=TOLD.at + timedelta(hours=1)))
    assert len({request.body for request in call.sent}) == 1


def test_two_sessions_of_a_day_are_two_datapoints(script, sample):
    call = script(*[("POST", POINTS, sample("beeminder", "datapoint"))] * 2)
    beeminder.complete(call, SETTINGS, replace(TOLD, slot="morning", done=1, due=2))
    beeminder.complete(call, SETTINGS, replace(TOLD, done=2, due=2))
    assert [form(request)["value"] for request in call.sent] == ["1", "1"]
    assert len({form(request)["requestid"] for request in call.sent}) == 2


def test_taking_back_sets_the_same_datapoint_to_nothing(script, sample):
    call = script(*[("POST", POINTS, sample("beeminder", "datapoint"))] * 2)
    beeminder.complete(call, SETTINGS, TOLD)
    assert not beeminder.undo(call, SETTINGS, replace(TOLD, key="d-2")).already
    done, undone = map(form, call.sent)
    assert (undone["value"], undone["requestid"], undone["daystamp"]) == ("0", done["requestid"], done["daystamp"])


def test_a_day_long_past_is_told_as_itself(script, sample):
    call = script(("POST", POINTS, sample("beeminder", "datapoint")))
    beeminder.complete(call, SETTINGS, replace(TOLD, date=date(2024, 2, 29), today=False))
    assert form(call.sent[0])["daystamp"] == "20240229"


@pytest.mark.parametrize(
    ("reply", "reason", "tries", "permanent"),
    [
        ("unauthorized", "credentials", 3, False),
        ("not_found", "not_found", 3, False),
        ("refused", "goal_refused", None, True),
        ("trouble", "http_503", None, False),
        (Reply(406), "http_406", 3, False),
        (Reply(429, {"retry-after": "90"}), "rate_limited", None, False),
        (Reply(302), "redirect", None, False),
        (Reply(200, {}, b"<html>sign in</html>"), "unreadable_answer", None, False),
        (Reply(200, {}, b'{"datapoint": 1}'), "unreadable_answer", None, False),
        (Refusal("timeout", "slow"), "timeout", None, False),
    ],
)
def test_what_goes_wrong_is_judged(script, sample, reply, reason, tries, permanent):
    call = script(("POST", POINTS, sample("beeminder", reply) if isinstance(reply, str) else reply))
    with pytest.raises(Refusal) as refused:
        beeminder.complete(call, SETTINGS, TOLD)
    assert (refused.value.reason, refused.value.tries, refused.value.permanent) == (reason, tries, permanent)
    assert SETTINGS["token"] not in str(refused.value)


def test_a_connection_is_tested_and_goals_are_offered(script, sample):
    call = script(*[("GET", f"{BASE}.json", sample("beeminder", "user"))] * 2)
    assert beeminder.check(call, SETTINGS) == "Connected as alice."
    assert [habit.id for habit in beeminder.habits(call, SETTINGS)] == ["stretch", "weight"]


def test_another_user_name_and_an_odd_goal_stay_in_their_place(script, sample):
    url = "https://www.beeminder.com/api/v1/users/alice/goals/..%2Fweight%3F/datapoints.json"
    call = script(("POST", url, sample("beeminder", "datapoint")))
    beeminder.complete(call, {**SETTINGS, "user": "alice"}, replace(TOLD, habit="../weight?"))


def test_history_tells_what_somebody_did_in_those_days(script, sample):
    call = script(("GET", f"{POINTS}?sort=daystamp&count=400", sample("beeminder", "datapoints")))
    found = beeminder.history(call, SETTINGS, date(2026, 6, 1), date(2026, 6, 2))
    assert found == [
        Remote("stretch", date(2026, 6, 2), event="6"),
        Remote("stretch", date(2026, 6, 2), event="5"),
        Remote("stretch", date(2026, 6, 1), event="3"),
    ]


def test_history_passes_over_a_goal_that_is_gone(script, sample):
    call = script(("GET", f"{POINTS}?sort=daystamp&count=400", sample("beeminder", "not_found")))
    assert beeminder.history(call, SETTINGS, TOLD.date, TOLD.date) == []
