"""Content lines beside icalendar's own: the same bytes, whatever the characters."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from icalendar import Component, vText, vUri

from calendar_export import lines
from calendar_export.lines import LIMIT, escaped, fit, folded

# Letters of every width, what must be escaped, what joins to one sign, and what no reader may get.
CHARACTERS = st.one_of(
    st.characters(),
    st.sampled_from('\\;,:"^\n\r\t\x00\x85\u2028äß€\u00a0\u200d🧘🏽\U000e0067 '),
)
# icalendar takes a backslash before a capital N for a line feed, and so loses it.
TEXTS = st.text(CHARACTERS, max_size=400).filter(lambda text: "\\N" not in text)
MIXED = st.lists(st.one_of(TEXTS, st.sampled_from(["x" * 73, "x" * 74, "x" * 75, "ü" * 37, "\\" * 80, ","]))).map(
    "".join
)
MIXED = MIXED.filter(lambda text: "\\N" not in text)


def by_icalendar(name, value):
    component = Component()
    component.name = "X"
    component[name] = value
    return component.to_ical(sorted=False).removeprefix(b"BEGIN:X\r\n").removesuffix(b"END:X\r\n")


@given(MIXED)
@example("\\" * 200)
@example("🧘🏽‍♀️" * 40)
@example("x" * (LIMIT - len("SUMMARY:") - 2) + ",")
def test_a_text_is_written_as_icalendar_writes_it(text):
    assert folded(f"SUMMARY:{escaped(text)}") == by_icalendar("SUMMARY", vText(fit(text)))


@given(MIXED)
def test_an_address_is_written_as_icalendar_writes_it(text):
    address = fit(text).replace("\n", "")
    assert folded(f"URL:{address}") == by_icalendar("URL", vUri(address))


@given(MIXED)
def test_a_folded_line_has_pieces_of_75_octets_with_whole_characters_and_nothing_lost(text):
    written = folded(f"SUMMARY:{escaped(text)}")
    assert written.endswith(b"\r\n")
    pieces = written.removesuffix(b"\r\n").split(b"\r\n")
    assert max(map(len, pieces)) <= LIMIT
    assert "".join(piece.decode() for piece in pieces[:1]) + "".join(p.decode()[1:] for p in pieces[1:]) == (
        f"SUMMARY:{escaped(text)}"
    )
    assert all(piece.startswith(b" ") for piece in pieces[1:])
    assert not any(byte < 32 or byte == 127 for piece in pieces for byte in piece)


def test_a_backslash_before_a_capital_n_stays_what_it_is():
    assert escaped(r"C:\New") == r"C:\\New"


@pytest.mark.parametrize(
    "text, written",
    [
        ("a,b;c\\d\ne", "a\\,b\\;c\\\\d\\ne"),
        ("a\r\nb", "a\\nb"),
        ("a\tb\x00\x1b\x7f\x9f\u2029\udfffc", "a bc"),
        ('"quoted": 100 %', '"quoted": 100 %'),
        ("", ""),
    ],
)
def test_a_text_is_escaped_and_cleaned(text, written):
    assert escaped(text) == written


def test_an_escape_is_not_torn_apart():
    line = "x" * 73 + "\\,y"
    assert folded(line) == b"x" * 73 + b"\r\n \\,y\r\n"


def test_a_line_that_fits_stays_whole():
    assert folded("x" * 74) == b"x" * 74 + b"\r\n"


@pytest.mark.parametrize("zone, hour", [(UTC, "120005"), (ZoneInfo("Asia/Kathmandu"), "061505")])
def test_an_instant_is_written_in_utc_to_the_second(zone, hour):
    assert lines.utc(datetime(2026, 6, 2, 12, 0, 5, 999999, zone)) == f"20260602T{hour}Z"
