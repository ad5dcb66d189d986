"""Zone names checked, wall times turned into instants, clock changes settled (spec: streaks section 6)."""

from datetime import UTC, datetime

import pytest

from calendar_export.errors import PlanError
from calendar_export.zones import to_instant, to_wall, zone


@pytest.mark.parametrize("name", ["Europe/Berlin", "America/Argentina/Buenos_Aires", "UTC", "Pacific/Apia"])
def test_a_name_of_the_zone_database_is_a_zone(name):
    assert zone(name).key == name


@pytest.mark.parametrize(
    "name, hint",
    [
        ("Europe/Berlim", "did you mean 'Europe/Berlin'"),
        ("europe/berlin", "did you mean 'Europe/Berlin'"),
        ("", "IANA name"),
        ("qqqqqqqq", "IANA name"),
        ("../../etc/passwd", "unknown time zone"),
        ("Europe/Berlin\0", "unknown time zone"),
        ("/usr/share/zoneinfo/UTC", "unknown time zone"),
        ("Europe", "unknown time zone"),
        ("+02:00", "unknown time zone"),
        ("z" * 10_000, "unknown time zone"),
    ],
)
def test_any_other_name_is_refused_with_a_hint(name, hint):
    with pytest.raises(PlanError, match=hint) as caught:
        zone(name)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "wall, name, instant",
    [
        (datetime(2026, 6, 2, 7), "Europe/Berlin", datetime(2026, 6, 2, 5, tzinfo=UTC)),
        (datetime(2026, 1, 5, 7), "Europe/Berlin", datetime(2026, 1, 5, 6, tzinfo=UTC)),
        (datetime(2026, 3, 29, 2, 30), "Europe/Berlin", datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        (datetime(2026, 3, 29, 3, 30), "Europe/Berlin", datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        (datetime(2026, 10, 25, 2, 30), "Europe/Berlin", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        (datetime(2026, 10, 25, 3), "Europe/Berlin", datetime(2026, 10, 25, 2, tzinfo=UTC)),
        (datetime(2026, 3, 8, 2, 30), "America/New_York", datetime(2026, 3, 8, 7, 30, tzinfo=UTC)),
        (datetime(2026, 11, 1, 1, 30), "America/New_York", datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),
        (datetime(2026, 10, 4, 2, 15), "Australia/Lord_Howe", datetime(2026, 10, 3, 15, 45, tzinfo=UTC)),
        (datetime(2011, 12, 30, 7), "Pacific/Apia", datetime(2011, 12, 30, 17, tzinfo=UTC)),
        (datetime(2026, 6, 2, 7), "Asia/Kathmandu", datetime(2026, 6, 2, 1, 15, tzinfo=UTC)),
    ],
)
def test_a_wall_time_is_one_instant_also_in_a_gap_or_an_overlap(wall, name, instant):
    assert to_instant(wall, name) == instant


@pytest.mark.parametrize(
    "instant, name, wall",
    [
        (datetime(2026, 3, 29, 1, 30, tzinfo=UTC), "Europe/Berlin", datetime(2026, 3, 29, 3, 30)),
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "Europe/Berlin", datetime(2026, 10, 25, 2, 30)),
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "Europe/Berlin", datetime(2026, 10, 25, 2, 30)),
        (datetime(2026, 6, 2, 6, tzinfo=UTC), "America/Los_Angeles", datetime(2026, 6, 1, 23)),
    ],
)
def test_an_instant_is_what_the_clock_on_the_wall_shows(instant, name, wall):
    assert to_wall(instant, name) == wall
