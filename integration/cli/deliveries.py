"""turntwice deliveries: what services sent, and what became of it."""

import click

from integration import people, replay
from integration.cli.common import as_json, opened, show, table
from integration.errors import NotFound
from integration.store import deliveries
from integration.store.deliveries import Delivery

SHOWN = 50


@click.group(name="deliveries")
def command() -> None:
    """What services sent, and what became of it."""


@command.command(name="list")
@click.argument("person")
@as_json
def list_(person: str, as_json: bool) -> None:
    """List a person's latest deliveries, newest first."""
    with opened() as parts, parts.store.reading() as db:
        rows = [_row(found) for found in deliveries.latest(db, people.find(parts.store, person).id, SHOWN)]
    show(rows) if as_json else table(rows)


@command.command(name="show")
@click.argument("delivery", type=int)
@as_json
def show_(delivery: int, as_json: bool) -> None:
    """Show one delivery with its body."""
    with opened() as parts, parts.store.reading() as db:
        found = deliveries.by_id(db, delivery)
    if found is None:
        raise NotFound(f"no delivery has the id {delivery}")
    values = _row(found) | {"headers": dict(found.headers), "body": found.body.decode(errors="replace")}
    show(values) if as_json else table([{"field": name, "value": value} for name, value in values.items()])


@command.command(name="replay")
@click.argument("delivery", type=int)
@as_json
def replay_(delivery: int, as_json: bool) -> None:
    """Judge a delivery again; nothing that is already true changes."""
    with opened() as parts:
        result = replay.replay(parts, delivery)
    values = {"delivery": delivery, "outcome": result.outcome, "message": result.message}
    show(values) if as_json else click.echo(f"{result.outcome}: {result.message}")


def _row(found: Delivery) -> dict[str, object]:
    return {
        "delivery": found.id,
        "connection": found.connection,
        "received_at": found.received_at.isoformat(timespec="seconds"),
        "outcome": found.outcome,
        "reason": found.reason or "",
        "message": found.message,
    }
