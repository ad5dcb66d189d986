"""The verdict on a feed: every rule can be broken and is then named, good feeds pass, junk is only junk."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calendar_export import clients, rules
from calendar_export.clients import CLIENTS
from calendar_export.reading import read
from calendar_export.verdict import EVERYBODY, Answer, Finding, Severity, judge, reaches_the_web

EVENT = """BEGIN:VEVENT
UID:{uid}@example.org
DTSTAMP:20260601T050000Z
LAST-MODIFIED:20260601T050000Z
SEQUENCE:0
DTSTART:20260602T050000Z
DTEND:20260602T050500Z
SUMMARY:Morning stretch
DESCRIPTION:Before you get up.\\n\\n1. Lie on your back\\, knees bent.
BEGIN:VALARM
UID:alarm-{uid}@example.org
ACTION:DISPLAY
TRIGGER:PT0S
DESCRIPTION:Stretch
END:VALARM
END:VEVENT
"""
HEADER = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example//EN
X-WR-CALNAME:Stretches
REFRESH-INTERVAL;VALUE=DURATION:PT1H
"""
GOOD = (HEADER + EVENT.format(uid="a") + EVENT.format(uid="b") + "END:VCALENDAR\n").replace("\n", "\r\n")
ZONE = """BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:STANDARD
DTSTART:19701025T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
END:VTIMEZONE
""".replace("\n", "\r\n")
ADDRESS = "https://stretch.example.org/calendar/feed_x.ics"
HEADERS = {
    "Content-Type": "text/calendar; charset=utf-8",
    "ETag": '"abc"',
    "Last-Modified": "Mon, 01 Jun 2026 05:00:00 GMT",
    "Cache-Control": "private, no-cache",
}
SAMPLES = Path(__file__).parents[1] / "samples" / "feeds"
Change = Callable[[str], str]


def swap(old: str, new: str) -> Change:
    """Changes the first place where the good feed says `old`; `~` stands for a line end."""

    def change(feed: str) -> str:
        here = old.replace("~", "\r\n")
        assert here in feed, old
        return feed.replace(here, new.replace("~", "\r\n"), 1)

    return change


def only(text: str) -> Change:
    """Something else in the feed's place."""
    return lambda _: text


def local(zone: str, definition: str = "") -> Change:
    """The first event at a local time of a zone, and the definition of one before it."""

    def change(feed: str) -> str:
        feed = swap("DTSTART:20260602T050000Z", f"DTSTART{zone}:20260602T070000")(feed)
        feed = swap("DTEND:20260602T050500Z", f"DTEND{zone}:20260602T070500")(feed)
        return swap("BEGIN:VEVENT", definition + "BEGIN:VEVENT")(feed)

    return change


def findings(document: str | bytes, answer: Answer | None = None) -> tuple[Finding, ...]:
    return judge(document.encode() if isinstance(document, str) else document, answer)


def about(found: tuple[Finding, ...], who: str) -> str:
    return " ".join(finding.text for finding in found if finding.who == who)


def bad(found: tuple[Finding, ...]) -> list[Finding]:
    return [finding for finding in found if finding.severity is Severity.PROBLEM]


PROBLEMS: dict[str, tuple[Change, str]] = {
    "control": (swap("Morning", "Morn\x07ing"), "Control characters: 1."),
    "bare CR": (swap("Morning", "Morn\ring"), "CR alone: 1"),
    "no property": (swap("SEQUENCE:0", "SEQUENCE"), "Lines that say nothing: 1"),
    "unclosed": (swap("END:VALARM~", ""), "Parts without a beginning or an end"),
    "version": (swap("VERSION:2.0", "VERSION:1.0.4"), "VERSION is not 2.0"),
    "prodid": (swap("PRODID:-//Example//EN~", ""), "PRODID is missing"),
    "no uid": (swap("UID:a@example.org~", ""), "Events without a UID: 1."),
    "same uid": (swap("UID:b@", "UID:a@"), "Events that share a UID with another: 1."),
    "no stamp": (swap("DTSTAMP:20260601T050000Z~", ""), "Events without DTSTAMP: 1."),
    "no start": (swap("DTSTART:20260602T050000Z~", ""), "Events without a start: 1."),
    "bad start": (swap("DTSTART:20260602T05", "DTSTART:20260632T05"), "Times that are none: 1."),
    "ends at once": (swap("DTEND:20260602T0505", "DTEND:20260602T0500"), "do not end after they start: 1."),
    "ends before": (swap("DTEND:20260602", "DTEND:20260601"), "do not end after they start: 1."),
    "floating": (local(""), "Events without a time zone: 1."),
    "undefined zone": (local(";TZID=Europe/Berlin"), "Time zones named but not defined: 1."),
    "fixed zone": (local(';TZID="UTC+02:00"'), "Time zones that are a fixed offset: 1."),
    "listed zone": (
        local(";TZID=Europe/Berlin", ZONE.replace("RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU", "RDATE:20251026T030000")),
        "Time zones defined by lists of dates: 1.",
    ),
    "bad trigger": (swap("TRIGGER:PT0S", "TRIGGER:-:PT5M"), "Alarms without a time that can be read: 1."),
    "no trigger": (swap("TRIGGER:PT0S~", ""), "Alarms without a time that can be read: 1."),
    "nothing": (only("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nEND:VCALENDAR\r\n"), "It holds nothing"),
    "empty": (only(""), "It is empty"),
    "blank": (only(" \r\n\r\n"), "It is empty"),
    "web page": (only("<!DOCTYPE html><html>Please log in</html>"), "It is a web page"),
    "json": (only('{"error": "x"}'), "It is no calendar"),
}
NOTES: dict[str, tuple[Change, str]] = {
    "bare LF": (lambda feed: feed.replace("\r\n", "\n"), f"Line ends without their CR: {GOOD.count(chr(10))}."),
    "long line": (swap("SUMMARY:", "SUMMARY:" + "x" * 60), "Lines of more than 75 octets: 1."),
    "long in octets": (swap("SUMMARY:", "SUMMARY:" + "ü" * 30), "Lines of more than 75 octets: 1."),
    "method": (swap("VERSION", "METHOD:PUBLISH~VERSION"), "METHOD"),
    "no name": (swap("X-WR-CALNAME:Stretches~", ""), "It has no name"),
    "no hint": (swap("REFRESH-INTERVAL;VALUE=DURATION:PT1H~", ""), "how often"),
    "bare hint": (swap(";VALUE=DURATION", ""), "lacks VALUE=DURATION"),
    "source": (swap("VERSION", "SOURCE;VALUE=URI:https://x.example/k.ics~VERSION"), "gets the key"),
    "sequence": (swap("SEQUENCE:0~", ""), "Events without SEQUENCE: 1."),
    "modified": (swap("LAST-MODIFIED:20260601T050000Z~", ""), "Events without LAST-MODIFIED: 1."),
    "cancelled": (swap("SUMMARY", "STATUS:cancelled~SUMMARY"), "Cancelled events: 1."),
    "no end": (swap("DTEND:20260602T050500Z~", ""), "Events without an end: 1."),
    "two zones": (local(";TZID=Europe/Berlin", ZONE + ZONE.replace("Berlin", "Paris")), "Time zones defined: 2."),
    "two alarms": (
        swap("END:VALARM", "END:VALARM~BEGIN:VALARM~ACTION:DISPLAY~TRIGGER:PT0S~END:VALARM"),
        "one alarm: 1",
    ),
    "audio": (swap("ACTION:DISPLAY", "ACTION:AUDIO"), "no plain reminder: 1."),
    "late alarm": (swap("TRIGGER:PT0S", "TRIGGER:PT5M"), "Alarms after their event begins: 1."),
    "late, signed": (swap("TRIGGER:PT0S", "TRIGGER:+PT5M"), "Alarms after their event begins: 1."),
    "html": (swap("Before you", "<b>Before</b> you"), "Descriptions with HTML: 1."),
    "altrep": (
        swap("DESCRIPTION:B", 'DESCRIPTION;ALTREP="data:text/html,x":B'),
        "Descriptions with an alternative: 1.",
    ),
    "organizer": (swap("SUMMARY", "ORGANIZER:mailto:x@example.org~SUMMARY"), "organizer or guests: 1."),
    "todo": (swap("BEGIN:VEVENT", "BEGIN:VTODO~UID:t~END:VTODO~BEGIN:VEVENT"), "Tasks and journal entries: 1."),
}


def test_a_good_feed_has_no_fault_at_all() -> None:
    found = findings(GOOD, Answer(ADDRESS, 200, HEADERS))
    common = [finding for finding in found if finding.who == EVERYBODY]
    assert [finding.severity for finding in common] == [Severity.OK, Severity.OK]
    assert common[0].text == "It is well formed, with 2 events."
    assert not bad(found)


@pytest.mark.parametrize("name", PROBLEMS)
def test_what_breaks_calendars_is_a_problem(name: str) -> None:
    change, told = PROBLEMS[name]
    found = findings(change(GOOD))
    assert told in " ".join(finding.text for finding in bad(found))
    assert "well formed" not in about(found, EVERYBODY)


@pytest.mark.parametrize("name", NOTES)
def test_what_is_only_unwise_is_a_note(name: str) -> None:
    change, told = NOTES[name]
    found = findings(change(GOOD))
    assert [told in finding.text for finding in found if finding.severity is Severity.NOTE].count(True) == 1
    assert not bad(found)


@pytest.mark.parametrize("word", ["LINK", "CONCEPT", "REFID", "STYLED-DESCRIPTION", "STRUCTURED-DATA"])
def test_words_that_only_gnome_stumbles_over_are_told_to_gnome_alone(word: str) -> None:
    found = findings(swap("SUMMARY", f"{word}:x~SUMMARY")(GOOD))
    assert "takes for errors: 1" in about(found, clients.GNOME)
    assert "takes for errors" not in about(found, EVERYBODY)


def test_a_uid_that_nextcloud_skips_is_told_to_nextcloud() -> None:
    found = findings(swap("UID:a@", "UID:" + "\r\n ".join(["a" * 60] * 9) + "@")(GOOD))
    assert [finding.who for finding in bad(found)] == [clients.NEXTCLOUD]


def test_a_line_folded_inside_a_character_is_a_problem() -> None:
    split = "ü".encode()
    found = findings(GOOD.encode().replace(b"Morning", split[:1] + b"\r\n " + split[1:], 1))
    assert "not UTF-8" in bad(found)[0].text


def test_folded_lines_and_quoted_parameters_are_read_as_one() -> None:
    text = 'BEGIN:VEVENT\r\nX-A;B="c:d;e=f";G=h:i:\r\n j\r\n\tk\r\nEND:VEVENT'
    found = read(text.encode()).root.parts[0].properties[0]
    assert (found.name, found.parameters, found.value) == ("X-A", {"B": "c:d;e=f", "G": "h"}, "i:jk")


def test_an_override_may_share_the_uid_of_its_series() -> None:
    again = swap("UID:b@example.org", "UID:a@example.org~RECURRENCE-ID:20260602T050000Z")(GOOD)
    assert not bad(findings(again))


def test_a_defined_zone_is_no_problem_but_every_client_says_how_it_reads_it() -> None:
    found = findings(local(";TZID=Europe/Berlin", ZONE)(GOOD))
    assert not bad(found)
    assert "UTC or whole days" not in about(found, EVERYBODY)
    for client in CLIENTS:
        assert client.zones in about(found, client.name)


def test_whole_days_have_no_zone_to_misread() -> None:
    days = swap("DTSTART:20260602T050000Z", "DTSTART;VALUE=DATE:20260602")(GOOD)
    found = findings(swap("DTEND:20260602T050500Z", "DTEND;VALUE=DATE:20260603")(days))
    assert not bad(found)
    assert "UTC or whole days" in about(found, EVERYBODY)


@pytest.mark.parametrize("trigger", ["P0D", "PT0S", "-PT5M", "-P1DT2H3M4S", "-P1W", "20260602T050000Z"])
def test_an_alarm_at_its_session_or_before_is_right(trigger: str) -> None:
    found = findings(swap("TRIGGER:PT0S", f"TRIGGER:{trigger}")(GOOD))
    assert not bad(found)
    assert "Alarms" not in about(found, EVERYBODY)


WORSE: dict[str, tuple[dict[str, str | None], Severity, str]] = {
    "no type": ({"Content-Type": None}, Severity.PROBLEM, "Content-Type is not text/calendar"),
    "html": ({"Content-Type": "text/html"}, Severity.PROBLEM, "Content-Type is not text/calendar"),
    "no charset": ({"Content-Type": "text/calendar"}, Severity.NOTE, "does not say UTF-8"),
    "no tags": ({"ETag": None, "Last-Modified": None}, Severity.NOTE, "neither ETag nor Last-Modified"),
    "no caching": ({"Cache-Control": None}, Severity.NOTE, "lets others keep a copy"),
    "kept": ({"Cache-Control": "public, max-age=86400"}, Severity.NOTE, "lets others keep a copy"),
    "download": ({"Content-Disposition": "attachment; filename=a.ics"}, Severity.NOTE, "comes as a download"),
}


@pytest.mark.parametrize("name", WORSE)
def test_headers_that_harm_are_named(name: str) -> None:
    changed, severity, told = WORSE[name]
    headers = {key.lower(): value for key, value in {**HEADERS, **changed}.items() if value is not None}
    found = findings(GOOD, Answer(ADDRESS, 200, headers))
    assert [finding.severity for finding in found if told in finding.text] == [severity]


@pytest.mark.parametrize(
    ("status", "told", "severity"),
    [
        (401, "asks for a password", Severity.PROBLEM),
        (403, "forbidden", Severity.PROBLEM),
        (404, "Nothing is at this address", Severity.PROBLEM),
        (410, "gone for good", Severity.PROBLEM),
        (302, "308 only", Severity.NOTE),
        (503, "answers 503", Severity.PROBLEM),
        (429, "answers 429", Severity.PROBLEM),
    ],
)
def test_an_error_says_what_each_client_does_then_and_nothing_of_the_page(
    status: int, told: str, severity: Severity
) -> None:
    found = findings("<html>", Answer(ADDRESS, status))
    assert [finding.severity for finding in found if told in finding.text] == [severity]
    assert [finding.text for finding in found if finding.who != EVERYBODY] == [client.errors for client in CLIENTS]


@pytest.mark.parametrize("address", [ADDRESS.replace("https", "http"), ADDRESS.replace("https", "webcal")])
def test_google_usually_refuses_what_is_not_https(address: str) -> None:
    found = findings(GOOD, Answer(address, 200, HEADERS))
    assert [finding.who for finding in bad(found)] == [clients.GOOGLE]
    assert "usually refuses" in about(found, clients.GOOGLE)
    assert "not https" in about(found, EVERYBODY)


def test_servers_on_the_web_cannot_fetch_from_this_machine() -> None:
    found = findings(GOOD, Answer("http://127.0.0.1:8000/calendar/x.ics", 200, HEADERS))
    assert {finding.who for finding in bad(found)} == {EVERYBODY, *(one.name for one in CLIENTS if one.from_web)}
    assert "will show nothing" in about(found, clients.GOOGLE)
    assert "rings" in about(found, clients.THUNDERBIRD)


@pytest.mark.parametrize(
    ("address", "reached"),
    [
        ("https://stretch.example.org/x", True),
        ("https://93.184.216.34/x", True),
        ("https://[2606:2800:220:1::1]/x", True),
        ("http://localhost:8000/x", False),
        ("http://127.0.0.1/x", False),
        ("http://192.168.1.7/x", False),
        ("http://[::1]/x", False),
        ("http://[fd00::1]/x", False),
        ("http://server/x", False),
        ("http://server.local/x", False),
        ("http://nas.lan/x", False),
        ("http://[broken/x", False),
        ("", False),
    ],
)
def test_an_address_of_home_does_not_reach_the_web(address: str, reached: bool) -> None:
    assert reaches_the_web(address) is reached


def test_a_tick_is_late_in_google_and_a_day_late_in_home_assistant() -> None:
    found = findings(GOOD)
    assert "tick may come late" in about(found, clients.GOOGLE)
    notes = {finding.who for finding in found if finding.severity is Severity.NOTE}
    assert {clients.GOOGLE, clients.HOME_ASSISTANT} <= notes
    assert clients.THUNDERBIRD not in notes


def test_nextcloud_may_wait_a_week_for_a_feed_without_a_hint() -> None:
    silent = findings(swap("REFRESH-INTERVAL;VALUE=DURATION:PT1H~", "")(GOOD))
    for found, severity in ((findings(GOOD), Severity.OK), (silent, Severity.NOTE)):
        assert [one.severity for one in found if one.who == clients.NEXTCLOUD and "week" in one.text] == [severity]


def test_alarms_are_told_client_by_client_and_a_feed_without_them_is_silent_everywhere() -> None:
    for client in CLIENTS:
        assert client.ringing in about(findings(GOOD), client.name)
    silent = GOOD
    for uid in "ab":
        alarm = EVENT.format(uid=uid).replace("\n", "\r\n")
        silent = silent.replace(alarm[alarm.index("BEGIN:VALARM") : alarm.index("END:VEVENT")], "")
    for client in CLIENTS:
        assert "stays silent, as this feed has no alarms" in about(findings(silent), client.name)


def test_outlook_gets_html_from_its_own_property_and_thunderbird_from_an_alternative() -> None:
    twin = findings(swap("SUMMARY", "X-ALT-DESC;FMTTYPE=text/html:<p>x</p>~SUMMARY")(GOOD))
    assert "HTML twin" in about(twin, clients.OUTLOOK_CLASSIC)
    assert "no HTML for it" in about(twin, clients.THUNDERBIRD)
    other = findings(swap("DESCRIPTION:B", 'DESCRIPTION;ALTREP="data:text/html,x":B')(GOOD))
    assert "no HTML for it" in about(other, clients.OUTLOOK_CLASSIC)
    assert "shows that alone" in about(other, clients.THUNDERBIRD)
    assert "may fail" in about(other, clients.NODE)


def test_what_concerns_all_comes_first_and_each_client_in_one_place() -> None:
    found = findings(swap("SUMMARY", "LINK:x~SUMMARY")(GOOD), Answer(ADDRESS, 200, {}))
    order = list(dict.fromkeys(finding.who for finding in found))
    assert order == [EVERYBODY, *(client.name for client in CLIENTS)]
    places = [order.index(finding.who) for finding in found]
    assert places == sorted(places)


def test_every_rule_of_the_table_is_broken_by_a_test() -> None:
    told = [change(GOOD) for change, _ in (*PROBLEMS.values(), *NOTES.values())]
    told += [swap("SUMMARY", "LINK:x~SUMMARY")(GOOD), swap("UID:a@", f"UID:{'a' * 600}@")(GOOD)]
    feeds = [rules.opened(feed.encode()) for feed in told] + [rules.opened(b"\xff")]
    for rule in rules.RULES:
        assert any(rule.count(feed) for feed in feeds), rule.text
    assert not any(rule.count(rules.opened(GOOD.encode())) for rule in rules.RULES)


@given(st.binary(max_size=300))
def test_junk_is_judged_like_anything_else(junk: bytes) -> None:
    for document in (junk, b"BEGIN:VCALENDAR\r\n" + junk, GOOD.encode().replace(b"Morning stretch", junk)):
        assert judge(document)
        assert judge(document, Answer(ADDRESS, 200, HEADERS))


LINES = GOOD.split("\r\n")


@given(
    st.lists(
        st.sampled_from([*LINES, *ZONE.split("\r\n"), "BEGIN:", "END:X", ";:", "DTSTART;TZID=:T", 'X;A=":']),
        max_size=40,
    )
)
def test_lines_of_feeds_in_any_order_are_judged_too(lines: list[str]) -> None:
    found = judge(("BEGIN:VCALENDAR\r\n" + "\r\n".join(lines)).encode())
    assert {type(finding) for finding in found} == {Finding}


@given(st.text(max_size=60), st.integers(), st.dictionaries(st.text(max_size=20), st.text(max_size=20)))
def test_any_address_status_and_headers_are_judged(address: str, status: int, headers: dict[str, str]) -> None:
    assert judge(GOOD.encode(), Answer(address, status, headers))


def test_ten_thousand_parts_inside_each_other_are_no_trouble() -> None:
    assert bad(judge(b"BEGIN:VCALENDAR\r\n" * 10_000 + b"END:VCALENDAR\r\n" * 9_999))


def test_a_day_that_does_not_exist_is_no_time() -> None:
    leap = GOOD.replace("20260602T05", "20260229T05")
    assert "Times that are none: 4." in about(findings(leap), EVERYBODY)
    assert not bad(findings(leap.replace("20260229", "20240229")))


@pytest.mark.parametrize("file", sorted(SAMPLES.glob("*.ics")), ids=lambda file: file.stem)
def test_our_own_feeds_have_no_problem(file: Path) -> None:
    assert not bad(judge(file.read_bytes(), Answer(ADDRESS, 200, HEADERS)))
