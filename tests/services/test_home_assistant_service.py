from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from integration.outgoing import Refusal, Reply, Told
from integration.services import home_assistant

HOME = "https://home.example.org"
TOKEN = "a-long-lived-access-token"
BY_TOKEN = {"url": f"{HOME}/", "token": TOKEN}
BY_WEBHOOK = {"url": HOME, "webhook": "stretch/ done"}
EVENT, WEBHOOK = f"{HOME}/api/events/turntwice_session", f"{HOME}/api/webhook/stretch%2F%20done"
TOLD = Told(
    key="key-1",
    slot="morning",
    date=date(2026, 6, 2),
    at=datetime(2026, 6, 2, 7, 5, tzinfo=timezone(timedelta(hours=2))),
    said_at=datetime(2026, 6, 2, 5, 10, tzinfo=UTC),
    due=2,
)
DATA = {
    "type": "session.completed",
    "slot": "morning",
    "date": "2026-06-02",
    "at": "2026-06-02T07:05:00+02:00",
    "done": 1,
    "due": 2,
    "origin": "key-1",
}


def test_a_session_becomes_an_event_for_those_who_gave_a_token(script, sample):
    call = script(("POST", EVENT, sample("home_assistant", "fired")))
    assert home_assistant.complete(call, BY_TOKEN, TOLD).words == "event fired"
    assert call.bodies() == [DATA]
    assert call.sent[0].headers["Authorization"] == f"Bearer {TOKEN}"


def test_a_webhook_is_only_said_to_be_sent_and_gets_no_token(script, sample):
    call = script(("POST", WEBHOOK, sample("home_assistant", "webhook")))
    assert home_assistant.complete(call, BY_WEBHOOK, TOLD).words == "sent"
    assert call.bodies() == [DATA]
    assert "Authorization" not in call.sent[0].headers


def test_a_token_goes_before_a_webhook(script, sample):
    call = script(("POST", EVENT, sample("home_assistant", "fired")))
    home_assistant.complete(call, {**BY_WEBHOOK, **BY_TOKEN}, TOLD)


def test_an_empty_token_is_none(script, sample):
    call = script(("POST", WEBHOOK, sample("home_assistant", "webhook")))
    home_assistant.complete(call, {**BY_WEBHOOK, "token": ""}, TOLD)


@pytest.mark.parametrize("say", [home_assistant.complete, home_assistant.undo])
def test_one_of_the_two_is_needed(script, say):
    with pytest.raises(Refusal, match="token or a webhook") as refused:
        say(script(), {"url": HOME}, TOLD)
    assert refused.value.permanent


def test_taking_back_is_an_event_too(script, sample):
    call = script(("POST", EVENT, sample("home_assistant", "fired")))
    home_assistant.undo(call, BY_TOKEN, replace(TOLD, done=0))
    assert call.bodies() == [{**DATA, "type": "session.undone", "done": 0}]


def test_a_repeated_attempt_says_the_same_under_the_same_key(script, sample):
    fired = sample("home_assistant", "fired")
    call = script(("POST", EVENT, fired), ("POST", EVENT, fired))
    for attempt in (1, 2):
        home_assistant.complete(call, BY_TOKEN, replace(TOLD, attempt=attempt, sent_at=TOLD.said_at))
    assert call.sent[0].body == call.sent[1].body


def test_the_day_is_told_however_late_at_night_it_was(script, sample):
    call = script(("POST", EVENT, sample("home_assistant", "fired")))
    late = datetime(2028, 3, 1, 0, 40, tzinfo=timezone(timedelta(hours=5, minutes=45)))
    home_assistant.complete(call, BY_TOKEN, replace(TOLD, slot="evening", date=date(2028, 2, 29), at=late))
    (body,) = call.bodies()
    assert (body["date"], body["at"]) == ("2028-02-29", "2028-03-01T00:40:00+05:45")


@pytest.mark.parametrize(
    ("answer", "reason", "outage"),
    [
        (Reply(400), "http_400", False),
        (Reply(403), "credentials", False),
        (Reply(404), "not_found", False),
        (Reply(429), "rate_limited", True),
        (Reply(502), "http_502", True),
        (Reply(302), "redirect", True),
    ],
)
def test_each_refusal_has_its_reason(script, answer, reason, outage):
    with pytest.raises(Refusal) as refused:
        home_assistant.complete(script(("POST", EVENT, answer)), BY_TOKEN, TOLD)
    assert (refused.value.reason, refused.value.outage) == (reason, outage)


def test_a_token_without_the_right_says_whose_is_needed(script, sample):
    with pytest.raises(Refusal, match="administrator") as refused:
        home_assistant.complete(script(("POST", EVENT, sample("home_assistant", "unauthorized"))), BY_TOKEN, TOLD)
    assert (refused.value.reason, refused.value.outage) == ("credentials", False)
    assert TOKEN not in str(refused.value)


def test_a_check_tries_the_token(script, sample):
    call = script(("GET", f"{HOME}/api/", sample("home_assistant", "running")))
    assert home_assistant.check(call, BY_TOKEN).startswith("Connected.")
    with pytest.raises(Refusal):
        home_assistant.check(script(("GET", f"{HOME}/api/", Reply(401))), BY_TOKEN)


def test_a_check_of_a_webhook_calls_nothing_and_says_so(script):
    assert home_assistant.check(script(), BY_WEBHOOK).startswith("Not tried")


def test_a_check_asks_for_what_is_missing(script):
    with pytest.raises(Refusal, match="give one"):
        home_assistant.check(script(), {"url": HOME})
