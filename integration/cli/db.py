"""turntwice db: the database is migrated, checked and backed up."""

from pathlib import Path

import click

from integration.cli.common import opened
from integration.store import upkeep


@click.group(name="db")
def command() -> None:
    """Migrate, check and back up the database."""


@command.command()
def upgrade() -> None:
    """Bring the database to this program's version; done by every other command too."""
    with opened():
        click.echo("The database has this program's version.")


@command.command()
def check() -> None:
    """Look for damage: exit status 1 and one line when there is any."""
    with opened() as parts:
        upkeep.check(parts.store)
    click.echo("The database is whole.")


@command.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def backup(file: Path) -> None:
    """Write a copy of the database to FILE while it is in use."""
    with opened() as parts:
        upkeep.backup(parts.store, file)
    click.echo(f"Backed up to {file}; keep the secret of TURNTWICE_SECRET_KEY with it.")
