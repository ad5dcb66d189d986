import json
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhooks import errors, signatures
from webhooks.payload import FORM
from webhooks.registry import providers
from webhooks.report import Incoming, Kind, Report

SAMPLES = Path(__file__).parents[1] / "samples"
FILES = sorted(path for name in providers() for path in (SAMPLES / name).glob("*.json"))
NOW = datetime(2026, 6, 2, 5, 10, 6, tzinfo=UTC)
SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


def told(report: Report) -> dict[str, Any]:
    """The report as a sample writes it: the fields that are set, times as text."""
    moment = report.performed
    minutes = moment and moment.offset and moment.offset / timedelta(minutes=1)
    performed = moment and {"at": moment.at.isoformat(), "offset": minutes}
    fields = {
        "kind": report.kind,
        "event_id": report.event_id,
        "said_at": report.said_at and report.said_at.isoformat(),
        "performed": performed,
        "wall": report.wall and report.wall.isoformat(),
        "slot": report.slot,
        "date": report.date and report.date.isoformat(),
        "habit": list(report.habit),
        "likeness": report.likeness,
        "origin": report.origin,
        "duration_seconds": report.duration_seconds,
        "note": report.note,
    }
    return {name: value for name, value in fields.items() if value not in (None, [])}


def incoming_of(sample: dict[str, Any]) -> Incoming:
    body = sample["body"] if isinstance(sample["body"], str) else json.dumps(sample["body"])
    return Incoming(sample["headers"], body.encode(), datetime.fromisoformat(sample["received_at"]))


def test_every_provider_has_samples():
    assert {path.parent.name for path in FILES} == set(providers())


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_sample_gives_its_reports(path):
    sample = json.loads(path.read_text())
    provider, incoming = providers()[path.parent.name], incoming_of(sample)
    provider.verify(incoming, sample.get("secrets", []))
    if "rejected" in sample:
        with pytest.raises(getattr(errors, sample["rejected"])):
            provider.reports(incoming)
    else:
        assert [told(report) for report in provider.reports(incoming)] == sample["reports"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_events_of_a_thing_bear_its_name(path):
    sample = json.loads(path.read_text())
    with suppress(errors.Rejected):
        for report in providers()[path.parent.name].reports(incoming_of(sample)):
            assert report.thing is None or report.event_id.partition("@")[0] == report.thing


def test_made_ids_of_different_events_differ():
    """The sample of the old server is the same click as `daily_up` in all but half a millisecond."""
    samples = [json.loads(path.read_text()) for path in FILES]
    made = [report["event_id"] for sample in samples for report in sample.get("reports", [])]
    assert len(set(made)) == len(made)


# --- simple -----------------------------------------------------------------------------------------------------------


def simple(fields: Any, received_at: datetime = NOW, content_type: str = "application/json") -> Report:
    body = fields if isinstance(fields, str) else json.dumps(fields)
    [report] = providers()["simple"].reports(Incoming({"content-type": content_type}, body.encode(), received_at))
    return report


def test_json_and_form_of_one_event_have_one_id():
    fields = {"slot": "morning", "date": "2026-06-02", "performed_at": "2026-06-02T07:05:00Z", "duration_seconds": 180}
    form = "slot=morning&date=2026-06-02&performed_at=2026-06-02T07%3A05%3A00Z&duration_seconds=180"
    assert simple(form, content_type=FORM) == simple(fields)


def test_one_instant_has_one_id_however_it_is_spelled_and_whenever_it_arrives():
    first = simple({"performed_at": "2026-06-02T07:05:00+02:00"})
    again = simple({"performed_at": "2026-06-02T05:05Z"}, NOW + timedelta(hours=3))
    assert first.event_id == again.event_id


@pytest.mark.parametrize(
    "change",
    [
        {"slot": "evening"},
        {"date": "2026-06-01"},
        {"habit": "b"},
        {"type": "undone"},
        {"timestamp": "2026-06-02T05:06Z"},
        {"performed_at": "2026-06-02T05:06Z"},
    ],
)
def test_any_other_event_has_another_id(change):
    fields = {"slot": "morning", "date": "2026-06-02", "habit": "a", "performed_at": "2026-06-02T05:05Z"}
    assert simple(fields).event_id != simple({**fields, **change}).event_id


def test_a_note_does_not_make_another_event():
    assert (
        simple({"performed_at": "2026-06-02T05:05Z", "note": "a"}).event_id
        == simple({"performed_at": "2026-06-02T05:05Z", "note": "b"}).event_id
    )


def test_without_a_time_a_double_tap_is_one_event_and_the_next_minute_another():
    fields = {"slot": "morning"}
    assert simple(fields).event_id == simple(fields, NOW + timedelta(seconds=20)).event_id
    assert simple(fields).event_id != simple(fields, NOW + timedelta(minutes=1)).event_id


def test_done_again_for_a_date_after_taking_it_back_is_another_event():
    fields = {"slot": "morning", "date": "2026-06-01"}
    assert simple(fields).event_id != simple(fields, NOW + timedelta(minutes=5)).event_id


@pytest.mark.parametrize(
    "word, kind",
    [
        ({}, Kind.DONE),
        ({"type": None}, Kind.DONE),
        ({"event": ""}, Kind.DONE),
        ({"type": " DONE "}, Kind.DONE),
        ({"type": "session.completed"}, Kind.DONE),
        ({"event": "undone"}, Kind.UNDONE),
        ({"type": "Undo"}, Kind.UNDONE),
        ({"type": "session.undone", "event": "done"}, Kind.UNDONE),
    ],
)
def test_the_word_for_what_happened_may_be_left_out(word, kind):
    assert simple(word).kind is kind


def test_blank_fields_are_fields_left_out():
    assert simple({"slot": "", "date": "", "performed_at": "", "id": "", "duration_seconds": ""}) == simple("")
    assert simple(" \n", content_type="text/plain") == simple("")


def test_an_id_of_the_sender_is_kept_up_to_255_characters():
    assert simple({"id": "x" * 255}).event_id == "x" * 255
    with pytest.raises(errors.Invalid, match="id: at most 255"):
        simple({"id": "x" * 256})


def test_a_bearer_is_asked_for_only_where_one_is_set():
    verify = providers()["simple"].verify
    bare = Incoming({}, b"", NOW)
    verify(bare, [])
    with pytest.raises(errors.Forged):
        verify(bare, ["5b1d8a80c3e24f0f9d7ab2c4"])
    with pytest.raises(errors.Forged):
        verify(Incoming({"authorization": "Bearer x"}, b"", NOW), ["5b1d8a80c3e24f0f9d7ab2c4"])


# --- habitica ---------------------------------------------------------------------------------------------------------


def daily_up() -> dict[str, Any]:
    body: dict[str, Any] = json.loads((SAMPLES / "habitica" / "daily_up.json").read_text())["body"]
    return body


def habitica(body: Any, received_at: datetime = NOW) -> list[Report]:
    incoming = Incoming({"content-type": "application/json"}, json.dumps(body).encode(), received_at)
    return list(providers()["habitica"].reports(incoming))


@pytest.mark.parametrize(
    "place, value",
    [
        ("counterUp", 1),
        ("counterDown", 1),
        ("streak", 5),
        ("id", "x"),
        ("updatedAt", "2026-11-22T06:31:03.000Z"),
        ("history", [{"date": 1795329062418}]),
    ],
)
def test_each_click_in_habitica_has_an_id_of_its_own(place, value):
    body = daily_up()
    first = habitica(body)[0].event_id
    assert habitica(deepcopy(body))[0].event_id == first
    body["task"][place] = value
    assert habitica(body)[0].event_id != first


@pytest.mark.parametrize("direction", ["up", "down"])
@pytest.mark.parametrize("kind", ["daily", "todo"])
def test_ticks_and_withdrawals_in_habitica_are_said_when_they_come(kind, direction):
    body = daily_up()
    body["task"].update(type=kind, dateCompleted="2026-11-22T06:31:02.417Z")
    [report] = habitica({**body, "direction": direction})
    assert report.said_at is None
    assert (report.performed is not None) is (direction == "up")


@pytest.mark.parametrize("nothing", [{}, {"history": []}, {"history": [{"value": 1}]}, {"type": "todo"}])
@pytest.mark.parametrize("direction", ["up", "down"])
def test_clicks_in_habitica_without_any_time_are_told_apart_by_the_minute_of_arrival(nothing, direction):
    body = {"type": "scored", "direction": direction, "task": {"type": "daily", "id": "t", "streak": 1, **nothing}}
    [first], [again], [later] = (habitica(body, NOW + timedelta(seconds=late)) for late in (0, 1, 60))
    assert (first.performed, first.made) == (None, True)
    assert first.event_id == again.event_id != later.event_id


def test_of_a_click_in_habitica_that_has_a_time_the_arrival_makes_no_other():
    for place in ("updatedAt", "history"):
        body = daily_up()
        del body["task"][place]
        [report] = habitica(body)
        assert (report, report.made) == (habitica(body, NOW + timedelta(hours=1))[0], False)


@pytest.mark.parametrize("kind, direction", [("daily", "up"), ("daily", "down"), ("todo", "down"), ("habit", "up")])
def test_what_habitica_says_is_said_of_one_task(kind, direction):
    body = daily_up()
    body["task"]["type"], body["direction"] = kind, direction
    [report] = habitica(body)
    assert report.thing == body["task"]["id"]
    assert report.event_id.startswith(f"{report.thing}@")


def test_the_id_of_a_task_is_cut_so_that_its_events_can_be_kept():
    body = daily_up()
    for odd, thing in (("x" * 5_000, "x" * 100), ("  t ", "t")):
        body["task"]["id"] = odd
        [report] = habitica(body)
        assert (report.thing, len(report.event_id)) == (thing, len(thing) + 65)
    body["task"]["id"] = "   "
    with pytest.raises(errors.Invalid, match=r"task\.id: is missing"):
        habitica(body)


def test_a_number_with_and_without_a_fraction_is_one_number():
    body = daily_up()
    first = habitica(body)
    body["task"]["streak"] = 4.0
    body["task"]["history"][-1]["date"] = float(body["task"]["history"][-1]["date"])
    assert habitica(body) == first


def test_a_daily_ticked_and_unticked_twice_makes_four_events():
    ids = []
    for turn in range(2):
        up = daily_up()
        up["task"]["history"][-1]["date"] += turn * 60_000
        up["task"]["updatedAt"] = f"2026-11-22T06:3{turn}:00.000Z"
        down = {**daily_up(), "direction": "down"}
        down["task"].update(streak=3, history=down["task"]["history"][:-1])
        down["task"]["updatedAt"] = f"2026-11-22T06:3{turn}:30.000Z"
        ids += [habitica(up)[0].event_id, habitica(down)[0].event_id]
    assert len(set(ids)) == 4


def test_long_histories_notes_and_names_are_fine():
    body = daily_up()
    body["task"]["history"] = [{"date": 1, "value": -1.5}, None, "odd", *[{"date": 1795329062417}] * 365]
    body["task"]["notes"] = "x" * 20_000
    body["task"]["text"] = "y" * 3_000
    [report] = habitica(body)
    assert report.performed is not None
    assert report.habit[-1] == "y" * 500


def test_what_an_import_or_an_old_server_leaves_out_is_no_error():
    [report] = habitica({"type": "scored", "direction": "up", "task": {"type": "daily", "_id": "t"}})
    assert (report.kind, report.habit, report.performed) == (Kind.DONE, ("t",), None)
    nothing = {"type": "scored", "direction": "up", "user": None}
    [report] = habitica({**nothing, "task": {"type": "todo", "id": "t", "alias": None, "history": None}})
    assert report.performed is None


@pytest.mark.parametrize("kind, direction", [("reward", "up"), ("habit", "down"), ("quest", "up"), ("", "down")])
def test_what_is_no_completion_is_ignored(kind, direction):
    body = daily_up()
    body["task"]["type"], body["direction"] = kind, direction
    assert habitica(body) == []


WRONG = {
    "nothing at all": lambda body: body.clear(),
    "task as text": lambda body: body.update(task="x"),
    "task type as number": lambda body: body["task"].update(type=1),
    "text as object": lambda body: body["task"].update(text={}),
    "type as number": lambda body: body.update(type=5),
}


@pytest.mark.parametrize("spoil", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_type_in_habitica_is_invalid(spoil):
    body = daily_up()
    spoil(body)
    with pytest.raises(errors.Invalid):
        habitica(body)


NO_TIME: list[dict[str, Any]] = [
    {"history": "soon"},
    {"history": [5]},
    {"history": [{"date": 5}]},
    {"history": [{"date": "1795329062417"}]},
    {"history": [{"date": []}]},
    {"type": "todo", "dateCompleted": "2026-11-22T06:31:02"},
    {"type": "todo", "dateCompleted": {}},
]


@pytest.mark.parametrize("odd", NO_TIME, ids=str)
@pytest.mark.parametrize("direction, kind", [("up", Kind.DONE), ("down", Kind.UNDONE)])
def test_a_click_in_habitica_whose_time_cannot_be_read_counts_at_its_arrival(odd, direction, kind):
    body = {**daily_up(), "direction": direction}
    body["task"].update(odd, updatedAt=None)
    [first], [again], [later] = (habitica(body, NOW + timedelta(seconds=late)) for late in (0, 1, 60))
    assert (first.kind, first.performed, first.stands, first.made) == (kind, None, None, True)
    assert first.event_id == again.event_id != later.event_id


@pytest.mark.parametrize("odd", ["3", True, [3], {"n": 3}, "", 10**18], ids=str)
@pytest.mark.parametrize("place", ["counterUp", "counterDown", "streak", "updatedAt"])
def test_what_only_makes_the_id_of_a_click_in_habitica_is_taken_as_it_comes(place, odd):
    body, usual = daily_up(), habitica(daily_up())[0]
    body["task"][place] = odd
    [report] = habitica(body)
    assert report.event_id != usual.event_id
    assert replace(report, event_id=usual.event_id) == usual


@pytest.mark.parametrize("odd", ["me", 7, [], {"_id": 7}, {"_id": {}}], ids=str)
def test_a_user_of_habitica_of_another_shape_hides_no_click(odd):
    [report] = habitica({**daily_up(), "user": odd})
    assert report.event_id != habitica(daily_up())[0].event_id


# --- all --------------------------------------------------------------------------------------------------------------

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["up", "daily", "done"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "event", "data", "task", "user", "id", "_id", "direction", "history", "date", "slot"]
            )
            | st.sampled_from(
                ["performed_at", "timestamp", "habit", "duration_seconds", "note", "dateCompleted", "alias"]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=16,
)
first_fields = st.sampled_from(
    [{}, {"type": "session.completed"}, {"type": "scored", "direction": "up", "task": {"type": "daily", "id": "t"}}]
)
bodies = st.binary(max_size=200) | st.builds(
    lambda first, rest: json.dumps({**rest, **first} if isinstance(rest, dict) else rest).encode(),
    first_fields,
    json_values,
)
some_headers = st.dictionaries(
    st.sampled_from(["content-type", "content-encoding", "authorization", "webhook-id", "webhook-signature"]),
    st.text(max_size=20) | st.sampled_from(["application/json", FORM, "identity", "Bearer x", "msg_1"]),
)


@pytest.mark.parametrize("name", providers())
@given(headers=some_headers, body=bodies, secrets=st.lists(st.just(SECRET) | st.text(), max_size=2))
def test_random_requests_are_reported_or_rejected_and_nothing_worse(name, headers, body, secrets):
    provider = providers()[name]
    incoming = Incoming(headers, body, NOW)
    with suppress(errors.Forged):
        provider.verify(incoming, secrets)
    with suppress(errors.Rejected):
        for report in provider.reports(incoming):
            assert report.event_id
            assert len(report.event_id) <= 255


@given(body=bodies, content_type=st.sampled_from(["application/json", ""]) | st.text(max_size=10))
def test_random_bodies_with_a_valid_signature_are_reported_or_rejected(body, content_type):
    signature = signatures.sign(SECRET, "msg_1", NOW, body)
    stamp = str(int(NOW.timestamp()))
    headers = {"webhook-id": "msg_1", "webhook-timestamp": stamp, "webhook-signature": signature}
    incoming = Incoming({**headers, "content-type": content_type}, body, NOW)
    standard = providers()["standard"]
    standard.verify(incoming, [SECRET])
    with suppress(errors.Rejected):
        standard.reports(incoming)
