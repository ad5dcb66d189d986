from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from integration.outgoing import Refusal, Reply, Told
from integration.services import ntfy

TOPIC, TOKEN = "ada-x7Qk2", "tk_abcdefghijklmnopqrstuvwxyz012"
SETTINGS = {"topic": TOPIC}
TOLD = Told(
    key="key-1",
    slot="morning",
    date=date(2026, 6, 2),
    at=datetime(2026, 6, 2, 7, 5, tzinfo=timezone(timedelta(hours=2))),
    said_at=datetime(2026, 6, 2, 5, 10, tzinfo=UTC),
)
PUBLIC = "https://ntfy.sh/"


def test_a_session_becomes_a_short_message(script, sample):
    call = script(("POST", PUBLIC, sample("ntfy", "published")))
    assert ntfy.complete(call, SETTINGS, TOLD).words == "sent"
    (body,) = call.bodies()
    assert (body["topic"], body["title"], body["message"]) == (TOPIC, "Turntwice", "Done: morning")
    assert "Authorization" not in call.sent[0].headers


def test_the_topic_is_in_no_address(script, sample):
    call = script(("POST", PUBLIC, sample("ntfy", "published")))
    ntfy.complete(call, SETTINGS, TOLD)
    assert TOPIC not in call.sent[0].url


def test_a_message_names_no_movement_and_no_complaint(script, sample):
    call = script(("POST", PUBLIC, sample("ntfy", "published")))
    ntfy.complete(call, SETTINGS, TOLD)
    text = call.sent[0].body.decode().casefold()
    assert not any(word in text for word in ("stretch", "back", "spin", "pain", "rotation"))


@pytest.mark.parametrize(
    ("day", "said"), [(date(2026, 6, 1), "Done: evening, 1 June"), (date(2028, 2, 29), "Done: evening, 29 February")]
)
def test_a_session_of_another_day_is_named_by_its_day(script, sample, day, said):
    call = script(("POST", PUBLIC, sample("ntfy", "published")))
    ntfy.complete(call, SETTINGS, replace(TOLD, slot="evening", date=day, today=False))
    assert call.bodies()[0]["message"] == said


def test_a_repeated_attempt_replaces_the_first_and_another_session_does_not(script, sample):
    published = sample("ntfy", "published")
    call = script(*[("POST", PUBLIC, published)] * 3)
    for told in (TOLD, replace(TOLD, attempt=2), replace(TOLD, key="key-2", date=date(2026, 6, 3))):
        ntfy.complete(call, SETTINGS, told)
    first, again, other = (body["sequence_id"] for body in call.bodies())
    assert first == again != other
    assert len(first) <= 64
    assert first.isalnum()


def test_an_own_server_and_a_token_are_used(script, sample):
    call = script(("POST", "https://push.example.org/", sample("ntfy", "published")))
    ntfy.complete(call, {**SETTINGS, "url": "https://push.example.org", "token": TOKEN}, TOLD)
    assert call.sent[0].headers["Authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("status", [401, 403])
def test_a_topic_that_is_reserved_asks_for_its_token(script, sample, status):
    with pytest.raises(Refusal, match="token") as refused:
        ntfy.complete(script(("POST", PUBLIC, replace(sample("ntfy", "forbidden"), status=status))), SETTINGS, TOLD)
    assert (refused.value.reason, refused.value.outage) == ("credentials", False)
    assert TOPIC not in str(refused.value)


def test_a_full_quota_is_waited_for(script, sample):
    with pytest.raises(Refusal) as refused:
        ntfy.complete(script(("POST", PUBLIC, sample("ntfy", "limited"))), SETTINGS, TOLD)
    assert (refused.value.reason, refused.value.after) == ("rate_limited", 60)


@pytest.mark.parametrize(
    ("answer", "reason", "outage"),
    [
        (Reply(400), "http_400", False),
        (Reply(404), "not_found", False),
        (Reply(413), "http_413", False),
        (Reply(500), "http_500", True),
        (Reply(308), "redirect", True),
    ],
)
def test_each_refusal_has_its_reason(script, answer, reason, outage):
    with pytest.raises(Refusal) as refused:
        ntfy.complete(script(("POST", PUBLIC, answer)), SETTINGS, TOLD)
    assert (refused.value.reason, refused.value.outage) == (reason, outage)


def test_a_check_asks_the_server_how_it_is(script, sample):
    assert ntfy.check(script(("GET", f"{PUBLIC}v1/health", sample("ntfy", "health"))), SETTINGS)


def test_a_check_tries_a_token(script, sample):
    settings = {**SETTINGS, "token": TOKEN}
    assert ntfy.check(script(("GET", f"{PUBLIC}v1/account", sample("ntfy", "account"))), settings)
    with pytest.raises(Refusal):
        ntfy.check(script(("GET", f"{PUBLIC}v1/account", Reply(401))), settings)


def test_it_cannot_be_called_back():
    assert not ntfy.ABILITIES.undo
    assert not hasattr(ntfy, "undo")
