"""turntwice plan: other times, another zone, a journey, a pause. Nothing that is past moves."""

from datetime import date, time

import click

from calendar_export.routine import Dose
from integration import people, planning
from integration.cli.common import CalendarDate, ClockTime, opened


@click.group(name="plan")
def command() -> None:
    """Change a person's times or zone, or pause; nothing that is past moves."""


@command.command()
@click.argument("person")
@click.option("--morning", type=ClockTime(), help="When the morning session begins.")
@click.option("--evening", type=ClockTime(), help="When the evening session begins.")
@click.option("--day-start", type=ClockTime(), help="When a new day begins.")
@click.option("--repetitions", type=int, help="Turns a side: 3, 4 or 5.")
@click.option("--hold", type=int, help="Seconds to hold each turn: 0 to 30.")
def times(
    person: str,
    morning: time | None,
    evening: time | None,
    day_start: time | None,
    repetitions: int | None,
    hold: int | None,
) -> None:
    """Other times or another dose, from tomorrow on; what is not named stays."""
    with opened() as parts:
        now = parts.clock()
        version = people.find(parts.store, person).plan.versions[-1]
        slots = {slot.name: slot.at for slot in version.slots}
        dose = Dose(
            version.dose.repetitions if repetitions is None else repetitions,
            version.dose.hold_seconds if hold is None else hold,
        )
        planning.change_times(
            parts.store,
            person,
            morning or slots["morning"],
            evening or slots["evening"],
            day_start or version.day_start,
            dose,
            now,
        )
    click.echo("The new times hold from tomorrow on.")


@command.command()
@click.argument("person")
@click.argument("zone")
@click.option("--from", "first", type=CalendarDate(), help="First day there; default now and for good.")
@click.option("--until", "last", type=CalendarDate(), help="Last day there; then home again.")
def zone(person: str, zone: str, first: date | None, last: date | None) -> None:
    """Another time zone: now and for good, or for a journey."""
    if (first is None) != (last is None):
        raise click.UsageError("a journey needs both --from and --until")
    with opened() as parts:
        if first and last:
            planning.travel(parts.store, person, zone, first, last, parts.clock())
        else:
            planning.move(parts.store, person, zone, parts.clock())
    click.echo("The coming sessions follow the new zone.")


@command.command()
@click.argument("person")
@click.option("--from", "first", type=CalendarDate(), help="First day of the pause; default today.")
@click.option("--until", "last", type=CalendarDate(), help="Last day of the pause; default until resumed.")
def pause(person: str, first: date | None, last: date | None) -> None:
    """Pause: nothing is due, and nothing is lost."""
    with opened() as parts:
        now = parts.clock()
        begins = first or people.find(parts.store, person).plan.today(now)
        planning.pause(parts.store, person, begins, last, now)
    click.echo(f"Paused from {begins}.")


@command.command()
@click.argument("person")
def resume(person: str) -> None:
    """End every pause; today is due again."""
    with opened() as parts:
        planning.resume(parts.store, person, parts.clock())
    click.echo("Resumed.")
