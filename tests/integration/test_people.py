"""People come with a plan and a calendar, and go with all that is theirs."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from calendar_export.errors import CalendarError, PlanError
from calendar_export.routine import Dose
from integration import people, record, status
from integration.core.model import FactKind
from integration.core.placing import Placed
from integration.errors import NotFound
from integration.parts import Parts
from integration.people import Wish, plan_for
from integration.store import feeds, lookings, outlets, remembered
from integration.store.tables import metadata
from tests.integration.conftest import TODAY, Somebody, days, said

NOW = datetime(2026, 6, 2, 20, 30, tzinfo=UTC)


def wish(**changes: Any) -> Wish:
    return Wish(**{"zone": "Europe/Berlin", "morning": time(7), "evening": time(22), **changes})


def test_a_plan_begins_on_the_logical_day_of_the_person_and_with_what_is_still_ahead() -> None:
    plan = plan_for(wish(), NOW)
    assert plan.start == TODAY
    assert [session.not_due is None for session in plan.sessions(TODAY, TODAY)] == [False, False]
    assert all(session.not_due is None for session in plan.sessions(TODAY + days(1), TODAY + days(3)))


def test_before_the_day_starts_it_is_still_yesterday() -> None:
    assert plan_for(wish(), datetime(2026, 6, 2, 1, 59, tzinfo=UTC)).start == TODAY - days(1)
    assert plan_for(wish(), datetime(2026, 6, 2, 2, 0, tzinfo=UTC)).start == TODAY


def test_the_date_is_that_of_the_persons_zone() -> None:
    assert plan_for(wish(zone="Pacific/Auckland"), NOW).start == date(2026, 6, 3)
    assert plan_for(wish(zone="Pacific/Honolulu"), NOW).start == TODAY


def test_with_a_start_every_session_since_then_is_due() -> None:
    plan = plan_for(wish(start=TODAY - days(5)), NOW)
    assert plan.start == TODAY - days(5)
    assert len([s for s in plan.sessions(plan.start, TODAY) if s.not_due is None]) == 12


REFUSED = {
    "an unknown zone": {"zone": "Europe/Berlim"},
    "no zone": {"zone": ""},
    "a path": {"zone": "../../etc/passwd"},
    "NUL": {"zone": "Europe/\0"},
    "a zone of machines": {"zone": "localtime"},
    "tomorrow": {"start": date(2026, 6, 3)},
    "before 2000": {"start": date(1999, 12, 31)},
    "evening before morning": {"morning": time(22), "evening": time(7)},
    "both at one time": {"evening": time(7)},
    "a day that starts between them": {"day_start": time(8)},
    "too many turns": {"dose": Dose(repetitions=6)},
    "too few turns": {"dose": Dose(repetitions=2)},
    "too long a hold": {"dose": Dose(hold_seconds=31)},
    "a negative hold": {"dose": Dose(hold_seconds=-1)},
}


@pytest.mark.parametrize("changes", REFUSED.values(), ids=REFUSED)
def test_a_wish_that_makes_no_plan_is_refused_in_one_line_and_nobody_is_made(
    parts: Parts, changes: dict[str, Any], census: Callable[[], dict[str, int]]
) -> None:
    with pytest.raises((PlanError, CalendarError)) as refused:
        people.add(parts.store, wish(**changes), NOW)
    assert "\n" not in str(refused.value)
    assert set(census().values()) == {0}


def test_a_person_comes_with_one_feed_and_two_keys_that_differ(parts: Parts) -> None:
    person, feed = people.add(parts.store, wish(), NOW)
    assert people.find(parts.store, person.id) == person
    with parts.store.reading() as db:
        assert [found.id for found in feeds.of(db, person.id)] == [feed.id]
    assert person.key != feed.key
    assert feed.person == person.id
    assert person.key not in repr(person)
    assert feed.key not in repr(feed)


@pytest.mark.parametrize("unknown", ["", "nobody", "x" * 5000, "'; DROP TABLE people; --", "ünknown"])
def test_an_unknown_person_is_told_in_one_line_with_what_to_type(parts: Parts, unknown: str) -> None:
    for ask in (people.find, people.remove):
        with pytest.raises(NotFound, match="turntwice person list") as refused:
            ask(parts.store, unknown)
        assert len(str(refused.value)) < 200


def live(somebody: Somebody, client: FlaskClient) -> None:
    """Leaves a row in every table."""
    parts, now = somebody.parts, somebody.parts.clock()
    connection = somebody.connect("simple", bearer="b" * 24)
    somebody.hear(connection, said(day=TODAY - days(200)))
    somebody.hear(connection, said(slot="noon", event="nowhere"))
    told = somebody.connect("standard").id
    with parts.store.writing() as db:
        outlets.add(db, told, None)
        lookings.hook(db, told, now)
        remembered.put_away(db, connection.id, ["elsewhere"], now)
    record.tell(parts.store, somebody.person, Placed("evening", TODAY), FactKind.DONE, now)
    status.read(parts.store, somebody.person, now)
    assert client.get(somebody.path(parts.links.feed(somebody.feed.key))).status_code == 200
    assert client.get(somebody.path(parts.links.page(somebody.key))).status_code == 200


def rows(parts: Parts) -> dict[str, list[str]]:
    with parts.store.reading() as db:
        return {table.name: sorted(map(repr, db.execute(select(table)))) for table in metadata.sorted_tables}


def test_deleting_a_person_leaves_no_row_of_theirs_and_every_row_of_others(
    arrive: Any, client: FlaskClient, parts: Parts
) -> None:
    live(arrive(start=TODAY - days(300)), client)
    before = rows(parts)
    assert [name for name, found in before.items() if not found] == [], "live() must reach every table"
    leaving = arrive(start=TODAY - days(300))
    live(leaving, client)
    addresses = [parts.links.page(leaving.key), parts.links.feed(leaving.feed.key)]
    people.remove(parts.store, leaving.id)
    assert rows(parts) == before
    assert [client.get(leaving.path(address)).status_code for address in addresses] == [404, 404]
    with pytest.raises(NotFound):
        people.remove(parts.store, leaving.id)


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_after_a_deletion_and_a_stop_no_byte_of_theirs_is_left_in_the_file(
    arrive: Any, client: FlaskClient, parts: Parts
) -> None:
    staying, leaving = arrive(start=TODAY - days(300)), arrive(start=TODAY - days(300))
    for somebody in (staying, leaving):
        live(somebody, client)
    people.remove(parts.store, leaving.id)
    parts.store.close()
    file = Path(parts.store.engine.url.database or "")
    left = b"".join(path.read_bytes() for path in file.parent.glob(f"{file.name}*"))
    assert staying.id.encode() in left
    assert [value for value in (leaving.id, leaving.key, leaving.feed.key) if value.encode() in left] == []
