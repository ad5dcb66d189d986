"""Hands the hottest statements to the driver: what SQLAlchemy wraps around each takes several times as long as it does.

A statement is written with SQLAlchemy Core as any other, turned into text once for each engine, and then goes with its
values straight to the driver. Values and columns are therefore what the driver takes and gives: instants as `micros`
and `instant` turn them, dates as `day` and `as_date`. Only for what every poll or delivery needs.
"""

from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import Connection, Executable
from sqlalchemy.exc import DBAPIError

from integration.store.tables import EPOCH, MICROSECOND

_STYLES = {"sqlite": "named", "postgresql": "pyformat"}


def rows(db: Connection, statement: Executable, values: Mapping[str, object]) -> list[Any]:
    """Runs a statement whose every parameter is in `values`; its rows as tuples. Raises as SQLAlchemy does."""
    driver = cast("Any", db.connection.dbapi_connection)
    text, literals = _compiled(statement, _class(db))
    try:
        return cast("list[Any]", driver.execute(text, {**literals, **values}).fetchall())
    except cast("Any", db.dialect.dbapi).Error as error:
        raise _told(db, driver, error) from error


def run(db: Connection, statement: Executable, values: Mapping[str, object]) -> None:
    """As `rows`, for a statement that gives none."""
    driver = cast("Any", db.connection.dbapi_connection)
    text, literals = _compiled(statement, _class(db))
    try:
        driver.execute(text, {**literals, **values})
    except cast("Any", db.dialect.dbapi).Error as error:
        raise _told(db, driver, error) from error


def command(db: Connection, text: str) -> None:
    """Runs a bare command, such as BEGIN. Raises as SQLAlchemy does."""
    driver = cast("Any", db.connection.dbapi_connection)
    try:
        driver.execute(text)
    except cast("Any", db.dialect.dbapi).Error as error:
        raise _told(db, driver, error) from error


def micros(value: datetime | None) -> int | None:
    """An aware instant as the tables keep it."""
    return None if value is None else (value - EPOCH) // MICROSECOND


def instant(value: int) -> datetime:
    """The instant that the tables keep so."""
    return EPOCH + value * MICROSECOND


def instant_if_any(value: int | None) -> datetime | None:
    """As `instant`; None stays None."""
    return None if value is None else EPOCH + value * MICROSECOND


def day(db: Connection, value: date) -> object:
    """A date as the engine keeps it."""
    return value.isoformat() if db.dialect.name == "sqlite" else value


def as_date(value: Any) -> date:
    """The date that the engine keeps so."""
    return date.fromisoformat(value) if isinstance(value, str) else value


def _class(db: Connection) -> Any:
    return type(db.dialect)


@lru_cache(maxsize=64)
def _compiled(statement: Executable, engine: Any) -> tuple[str, Mapping[str, object]]:
    """A statement's text for an engine, and the values that it brings itself."""
    dialect = engine(paramstyle=_STYLES[engine.name])
    made = cast("Any", statement).compile(dialect=dialect)
    return str(made), {name: value for name, value in made.params.items() if value is not None}


def _told(db: Connection, driver: Any, error: Exception) -> BaseException:
    """The error as SQLAlchemy would raise it; a connection that is lost is given up, as it would do."""
    lost = db.dialect.is_disconnect(cast("Any", error), driver, None)
    if lost:
        db.invalidate()
    base = cast("Any", db.dialect.dbapi).Error
    return DBAPIError.instance(None, None, error, base, connection_invalidated=lost, dialect=db.dialect)
