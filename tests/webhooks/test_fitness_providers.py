import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from integration.record import KEPT_HEADERS
from webhooks.errors import Forged, Invalid, Rejected
from webhooks.providers import hc_webhook, health_auto_export, hevy, intervals_icu, open_wearables
from webhooks.report import Answer, Incoming, Kind, Likeness, Moment, Notice, Report

PROVIDERS = {
    module.__name__.rpartition(".")[2]: module
    for module in (open_wearables, health_auto_export, hc_webhook, intervals_icu, hevy)
}
SAMPLES = Path(__file__).parents[1] / "samples"
FILES = sorted(path for name in PROVIDERS for path in (SAMPLES / name).glob("*.json"))
NOW = datetime(2026, 6, 2, 5, 12, 4, tzinfo=UTC)
BEARER = "5b1d8a80c3e24f0f9d7ab2c4"


def posted(body: Any, **headers: str) -> Incoming:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Incoming({"content-type": "application/json", **headers}, raw, NOW)


def sample_of(path: Path) -> tuple[Any, Incoming, dict[str, Any]]:
    sample = json.loads(path.read_text())
    body = sample["body"] if isinstance(sample["body"], str) else json.dumps(sample["body"])
    incoming = Incoming(sample["headers"], body.encode(), datetime.fromisoformat(sample["received_at"]))
    return PROVIDERS[path.parent.name], incoming, sample


def test_each_of_them_is_late_and_mixed():
    for provider in PROVIDERS.values():
        assert (provider.REALTIME, provider.MIXED, provider.GRADE.checked) == (False, True, None)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_kept_delivery_says_again_what_it_said(path):
    provider, incoming, sample = sample_of(path)
    headers = {name: value for name, value in incoming.headers.items() if name in KEPT_HEADERS}
    kept = replace(incoming, headers=headers)
    if "rejected" not in sample:
        assert provider.reports(kept) == provider.reports(incoming)


ODD = [None, True, -1, 0.5, 2**62, 1e300, "", " ", "x" * 600, "2026-06-02", "\u0660", [], {}, [[]], {"id": 1}]


def changed(body: Any) -> Iterator[Any]:
    """The body once for every place in it and odd value there, and once without each field."""
    for place in places(body):
        for odd in ODD:
            spoiled = deepcopy(body)
            parent = at(spoiled, place[:-1])
            parent[place[-1]] = odd
            yield spoiled
        spoiled = deepcopy(body)
        del at(spoiled, place[:-1])[place[-1]]
        yield spoiled


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in items:
        yield (*path, name)
        yield from places(inner, (*path, name))


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for name in path:
        value = value[name]
    return value


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_any_one_value_changed_is_reported_or_rejected_and_nothing_worse(path):
    provider, incoming, sample = sample_of(path)
    for body in changed(sample["body"]):
        spoiled = replace(incoming, body=json.dumps(body).encode())
        try:
            told = [*provider.reports(spoiled), *getattr(provider, "notices", lambda _: ())(spoiled)]
        except Rejected:
            continue
        for report in told:
            check(report)


def check(told: Report | Notice) -> None:
    if isinstance(told, Notice):
        assert 1 <= len(told.id) <= 64
        return
    assert 1 <= len(told.event_id) <= 255
    assert told.event_id.isprintable()
    assert told.duration_seconds is None or 0 <= told.duration_seconds < 2**31
    assert all(0 < len(name) <= 500 for name in told.habit)


@pytest.mark.parametrize(
    "table, counts, opt_in, other",
    [
        (open_wearables.ACTIVITIES, ["stretching"], ["yoga", "pilates", "meditation"], ["recovery", "other", ""]),
        (
            health_auto_export.ACTIVITIES,
            ["flexibility", "Cooldown", "Preparation and Recovery"],
            ["Yoga", "MindAndBody", "Pilates", "Other"],
            ["Outdoor Run", "Flexibilität"],
        ),
        (hc_webhook.ACTIVITIES, ["71", "STRETCHING"], ["83", "48", "33", "0", "yoga"], ["7", "56", "710"]),
        (
            intervals_icu.ACTIVITIES,
            ["PhysicalTherapy", "Physical Therapy"],
            ["Yoga", "Pilates", "Workout"],
            ["Run", "WeightTraining"],
        ),
    ],
)
def test_what_counts_and_what_only_on_asking_is_as_the_table_says(table, counts, opt_in, other):
    assert {table.likeness(name) for name in counts} == {Likeness.STRETCH}
    assert {table.likeness(name) for name in opt_in} == {Likeness.RELATED}
    assert {table.likeness(name) for name in other} == {Likeness.OTHER}


# --- open wearables ---------------------------------------------------------------------------------------------------

# fitness-platforms section 7; it agrees with the svix library.
SVIX_KEY = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
SVIX_BODY = (
    b'{"type":"workout.created","data":{"id":"r1","user_id":"u1","type":"stretching",'
    b'"start_time":"2026-01-01T07:00:00+00:00","end_time":"2026-01-01T07:05:00+00:00",'
    b'"zone_offset":"+00:00","duration_seconds":300.0}}'
)
SVIX = {
    "svix-id": "msg_1",
    "svix-timestamp": "1748241241",
    "svix-signature": "v1,H7kExa4WqEPPQz9dR1aaIVrLY8ZtzcEmx0YTzM0Jyi8=",
}
STANDARD = {name.replace("svix", "webhook"): value for name, value in SVIX.items()}
SVIX_TIME = datetime.fromtimestamp(1748241241, UTC)


def svix(headers: dict[str, str], body: bytes = SVIX_BODY, after: int = 0) -> Incoming:
    return Incoming({"content-type": "application/json", **headers}, body, SVIX_TIME + timedelta(seconds=after))


def test_the_svix_vector_is_proved_and_reported():
    incoming = svix(SVIX)
    open_wearables.verify(incoming, [SVIX_KEY])
    assert open_wearables.reports(incoming) == (
        Report(
            kind=Kind.DONE,
            event_id="r1",
            performed=Moment(datetime(2026, 1, 1, 7, tzinfo=UTC), timedelta(0)),
            habit=("stretching",),
            likeness=Likeness.STRETCH,
            duration_seconds=300,
        ),
    )


def test_the_header_names_of_the_standard_prove_as_well():
    open_wearables.verify(svix(STANDARD), [SVIX_KEY])


def test_a_part_of_one_spelling_does_not_spoil_the_other():
    open_wearables.verify(svix({**STANDARD, "svix-id": "msg_2", "svix-signature": ""}), [SVIX_KEY])
    open_wearables.verify(svix({**SVIX, "webhook-id": "msg_2", "webhook-timestamp": "5"}), [SVIX_KEY])


def test_signatures_are_parted_by_spaces_whatever_the_hub_says_of_commas():
    other = "v1,MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
    open_wearables.verify(svix({**SVIX, "svix-signature": f"{other} {SVIX['svix-signature']}"}), [SVIX_KEY])
    with pytest.raises(Forged):
        open_wearables.verify(svix({**SVIX, "svix-signature": f"{other},{SVIX['svix-signature']}"}), [SVIX_KEY])


def test_one_flipped_bit_anywhere_in_the_body_is_refused():
    for place in range(len(SVIX_BODY)):
        body = bytearray(SVIX_BODY)
        body[place] ^= 1
        with pytest.raises(Forged):
            open_wearables.verify(svix(SVIX, bytes(body)), [SVIX_KEY])


@pytest.mark.parametrize(
    "headers, after, secrets",
    [
        ({**SVIX, "svix-id": "msg_2"}, 0, [SVIX_KEY]),
        ({**SVIX, "svix-timestamp": "1748241242"}, 0, [SVIX_KEY]),
        ({**SVIX, "svix-signature": SVIX["svix-signature"][:-2] + "="}, 0, [SVIX_KEY]),
        (SVIX, 301, [SVIX_KEY]),
        (SVIX, -301, [SVIX_KEY]),
        (SVIX, 0, []),
        (SVIX, 0, [""]),
        (SVIX, 0, ["whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="]),
        ({}, 0, [SVIX_KEY]),
    ],
)
def test_anything_else_changed_in_the_proof_is_refused(headers, after, secrets):
    with pytest.raises(Forged):
        open_wearables.verify(svix(headers, after=after), secrets)


def hub(**changes: Any) -> Report:
    data = {**json.loads(SVIX_BODY)["data"], **changes}
    [report] = open_wearables.reports(posted({"type": "workout.created", "data": data}))
    return report


SAME = ("2026-01-01T07:00:00+00:00", "2026-01-01T07:00:00Z", "2026-01-01T09:00:00+02:00")


@pytest.mark.parametrize(
    "zone_offset, offset",
    [("+02:00", 120), ("-08:00", -480), ("+05:45", 345), ("+00:00", 0), ("-00:00", None), ("", None), (None, None)],
)
def test_where_the_person_was_is_told_by_the_zone_offset_alone(zone_offset, offset):
    [performed] = {hub(zone_offset=zone_offset, start_time=start).performed for start in SAME}
    assert performed == Moment(
        datetime(2026, 1, 1, 7, tzinfo=UTC), None if offset is None else timedelta(minutes=offset)
    )


def test_a_made_id_is_one_for_a_copy_and_another_for_another_workout():
    first = hub(id=None).event_id
    assert hub(id=None, duration_seconds=1, zone_offset=None).event_id == first
    others = [{"user_id": "u2"}, {"type": "yoga"}, {"start_time": SAME[2]}, {"end_time": None}]
    assert len({first, *(hub(id=None, **other).event_id for other in others)}) == 5


@pytest.mark.parametrize("kind", ["workout.updated", "sleep.created", "connection.revoked", "", "WORKOUT.CREATED"])
def test_what_is_no_workout_is_nothing_whatever_is_in_it(kind):
    assert open_wearables.reports(posted({"type": kind, "data": []})) == ()


@pytest.mark.parametrize(
    "changes, field",
    [
        ({"zone_offset": "+15:00"}, "data.zone_offset"),
        ({"zone_offset": "+0200"}, "data.zone_offset"),
        ({"start_time": "2026-01-01T07:00:00"}, "data.start_time"),
        ({"duration_seconds": -1}, "data.duration_seconds"),
        ({"id": "a b"}, "data.id"),
        ({"id": ""}, "data.id"),
        ({"id": "x" * 256}, "data.id"),
    ],
)
def test_a_field_of_the_hub_that_cannot_be_is_named(changes, field):
    with pytest.raises(Invalid, match=f"^{field}: "):
        hub(**changes)


# --- health auto export -----------------------------------------------------------------------------------------------


def apple(number: int = 1, **changes: Any) -> dict[str, Any]:
    start = "2026-06-02 07:05:00 +0200"
    return {"id": f"W-{number}", "name": "Flexibility", "start": start, "end": start, "duration": 300, **changes}


def export(*workouts: Any) -> list[Report]:
    return list(health_auto_export.reports(posted({"data": {"workouts": list(workouts)}})))


@pytest.mark.parametrize(
    "start, instant, minutes",
    [
        ("2024-02-06 07:00:00 -0800", "2024-02-06T15:00:00", -480),
        ("2026-06-02 00:00:00 +0000", "2026-06-02T00:00:00", 0),
        ("2026-06-02 12:00:00 am +0530", "2026-06-01T18:30:00", 330),
        ("2026-06-02 12:00:00\u202fPM +0530", "2026-06-02T06:30:00", 330),
        ("2026-06-02 1:02:03PM +0200", "2026-06-02T11:02:03", 120),
        ("2026-06-02 1:02:03\u00a0p.\u00a0m. +0200", "2026-06-02T11:02:03", 120),
        ("2026-06-02 11:59:59 A.M. +0200", "2026-06-02T09:59:59", 120),
    ],
)
def test_times_are_read_from_either_clock(start, instant, minutes):
    [report] = export(apple(start=start))
    assert report.performed == Moment(datetime.fromisoformat(instant + "+00:00"), timedelta(minutes=minutes))


@pytest.mark.parametrize(
    "start",
    [
        "2026-06-02T07:05:00+02:00",
        "2026-06-02 07:05:00",
        "2026-06-02 07:05 +0200",
        "2026-06-02 24:00:00 +0200",
        "2026-02-30 07:05:00 +0200",
        "2026-06-02 07:05:00 +2400",
        "1970-01-01 07:05:00 +0200",
        "2026-06-02 07:05:00 xm +0200",
        "",
    ],
)
def test_a_time_that_cannot_be_is_refused_by_its_place(start):
    with pytest.raises(Invalid, match=r"^data\.workouts\[0\]\.start: "):
        export(apple(start=start))


def test_a_workout_that_is_wrong_does_not_lose_the_others():
    wrong = [apple(1, start="soon"), "nothing", None, {}, apple(2, duration=-1)]
    told = export(*wrong, apple(3))
    assert told[0].event_id == "W-3"
    named = [(report.performed, report.habit, report.likeness) for report in told[1:]]
    stretch, unknown = (None, ("Flexibility",), Likeness.STRETCH), (None, (), Likeness.RELATED)
    assert named == [stretch, unknown, unknown, unknown, stretch]
    assert len({report.event_id for report in told}) == len(told)


def test_when_none_can_be_read_the_first_is_named():
    with pytest.raises(Invalid, match=r"^data\.workouts\[0\]: expected object"):
        export("nothing", apple(start="soon"))


def test_a_hundred_at_a_time_and_no_more():
    assert len(export(*map(apple, range(100)))) == 100
    with pytest.raises(Invalid, match="at most 100 at a time; choose a shorter period"):
        export(*map(apple, range(101)))


def test_the_older_format_is_refused_with_the_cure():
    older = apple()
    del older["id"]
    with pytest.raises(Invalid, match="choose export version 2"):
        export(older)


@pytest.mark.parametrize("provider", [health_auto_export, hc_webhook])
def test_a_phone_is_asked_for_a_bearer_only_where_one_is_set(provider):
    provider.verify(posted({}), [])
    provider.verify(posted({}, authorization=f"Bearer {BEARER}"), [BEARER])
    for header in ({}, {"authorization": "Bearer x"}, {"authorization": BEARER}):
        with pytest.raises(Forged):
            provider.verify(posted({}, **header), [BEARER])


# --- hc webhook -------------------------------------------------------------------------------------------------------


def connect(**changes: Any) -> Report:
    exercise = {"type": "71", "start_time": "2026-06-02T05:05:00Z", "end_time": "2026-06-02T05:10:00Z", **changes}
    [report] = hc_webhook.reports(posted({"app_version": "1", "exercise": [exercise]}))
    return report


def test_an_exercise_has_one_id_however_often_and_fully_it_is_told():
    again = connect(start_time="2026-06-02T05:05:00.000Z", title="Stretch", duration_seconds=299)
    assert again.event_id == connect().event_id == connect(type=71).event_id


def test_another_exercise_has_another_id():
    others = [{"type": "83"}, {"start_time": "2026-06-02T05:05:01Z"}, {"end_time": "2026-06-02T05:10:01Z"}]
    assert len({connect().event_id, *(connect(**other).event_id for other in others)}) == 4


def test_health_connect_gives_no_offset():
    assert connect().performed == Moment(datetime(2026, 6, 2, 5, 5, tzinfo=UTC))


@pytest.mark.parametrize(
    "kind, title, habit",
    [
        ("71", None, ("stretching",)),
        ("71", " ", ("stretching",)),
        ("83", "yoga", ("yoga",)),
        ("83", "Twists", ("yoga", "Twists")),
        ("12", "Twists", ("12", "Twists")),
        ("EXERCISE_TYPE_YOGA", None, ("YOGA",)),
    ],
)
def test_an_exercise_is_named_in_words_where_we_have_them(kind, title, habit):
    assert connect(type=kind, title=title).habit == habit


def test_the_test_button_never_counts():
    exercise = {"type": "71", "start_time": "2026-06-02T05:05:00Z", "end_time": "2026-06-02T05:10:00Z"}
    body = {"app_version": "1", "exercise": [exercise]}
    assert len(hc_webhook.reports(posted(body))) == 1
    assert hc_webhook.reports(posted({**body, "test": True})) == ()
    # Only that: anything else there may be a field of a real export.
    for odd in (False, None, 1, "true", "no", ["x"], {"a": 1}):
        assert len(hc_webhook.reports(posted({**body, "test": odd}))) == 1


def test_another_preset_of_the_phone_is_refused_with_the_cure():
    with pytest.raises(Invalid, match="choose the payload preset Default"):
        hc_webhook.reports(posted({"type": "health_data.synced", "data": {}}))


# --- intervals.icu ----------------------------------------------------------------------------------------------------

SECRET = "6dzmsans11bsyifjxchr87oum"


def event(kind: str, activity: Any, timestamp: Any = "2026-06-02T05:12:03+00:00") -> dict[str, Any]:
    return {"athlete_id": "i1", "type": kind, "timestamp": timestamp, "activity": activity}


def intervals(*events: Any) -> list[Report]:
    return list(intervals_icu.reports(posted({"secret": SECRET, "events": list(events)})))


def uploaded(**activity: Any) -> Report:
    [report] = intervals(event("ACTIVITY_UPLOADED", {"id": "i7", "type": "Yoga", **activity}))
    return report


@pytest.mark.parametrize(
    "body, headers",
    [
        ({"secret": SECRET}, {}),
        ({"secret": "x"}, {"authorization": SECRET}),
        ({}, {"authorization": f"Bearer {SECRET}"}),
        (b"\xff", {"authorization": f"bearer  {SECRET}"}),
    ],
)
def test_the_secret_proves_in_the_body_and_as_a_header(body, headers):
    intervals_icu.verify(posted(body, **headers), ["another-secret-of-24-signs", SECRET])


@pytest.mark.parametrize(
    "body",
    [
        *({"secret": odd} for odd in ("x", "", None, [SECRET], "\u0660")),
        *({}, [], b"", b"\xff", b"[" * 5000),
        b'{"secret": "%b", "secret": "%b"}' % (SECRET.encode(), SECRET.encode()),
    ],
)
def test_a_body_without_the_secret_is_forged_and_nothing_else(body):
    for secrets in ([SECRET], [], [""]):
        with pytest.raises(Forged) as caught:
            intervals_icu.verify(posted(body), secrets)
        assert SECRET not in str(caught.value)


def test_upload_analysis_and_deletion_speak_of_one_activity():
    first, second, gone = intervals(
        event("ACTIVITY_UPLOADED", {"id": "i7", "type": "Yoga"}),
        event("ACTIVITY_ANALYZED", {"id": "i7", "type": "Yoga"}, "2026-06-02T05:13:03Z"),
        event("ACTIVITY_DELETED", {"id": "i7"}, "2026-06-02T05:14:03Z"),
    )
    assert (first.kind, second.kind, gone.kind) == (Kind.DONE, Kind.DONE, Kind.UNDONE)
    assert {first.event_id, second.event_id, gone.event_id} == {"i7"}
    assert [report.said_at and report.said_at.minute for report in (first, second, gone)] == [12, 13, 14]


def test_a_deletion_names_nothing_but_the_activity():
    full = {"id": "i7", "type": "Run", "name": "Run", "start_date": "2026-06-02T05:05:00Z"}
    [report] = intervals(event("ACTIVITY_DELETED", full))
    assert report == Report(Kind.UNDONE, "i7", thing="i7", said_at=datetime(2026, 6, 2, 5, 12, 3, tzinfo=UTC))


@pytest.mark.parametrize(
    "local, minutes",
    [
        ("2026-06-02T07:05:00", 120),
        ("2026-06-02T07:05:00Z", 120),
        ("2026-06-01T22:05:00", -420),
        ("2026-06-02T10:50:00", 345),
        ("2026-06-02T05:05:00", 0),
        ("2026-06-02T05:12:00", None),
        ("2026-06-02T20:05:00", None),
        (None, None),
    ],
)
def test_the_offset_follows_from_the_two_times(local, minutes):
    report = uploaded(start_date="2026-06-02T05:05:00Z", start_date_local=local)
    offset = None if minutes is None else timedelta(minutes=minutes)
    assert (report.performed, report.date) == (Moment(datetime(2026, 6, 2, 5, 5, tzinfo=UTC), offset), None)


def test_a_wall_time_alone_is_told_as_one():
    report = uploaded(start_date_local="2026-06-02T07:05:00")
    assert (report.performed, report.wall) == (None, datetime(2026, 6, 2, 7, 5))


def test_the_secret_in_the_body_is_not_kept():
    done = event("ACTIVITY_UPLOADED", {"id": "i7", "type": "Workout"})
    incoming = posted({"secret": SECRET, "events": [done]})
    assert b"secret" in incoming.body
    again = replace(incoming, body=intervals_icu.kept(incoming))
    assert b"secret" not in again.body
    assert intervals_icu.reports(again) == intervals_icu.reports(incoming)


def test_an_activity_without_any_time_is_told_without_one():
    assert (uploaded().performed, uploaded().date) == (None, None)


@pytest.mark.parametrize(
    "timestamp", ["2026-06-02T05:12:03Z", "2026-06-02T07:12:03.000+0200", 1780377123000, 1780377123000.0]
)
def test_the_time_of_an_event_is_read_in_every_spelling(timestamp):
    [report] = intervals(event("ACTIVITY_DELETED", {"id": 7}, timestamp))
    assert report.said_at == datetime(2026, 6, 2, 5, 12, 3, tzinfo=UTC)


def test_what_we_uploaded_ourselves_names_its_origin():
    assert uploaded(external_id="turntwice-1").origin == "turntwice-1"
    assert uploaded(external_id="").origin is uploaded().origin is None


@pytest.mark.parametrize("kind", ["CALENDAR_UPDATED", "WELLNESS_UPDATED", "APP_SCOPE_CHANGED", "NEW_ONE", ""])
def test_other_events_are_nothing_whatever_is_in_them(kind):
    assert intervals(event(kind, [])) == []


def test_an_event_that_is_wrong_is_named_unless_another_counts():
    wrong = event("ACTIVITY_UPLOADED", None)
    with pytest.raises(Invalid, match=r"^events\[1\]\.activity: expected object"):
        intervals(event("CALENDAR_UPDATED", None), wrong)
    assert len(intervals(wrong, event("ACTIVITY_UPLOADED", {"id": "i7", "type": "Yoga"}))) == 1
    assert len(intervals(wrong, event("ACTIVITY_DELETED", {"id": "i7"}))) == 1


def test_an_event_that_is_wrong_is_not_lost_behind_a_ride():
    ride, wrong = ({"id": "i7", "type": kind} for kind in ("Ride", "PhysicalTherapy"))
    with pytest.raises(Invalid, match=r"^events\[1\]\.activity\.start_date_local: "):
        intervals(event("ACTIVITY_UPLOADED", ride), event("ACTIVITY_UPLOADED", wrong | {"start_date_local": "soon"}))


# --- hevy -------------------------------------------------------------------------------------------------------------

WORKOUT = "f1085cdb-32b2-4003-967d-53a3af8eaecb"


@pytest.mark.parametrize(
    "body",
    [
        {"workoutId": WORKOUT},
        {"id": "e1", "payload": {"workoutId": WORKOUT}},
        {"workoutId": None, "payload": {"workoutId": WORKOUT, "title": 5}},
    ],
)
def test_a_saved_workout_is_a_notice_in_both_shapes(body):
    incoming = posted(body)
    assert hevy.notices(incoming) == (Notice(WORKOUT),)
    assert hevy.handshake(incoming) is None
    assert hevy.reports(incoming) == ()


@pytest.mark.parametrize("body", [b"", b" \n", {}, {"id": "e1"}, {"id": "e1", "payload": {}}, {"payload": None}])
def test_a_body_without_a_workout_is_a_trial_and_answered(body):
    incoming = posted(body)
    assert hevy.handshake(incoming) == Answer()
    assert (hevy.notices(incoming), hevy.reports(incoming)) == ((), ())


@pytest.mark.parametrize("step", [hevy.handshake, hevy.notices, hevy.reports])
@pytest.mark.parametrize("workout", ["", "a/b", "..", "a?b", "a b", "a%2fb", "a\n", "\u0660", "x" * 65, 5, []])
def test_an_id_that_could_lead_a_fetch_astray_is_refused(step: Callable[[Incoming], object], workout: Any):
    with pytest.raises(Invalid, match="workoutId: expected str"):
        step(posted({"payload": {"workoutId": workout}}))


@pytest.mark.parametrize("header", [BEARER, f"Bearer {BEARER}", f" bearer  {BEARER} "])
def test_the_token_proves_as_it_is_and_as_a_bearer(header):
    hevy.verify(posted({}, authorization=header), [BEARER])


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", BEARER[:-1], f"Basic {BEARER}", f"{BEARER} x", "\u0660"])
def test_no_other_header_proves(header):
    for secrets in ([BEARER], [], [""]):
        with pytest.raises(Forged):
            hevy.verify(posted({}, authorization=header), secrets)


def test_a_token_that_we_make_is_good_and_never_the_same():
    tokens = {hevy.new_token() for _ in range(50)}
    assert len(tokens) == 50
    assert hevy.SECRETS.check
    assert {hevy.SECRETS.check(token) for token in tokens} == tokens
