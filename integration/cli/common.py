"""What several commands need: the opened parts, JSON output, and the types of their arguments."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, time
from typing import Any

import click

from integration.config import Config
from integration.parts import Parts, assemble
from integration.store import schema

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@contextmanager
def opened() -> Iterator[Parts]:
    """The parts over a migrated database, closed afterwards. Raises ConfigError, SchemaMismatch, StoreUnavailable."""
    parts = assemble(Config.from_env(os.environ))
    try:
        schema.upgrade(parts.store)
        yield parts
    finally:
        parts.store.close()


def show(values: Any) -> None:
    """Prints values as JSON."""
    click.echo(json.dumps(values, ensure_ascii=False, default=str))


def table(rows: list[dict[str, Any]]) -> None:
    """Prints rows that have the same fields, in columns."""
    if not rows:
        return
    widths = {name: max(len(name), *(len(str(row[name])) for row in rows)) for name in rows[0]}
    for row in [{name: name for name in widths}, *rows]:
        click.echo("  ".join(str(row[name]).ljust(width) for name, width in widths.items()).rstrip())


def pairs(settings: tuple[str, ...]) -> dict[str, str]:
    """What was given as `--set NAME=VALUE`. Raises BadParameter."""
    chosen = {}
    for setting in settings:
        name, found, value = setting.partition("=")
        if not found:
            raise click.BadParameter(f"{setting!r} is no NAME=VALUE", param_hint="--set")
        chosen[name.strip()] = value.strip()
    return chosen


class ClockTime(click.ParamType[time]):
    """A wall time such as 07:00."""

    name = "HH:MM"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> time:
        if isinstance(value, time):
            return value
        hour, _, minute = str(value).partition(":")
        if not (hour.isascii() and hour.isdigit() and len(hour) <= 2 and minute.isdigit() and len(minute) == 2):
            self.fail(f"{value!r} is no time; write it like 07:00", param, ctx)
        if int(hour) > 23 or int(minute) > 59:
            self.fail(f"{value!r} is no time of day; 00:00 to 23:59", param, ctx)
        return time(int(hour), int(minute))


class CalendarDate(click.ParamType[date]):
    """A date such as 2026-01-05."""

    name = "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        if isinstance(value, date):
            return value
        try:
            found = date.fromisoformat(str(value))
        except ValueError:
            found = None
        if found is None or found.isoformat() != value:
            self.fail(f"{value!r} is no date; write it like 2026-01-05", param, ctx)
        return found
