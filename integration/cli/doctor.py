"""turntwice doctor: looks at everything that can be wrong and says what to type.

What is wrong here ends in exit status 1. What only waits for somebody, such as a service elsewhere that does not
answer, is noted and leaves it 0.
"""

import os
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import click

from calendar_export.errors import CalendarError
from calendar_export.verdict import reaches_the_web
from integration import checkup
from integration.cli.deliveries import printable
from integration.config import Config
from integration.errors import TurntwiceError
from integration.keys import Keys
from integration.parts import Parts, assemble
from integration.store import schema, upkeep
from webhooks.errors import WebhookError

EXPECTED = (TurntwiceError, CalendarError, WebhookError)
MADE_HERE = (
    "this machine made the secret of its keys itself; every other one that uses this database needs the same, so set"
    " TURNTWICE_SECRET_KEY for all of them"
)


@click.command(name="doctor")
def command() -> None:
    """Say what is wrong and what to type; exit status 1 when something is."""
    config = Config.from_env(os.environ)
    click.echo(f"ok: data in {config.data}")
    parts = assemble(config)
    try:
        troubles = [*_troubles(parts, config), *_about_address(config.public_url)]
    finally:
        parts.store.close()
    for trouble in troubles:
        click.echo(f"wrong: {_line(trouble)}")
    if troubles:
        raise click.exceptions.Exit(1)
    click.echo("Nothing is wrong.")


def _troubles(parts: Parts, config: Config) -> Iterator[str]:
    whole = list(
        _failed(
            {
                "the database has this program's version": lambda: schema.upgrade(parts.store),
                "the database is whole": lambda: upkeep.check(parts.store),
            }
        )
    )
    yield from whole
    if not whole:
        yield from _within(parts, config)


def _within(parts: Parts, config: Config) -> Iterator[str]:
    """What is wrong with what a whole database holds; notes are told on the way."""
    found = checkup.survey_secrets(parts, Keys(config.secret_keys[:1]))
    steps: dict[str, Callable[[], object]] = {
        "every stored secret can be opened": lambda: checkup.check_secrets(found),
        "what is due is sent": lambda: checkup.check_worked(parts),
    }
    if config.redis_url:
        steps["limits are counted in Redis"] = lambda: checkup.check_limits(config.redis_url)
    yield from _failed(steps)
    for note in checkup.notes(parts, found):
        click.echo(f"note: {_line(note)}")
    if not parts.store.is_sqlite and not any(os.environ.get(f"TURNTWICE_SECRET_KEY{end}") for end in ("", "_FILE")):
        click.echo(f"note: {MADE_HERE}")


def _failed(steps: dict[str, Callable[[], object]]) -> Iterator[str]:
    for name, step in steps.items():
        try:
            step()
        except EXPECTED as error:
            yield str(error)
        else:
            click.echo(f"ok: {name}")


def _line(told: str) -> str:
    """One line for a terminal, which must not act on what somebody wrote into a label."""
    return " ".join(printable({"": told})[""].split())


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
