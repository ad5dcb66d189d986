"""What services' files share: an answer read as its shape, and which settings are habits."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import Struct

from integration.outgoing import Field, Refusal, Reply, Told
from integration.replies import CHECK_ADDRESS, MOST, began, mapped, read, retry_after, shaped, times
from integration.service import services

NOON = "Mon, 01 Jun 2026 12:00:00 GMT"
DATES = st.datetimes().map(lambda when: f"{when:%a, %d %b %Y %H:%M:%S} GMT")
ODD_DATES = st.from_regex(r"(Mon, )?[0-9]{1,3} [JFM][aue][nbr] [0-9]{1,5} [0-9:]{1,12} [+-]?[0-9A-Z]{0,30}")


class Habit(Struct):
    id: str


def test_an_answer_is_read_as_its_shape():
    assert read(Reply(200, {}, b'[{"id": "1", "more": 2}]'), "Bell", list[Habit]) == [Habit("1")]


@pytest.mark.parametrize("body", [b"{}", b"[1]", b'[{"id": 1}]', b"null"])
def test_another_shape_is_refused_without_quoting_it(body):
    with pytest.raises(Refusal, match=r"^Bell answered what we cannot read; is the address right\?$") as refused:
        read(Reply(200, {}, body), "Bell", list[Habit], CHECK_ADDRESS)
    assert (refused.value.reason, refused.value.permanent) == ("unreadable_answer", False)


def test_a_no_is_judged_before_it_is_read():
    with pytest.raises(Refusal) as refused:
        read(Reply(401, {}, b"[]"), "Bell", list[Habit])
    assert refused.value.reason == "credentials"


# Whoever takes the messages of `standard` may well say 404 to a mere look.
AT_HOME = [name for name, one in services().items() if any(f.address for f in one.FIELDS) and name != "standard"]
ASKED = [(name, ask) for name in AT_HOME for ask in ("check", "habits") if hasattr(services()[name], ask)]


@pytest.mark.parametrize(("name", "ask"), ASKED)
def test_a_server_that_knows_nothing_of_what_every_one_knows_is_at_another_address(name, ask):
    settings = {"url": "https://bell.example.org", "token": "a-token", "user": "a-user", "topic": "a-topic"}
    with pytest.raises(Refusal, match="at that address") as refused:
        getattr(services()[name], ask)(lambda _request: Reply(404), settings)
    assert (refused.value.reason, refused.value.tries) == ("not_found", 3)


def test_numbers_in_words_are_taken_only_where_a_service_sends_them():
    assert shaped("12", "Bell", int, strict=False) == 12
    with pytest.raises(Refusal):
        shaped("12", "Bell", int)


def test_only_what_slots_are_mapped_to_is_a_habit():
    settings = {"morning": "b", "evening": "a", "noon": "a", "url": "https://x.example", "token": "t"}
    settings |= {"label": "Mine", "when": "both", "words": "yoga", "account": "7", "ignore": "Water\nWalk"}
    assert mapped(settings, (Field("url", "Address"), Field("token", "Token", secret=True))) == ["a", "b"]


@pytest.mark.parametrize("name", services())
def test_no_field_of_a_service_bears_the_name_of_a_setting_of_ours(name):
    ours = {"label", "when", "words", "account", "ignore", "morning", "evening"}
    assert ours.isdisjoint(field.name for field in services()[name].FIELDS)


@pytest.mark.parametrize(
    ("number", "count"),
    [(None, 0), (-3, 0), (0.99, 0), (float("nan"), 0), (1, 1), (2.9, 2), (10**9, MOST), (float("inf"), MOST)],
)
def test_a_number_of_times_is_whole_and_has_an_end(number, count):
    assert times(number) == count


@pytest.mark.parametrize(
    ("at", "begun"),
    [
        ("2026-06-02T07:05:09.250+02:00", "2026-06-02T07:02:09+02:00"),
        # This morning's, said in the evening: no other day than its own.
        ("2026-06-02T22:10:00+02:00", "2026-06-02T22:07:00+02:00"),
        # Yesterday evening's, said over breakfast.
        ("2026-06-03T09:00:00+02:00", "2026-06-02T12:00:00+02:00"),
        # Done after midnight, and begun before it; and both after it.
        ("2026-06-03T00:02:00+02:00", "2026-06-02T23:59:00+02:00"),
        ("2026-06-03T00:31:00+02:00", "2026-06-02T12:00:00+02:00"),
        ("2026-06-02T00:01:00+02:00", "2026-06-02T12:00:00+02:00"),
        # By the clock of where the person is, not by UTC.
        ("2026-06-02T07:03:00+14:00", "2026-06-02T07:00:00+14:00"),
        ("2026-06-09T07:05:00-09:30", "2026-06-02T12:00:00-09:30"),
    ],
)
def test_a_session_begins_on_its_own_date_whenever_it_was_said(at, begun):
    when = datetime.fromisoformat(at)
    told = Told(key="k", slot="evening", date=date(2026, 6, 2), at=when, said_at=when)
    assert began(told, timedelta(minutes=3)) == datetime.fromisoformat(begun)


@given(st.dictionaries(st.sampled_from(["retry-after", "date"]), st.text() | DATES | ODD_DATES))
@example({"date": NOON, "retry-after": f"Mon, 01 Jan 2026 00:00:00 +{'9' * 22}"})
@example({"date": f"Mon, 01 Jan 2026 00:00:00 -{'9' * 22}", "retry-after": NOON})
def test_whatever_it_says_of_waiting_is_a_wait_or_nothing(headers):
    found = retry_after(Reply(503, headers))
    assert found is None or found >= 0


@pytest.mark.parametrize("bad", ["\\u0000", "\\ud800", "\\udfff", "\\u001b", "\xed\xa0\x80"])
def test_a_character_that_no_text_may_hold_is_replaced_wherever_it_stands(bad):
    body = f'{{"a{bad}": ["{bad}b", {{"c": "\\ud83d\\ude00{bad}\\n"}}], "d": [1, null, true]}}'.encode("latin-1")
    gap = "\ufffd"
    assert Reply(200, {}, body).json() == {f"a{gap}": [f"{gap}b", {"c": f"\U0001f600{gap}\n"}], "d": [1, None, True]}


def test_an_answer_too_deep_to_be_read_is_asked_for_again():
    with pytest.raises(Refusal, match="could not be read"):
        Reply(200, {}, b"[" * 100_000 + b"]" * 100_000).json()
