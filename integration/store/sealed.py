"""What is stored sealed, read a batch at a time, and put back only where nobody changed it since."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, and_, bindparam, or_, select, update

from integration.store.tables import connections, documents

COLUMNS = ("secrets", "tokens")
"""The columns of `connections` that hold sealed text."""

_HELD = (
    select(connections.c.id, connections.c.secrets, connections.c.tokens)
    .where(connections.c.id > bindparam("after"), or_(*(connections.c[name].is_not(None) for name in COLUMNS)))
    .order_by(connections.c.id)
    .limit(bindparam("most"))
)
_DOCUMENTS = (
    select(documents.c.feed, documents.c.etag, documents.c.gzipped)
    .where(documents.c.feed > bindparam("after"))
    .order_by(documents.c.feed)
    .limit(bindparam("most"))
)


@dataclass(frozen=True, slots=True)
class Held:
    """The sealed texts of a connection, live or ended, by column."""

    connection: str
    texts: dict[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Document:
    """The sealed bytes of a feed's document. Documents of one tag are the same when opened."""

    feed: str
    etag: str
    gzipped: bytes = field(repr=False)


def held(db: Connection, after: str, most: int) -> list[Held]:
    """The next connections after an id that have anything sealed."""
    rows = db.execute(_HELD, {"after": after, "most": most})
    return [Held(row.id, {name: text for name in COLUMNS if (text := getattr(row, name)) is not None}) for row in rows]


def documents_after(db: Connection, after: str, most: int) -> list[Document]:
    """The next documents after the id of a feed."""
    rows = db.execute(_DOCUMENTS, {"after": after, "most": most})
    return [Document(row.feed, row.etag, bytes(row.gzipped)) for row in rows]


def put_text(db: Connection, column: str, changes: Sequence[tuple[str, str, str]]) -> int:
    """Stores other texts in a column, each as (connection, text as it was read, new text); how many were still so."""
    held = connections.c[column]
    same = and_(connections.c.id == bindparam("which"), held == bindparam("read"))
    query = update(connections).where(same).values({column: bindparam("fresh")})
    values = [{"which": which, "read": read, "fresh": fresh} for which, read, fresh in changes]
    return db.execute(query, values).rowcount if values else 0


def put_documents(db: Connection, changes: Sequence[tuple[Document, bytes]]) -> int:
    """Stores documents sealed anew; how many were still the same document."""
    same = and_(documents.c.feed == bindparam("which"), documents.c.etag == bindparam("tag"))
    query = update(documents).where(same).values(gzipped=bindparam("fresh"))
    values = [{"which": old.feed, "tag": old.etag, "fresh": fresh} for old, fresh in changes]
    return db.execute(query, values).rowcount if values else 0
