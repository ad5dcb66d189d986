"""turntwice connection: which services tell us of a person's sessions, and which are told."""

from collections.abc import Mapping
from typing import Any

import click

from integration.cli.common import as_json, opened, pairs, show, table
from integration.connecting import abilities, connections, hooking
from integration.connecting.connections import Made
from integration.connecting.kinds import Kind, kinds
from integration.core.model import Connection
from integration.inbox import healing
from integration.parts import Parts
from integration.people import find
from integration.store import connections as store_connections

UNREAD = "saved; not all that came earlier could be judged again: 'turntwice deliveries replay --connection {}' does it"

set_option = click.option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE", help="A setting; may be given several times."
)


@click.group(name="connection")
def command() -> None:
    """Link a person to services that tell us of sessions, or are told."""


@command.command()
@click.argument("person")
@click.argument("service")
@set_option
@as_json
def add(person: str, service: str, settings: tuple[str, ...], as_json: bool) -> None:
    """Connect a person with a service; prints the address to give to it, and the secret this once."""
    chosen = pairs(settings)
    with opened() as parts:
        known = parts.services
        made = connections.add(parts.store, parts.keys, parts.providers, person, service, chosen, parts.clock(), known)
        _show(made, parts, as_json)


@command.command(name="list")
@click.argument("person")
@as_json
def list_(person: str, as_json: bool) -> None:
    """List a person's live connections."""
    with opened() as parts, parts.store.reading() as db:
        found = store_connections.of(db, find(parts.store, person).id)
        rows = [_row(connection, parts) for connection in found]
    if as_json:
        return show(rows)
    return table([{name: value or "" for name, value in row.items()} for row in rows])


@command.command()
@click.argument("connection")
@as_json
def check(connection: str, as_json: bool) -> None:
    """Ask the service whether it takes us; changes nothing."""
    with opened() as parts:
        told = connections.check(parts.call, parts.store, parts.keys, parts.services, connection)
    show({"connection": connection, "message": told}) if as_json else click.echo(told)


@command.command()
@click.argument("connection")
@as_json
def habits(connection: str, as_json: bool) -> None:
    """List what a session can be mapped to there, for 'connection change'."""
    with opened() as parts:
        found = connections.habits(parts.call, parts.store, parts.keys, parts.services, connection)
    rows = [{"habit": habit.id, "name": habit.name} for habit in found]
    show(rows) if as_json else table(rows)


@command.command()
@click.argument("connection")
@as_json
def register(connection: str, as_json: bool) -> None:
    """Let the service tell us, where it can be set up from here; switches on what it switched off."""
    with opened() as parts:
        told = hooking.ensure(parts, connection, parts.clock())
    show({"connection": connection, "message": told}) if as_json else click.echo(told)


@command.command()
@click.argument("connection")
@set_option
@as_json
def change(connection: str, settings: tuple[str, ...], as_json: bool) -> None:
    """Change label, habits or secrets of a connection; NAME= takes a setting away. What waited for a habit counts."""
    chosen = pairs(settings)
    if not chosen:
        raise click.UsageError("say what to change, such as --set evening=HABIT")
    with opened() as parts:
        known = parts.services
        made = connections.alter(parts.store, parts.keys, parts.providers, connection, chosen, parts.clock(), known)
        counted = healing.changed(parts, connection, chosen)
        _show(made, parts, as_json, {"counted": None if counted is None else list(counted)})
    if counted is None:
        click.echo(UNREAD.format(connection), err=True)
    elif counted and not as_json:
        click.echo(f"Saved. {healing.in_words(len(counted))}")


@command.command()
@click.argument("connection")
@as_json
def rotate(connection: str, as_json: bool) -> None:
    """Make a fresh signing secret, shown this once; the old one holds 24 hours longer."""
    with opened() as parts:
        known = parts.services
        made = connections.rotate(parts.store, parts.keys, parts.providers, connection, parts.clock(), known)
        _show(made, parts, as_json)


@command.command()
@click.argument("connection")
@as_json
def revoke(connection: str, as_json: bool) -> None:
    """End a connection: its address answers as if it had never been, and it is told nothing more."""
    with opened() as parts:
        connections.revoke(parts.store, connection, parts.clock())
    show({"revoked": connection}) if as_json else click.echo(f"revoked: {connection}")


@command.command()
@as_json
def services(as_json: bool) -> None:
    """List what can be connected, with its settings and what it can carry."""
    with opened() as parts:
        found = [_kind(kind) for kind in kinds(parts.providers, parts.services).values()]
    if as_json:
        return show(found)
    for each in found:
        click.echo(f"{each['service']}: {each['title']}, {each['way']}")
        click.echo(f"  settings: {', '.join(setting['name'] for setting in each['settings'])}")
        for sentence in each["abilities"]:
            click.echo(f"  {sentence}")
    return None


def _show(made: Made, parts: Parts, as_json: bool, more: Mapping[str, object] | None = None) -> None:
    """What a new or changed connection is, with the secret that nobody can be shown again; `more` only as JSON."""
    found = made.connection
    values: dict[str, str | None] = {
        "connection": found.id,
        "service": found.service,
        "hook": _hook(found, parts),
        "secret": made.secret,
    }
    if made.public:
        values["public"] = made.public
    if as_json:
        return show({**values, **(more or {})})
    for name, value in values.items():
        if value is not None:
            click.echo(f"{name}: {value}")
    return None


def _row(found: Connection, parts: Parts) -> dict[str, str | None]:
    way = abilities.BOTH if found.outgoing else abilities.TELLS
    if found.outgoing and not (found.key or found.settings.get("account")):
        way = abilities.TOLD
    hook = _hook(found, parts)
    return {"connection": found.id, "service": found.service, "label": found.label, "way": way, "hook": hook}


def _kind(kind: Kind) -> dict[str, Any]:
    proof, inward = kind.proof, list[dict[str, object]]()
    if proof.setting and proof.setting != kind.shared:
        label, required = proof.label or proof.setting, proof.needed == "required" and not proof.make
        inward.append({"name": proof.setting, "label": label, "required": required, "secret": True, "to": "tell us"})
    outward = [
        {"name": one.name, "label": one.label, "required": one.required, "secret": one.secret, "to": "be told"}
        for one in kind.fields
    ]
    carried = abilities.sentences(kind.service) if kind.service else ()
    return {
        "service": kind.name,
        "title": kind.title,
        "way": abilities.way(kind),
        "settings": [*inward, *outward],
        "abilities": list(carried),
    }


def _hook(found: Connection, parts: Parts) -> str | None:
    return parts.links.hook(found.service, found.key) if found.key else None
