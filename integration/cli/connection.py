"""turntwice connection: who may report completions for whom."""

import click

from integration import connections
from integration.cli.common import as_json, opened, pairs, show, table
from integration.core.model import Connection
from integration.parts import Parts
from integration.people import find
from integration.store import connections as store_connections


@click.group(name="connection")
def command() -> None:
    """Link a person to a service that reports completions."""


@command.command()
@click.argument("person")
@click.argument("service")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="A setting; may be given several times.")
@as_json
def add(person: str, service: str, settings: tuple[str, ...], as_json: bool) -> None:
    """Connect a person with a service; prints the address to give to it, and the secret this once."""
    chosen = pairs(settings)
    with opened() as parts:
        made = connections.add(parts.store, parts.keys, parts.providers, person, service, chosen, parts.clock())
        hook = parts.links.hook(service, made.connection.key or "")
    values = {"connection": made.connection.id, "service": service, "hook": hook, "secret": made.secret}
    if as_json:
        return show(values)
    for name, value in values.items():
        if value is not None:
            click.echo(f"{name}: {value}")
    return None


@command.command(name="list")
@click.argument("person")
@as_json
def list_(person: str, as_json: bool) -> None:
    """List a person's live connections."""
    with opened() as parts, parts.store.reading() as db:
        found = store_connections.of(db, find(parts.store, person).id)
        rows = [_row(connection, parts) for connection in found]
    show(rows) if as_json else table(rows)


@command.command()
@click.argument("connection")
@as_json
def revoke(connection: str, as_json: bool) -> None:
    """End a connection; its address answers as if it had never been."""
    with opened() as parts:
        connections.revoke(parts.store, connection, parts.clock())
    show({"revoked": connection}) if as_json else click.echo(f"revoked: {connection}")


def _row(found: Connection, parts: Parts) -> dict[str, str]:
    hook = parts.links.hook(found.service, found.key or "")
    return {"connection": found.id, "service": found.service, "label": found.label, "hook": hook}
