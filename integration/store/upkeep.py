"""Looks after the database: integrity, a copy while it is written to, and the copy put back in its place. SQLite;
PostgreSQL has tools of its own.
"""

import os
import sqlite3
import stat
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import text

from integration.errors import Refused, StoreUnavailable, TurntwiceError
from integration.store import schema
from integration.store.engine import Store

CURE = "stop the server, then put the last backup in its place: turntwice db restore FILE"
BROKEN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


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
        raise Damaged(f"the database is damaged ({told}); {CURE}")


def as_damage(error: StoreUnavailable) -> TurntwiceError:
    """What kept the database from being opened: Damaged where its file is broken."""
    cause = getattr(error.__cause__, "orig", None)
    if not (isinstance(cause, sqlite3.Error) and _code(cause) in BROKEN):
        return error
    return Damaged(f"the database is damaged ({cause}); {CURE}")


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


def restore(store: Store, file: Path) -> Path | None:
    """Puts a copy that `backup` wrote in the place of the database; returns where the one until now was moved, if any.

    Raises Refused, then everything is as it was: where the file is no whole database of Turntwice, or ours is in use.
    """
    if not store.is_sqlite:
        raise Refused("the database is PostgreSQL: restore it with pg_restore or psql from what pg_dump wrote")
    # Where a link stands for it, what it leads to: that may be a volume which outlives the rest.
    database = Path(store.engine.url.database or "").resolve()
    if not file.exists():
        raise Refused(f"{file} is not there; name the backup")
    if not database.parent.is_dir():
        raise Refused(f"the folder {database.parent} is not there; make it first")
    aside, unfinished = (database.with_name(f"{database.name}.{name}") for name in ("replaced", "unfinished"))
    if aside.exists():
        raise Refused(f"{aside} is there from an earlier restore; move it away first")
    if database.exists() and file.samefile(database):
        raise Refused(f"{file} is the database itself; name the backup")
    try:
        _copy(file, unfinished)
        _check_unused(database)
        _as_readable(unfinished, database)
        return _exchange(database, unfinished, aside)
    except (OSError, sqlite3.Error) as error:
        raise Refused(f"cannot restore {file}: {error}") from None
    finally:
        unfinished.unlink(missing_ok=True)


def _copy(file: Path, to: Path) -> None:
    # A backup lies still, unless it is a copy with a write-ahead log of its own; then nothing is written beside it.
    still = "" if Path(f"{file}-wal").exists() else "&immutable=1"
    source = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro{still}", uri=True)
    with closing(source), closing(sqlite3.connect(to)) as copy:
        [found] = source.execute("PRAGMA integrity_check(1)").fetchone()
        if found != "ok":
            raise Refused(f"{file} is damaged ({found}); take an older backup")
        if not source.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
            raise Refused(f"{file} is no database of Turntwice")
        [version] = source.execute("SELECT max(version_num) FROM alembic_version").fetchone()
        if version not in schema.versions():
            raise Refused(f"{file} has version {version}, newer than this program; install the Turntwice that wrote it")
        source.backup(copy)


def _check_unused(database: Path) -> None:
    """Raises Refused where anybody else has the database open; one that is broken cannot tell."""
    if not database.exists():
        return
    with closing(sqlite3.connect(database, isolation_level=None, timeout=0)) as db:
        try:
            db.execute("PRAGMA locking_mode=EXCLUSIVE")
            db.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            if _code(error) not in BROKEN:
                raise Refused(f"the database is in use ({error}); stop the server first, and try again") from None


def _as_readable(copy: Path, database: Path) -> None:
    """Whoever may read and write the database may so with the copy, and nobody else."""
    if database.exists():
        now = database.stat()
        copy.chmod(stat.S_IMODE(now.st_mode))
        with suppress(AttributeError, PermissionError):  # Windows has no owners, and others may not give files away
            os.chown(copy, now.st_uid, now.st_gid)


def _exchange(database: Path, restored: Path, aside: Path) -> Path | None:
    """A write-ahead log goes with its database: beside another one it would destroy it."""
    there = database.exists()
    Path(f"{database}-shm").unlink(missing_ok=True)  # no more than an index of the log
    for ending in ("-wal", ""):
        with suppress(FileNotFoundError):
            Path(f"{database}{ending}").rename(f"{aside}{ending}")
    restored.rename(database)
    return aside if there else None


def _code(error: sqlite3.Error) -> int:
    """What SQLite calls it, without the finer distinctions."""
    return error.sqlite_errorcode & 0xFF
