"""Zone definitions, held against the zone database by an evaluator of our own that knows nothing but RFC 5545."""

from bisect import bisect_right
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from calendar_export.errors import PlanError
from calendar_export.vtimezone import WEEKDAYS, YEARS, vtimezone
from calendar_export.zones import names

YEAR = 2026
SECOND = timedelta(seconds=1)
ODD = [
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/Havana",
    "America/Nuuk",
    "America/Santiago",
    "America/St_Johns",
    "Antarctica/Troll",
    "Asia/Jerusalem",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Europe/Dublin",
    "Pacific/Chatham",
]
CHANGED_THEIR_LAW = [
    "America/Asuncion",
    "America/Ciudad_Juarez",
    "America/Mexico_City",
    "Antarctica/Casey",
    "Asia/Almaty",
    "Asia/Amman",
    "Asia/Gaza",
    "Asia/Tehran",
    "Pacific/Apia",
]


@dataclass(frozen=True)
class Observance:
    """One STANDARD or DAYLIGHT as it stands in the text."""

    kind: str
    starts: datetime
    rule: dict[str, str]
    before: timedelta
    after: timedelta
    name: str

    def onsets(self, last_year):
        """Every instant (UTC) from which it holds."""
        dates = by_rule(self.rule, self.starts.year, last_year) if self.rule else [self.starts.date()]
        walls = [datetime.combine(day, self.starts.time()) for day in dates]
        return [(wall - self.before).replace(tzinfo=UTC) for wall in walls]


def by_rule(rule, first_year, last_year):
    assert rule["FREQ"] == "YEARLY"
    assert set(rule) <= {"FREQ", "BYMONTH", "BYDAY", "BYMONTHDAY"}
    nth, weekday = int(rule["BYDAY"][:-2] or 0), WEEKDAYS.index(rule["BYDAY"][-2:])
    wanted = [int(day) for day in rule["BYMONTHDAY"].split(",")] if "BYMONTHDAY" in rule else range(1, 32)
    dates = []
    for year in range(first_year, last_year + 1):
        length = monthrange(year, int(rule["BYMONTH"]))[1]
        month = [date(year, int(rule["BYMONTH"]), day) for day in range(1, length + 1)]
        same = [day for day in month if day.weekday() == weekday]
        chosen = [same[nth - 1 if nth > 0 else nth]] if nth else same
        dates += [day for day in chosen if day.day in wanted]
    return dates


def lines_of(name, year=YEAR):
    *lines, rest = vtimezone(name, year).decode("ascii").split("\r\n")
    assert not rest
    return lines


def offset(text):
    digits = [int(text[n : n + 2]) for n in range(1, len(text), 2)]
    hours, minutes, seconds = (*digits, 0)[:3]
    return timedelta(hours=hours, minutes=minutes, seconds=seconds) * (-1 if text[0] == "-" else 1)


def observances(name, year=YEAR):
    lines = lines_of(name, year)
    assert lines[:2] == ["BEGIN:VTIMEZONE", f"TZID:{name}"]
    assert lines[-1] == "END:VTIMEZONE"
    found, values = [], {}
    for line in lines[2:-1]:
        key, value = line.split(":", 1)
        if key == "BEGIN":
            values = {}
        elif key == "END":
            found.append(observance(value, values))
        else:
            assert key not in values
            values[key] = value
    return found


def observance(kind, values):
    assert set(values) - {"RRULE"} == {"DTSTART", "TZOFFSETFROM", "TZOFFSETTO", "TZNAME"}
    return Observance(
        kind=kind,
        starts=datetime.strptime(values["DTSTART"], "%Y%m%dT%H%M%S"),
        rule=dict(part.split("=") for part in values["RRULE"].split(";")) if "RRULE" in values else {},
        before=offset(values["TZOFFSETFROM"]),
        after=offset(values["TZOFFSETTO"]),
        name=values["TZNAME"],
    )


def wrong(name, year):
    """The instants at which the definition says something else than the zone database."""
    tz = ZoneInfo(name)
    begin, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + YEARS, 12, 31, tzinfo=UTC)
    onsets = sorted((at, seen.after) for seen in observances(name, year) for at in seen.onsets(year + YEARS))
    turns = [at for at, _ in onsets]
    spread = [begin + n * (end - begin) / 200 for n in range(201)]
    close = [at + step for at in turns for step in (-SECOND, timedelta(), SECOND) if begin < at < end]
    return [at for at in (*spread, *close) if onsets[bisect_right(turns, at) - 1][1] != at.astimezone(tz).utcoffset()]


def test_every_zone_of_the_database_has_its_own_offset_at_every_instant():
    assert len(names()) > 400
    assert {name: found[:3] for name in sorted(names()) if (found := wrong(name, YEAR))} == {}


@pytest.mark.parametrize("year", [2021, 2024])
@pytest.mark.parametrize("name", [*ODD, *CHANGED_THEIR_LAW])
def test_a_zone_whose_law_changes_within_the_years_is_right_before_and_after(name, year):
    assert wrong(name, year) == []


@pytest.mark.parametrize("name", ODD)
def test_every_observance_begins_on_a_date_of_its_own_rule(name):
    for found in observances(name):
        if found.rule:
            assert by_rule(found.rule, found.starts.year, found.starts.year) == [found.starts.date()]


@pytest.mark.parametrize("name", ODD)
def test_no_time_of_the_first_year_comes_before_every_observance(name):
    first = min(onset for found in observances(name) for onset in found.onsets(YEAR))
    assert first < datetime(YEAR, 1, 1, tzinfo=UTC) - timedelta(hours=14)


@pytest.mark.parametrize(
    "name, rules",
    [
        ("Europe/Berlin", ["FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU", "FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU"]),
        ("America/New_York", ["FREQ=YEARLY;BYMONTH=3;BYDAY=2SU", "FREQ=YEARLY;BYMONTH=11;BYDAY=1SU"]),
        ("Australia/Sydney", ["FREQ=YEARLY;BYMONTH=4;BYDAY=1SU", "FREQ=YEARLY;BYMONTH=10;BYDAY=1SU"]),
        (
            "Asia/Jerusalem",
            ["FREQ=YEARLY;BYMONTH=3;BYDAY=FR;BYMONTHDAY=23,24,25,26,27,28,29", "FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU"],
        ),
        (
            "America/Nuuk",
            ["FREQ=YEARLY;BYMONTH=3;BYDAY=SA;BYMONTHDAY=24,25,26,27,28,29,30", "FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU"],
        ),
    ],
)
def test_a_yearly_change_is_one_rule(name, rules):
    assert [line.removeprefix("RRULE:") for line in lines_of(name) if line.startswith("RRULE")] == rules


@pytest.mark.parametrize(
    "name, written, abbreviation",
    [
        ("UTC", "+0000", "UTC"),
        ("Asia/Kathmandu", "+0545", "+0545"),
        ("Asia/Kolkata", "+0530", "IST"),
        ("Etc/GMT+3", "-0300", "-03"),
        ("Pacific/Marquesas", "-0930", "-0930"),
    ],
)
def test_a_zone_that_never_changes_is_one_standard_time(name, written, abbreviation):
    assert lines_of(name) == [
        "BEGIN:VTIMEZONE",
        f"TZID:{name}",
        "BEGIN:STANDARD",
        "DTSTART:19700101T000000",
        f"TZOFFSETFROM:{written}",
        f"TZOFFSETTO:{written}",
        f"TZNAME:{abbreviation}",
        "END:STANDARD",
        "END:VTIMEZONE",
    ]


@pytest.mark.parametrize("name", ["Africa/Casablanca", "Africa/El_Aaiun"])
def test_changes_that_follow_the_moon_stand_one_by_one(name):
    found = observances(name, 2021)
    assert not any(one.rule for one in found)
    assert len(found) > 10


def test_a_change_on_the_last_thursday_at_midnight_is_right_also_where_that_falls_into_november():
    found = observances("Africa/Cairo")
    autumn = [one for one in found if one.kind == "STANDARD"]
    assert [bool(one.rule) for one in autumn] == [True, False, False]
    assert [one.starts.date() for one in autumn[1:]] == [date(2030, 11, 1), date(2041, 11, 1)]


@pytest.mark.parametrize("name, summer, winter", [("Europe/Dublin", "IST", "GMT"), ("Europe/London", "BST", "GMT")])
def test_summer_is_daylight_time_in_ireland_too(name, summer, winter):
    assert {(one.kind, one.name) for one in observances(name)} == {("DAYLIGHT", summer), ("STANDARD", winter)}


def test_half_an_hour_and_two_hours_are_written_as_such():
    assert {one.after - one.before for one in observances("Australia/Lord_Howe")} == {
        timedelta(minutes=30),
        timedelta(minutes=-30),
    }
    assert {one.after - one.before for one in observances("Antarctica/Troll")} == {
        timedelta(hours=2),
        timedelta(hours=-2),
    }


def test_no_line_needs_folding_and_nothing_misleads():
    for line in (line for name in names() for line in lines_of(name)):
        assert len(line) <= 75
        assert not line.startswith(("RDATE", "COMMENT", "X-"))
        assert "UNTIL" not in line


def test_a_single_exception_does_not_cost_the_rule():
    spring = [found for found in observances("America/Santiago", 2021) if found.kind == "DAYLIGHT"]
    assert [bool(found.rule) for found in spring] == [False, False, False, True]
    assert spring[2].starts == datetime(2022, 9, 11)


def test_the_definition_is_the_same_all_year():
    assert vtimezone("Europe/Berlin", YEAR) == vtimezone.__wrapped__("Europe/Berlin", YEAR)


def test_a_zone_that_nobody_knows_is_refused():
    with pytest.raises(PlanError, match="did you mean"):
        vtimezone("Europe/Berlim", YEAR)
