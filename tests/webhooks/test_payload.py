import contextlib
import json
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct

from webhooks import payload
from webhooks.errors import Invalid, Rejected, Unreadable, WrongType
from webhooks.report import Incoming

NOW = datetime(2026, 6, 2, 5, 10, tzinfo=UTC)


def incoming(body: bytes | str, content_type: str = "application/json", **headers: str) -> Incoming:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    raw = body if isinstance(body, bytes) else body.encode()
    return Incoming({"content-type": content_type, **named}, raw, NOW)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
        "",
        "application/cloudevents+json",
        "application/json; profile=x; Charset=utf8",
    ],
)
def test_json_is_read_under_any_of_its_names(content_type):
    assert payload.parse_json(incoming('{"a": [1, "ü"]}', content_type)) == {"a": [1, "ü"]}


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "json",
        "application/json; charset=utf-16",
        "application/json; charset=iso-8859-1",
    ],
)
def test_another_type_is_refused_and_told_what_to_send(content_type):
    with pytest.raises(WrongType, match="send"):
        payload.parse_json(incoming("{}", content_type))


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, identity"])
def test_a_compressed_body_is_refused(encoding):
    with pytest.raises(WrongType, match="uncompressed"):
        payload.parse_json(incoming("{}", content_encoding=encoding))
    assert payload.parse_json(incoming("{}", content_encoding="Identity")) == {}


# Source: webhook-reliability 2.7. Each of these gives a plain handler a 500, or passes it silently wrong.
NOT_JSON: dict[str, bytes] = {
    "empty": b"",
    "cut short": b'{"a": 1',
    "two values": b"{}{}",
    "byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "UTF-32 without mark": '{"a": 1}'.encode("utf-32-le"),
    "bad UTF-8": b'{"a": "\xff"}',
    "overlong UTF-8": b'{"a": "\xc0\xaf"}',
    "surrogate in UTF-8": b'{"a": "\xed\xa0\x80"}',
    "gzip without saying so": b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
    "single quotes": b"{'a': 1}",
    "comment": b"{} // x",
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": [-Infinity]}',
    "a float beyond all": b'{"a": 1e999}',
    "2 to the 63rd": b'{"a": 9223372036854775808}',
    "below minus 2 to the 63rd": b'{"a": -9223372036854775809}',
    "5,000 digits": b'{"a": ' + b"9" * 5000 + b"}",
    "duplicate names": b'{"a": 1, "a": 1}',
    "duplicate names below": b'[{"x": {"a": 1, "\\u0061": 2}}]',
    "half a surrogate": b'{"a": "\\ud800"}',
    "half a surrogate in a name": b'{"\\udfff": 1}',
    "surrogates the wrong way round": b'["\\udc00\\ud800"]',
    "NUL": b'{"a": "x\\u0000"}',
    "NUL in a name": b'{"\\u0000": 1}',
    "escape": b'["\\u001b[2J"]',
    "backspace": b'["\\b"]',
    "raw control": b'["\x01"]',
    "20,000 deep": b"[" * 20_000 + b"]" * 20_000,
    "20,000 objects deep": b'{"a":' * 20_000,
    "64 KiB of brackets": b"[" * 65_536,
    "33 deep": b"[" * 33 + b"]" * 33,
    "34 deep, objects": b'{"a":' * 33 + b"[]" + b"}" * 33,
}


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON.keys())
def test_what_is_not_strict_json_is_unreadable(body):
    with pytest.raises(Unreadable) as caught:
        payload.parse_json(incoming(body))
    assert caught.value.__cause__ is None
    assert len(str(caught.value)) < 120


def test_what_is_no_number_in_json_is_called_by_its_name():
    with pytest.raises(Unreadable, match="NaN is not a JSON number"):
        payload.parse_json(incoming('{"a": NaN}'))


def test_what_lies_just_inside_the_limits_is_read():
    deepest = b"[" * 32 + b"]" * 32
    payload.parse_json(incoming(deepest))
    assert payload.parse_json(incoming("[9223372036854775807, -9223372036854775808]")) == [2**63 - 1, -(2**63)]
    assert payload.parse_json(incoming('["\\t\\r\\n\\ud83d\\ude00\\u007f"]')) == ["\t\r\n😀\x7f"]


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    # The controls that are refused lie below the space.
    | st.text(st.characters(min_codepoint=32, codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(min_codepoint=32, codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(values, st.booleans())
def test_whatever_json_can_say_comes_back_as_it_was(value, ascii_only):
    assert payload.parse_json(incoming(json.dumps(value, ensure_ascii=ascii_only))) == value


@given(st.binary(max_size=300), st.sampled_from(["application/json", payload.FORM]) | st.text())
def test_random_bytes_are_rejected_and_nothing_worse(body, content_type):
    for parse in (payload.parse_json, payload.parse_form):
        with contextlib.suppress(Rejected):
            parse(incoming(body, content_type))


@given(st.text(alphabet='{}[]",:\\u0dn8e9-+. tfalsr\x00', max_size=60))
def test_almost_json_is_read_or_rejected(body):
    with contextlib.suppress(Rejected):
        payload.parse_json(incoming(body))


def test_a_form_is_read_as_utf_8():
    assert payload.parse_form(incoming("slot=morning&note=gr%C3%BC%C3%9Fe+%26+mehr&x=", payload.FORM)) == {
        "slot": "morning",
        "note": "grüße & mehr",
        "x": "",
    }
    assert payload.parse_form(incoming("", payload.FORM)) == {}


NOT_A_FORM: dict[str, bytes] = {
    "bad UTF-8": b"note=%FF",
    "raw bad UTF-8": b"note=\xff",
    "given twice": b"slot=morning&slot=evening",
    "no equals sign": b"morning",
    "JSON sent as a form": b'{"slot": "morning"}',
    "101 fields": b"&".join(b"f%d=1" % n for n in range(101)),
    "NUL": b"note=%00",
    "half a surrogate": b"note=%ED%A0%80",
    "control in a name": b"a%01=1",
}


@pytest.mark.parametrize("body", NOT_A_FORM.values(), ids=NOT_A_FORM.keys())
def test_what_is_not_a_form_is_unreadable(body):
    with pytest.raises(Unreadable):
        payload.parse_form(incoming(body, payload.FORM))


def test_a_form_of_another_type_is_refused():
    with pytest.raises(WrongType, match="send"):
        payload.parse_form(incoming("a=1", "application/json"))
    with pytest.raises(WrongType):
        payload.parse_form(incoming("a=1", payload.FORM, content_encoding="gzip"))


class Inner(Struct):
    number: Annotated[int, Meta(ge=0, le=9)] | None = None
    choice: Literal["up", "down"] | None = None


class Shape(Struct):
    name: str
    inner: Inner | None = None
    many: list[Inner] | None = None


@pytest.mark.parametrize(
    "value, message",
    [
        ([], "the body: expected object, got array"),
        (None, "the body: expected object, got null"),
        ({}, "name: is missing"),
        ({"name": {}}, "name: expected str, got object"),
        ({"name": "n", "inner": "secret"}, "inner: expected object | null, got str"),
        ({"name": "n", "inner": {"number": 10}}, "inner.number: expected int <= 9"),
        ({"name": "n", "inner": {"number": True}}, "inner.number: expected int | null, got bool"),
        ({"name": "n", "many": [{}, {"number": "secret"}]}, "many[1].number: expected int | null, got str"),
        ({"name": "n", "inner": {"choice": "secret"}}, "inner.choice: has a value that is not known here"),
    ],
)
def test_a_wrong_field_is_named_and_its_value_is_not(value, message):
    with pytest.raises(Invalid) as caught:
        payload.convert(value, Shape)
    assert str(caught.value) == message


def test_text_stands_for_numbers_only_where_asked():
    assert payload.convert({"number": "7"}, Inner, from_text=True) == Inner(7)
    with pytest.raises(Invalid):
        payload.convert({"number": "7"}, Inner)


@given(values)
def test_converting_any_value_gives_the_shape_or_invalid(value):
    with contextlib.suppress(Invalid):
        assert isinstance(payload.convert(value, Shape), Shape)


@pytest.mark.parametrize(
    "text, at, offset",
    [
        ("2026-06-02T07:05:00+02:00", "2026-06-02T05:05:00+00:00", 120),
        ("2026-06-02T07:05-03:30", "2026-06-02T10:35:00+00:00", -210),
        ("2026-06-02T07:05:00.5+02:00", "2026-06-02T05:05:00.500000+00:00", 120),
        ("2026-06-02T07:05:00.123456789Z", "2026-06-02T07:05:00.123456+00:00", None),
        ("2026-06-02T07:05Z", "2026-06-02T07:05:00+00:00", None),
        ("2026-06-02T07:05:59+00:00", "2026-06-02T07:05:59+00:00", 0),
        ("2026-06-02T07:05:00-00:00", "2026-06-02T07:05:00+00:00", None),
        ("2000-01-01T00:00:00+14:00", "1999-12-31T10:00:00+00:00", 840),
        ("2100-12-31T23:59:59-14:00", "2101-01-01T13:59:59+00:00", -840),
        ("2024-02-29T23:59:59.000001+05:45", "2024-02-29T18:14:59.000001+00:00", 345),
    ],
)
def test_an_instant_keeps_its_offset(text, at, offset):
    moment = payload.instant(text)
    assert moment.at == datetime.fromisoformat(at)
    assert moment.at.utcoffset() == timedelta(0)
    assert moment.offset == (None if offset is None else timedelta(minutes=offset))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-06-02",
        "2026-06-02T07:05",
        "2026-06-02T07:05:00",
        "2026-06-02 07:05:00+02:00",
        "2026-W23-2",
        "20260602T070500Z",
        "2026-06-02t07:05:00z",
        "2026-06-02T07:05:00+0200",
        "2026-06-02T07:05:00+02",
        "2026-06-02T07:05:00+14:01",
        "2026-06-02T07:05:00-15:00",
        "2026-06-02T07:05:00+99:00",
        "2026-06-02T07:05:00+02:60",
        "2026-06-02T24:00:00Z",
        "2026-06-02T23:59:60Z",
        "2026-06-02T07:60Z",
        "2026-02-30T07:05Z",
        "2026-13-01T07:05Z",
        "2025-02-29T07:05Z",
        "1999-12-31T23:59:59Z",
        "2101-01-01T00:00Z",
        "0001-01-01T00:00:00+13:59",
        "9999-12-31T23:59:59-13:59",
        "0000-01-01T00:00Z",
        "2026-06-02T07:05:00.Z",
        "2026-06-02T07:05:00.1234567890Z",
        "2026-06-02T07:05.5Z",
        "2026-06-02T07:05:00,5Z",
        "+2026-06-02T07:05Z",
        "2026-06-02T07:05Z\n",
        " 2026-06-02T07:05Z",
        "2026-06-02T07:05:00Z[Europe/Berlin]",
        "٢٠٢٦-06-02T07:05Z",
        "1780376700",
        "2026-06-02T07:05:00−02:00",
    ],
)
def test_any_other_spelling_of_an_instant_is_invalid(text):
    with pytest.raises(Invalid, match=r"^data\.performed_at: "):
        payload.instant(text, "data.performed_at")


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 12, 31)), st.integers(-840, 840).filter(bool))
def test_an_instant_reads_what_isoformat_writes(wall, minutes):
    shift = timedelta(minutes=minutes)
    text = wall.isoformat() + f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    moment = payload.instant(text)
    assert moment.at == datetime.fromisoformat(text)
    assert moment.wall == wall
    assert moment.offset == shift


@given(st.text() | st.from_regex(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{5,20}[-+Z][0-9:]{0,5}\Z"))
def test_any_text_is_an_instant_or_invalid(text):
    for read in (payload.instant, payload.day):
        with contextlib.suppress(Invalid):
            read(text, "time")


def test_a_javascript_time_is_an_instant_without_an_offset():
    moment = payload.from_epoch(1795327200000)
    assert moment.at == datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
    assert moment.offset is None
    assert payload.from_epoch(1795327200000.9).at.year == 2026


@pytest.mark.parametrize("milliseconds", [-1, 0, 1795327200, 946684799999, 4133980800000, 1e300, -1e300])
def test_a_javascript_time_far_away_is_invalid(milliseconds):
    with pytest.raises(Invalid, match="2000 to 2100"):
        payload.from_epoch(milliseconds)


def test_a_date_is_read():
    assert payload.day("2026-06-02") == date(2026, 6, 2)


@pytest.mark.parametrize(
    "text",
    ["", "2026-6-2", "20260602", "2026-W23-2", "2026-02-30", "1999-12-31", "2101-01-01", "2026-06-02T00:00Z", "today"],
)
def test_any_other_spelling_of_a_date_is_invalid(text):
    with pytest.raises(Invalid, match=r"^date: "):
        payload.day(text)


def test_text_is_composed_and_has_no_space_around_it():
    assert payload.text(" Stra\u00dfe, cafe\u0301\n") == "Straße, caf\u00e9"
    assert payload.text("x" * 500) == "x" * 500
    with pytest.raises(Invalid, match=r"^note: at most 500"):
        payload.text("x" * 501, "note")


def test_a_foreign_name_is_cut_not_refused():
    assert payload.shortened("x" * 501) == "x" * 500
    assert payload.shortened(" cafe\u0301 ", limit=4) == "caf\u00e9"


def test_a_field_left_out_is_not_read():
    assert payload.given(payload.day, None, "date") is None
    assert payload.given(payload.day, "2026-06-02", "date") == date(2026, 6, 2)


def test_numbers_keep_their_kind():
    value: Any = payload.parse_json(incoming("[1, 1.0, true]"))
    assert [type(item) for item in value] == [int, float, bool]
