"""The document, read back with two parsers, and the check that keeps a bad one from being published."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import icalendar
import pytest
import recurring_ical_events
from ical.calendar_stream import IcsCalendarStream

from calendar_export import event, feed, words
from calendar_export.errors import FeedError
from calendar_export.event import Entry, State
from calendar_export.feed import Look, check, document, event_bytes, render
from calendar_export.options import LANGUAGES, Detail, Options
from calendar_export.plan import EARLIEST, Plan, Version, ZoneChange, two_slots
from calendar_export.routine import Dose

MADE = datetime(2026, 1, 1, 12, tzinfo=UTC)
CHANGED = datetime(2026, 6, 2, 5, 30, 12, 999999, tzinfo=UTC)
LOOK = Look("My stretches", "Two a day", "Europe/Berlin", "cal-1@turntwice", MADE)
RICH = replace(LOOK, options=Options(rich=True))
SPRING = (date(2026, 3, 26), date(2026, 4, 1))
AUTUMN = (date(2026, 10, 22), date(2026, 10, 28))
ENTRY = Entry(
    uid="p1-20260602-morning@turntwice",
    slot="morning",
    date=date(2026, 6, 2),
    starts=datetime(2026, 6, 2, 5, tzinfo=UTC),
    state=State.DUE,
    sequence=0,
    changed_at=MADE,
    dose=Dose(),
    link="https://stretch.example/session/s_1.2",
)


def berlin_entries(first, last):
    version = Version(date(2026, 1, 5), two_slots(time(7), time(22)), MADE)
    plan = Plan((version,), (ZoneChange(EARLIEST, "Europe/Berlin"),))
    return [
        replace(ENTRY, uid=event.uid("p1", s.date, s.slot), slot=s.slot, date=s.date, starts=s.starts)
        for s in plan.sessions(first, last)
    ]


def seen(starts, ends, title):
    return starts.astimezone(UTC), ends.astimezone(UTC), str(title)


def by_icalendar(body):
    calendar = icalendar.Calendar.from_ical(body)
    found = recurring_ical_events.of(calendar).between((2026, 1, 1), (2027, 1, 1))
    return sorted(seen(e["DTSTART"].dt, e["DTEND"].dt, e["SUMMARY"]) for e in found)


def by_ical(body):
    calendar = IcsCalendarStream.calendar_from_ics(body.decode())
    return sorted(seen(e.dtstart, e.dtend, e.summary) for e in calendar.events)


def only_event(body):
    (found,) = icalendar.Calendar.from_ical(body).walk("VEVENT")
    return found


def unfolded(body):
    return body.decode().replace("\r\n ", "").split("\r\n")


def unescaped(value):
    """The text of a property outside RFC 5545, which icalendar hands over as it was written."""
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] in "nN" else found[1], str(value))


@pytest.mark.parametrize("span", [SPRING, AUTUMN])
@pytest.mark.parametrize("read", [by_icalendar, by_ical])
def test_both_parsers_see_every_session_over_a_clock_change(span, read):
    entries = berlin_entries(*span)
    expected = [(e.starts, e.starts + timedelta(minutes=5), event.title(e)) for e in entries]
    assert len(expected) == 14
    assert read(render(LOOK, entries)) == sorted(expected)


@pytest.mark.parametrize("span", [SPRING, AUTUMN])
def test_the_wall_clock_of_every_session_stays_at_seven_and_ten(span):
    spans = by_ical(render(LOOK, berlin_entries(*span)))
    walls = {starts.astimezone(ZoneInfo("Europe/Berlin")).time() for starts, _, _ in spans}
    assert walls == {time(7), time(22)}


@pytest.mark.parametrize("read", [by_icalendar, by_ical])
@pytest.mark.parametrize("state", State)
def test_both_parsers_see_the_state_in_the_title(read, state):
    entry = replace(ENTRY, state=state)
    assert [title for _, _, title in read(render(LOOK, [entry]))] == [event.title(entry)]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("rich", [False, True])
def test_the_text_comes_back_whole_in_every_language(language, state, rich):
    options, entry = Options(rich=rich, language=language), replace(ENTRY, state=state)
    body = render(replace(LOOK, options=options), [entry])
    (parsed,) = IcsCalendarStream.calendar_from_ics(body.decode()).events
    assert str(only_event(body)["DESCRIPTION"]) == parsed.description == event.text(entry, options)


def test_a_plain_feed_has_no_html_and_no_parameter_on_its_text():
    body = render(LOOK, [ENTRY])
    assert only_event(body)["DESCRIPTION"].params == {}
    for word in (b"X-ALT-DESC", b"ALTREP", b"html", b"FMTTYPE"):
        assert word not in body


@pytest.mark.parametrize("entry", [ENTRY, replace(ENTRY, link="https://a.example/\"^%;,:'\u00fc")])
def test_a_rich_feed_has_the_html_for_outlook_and_for_thunderbird(entry):
    found = only_event(render(RICH, [entry]))
    assert unescaped(found["X-ALT-DESC"]) == event.html(entry)
    assert found["X-ALT-DESC"].params == {"FMTTYPE": "text/html"}
    kind, _, page = found["DESCRIPTION"].params["ALTREP"].partition(",")
    assert (kind, unquote(page)) == ("data:text/html", event.html(entry))
    assert "STYLED-DESCRIPTION" not in found


@pytest.mark.parametrize(
    "line",
    [
        "VERSION:2.0",
        "UID:cal-1@turntwice",
        "NAME:My stretches",
        "X-WR-CALNAME:My stretches",
        "DESCRIPTION:Two a day",
        "X-WR-CALDESC:Two a day",
        "X-WR-TIMEZONE:Europe/Berlin",
        "COLOR:teal",
        "X-APPLE-CALENDAR-COLOR:#008080",
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
        "X-PUBLISHED-TTL:PT1H",
    ],
)
def test_the_calendar_says_who_it_is_and_how_often_to_ask(line):
    lines = unfolded(render(LOOK, [ENTRY]))
    assert line in lines[: lines.index("BEGIN:VEVENT")]


@pytest.mark.parametrize(
    "line",
    [
        "UID:p1-20260602-morning@turntwice",
        "DTSTAMP:20260602T053012Z",
        "LAST-MODIFIED:20260602T053012Z",
        "SEQUENCE:3",
        "DTSTART:20260602T050000Z",
        "DTEND:20260602T050500Z",
        "CLASS:PRIVATE",
        "TRANSP:TRANSPARENT",
        "X-MICROSOFT-CDO-BUSYSTATUS:FREE",
        "URL:https://stretch.example/session/s_1.2",
        "SUMMARY:Morning stretch ✓",
    ],
)
def test_an_event_carries_its_identity_revision_and_manners(line):
    done = replace(ENTRY, state=State.DONE, sequence=3, changed_at=CHANGED)
    assert unfolded(render(LOOK, [done])).count(line) == 1


@pytest.mark.parametrize(
    "name", ["METHOD", "BEGIN:VTIMEZONE", "TZID", "RRULE", "ORGANIZER", "SOURCE", "DURATION:", "LINK", "STATUS"]
)
def test_what_breaks_readers_is_left_out(name):
    assert not any(line.startswith(name) for line in unfolded(render(LOOK, [ENTRY])))


def test_an_instant_in_another_zone_is_written_in_utc():
    berlin = replace(ENTRY, starts=datetime(2026, 6, 2, 7, tzinfo=ZoneInfo("Europe/Berlin")))
    assert b"\r\nDTSTART:20260602T050000Z\r\n" in event_bytes(LOOK, berlin)


def test_a_due_event_has_one_display_alarm_with_its_own_lasting_uid():
    (valarm,) = only_event(render(LOOK, [ENTRY])).walk("VALARM")
    assert valarm["ACTION"] == "DISPLAY"
    assert valarm["TRIGGER"].dt == timedelta(0)
    assert valarm["UID"] == event.alarm_uid(ENTRY)
    assert valarm["DESCRIPTION"] == event.alarm(ENTRY)


@pytest.mark.parametrize("state", [State.DONE, State.SKIPPED, State.HURT])
def test_an_alarm_falls_silent_once_something_was_said(state):
    assert b"VALARM" not in render(LOOK, [replace(ENTRY, state=state)])


def test_a_feed_without_alarms_has_none():
    assert b"VALARM" not in render(replace(LOOK, options=Options(alarms=False)), [ENTRY])


def test_an_alarm_can_ring_ahead():
    (valarm,) = only_event(render(replace(LOOK, options=Options(lead_minutes=15)), [ENTRY])).walk("VALARM")
    assert valarm["TRIGGER"].dt == timedelta(minutes=-15)


def test_an_event_without_a_link_has_no_url():
    assert not any(line.startswith("URL") for line in unfolded(render(LOOK, [replace(ENTRY, link=None)])))


def test_an_empty_window_shows_one_notice_stamped_by_the_caller():
    body = render(LOOK, [])
    assert [title for _, _, title in by_ical(body)] == [feed.NOTICE_TITLE]
    assert only_event(body)["DTSTAMP"].dt == MADE
    assert b"VALARM" not in body


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_empty_window_of_a_discreet_feed_tells_nothing(language):
    options = Options(Detail.DISCREET, language=language)
    found = only_event(render(replace(LOOK, options=options), []))
    assert found["SUMMARY"] == words.say(language, feed.NEUTRAL_NOTICE)
    assert "DESCRIPTION" not in found


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_feed_that_has_ended_says_so_in_its_language_and_names_nobody(language):
    body = feed.ended("cal-1@turntwice", MADE, Options(language=language))
    found = only_event(body)
    assert found["SUMMARY"] == words.say(language, feed.ENDED_TITLE)
    assert found["DESCRIPTION"] == words.say(language, feed.ENDED_TEXT)
    assert (found["DTSTAMP"].dt, len(by_ical(body))) == (MADE, 1)
    assert b"VALARM" not in body


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("rich", [False, True])
def test_a_discreet_event_has_a_neutral_title_and_nothing_to_read_or_follow(state, rich):
    look = replace(LOOK, options=Options(Detail.DISCREET, rich=rich))
    found = only_event(render(look, [replace(ENTRY, state=state)]))
    assert str(found["SUMMARY"]).startswith("Personal time")
    assert not {"DESCRIPTION", "X-ALT-DESC", "URL", "CATEGORIES", "COMMENT"} & set(found)
    assert [str(valarm["DESCRIPTION"]) for valarm in found.walk("VALARM")] == ["Personal time"] * (state is State.DUE)


@pytest.mark.parametrize("language, name", [("en", "Personal time"), ("de", "Zeit für mich")])
def test_a_discreet_calendar_has_a_neutral_name(language, name):
    assert feed.name_of(Options(Detail.DISCREET, language=language)) == name
    assert feed.name_of(Options(language=language)) == "Turntwice"


@pytest.mark.parametrize(
    "language, text",
    [
        ("en", "A spinal-rotation stretch on waking and before sleep."),
        ("fr", "Un étirement en rotation de la colonne, au réveil et avant de dormir."),
    ],
)
def test_a_calendar_is_described_in_its_language(language, text):
    assert feed.description_of(Options(language=language)) == text


@pytest.mark.parametrize("language, limit", [("en", 900), ("de", 1000), ("es", 1000), ("fr", 1000)])
@pytest.mark.parametrize("state", [State.DUE, State.DONE])
def test_a_full_event_is_small(language, limit, state):
    address = "https://stretch.example.org/session/session_abcdefgh01234567~{:%Y%m%d}~{}.abcdefghij0123456789ab"
    look = replace(LOOK, options=Options(language=language))
    entries = [
        replace(e, uid=event.uid("abcdefgh01234567", e.date, e.slot), link=address.format(e.date, e.slot), state=state)
        for e in berlin_entries(date(2026, 6, 1), date(2026, 8, 13))
    ]
    events = [event_bytes(look, entry) for entry in entries]
    assert len(events) == 148
    assert sum(map(len, events)) / len(events) < limit


def test_an_event_depends_on_its_entry_and_the_options_alone():
    other = Look("Another", "name", "Asia/Kathmandu", "cal-2@turntwice", CHANGED)
    assert event_bytes(other, ENTRY) == event_bytes(LOOK, ENTRY)
    assert event_bytes(RICH, ENTRY) != event_bytes(LOOK, ENTRY)


def test_the_same_entries_give_the_same_bytes_and_the_stamp_does_not_touch_them():
    later = replace(LOOK, stamp=CHANGED)
    assert render(later, [ENTRY]) == render(LOOK, [ENTRY])


def test_kept_bytes_of_unchanged_events_join_to_the_same_document():
    entries = berlin_entries(*SPRING)
    kept = [event_bytes(LOOK, entry) for entry in entries]
    done = replace(entries[3], state=State.DONE, sequence=1, changed_at=CHANGED)
    kept[3] = event_bytes(LOOK, done)
    assert document(LOOK, kept) == render(LOOK, [*entries[:3], done, *entries[4:]])


def test_one_change_touches_one_event_only():
    entries = berlin_entries(*SPRING)
    before = render(LOOK, entries).split(b"BEGIN:VEVENT")
    done = replace(entries[3], state=State.DONE, sequence=1, changed_at=CHANGED)
    after = render(LOOK, [*entries[:3], done, *entries[4:]]).split(b"BEGIN:VEVENT")
    assert [n for n, (a, b) in enumerate(zip(before, after, strict=True)) if a != b] == [4]


@pytest.mark.parametrize(
    "name, shown",
    [
        ("Rücken, Hüfte; Atem\\Ruhe", "Rücken, Hüfte; Atem\\Ruhe"),
        ("zwei\r\nZeilen\x00\x07\x1b", "zwei\nZeilen"),
        ("a\tb\x85c\u2028d\ud800", "a bcd"),
        ("🧘🏽‍♀️" * 40, "🧘🏽‍♀️" * 40),
        ("BEGIN:VEVENT\nUID:x", "BEGIN:VEVENT\nUID:x"),
    ],
)
def test_a_name_of_any_characters_comes_back_and_breaks_nothing(name, shown):
    body = render(replace(LOOK, name=name, description=name), [ENTRY])
    calendar = icalendar.Calendar.from_ical(body)
    assert calendar["DESCRIPTION"] == shown
    assert {unescaped(calendar[key]) for key in ("NAME", "X-WR-CALNAME", "X-WR-CALDESC")} == {shown}
    assert len(by_ical(body)) == 1


def test_a_link_with_line_ends_cannot_add_a_property():
    sly = replace(ENTRY, link="https://a.example/\r\nATTENDEE:mailto:x@a.example")
    assert not any(line.startswith("ATTENDEE") for line in unfolded(render(LOOK, [sly])))


def test_every_line_has_at_most_75_octets_and_ends_in_crlf():
    body = render(replace(LOOK, name="ü🧘" * 60), berlin_entries(*AUTUMN))
    assert max(len(line) for line in body.split(b"\r\n")) <= 75
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", body)


GOOD = render(LOOK, berlin_entries(*SPRING))
FIRST_ALARM = event.alarm_uid(berlin_entries(*SPRING)[0]).encode()


def broken(old, new):
    assert old in GOOD
    return GOOD.replace(old, new, 1)


@pytest.mark.parametrize(
    "bad, why",
    [
        (b"", "line end"),
        (b"<html>busy</html>\r\n", "frame"),
        (GOOD.replace(b"\r\n", b"\n"), "frame|line end|CRLF"),
        (broken(b"NAME:My", b"NAME:M\ny"), "CRLF"),
        (broken(b"NAME:My", b"NAME:M\ry"), "CRLF"),
        (broken(b"NAME:My", b"NAME:M\x00y"), "control"),
        (broken(b"NAME:My", b"NAME:M\x7fy"), "control"),
        (broken(b"NAME:My", b"NAME:M\xc3\r\n \xbcy"), "inside a character"),
        (broken(b"NAME:My", b"NAME:\xffy"), "UTF-8"),
        (broken(b"NAME:My", b"NAME:" + b"y" * 80), "octets"),
        (broken(b"NAME:My", b"\r\nNAME:My"), "empty line"),
        (GOOD[:-2], "CRLF|line end"),
        (GOOD[: GOOD.rindex(b"END:VCALENDAR")], "frame"),
        (GOOD[: GOOD.index(b"BEGIN:VEVENT")] + b"END:VCALENDAR\r\n", "at least one event"),
        (broken(b"UID:p1-20260326-evening", b"UID:p1-20260326-morning"), "UID of their own"),
        (broken(b"UID:" + FIRST_ALARM, b"UID:p1-20260326-morning@turntwice"), "UID of their own"),
        (broken(b"UID:p1-20260326-evening@turntwice\r\n", b""), "event 2 needs a UID"),
        (broken(b"DTEND:20260326T060500Z", b"DTEND:20260326T060000Z"), "event 1 needs"),
        (broken(b"DTEND:20260326T060500Z", b"DTEND:20260326T055900Z"), "event 1 needs"),
        (broken(b"DTEND:20260326T060500Z\r\n", b""), "event 1 needs"),
        (broken(b"DTSTART:20260326T060000Z", b"DTSTART:20260326T060000"), "event 1 needs"),
    ],
)
def test_a_document_that_would_break_calendars_is_not_published(bad, why):
    with pytest.raises(FeedError, match=why):
        check(bad)


def test_a_good_document_passes_unchanged():
    assert check(GOOD) is GOOD


def test_two_entries_with_one_uid_are_refused():
    with pytest.raises(FeedError, match="UID"):
        render(LOOK, [ENTRY, ENTRY])


def test_uids_that_differ_only_after_a_fold_are_told_apart():
    long = "p" * 90
    entries = [replace(ENTRY, uid=f"{long}-{n}@turntwice") for n in range(2)]
    assert len(by_icalendar(render(LOOK, entries))) == 2
