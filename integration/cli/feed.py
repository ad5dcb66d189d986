"""turntwice feed: a person's calendars, and the file to import once."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from calendar_export.options import as_text
from integration.cli import feedcheck
from integration.cli.common import as_json, opened, pairs, show, table
from integration.core.model import Feed
from integration.parts import Parts
from integration.people import find
from integration.publishing import export, feeds
from integration.store import feeds as store_feeds

LABEL = "Another calendar"
label_option = click.option("--label", help="What you call it; only you see it.")
set_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="An option, such as detail=discreet or alarms=off; may be given several times.",
)


@click.group(name="feed")
def command() -> None:
    """A person's calendars, and the file to import once."""


command.add_command(feedcheck.check)


@command.command(name="list")
@click.argument("person")
@as_json
def list_(person: str, as_json: bool) -> None:
    """List a person's live calendars with their options, and who fetched them last."""
    with opened() as parts, parts.store.reading() as db:
        found = store_feeds.of(db, find(parts.store, person).id)
        _show_all(found, parts, as_json)


@command.command()
@click.argument("person")
@label_option
@set_option
@as_json
def add(person: str, label: str | None, settings: tuple[str, ...], as_json: bool) -> None:
    """Add a calendar with an address of its own."""
    wishes = pairs(settings)
    with opened() as parts:
        feed = feeds.add(parts.store, person, LABEL if label is None else label, wishes, parts.clock())
        _show(feed, parts, as_json)


@command.command()
@click.argument("feed")
@label_option
@set_option
@as_json
def change(feed: str, label: str | None, settings: tuple[str, ...], as_json: bool) -> None:
    """Give a calendar another label or other options; what is not named stays."""
    wishes = pairs(settings)
    if label is None and not wishes:
        raise click.UsageError("name what to change: --label, or --set NAME=VALUE")
    with opened() as parts:
        _show(feeds.change(parts.store, feed, label, wishes, parts.clock()), parts, as_json)


@command.command()
@click.argument("feed")
@as_json
def rotate(feed: str, as_json: bool) -> None:
    """Give a calendar a new address; the old one, and every link in it, ends at once."""
    with opened() as parts:
        _show(feeds.rotate(parts.store, feed, parts.clock()), parts, as_json)


@command.command()
@click.argument("feed")
@as_json
def revoke(feed: str, as_json: bool) -> None:
    """End a calendar: for 14 days its address tells calendars so, then it is gone."""
    with opened() as parts:
        feeds.revoke(parts.store, feed, parts.clock())
    show({"revoked": feed}) if as_json else click.echo(f"revoked: {feed}")


@command.command(name="export")
@click.argument("person")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="A new file, such as stretches.ics; default standard output.",
)
def export_(person: str, output: Path | None) -> None:
    """Write a calendar file to import once. It repeats for ever, shows no streak and never changes by itself."""
    with opened() as parts:
        body = export.one_off(parts.store, person, parts.clock())
    if output is None:
        click.echo(body, nl=False)
        return
    export.write_new(output, body)
    click.echo(f"Written to {output}. Import it once; to follow later changes, subscribe to the feed instead.")


def _show(feed: Feed, parts: Parts, as_json: bool) -> None:
    row = _row(feed, parts)
    if as_json:
        return show(row)
    for name, value in _as_words(row, feed).items():
        click.echo(f"{name}: {value}")
    return None


def _show_all(found: list[Feed], parts: Parts, as_json: bool) -> None:
    rows = [_row(feed, parts) for feed in found]
    show(rows) if as_json else table([_as_words(row, feed) for row, feed in zip(rows, found, strict=True)])


def _row(feed: Feed, parts: Parts) -> dict[str, Any]:
    return {
        "feed": feed.id,
        "label": feed.label,
        "address": parts.links.feed(feed.key),
        "options": asdict(feed.options),
        "fetched_by": feed.fetched_by,
        "fetched_at": feed.fetched_at.isoformat(timespec="seconds") if feed.fetched_at else None,
    }


def _as_words(row: dict[str, Any], feed: Feed) -> dict[str, str]:
    """The row as text; options as `--set` takes them."""
    options = " ".join(f"{name}={value}" for name, value in as_text(feed.options).items())
    return {name: value or "-" for name, value in (row | {"options": options}).items()}
