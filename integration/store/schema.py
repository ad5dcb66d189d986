"""Brings the database to the program's version, in one transaction, or says why it cannot. Alembic does the work."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from integration.errors import SchemaMismatch
from integration.store.engine import Store

MIGRATIONS = Path(__file__).parent / "migrations"
# Any number will do, as long as all programs that share the database use the same.
_LOCK = 7_290_412


def versions() -> list[str]:
    """All versions that this program knows, oldest first: the leading numbers of the migrations' file names."""
    return sorted(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def current(db: Connection) -> str | None:
    """The version of the database; None when it is empty."""
    if not inspect(db).has_table("alembic_version"):
        return None
    found: str | None = db.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return found


def upgrade(store: Store) -> bool:
    """Migrates to the newest version; returns whether there was anything to do.

    Raises SchemaMismatch when the database is newer than the program.
    """
    known = versions()
    with store.reading() as db:
        if _checked(current(db), known) == known[-1]:
            return False
    with store.writing() as db:
        if not store.is_sqlite:
            db.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        if _checked(current(db), known) != known[-1]:
            _migrate(db)
    return True


def _checked(found: str | None, known: list[str]) -> str | None:
    if found is not None and found not in known:
        raise SchemaMismatch(
            f"the database has version {found}, newer than this program's {known[-1]}; install the Turntwice that wrote"
            " it, or restore a backup from before"
        )
    return found


def _migrate(db: Connection) -> None:
    # Imported here: a start that has nothing to migrate is faster and smaller by all of Alembic.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = db
    command.upgrade(config, "head")
