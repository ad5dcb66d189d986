"""Hands the hottest queries to the driver as they are: what SQLAlchemy wraps around one takes four times as long.

Only for queries that every poll or delivery makes. Written once for both engines, with `?` for a value.
"""

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import Connection


def rows(db: Connection, query: str, values: Sequence[object]) -> list[Any]:
    """All rows of a query as tuples of what the driver gives: instants are whole microseconds, dates as it keeps them.

    Raises what SQLAlchemy raises.
    """
    query = query if db.dialect.name == "sqlite" else query.replace("?", "%s")
    driver: Any = db.connection.dbapi_connection
    try:
        return cast("list[Any]", driver.execute(query, values).fetchall())
    except cast("Any", db.dialect.dbapi).Error:
        # Asked again the usual way, which knows what each trouble means and what to do with the connection.
        return [tuple(row) for row in db.exec_driver_sql(query, tuple(values))]
