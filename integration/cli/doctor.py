"""turntwice doctor: looks at everything that can be wrong and says what to type."""

import os
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import click

from calendar_export.errors import CalendarError
from calendar_export.verdict import reaches_the_web
from integration.config import Config
from integration.errors import TurntwiceError
from integration.parts import Parts, assemble
from integration.store import schema, upkeep
from webhooks.errors import WebhookError


@click.command(name="doctor")
def command() -> None:
    """Say what is wrong and what to type; exit status 1 when something is."""
    config = Config.from_env(os.environ)
    click.echo(f"ok: data in {config.data}")
    parts = assemble(config)
    try:
        troubles = [*_troubles(parts), *_about_address(config.public_url)]
    finally:
        parts.store.close()
    for trouble in troubles:
        click.echo(f"wrong: {trouble}")
    if troubles:
        raise click.exceptions.Exit(1)
    click.echo("Nothing is wrong.")


def _troubles(parts: Parts) -> Iterator[str]:
    steps: dict[str, Callable[[], object]] = {
        "the database has this program's version": lambda: schema.upgrade(parts.store),
        "the database is whole": lambda: upkeep.check(parts.store),
    }
    for name, step in steps.items():
        try:
            step()
        except (TurntwiceError, CalendarError, WebhookError) as error:
            yield str(error)
        else:
            click.echo(f"ok: {name}")


def _about_address(public_url: str) -> Iterator[str]:
    """What calendars elsewhere will make of the address that we hand out (calendar-feed rule 49)."""
    parts = urlsplit(public_url)
    if not reaches_the_web(public_url):
        yield (
            f"calendars on other machines cannot reach {public_url}; set TURNTWICE_PUBLIC_URL to an address that they"
            " can, such as https://stretch.example.org"
        )
    elif parts.scheme != "https":
        yield f"Google Calendar refuses {public_url} because it is not https; put a proxy with a certificate before it"
    else:
        click.echo(f"ok: the address handed out is {public_url}")
