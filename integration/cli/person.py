"""turntwice person: people are added, listed, shown and deleted."""

from datetime import date, time
from typing import Any

import click

from calendar_export.plan import DAY_START
from calendar_export.routine import Dose
from integration import people
from integration.cli.common import CalendarDate, ClockTime, as_json, opened, show, table
from integration.core.model import Person
from integration.parts import Parts
from integration.people import Wish
from integration.store import feeds
from integration.store import people as store_people


@click.group(name="person")
def command() -> None:
    """Add, list, show and delete people."""


@command.command()
@click.option("--zone", required=True, help="IANA time zone, such as Europe/Berlin.")
@click.option("--morning", type=ClockTime(), required=True, help="When the morning session begins.")
@click.option("--evening", type=ClockTime(), required=True, help="When the evening session begins.")
@click.option("--start", type=CalendarDate(), help="First day of the plan; default now.")
@click.option("--day-start", type=ClockTime(), default=DAY_START, help="When a new day begins; default 04:00.")
@click.option("--repetitions", type=int, default=Dose().repetitions, help="Turns a side: 3, 4 or 5.")
@click.option("--hold", type=int, default=Dose().hold_seconds, help="Seconds to hold each turn: 0 to 30.")
@as_json
def add(
    zone: str,
    morning: time,
    evening: time,
    start: date | None,
    day_start: time,
    repetitions: int,
    hold: int,
    as_json: bool,
) -> None:
    """Add a person with a plan and a calendar."""
    wish = Wish(zone, morning, evening, start, day_start, Dose(repetitions, hold))
    with opened() as parts:
        person, feed = people.add(parts.store, wish, parts.clock())
        made = {"person": person.id, "page": parts.links.page(person.key), "feed": parts.links.feed(feed.key)}
    _tell(made, as_json)


@command.command(name="list")
@as_json
def list_(as_json: bool) -> None:
    """List all people, oldest first."""
    with opened() as parts, parts.store.reading() as db:
        rows = [_row(person) for person in store_people.everybody(db)]
    show(rows) if as_json else table(rows)


@command.command(name="show")
@click.argument("person")
@as_json
def show_(person: str, as_json: bool) -> None:
    """Show a person's plan and addresses."""
    with opened() as parts:
        _tell(_details(parts, people.find(parts.store, person)), as_json)


@command.command()
@click.argument("person")
@as_json
def delete(person: str, as_json: bool) -> None:
    """Delete a person and all that is theirs; there is no way back."""
    with opened() as parts:
        people.remove(parts.store, person)
    _tell({"deleted": person}, as_json)


def _row(person: Person) -> dict[str, Any]:
    version = person.plan.versions[-1]
    slots = {slot.name: f"{slot.at:%H:%M}" for slot in version.slots}
    return {"person": person.id, "zone": person.plan.zones[-1].zone, **slots, "start": str(person.plan.start)}


def _details(parts: Parts, person: Person) -> dict[str, Any]:
    with parts.store.reading() as db:
        subscriptions = feeds.of(db, person.id)
    addresses = {
        "page": parts.links.page(person.key),
        "feeds": [{"label": feed.label, "feed": parts.links.feed(feed.key)} for feed in subscriptions],
    }
    return _row(person) | addresses


def _tell(values: dict[str, Any], as_json: bool) -> None:
    if as_json:
        return show(values)
    for name, value in values.items():
        for line in _lines(name, value):
            click.echo(line)
    return None


def _lines(name: str, value: Any) -> list[str]:
    """A value as lines; a list has a line a row, its values with colons between."""
    if not isinstance(value, list):
        return [f"{name}: {value}"]
    rows = [": ".join(row.values()) for row in value]
    return [f"{name}:", *(f"  {row}" for row in rows)] if rows else [f"{name}: none"]
