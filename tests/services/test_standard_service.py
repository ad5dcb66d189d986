import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
import standardwebhooks
import time_machine

from integration.outgoing import Refusal, Reply, Told
from integration.services import standard
from webhooks import signatures, signing
from webhooks.providers import standard as receiver
from webhooks.report import Incoming, Kind

URL = "https://example.org/hooks/stretch"
SECRET, OLD = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SETTINGS = {"url": URL, "secret": SECRET}
SAID = datetime(2026, 6, 2, 5, 10, 0, 500000, tzinfo=UTC)
TOLD = Told(
    key="key-1",
    slot="morning",
    date=date(2026, 6, 2),
    at=datetime(2026, 6, 2, 7, 5, tzinfo=timezone(timedelta(hours=2))),
    said_at=SAID,
    sent_at=SAID + timedelta(seconds=1),
)


def arrived(request: Any, at: datetime) -> Incoming:
    return Incoming({name.lower(): value for name, value in request.headers.items()}, request.body, at)


def test_a_session_is_told_with_everything_that_names_it(script, sample):
    call = script(("POST", URL, sample("standard", "taken")))
    standard.complete(call, SETTINGS, replace(TOLD, habit="Stretch (am)"))
    assert call.bodies() == [
        {
            "type": "session.completed",
            "timestamp": "2026-06-02T05:10:00.500000+00:00",
            "data": {
                "performed_at": "2026-06-02T07:05:00+02:00",
                "slot": "morning",
                "date": "2026-06-02",
                "habit": "Stretch (am)",
                "origin": "key-1",
            },
        }
    ]


def test_another_turntwice_understands_it(script, sample):
    call = script(("POST", URL, sample("standard", "taken")))
    standard.complete(call, SETTINGS, TOLD)
    came = arrived(call.sent[0], TOLD.sent_at)
    receiver.verify(came, [SECRET])
    (report,) = receiver.reports(came)
    assert (report.kind, report.event_id, report.slot, report.date) == (Kind.DONE, "key-1", "morning", TOLD.date)
    assert (report.performed.at, report.performed.offset) == (TOLD.at, timedelta(hours=2))


def test_taking_back_names_the_session_and_no_time(script, sample):
    call = script(("POST", URL, sample("standard", "taken")))
    standard.undo(call, SETTINGS, TOLD)
    (body,) = call.bodies()
    assert body["type"] == "session.undone"
    assert body["data"] == {"slot": "morning", "date": "2026-06-02", "origin": "key-1"}
    (report,) = receiver.reports(arrived(call.sent[0], TOLD.sent_at))
    assert (report.kind, report.slot, report.date) == (Kind.UNDONE, "morning", TOLD.date)


def test_a_changed_streak_is_an_event_of_its_own(script, sample):
    call = script(("POST", URL, sample("standard", "taken")))
    standard.complete(call, SETTINGS, replace(TOLD, extra={"type": "streak.changed", "active": 7, "perfect": 3}))
    (body,) = call.bodies()
    assert body["type"] == "streak.changed"
    assert body["data"] == {"active": 7, "perfect": 3, "slot": "morning", "date": "2026-06-02", "origin": "key-1"}
    assert receiver.reports(arrived(call.sent[0], TOLD.sent_at)) == ()


def test_what_else_is_known_of_a_session_goes_along(script, sample):
    call = script(("POST", URL, sample("standard", "taken")))
    standard.complete(call, SETTINGS, replace(TOLD, extra={"duration_seconds": 180, "note": "grüße", "origin": "no"}))
    assert call.bodies()[0]["data"].items() >= {"duration_seconds": 180, "note": "grüße", "origin": "key-1"}.items()


def test_ten_attempts_send_the_same_bytes_under_the_same_id_at_their_own_time(script, sample):
    taken = sample("standard", "taken")
    call = script(*[("POST", URL, taken)] * 10)
    for attempt in range(1, 11):
        extra = {"note": "x", "duration_seconds": 180} if attempt % 2 else {"duration_seconds": 180, "note": "x"}
        at = SAID + timedelta(hours=attempt)
        standard.complete(call, SETTINGS, replace(TOLD, attempt=attempt, sent_at=at, extra=extra))
        receiver.verify(arrived(call.sent[-1], at), [SECRET])
    assert len({request.body for request in call.sent}) == 1
    assert {request.headers["webhook-id"] for request in call.sent} == {"key-1"}
    assert len({request.headers["webhook-timestamp"] for request in call.sent}) == 10
    assert len({request.headers["webhook-signature"] for request in call.sent}) == 10


def test_the_reference_library_takes_it(script, sample):
    call = script(("POST", URL, sample("standard", "taken")))
    standard.complete(call, SETTINGS, TOLD)
    with time_machine.travel(TOLD.sent_at, tick=False):
        standardwebhooks.Webhook(SECRET).verify(call.sent[0].body, dict(call.sent[0].headers))


@pytest.mark.parametrize("separator", [",", ", "])
def test_while_a_secret_changes_both_sign(script, sample, separator):
    call = script(("POST", URL, sample("standard", "taken")))
    standard.complete(call, {**SETTINGS, "secret": separator.join([SECRET, OLD])}, TOLD)
    assert len(call.sent[0].headers["webhook-signature"].split(" ")) == 2
    for live in (SECRET, OLD):
        receiver.verify(arrived(call.sent[0], TOLD.sent_at), [live])


def test_a_private_key_signs_for_its_public_half(script, sample):
    key = signing.new_private_key()
    call = script(("POST", URL, sample("standard", "taken")))
    standard.complete(call, {**SETTINGS, "secret": key}, TOLD)
    signatures.verify(arrived(call.sent[0], TOLD.sent_at), [signing.public_half(key)])


@pytest.mark.parametrize("secret", ["", "whsec_short", "hunter2", "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="])
def test_nothing_goes_out_unsigned(script, secret):
    with pytest.raises(Refusal) as refused:
        standard.complete(script(), {**SETTINGS, "secret": secret}, TOLD)
    assert refused.value.permanent
    assert not secret or secret not in str(refused.value)


@pytest.mark.parametrize(
    "secret",
    [SECRET, f"{SECRET},{OLD}", f"{SECRET}, {OLD}", signing.new_private_key()],
    ids=["one", "two", "spaced", "v1a"],
)
def test_the_form_takes_every_secret_that_can_sign(secret):
    (field,) = [field for field in standard.FIELDS if field.name == "secret"]
    assert re.fullmatch(field.pattern, secret)


@pytest.mark.parametrize(
    ("answer", "reason", "outage"),
    [
        (Reply(301), "redirect", True),
        (Reply(400), "http_400", False),
        (Reply(401), "credentials", False),
        (Reply(404), "not_found", False),
        (Reply(500), "http_500", True),
        (Reply(503, {"retry-after": "30"}), "http_503", True),
    ],
)
def test_each_refusal_has_its_reason(script, answer, reason, outage):
    with pytest.raises(Refusal) as refused:
        standard.complete(script(("POST", URL, answer)), SETTINGS, TOLD)
    assert (refused.value.reason, refused.value.outage) == (reason, outage)


def test_a_receiver_that_is_gone_wants_nothing_more(script, sample):
    with pytest.raises(Refusal) as refused:
        standard.complete(script(("POST", URL, sample("standard", "gone"))), SETTINGS, TOLD)
    assert refused.value.gone


def test_a_receiver_may_ask_us_to_wait(script, sample):
    with pytest.raises(Refusal) as refused:
        standard.complete(script(("POST", URL, sample("standard", "limited"))), SETTINGS, TOLD)
    assert refused.value.after == 120


def test_any_answer_of_two_hundred_is_a_yes_whatever_it_says(script):
    standard.complete(script(("POST", URL, Reply(204))), SETTINGS, TOLD)
    standard.complete(script(("POST", URL, Reply(200, {}, b"<html>"))), SETTINGS, TOLD)


@pytest.mark.parametrize("status", [200, 401, 404, 405])
def test_a_check_looks_at_the_address_and_sends_nothing(script, status):
    call = script(("GET", URL, Reply(status)))
    assert "address" in standard.check(call, SETTINGS)
    assert call.bodies() == [None]


@pytest.mark.parametrize("status", [302, 502])
def test_a_check_finds_an_address_that_cannot_be_right(script, status):
    with pytest.raises(Refusal):
        standard.check(script(("GET", URL, Reply(status))), SETTINGS)


def test_odd_dates_and_times_are_told_in_full(script, sample):
    call = script(("POST", URL, sample("standard", "taken")))
    at = datetime(2028, 2, 29, 0, 5, tzinfo=timezone(-timedelta(hours=3, minutes=30)))
    standard.complete(call, SETTINGS, replace(TOLD, date=date(2028, 2, 28), at=at))
    data = json.loads(call.sent[0].body)["data"]
    assert (data["date"], data["performed_at"]) == ("2028-02-28", "2028-02-29T00:05:00-03:30")
