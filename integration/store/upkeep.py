"""Looks after the database: integrity, and a copy while it is written to. SQLite; PostgreSQL has tools of its own."""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import text

from integration.errors import Refused, TurntwiceError
from integration.store.engine import Store


class Damaged(TurntwiceError):
    """The database file is not whole."""

    reason = "damaged"


def check(store: Store) -> None:
    """Raises Damaged when the file or a reference in it is broken. On PostgreSQL it only proves that it answers."""
    with store.reading() as db:
        if not store.is_sqlite:
            db.execute(text("SELECT 1"))
            return
        found = [str(row[0]) for row in db.exec_driver_sql("PRAGMA integrity_check")]
        orphans = db.exec_driver_sql("PRAGMA foreign_key_check").all()
    if found != ["ok"] or orphans:
        told = found[0] if found != ["ok"] else f"{len(orphans)} rows point to nothing"
        raise Damaged(f"the database is damaged ({told}); restore the last backup")


def backup(store: Store, file: Path) -> None:
    """Writes a whole copy to a file that does not exist yet. Raises Refused."""
    if not store.is_sqlite:
        raise Refused("the database is PostgreSQL: back it up with pg_dump")
    if file.exists():
        raise Refused(f"{file} exists; name a new file")
    unfinished = file.with_name(f"{file.name}.unfinished")
    try:
        with store.reading() as db, closing(sqlite3.connect(unfinished)) as copy:
            source: Any = db.connection.dbapi_connection
            source.backup(copy)
        unfinished.rename(file)
    except (OSError, sqlite3.Error) as error:
        with suppress(OSError):
            unfinished.unlink()
        raise Refused(f"cannot write {file}: {error}") from None
