"""turntwice status: a person's numbers at this moment."""

import click

from integration import people, status
from integration.cli.common import as_json, opened, show


@click.command(name="status")
@click.argument("person")
@as_json
def command(person: str, as_json: bool) -> None:
    """Streaks, score and today of a person."""
    with opened() as parts:
        stands = status.read(parts.store, people.find(parts.store, person), parts.clock())
    values = status.as_json(stands)
    if as_json:
        return show(values)
    today = ", ".join(f"{slot} {state}" for slot, state in list(values["today"].items())[1:])
    click.echo(f"Today: {today}")
    click.echo(f"Days in a row: {values['active']} (best {values['best_active']}); both sessions: {values['perfect']}")
    click.echo(f"Score: {values['score']:.1%}")
    for span, (done, due) in values["adherence"].items():
        click.echo(f"Last {span} days: {done} of {due} sessions")
    return None
