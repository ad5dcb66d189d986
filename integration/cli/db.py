"""turntwice db: the database is migrated, checked, backed up and restored, and its secrets are put under a new one."""

import os
from pathlib import Path

import click

from integration import rotation
from integration.cli.common import as_json, opened, show
from integration.config import Config
from integration.errors import Refused, StoreUnavailable
from integration.keys import Keys
from integration.parts import assemble
from integration.rotation import Rotated
from integration.store import upkeep

NAMED = 5
KEEP = (
    "Keep the older secrets in TURNTWICE_SECRET_KEY as long as pages, calendars and hooks of their time are in use:"
    " without them those addresses open nothing."
)


@click.group(name="db")
def command() -> None:
    """Migrate, check, back up and restore the database; put its secrets under a new one."""


@command.command()
def upgrade() -> None:
    """Bring the database to this program's version; done by every other command too."""
    with opened():
        click.echo("The database has this program's version.")


@command.command()
def check() -> None:
    """Look for damage: exit status 1 and one line when there is any."""
    try:
        with opened() as parts:
            upkeep.check(parts.store)
    except StoreUnavailable as error:
        raise upkeep.as_damage(error) from None
    click.echo("The database is whole.")


@command.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def backup(file: Path) -> None:
    """Write a copy of the database to FILE while it is in use."""
    with opened() as parts:
        upkeep.backup(parts.store, file)
    click.echo(f"Backed up to {file}; keep the secret of TURNTWICE_SECRET_KEY with it.")


@command.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def restore(file: Path) -> None:
    """Put the backup FILE in the place of the database. Stop the server first."""
    replaced = upkeep.restore(assemble(Config.from_env(os.environ)).store, file)
    click.echo(f"Restored the database from {file}; it opens with the secret of that time.")
    if replaced:
        click.echo(f"The one before is kept as {replaced}; delete it once all is well.")


@command.command(name="rotate-secrets")
@as_json
def rotate_secrets(as_json: bool) -> None:
    """Encrypt everything stored under the newest secret of TURNTWICE_SECRET_KEY, while it is in use.

    First put the new secret in front of the list and restart every process with it. It may be stopped and run again.
    """
    newest = Keys(Config.from_env(os.environ).secret_keys[:1])
    with opened() as parts:
        done = rotation.rotate(parts.store, parts.keys, newest)
    show(_values(done)) if as_json else click.echo(_in_words(done))
    if done.unopened:
        named = ", ".join(done.unopened[:NAMED]) + (", ..." if len(done.unopened) > NAMED else "")
        raise Refused(
            f"the secrets of {len(done.unopened)} connections cannot be opened and stay as they are ({named}); add the"
            " secret that they were stored under to TURNTWICE_SECRET_KEY and run this again"
        )


def _values(done: Rotated) -> dict[str, object]:
    return {
        "secrets": done.secrets,
        "documents": done.documents,
        "kept": done.kept,
        "unopened": list(done.unopened),
    }


def _in_words(done: Rotated) -> str:
    moved = f"Put {done.secrets} secrets and {done.documents} calendars under the newest secret."
    return f"{moved} {done.kept} were already. {KEEP}"
