import base64
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from urllib.parse import quote

import pytest

from integration.outgoing import Refusal, Remote, Reply, Told
from integration.services import intervals_icu

SETTINGS = {"api_key": "personal-key", "label": "Intervals"}
API = "https://intervals.icu/api/v1"
BULK = f"{API}/athlete/0/activities/manual/bulk"
MADE = f"{API}/activity/i77001234"
BERLIN = timezone(timedelta(hours=2))
TOLD = Told(
    key="key-1",
    slot="morning",
    date=date(2026, 6, 2),
    at=datetime(2026, 6, 2, 7, 5, 9, 250, tzinfo=BERLIN),
    said_at=datetime(2026, 6, 2, 5, 10, tzinfo=UTC),
)


def listed(first: str = "2026-06-01", last: str = "2026-06-03") -> str:
    fields = quote("id,name,external_id,start_date_local,start_date", safe="")
    oldest, newest = (quote(f"{day}T{time}", safe="") for day, time in ((first, "00:00:00"), (last, "23:59:59")))
    return f"{API}/athlete/0/activities?oldest={oldest}&newest={newest}&fields={fields}"


def test_a_session_becomes_a_short_activity_that_bears_its_name(script, sample):
    call = script(("GET", listed(), sample("intervals_icu", "none")), ("POST", BULK, sample("intervals_icu", "made")))
    sent = intervals_icu.complete(call, SETTINGS, TOLD)
    assert (sent.remote, sent.already) == ("i77001234", False)
    assert call.bodies()[1] == [
        {
            "name": "Spinal rotation stretch",
            "type": "Workout",
            "start_date_local": "2026-06-02T07:02:09",
            "moving_time": 180,
            "elapsed_time": 180,
            "external_id": "turntwice-2026-06-02-morning",
        }
    ]


def test_the_key_is_the_password_of_a_fixed_user(script, sample):
    call = script(("GET", f"{API}/athlete/0", sample("intervals_icu", "athlete")))
    assert intervals_icu.check(call, SETTINGS) == "Connected as Ada."
    scheme, _, given = call.sent[0].headers["Authorization"].partition(" ")
    assert (scheme, base64.b64decode(given)) == ("Basic", b"API_KEY:personal-key")


def test_a_repeated_attempt_finds_what_the_first_has_made(script, sample):
    call = script(("GET", listed(), sample("intervals_icu", "day")))
    sent = intervals_icu.complete(call, SETTINGS, replace(TOLD, attempt=2))
    assert (sent.already, sent.remote) == (True, "i77001234")


def test_the_evening_is_another_activity_than_the_morning(script, sample):
    call = script(("GET", listed(), sample("intervals_icu", "day")), ("POST", BULK, sample("intervals_icu", "made")))
    assert not intervals_icu.complete(call, SETTINGS, replace(TOLD, slot="evening")).already
    assert call.bodies()[1][0]["external_id"] == "turntwice-2026-06-02-evening"


@pytest.mark.parametrize(
    ("at", "start"),
    [
        # Yesterday evening's, said over breakfast; this morning's, said in the evening.
        (datetime(2026, 6, 3, 9, 0, tzinfo=BERLIN), "2026-06-02T12:00:00"),
        (datetime(2026, 6, 2, 22, 0, tzinfo=BERLIN), "2026-06-02T21:57:00"),
        # By the clock of where the person is, not by UTC.
        (datetime(2026, 6, 2, 7, 3, tzinfo=timezone(timedelta(hours=14))), "2026-06-02T07:00:00"),
        # Said a week late: when it was is not known.
        (datetime(2026, 6, 9, 7, 5, tzinfo=BERLIN), "2026-06-02T12:00:00"),
    ],
)
def test_the_start_is_on_the_persons_own_clock_and_on_the_date(script, sample, at, start):
    call = script(("GET", listed(), sample("intervals_icu", "none")), ("POST", BULK, sample("intervals_icu", "made")))
    intervals_icu.complete(call, SETTINGS, replace(TOLD, at=at))
    assert call.bodies()[1][0]["start_date_local"] == start


def test_a_leap_day_is_looked_for_from_the_day_before_to_the_day_after(script, sample):
    call = script(("GET", listed("2028-02-28", "2028-03-01"), sample("intervals_icu", "none")))
    assert intervals_icu.undo(call, SETTINGS, replace(TOLD, date=date(2028, 2, 29))).already


def test_taking_back_deletes_the_activity(script, sample):
    call = script(
        ("GET", listed(), sample("intervals_icu", "day")), ("DELETE", MADE, sample("intervals_icu", "deleted"))
    )
    sent = intervals_icu.undo(call, SETTINGS, TOLD)
    assert (sent.already, sent.remote) == (False, "i77001234")


def test_an_activity_that_is_gone_meanwhile_is_taken_back_too(script, sample):
    call = script(("GET", listed(), sample("intervals_icu", "day")), ("DELETE", MADE, Reply(404)))
    intervals_icu.undo(call, SETTINGS, TOLD)


def test_what_cannot_be_deleted_is_refused(script, sample):
    call = script(("GET", listed(), sample("intervals_icu", "day")), ("DELETE", MADE, Reply(500)))
    with pytest.raises(Refusal):
        intervals_icu.undo(call, SETTINGS, TOLD)


@pytest.mark.parametrize(
    ("answer", "reason", "outage"),
    [
        (Reply(401), "credentials", False),
        (Reply(403), "credentials", False),
        (Reply(429, {"retry-after": "300"}), "rate_limited", True),
        (Reply(502), "http_502", True),
        (Reply(200, {}, b"oops"), "unreadable_answer", True),
        (Reply(200, {}, b'{"status":200}'), "unreadable_answer", True),
        (Reply(200, {}, b'[{"name":"no id"}]'), "unreadable_answer", True),
    ],
)
def test_nothing_is_made_where_we_could_not_look(script, answer, reason, outage):
    with pytest.raises(Refusal) as refused:
        intervals_icu.complete(script(("GET", listed(), answer)), SETTINGS, TOLD)
    assert (refused.value.reason, refused.value.outage) == (reason, outage)
    assert "personal-key" not in str(refused.value)


def test_an_activity_that_it_does_not_take_is_refused(script, sample):
    call = script(
        ("GET", listed(), sample("intervals_icu", "none")), ("POST", BULK, sample("intervals_icu", "unprocessable"))
    )
    with pytest.raises(Refusal) as refused:
        intervals_icu.complete(call, SETTINGS, TOLD)
    assert (refused.value.reason, refused.value.outage) == ("http_422", False)


def test_the_history_has_what_sounds_like_a_stretch(script, sample):
    call = script(("GET", listed("2026-06-01", "2026-06-07"), sample("intervals_icu", "day")))
    assert intervals_icu.history(call, SETTINGS, date(2026, 6, 1), date(2026, 6, 7)) == [
        Remote(
            "Spinal rotation stretch",
            date(2026, 6, 2),
            at=datetime(2026, 6, 2, 5, 2, tzinfo=UTC),
            event="i77001234",
        )
    ]
