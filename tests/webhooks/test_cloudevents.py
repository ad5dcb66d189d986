import json
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.record import KEPT_HEADERS
from webhooks import errors
from webhooks.providers import cloudevents
from webhooks.report import Incoming, Kind, Report

SAMPLES = Path(__file__).parents[1] / "samples" / "cloudevents"
NOW = datetime(2026, 6, 2, 5, 10, 6, tzinfo=UTC)
TOKEN = "5b1d8a80c3e24f0f9d7ab2c4"


def whole(**changes: Any) -> Incoming:
    event = {"specversion": "1.0", "type": "session.completed", "source": "/a", "id": "1", **changes}
    return Incoming({"content-type": "application/cloudevents+json"}, json.dumps(event).encode(), NOW)


def binary(body: bytes = b"", **attributes: str) -> Incoming:
    sent = {"specversion": "1.0", "type": "session.completed", "source": "/a", "id": "1", **attributes}
    headers = {"content-type": "application/json", **{f"ce-{name}": value for name, value in sent.items()}}
    return Incoming(headers, body, NOW)


def only(incoming: Incoming) -> Report:
    [report] = cloudevents.reports(incoming)
    return report


def test_both_modes_of_one_event_give_one_report():
    data = {"slot": "morning", "note": "grüße", "duration_seconds": 90}
    time = "2026-06-02T07:05:00+02:00"
    assert only(whole(time=time, data=data)) == only(binary(json.dumps(data).encode(), time=time))


def test_an_event_is_known_by_its_source_and_its_id_together():
    ids = {only(whole(source=source, id=name)).event_id for source, name in (("/a", "1"), ("/a", "11"), ("/a1", "1"))}
    assert len(ids) == 3


def test_a_copy_is_known_whatever_else_it_says_and_whenever_it_comes():
    later = replace(whole(time="2026-06-02T05:00:00Z", data={"note": "x"}), received_at=NOW + timedelta(days=1))
    assert only(later).event_id == only(whole()).event_id


@pytest.mark.parametrize(
    "name, kind",
    [
        ("session.completed", Kind.DONE),
        ("org.example.session.completed", Kind.DONE),
        ("session.undone", Kind.UNDONE),
        ("com.example.habits.session.undone", Kind.UNDONE),
    ],
)
def test_a_type_may_have_its_owner_before_it(name, kind):
    assert only(whole(type=name)).kind is kind
    assert only(binary(type=name)).kind is kind


@pytest.mark.parametrize("name", ["session.completed.v2", "mysession.completed", "session.COMPLETED", "completed", "."])
def test_any_other_type_means_nothing_to_us(name):
    assert cloudevents.reports(whole(type=name, data=7)) == ()
    assert cloudevents.reports(binary(b"\xff", type=name)) == ()


def test_the_time_of_the_event_is_when_it_was_done_unless_the_data_knows_better():
    time = "2026-06-02T07:05:00+02:00"
    report = only(whole(time=time))
    assert report.performed is not None
    assert (report.performed.at, report.performed.offset) == (report.said_at, timedelta(hours=2))
    earlier = only(whole(time=time, data={"performed_at": "2026-06-02T06:40:00+02:00"}))
    assert earlier.performed is not None
    assert earlier.said_at == report.said_at
    assert earlier.performed.at == report.performed.at - timedelta(minutes=25)


def test_the_time_of_a_withdrawal_is_not_when_the_session_was_done():
    report = only(whole(type="session.undone", time="2026-06-02T09:00:00Z"))
    assert report.performed is None
    assert report.said_at == datetime(2026, 6, 2, 9, tzinfo=UTC)


@pytest.mark.parametrize("mode", [whole, binary])
@pytest.mark.parametrize("name", ["specversion", "type", "source", "id"])
def test_an_attribute_that_every_event_has_may_not_be_empty(mode, name):
    with pytest.raises((errors.Invalid, errors.WrongType), match=name):
        cloudevents.reports(mode(**{name: ""}))


def test_an_attribute_is_decoded_once():
    assert only(binary(id="%2541", source="/%C3%b6")).event_id == only(whole(id="%41", source="/ö")).event_id


def test_a_whole_event_needs_no_headers_and_heeds_none():
    incoming = whole()
    assert only(replace(incoming, headers={**incoming.headers, "ce-id": "2", "ce-specversion": "9"})) == only(incoming)


@pytest.mark.parametrize("body", [b"[]", b"7", b'{"slot": 7}', b'{"performed_at": "yesterday"}', b'{"note": 1}'])
def test_data_that_is_not_ours_is_invalid_and_the_field_is_named(body):
    with pytest.raises(errors.Invalid, match=r"^data"):
        cloudevents.reports(binary(body))
    with pytest.raises(errors.Invalid, match=r"^data"):
        cloudevents.reports(whole(data=json.loads(body)))


def test_a_bearer_is_asked_for_only_where_one_is_set():
    cloudevents.verify(whole(), [])
    with pytest.raises(errors.Forged):
        cloudevents.verify(whole(), [TOKEN])
    proved = replace(whole(), headers={"authorization": f"Bearer {TOKEN}"})
    cloudevents.verify(proved, [TOKEN])


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_the_headers_that_are_kept_are_enough_to_judge_a_sample_again(path):
    sample = json.loads(path.read_text())
    body = sample["body"] if isinstance(sample["body"], str) else json.dumps(sample["body"])
    kept = {name: value for name, value in sample["headers"].items() if name in KEPT_HEADERS}
    again = Incoming(kept, body.encode(), NOW)
    if "rejected" in sample:
        with pytest.raises(getattr(errors, sample["rejected"])):
            cloudevents.reports(again)
    else:
        assert cloudevents.reports(again) == cloudevents.reports(replace(again, headers=sample["headers"]))
        assert len(cloudevents.reports(again)) == len(sample["reports"])


attributes = st.dictionaries(
    st.sampled_from(["ce-specversion", "ce-type", "ce-source", "ce-id", "ce-time", "content-type"]),
    st.text(max_size=12) | st.sampled_from(["1.0", "session.completed", '"a', '"\\', "%", "%ff", "application/json"]),
)


@given(headers=attributes, body=st.binary(max_size=40) | st.sampled_from([b"", b"{}", b"null"]))
def test_random_headers_are_reported_or_rejected_and_nothing_worse(headers, body):
    usual = {"ce-specversion": "1.0", "ce-type": "session.completed", "ce-source": "/a", "ce-id": "1"}
    with suppress(errors.Rejected):
        for report in cloudevents.reports(Incoming({**usual, **headers}, body, NOW)):
            assert len(report.event_id) == 64
