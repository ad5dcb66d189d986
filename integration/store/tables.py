"""The tables. Instants are whole microseconds since 1970 in UTC, dates ISO text where the engine has no date type.

Length: one declaration after another, and what refers to what is seen at a glance.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Instant(TypeDecorator[datetime]):
    """An aware datetime, kept as microseconds since 1970 so that both engines hold and compare it alike."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        return None if value is None else (value - EPOCH) // MICROSECOND

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else EPOCH + value * MICROSECOND


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
# SQLite makes ids by itself only for a column of type INTEGER.
Serial = BigInteger().with_variant(Integer, "sqlite")


def _of(table: str) -> ForeignKey:
    return ForeignKey(f"{table}.id", ondelete="CASCADE")


people = Table(
    "people",
    metadata,
    Column("id", Text, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("plan", Text, nullable=False),
    # Rises with every change that a calendar would show; a stored document names the one it was built from.
    Column("changes", BigInteger, nullable=False, default=0),
    Column("created_at", Instant, nullable=False),
    # How many live connections want to be told: where it is 0, nothing is asked about them.
    Column("tells", Integer, nullable=False, default=0, server_default=text("0")),
)

connections = Table(
    "connections",
    metadata,
    Column("id", Text, primary_key=True),
    Column("person", Text, _of("people"), nullable=False, index=True),
    Column("service", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("key", Text, nullable=True, unique=True),
    Column("settings", Text, nullable=False),
    Column("secrets", Text, nullable=True),
    Column("created_at", Instant, nullable=False),
    Column("revoked_at", Instant, nullable=True),
    Column("outgoing", Boolean, nullable=False, default=False, server_default=false()),
    # What we show to the service, sealed: JSON of field and value (integration/connecting/tokens.py).
    Column("tokens", Text, nullable=True),
    # Whose it is at a service that has one address for all users of an app.
    Column("account", Text, nullable=True),
    Index("ix_connections_account", "account", "service"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("connection", Text, _of("connections"), nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reason", Text, nullable=True),
    Column("message", Text, nullable=False),
    Column("headers", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("ix_deliveries_connection_received_at", "connection", "received_at"),
)

facts = Table(
    "facts",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("person", Text, _of("people"), nullable=False),
    Column("source", Text, nullable=False),
    Column("event", Text, nullable=False),
    # 0 for the first content of an event; a changed content is a further fact, and all but the newest are superseded.
    Column("version", Integer, nullable=False, default=0),
    Column("superseded", Boolean, nullable=False, default=False),
    Column("kind", Text, nullable=False),
    Column("slot", Text, nullable=False),
    Column("date", Date, nullable=False),
    Column("said_at", Instant, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("performed_at", Instant, nullable=True),
    Column("echo", Boolean, nullable=False, default=False),
    Column("reason", Text, nullable=True),
    Column("duration_seconds", Integer, nullable=True),
    Column("note", Text, nullable=True),
    Column("content", Text, nullable=False, default=""),
    # No reference: deliveries are deleted after some months, facts never.
    Column("delivery", Serial, nullable=True),
    # The task or activity that it is said of, as its source calls it.
    Column("thing", Text, nullable=True),
    # When this content was said, where that is not `said_at`.
    Column("worded_at", Instant, nullable=True),
    # The person said where it belongs.
    Column("chosen", Boolean, nullable=False, default=False, server_default=false()),
    # An adapter of ours misunderstood its delivery, and what was meant came after it.
    Column("misread", Boolean, nullable=False, server_default=false()),
    UniqueConstraint("person", "source", "event", "version", name="uq_facts_event"),
    Index("ix_facts_person_date", "person", "date"),
)

# What a report that comes yet must meet (integration/store/remembered.py), by the sender's name of an event or thing.
remembered = Table(
    "remembered",
    metadata,
    Column("connection", Text, _of("connections"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("what", Text, primary_key=True),
    Column("at", Instant, primary_key=True),
    # By which a thing was withdrawn, and the time of its last word before that, as far as any was heard.
    Column("event", Text, nullable=True),
    Column("since", Instant, nullable=True),
    sqlite_with_rowid=False,
)

revisions = Table(
    "revisions",
    metadata,
    Column("person", Text, _of("people"), primary_key=True),
    Column("date", Date, primary_key=True),
    Column("slot", Text, primary_key=True),
    Column("sequence", Integer, nullable=False),
    Column("changed_at", Instant, nullable=False),
    # The person's count of changes with this one, so that a document knows which of its events are outdated.
    Column("change", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("person", Text, _of("people"), primary_key=True),
    Column("upto", Date, primary_key=True),
    Column("tally", Text, nullable=False),
    sqlite_with_rowid=False,
)

feeds = Table(
    "feeds",
    metadata,
    Column("id", Text, primary_key=True),
    Column("person", Text, _of("people"), nullable=False, index=True),
    Column("key", Text, nullable=False, unique=True),
    Column("label", Text, nullable=False),
    Column("options", Text, nullable=False),
    # How often, and when last, the options were changed: every event of the feed then has another look.
    Column("edition", Integer, nullable=False, default=0),
    Column("altered_at", Instant, nullable=True),
    Column("created_at", Instant, nullable=False),
    Column("revoked_at", Instant, nullable=True),
    Column("fetched_at", Instant, nullable=True),
    Column("fetched_by", Text, nullable=True),
)

documents = Table(
    "documents",
    metadata,
    Column("feed", Text, _of("feeds"), primary_key=True),
    Column("etag", Text, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("changes", BigInteger, nullable=False),
    Column("week", Date, nullable=False),
    # What all events depend on beside their sessions: options, words, public address.
    Column("look", Text, nullable=False),
    Column("gzipped", LargeBinary, nullable=False),
)

# The condition must stand in a query word for word, or SQLite does not use the index.
WAITING = text("state = 'waiting'")
FINISHED = text("finished_at IS NOT NULL")
MADE = text("remote IS NOT NULL")
LEASED = text("lease_by IS NOT NULL")

dispatches = Table(
    "dispatches",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("connection", Text, _of("connections"), nullable=False),
    # The same at every attempt; the service may know by it that it has the message already.
    Column("key", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("date", Date, nullable=False),
    Column("slot", Text, nullable=False),
    Column("told", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("attempts", Integer, nullable=False),
    # How often its worker died with it.
    Column("kills", Integer, nullable=False),
    Column("attempted_at", Instant, nullable=True),
    Column("created_at", Instant, nullable=False),
    Column("finished_at", Instant, nullable=True),
    Column("remote", Text, nullable=True),
    Column("reason", Text, nullable=True),
    Column("message", Text, nullable=False),
    # What this told came back to us as a report, or never will.
    Column("echoed", Boolean, nullable=False, default=False, server_default=false()),
    Index("ix_dispatches_waiting", "connection", "due_at", "id", sqlite_where=WAITING, postgresql_where=WAITING),
    Index("ix_dispatches_session", "connection", "date", "slot"),
    Index("ix_dispatches_remote", "connection", "remote", sqlite_where=MADE, postgresql_where=MADE),
    # What is over, by how long ago: so the oldest of each state are found without the rest.
    Index("ix_dispatches_finished", "state", "finished_at", sqlite_where=FINISHED, postgresql_where=FINISHED),
)

# One row for each connection that wants to be told: its queue, which one worker at a time works on.
outlets = Table(
    "outlets",
    metadata,
    Column("connection", Text, _of("connections"), primary_key=True),
    # Nothing waits where it is empty. While a worker has it, the end of its lease.
    Column("next_at", Instant, nullable=True, index=True),
    Column("lease_until", Instant, nullable=True),
    Column("lease_by", Text, nullable=True),
    # The dispatch that is being sent. No reference: it may be deleted meanwhile.
    Column("sending", Serial, nullable=True),
    Column("failures", Integer, nullable=False),
    Column("failing_since", Instant, nullable=True),
    Column("succeeded_at", Instant, nullable=True),
    Column("probe_at", Instant, nullable=True),
    Column("not_before", Instant, nullable=True),
    Column("noticed", Integer, nullable=False),
    Column("disabled_at", Instant, nullable=True),
    Column("disabled_why", Text, nullable=True),
    # Where its messages go (integration/dispatching/endpoints.py); so many connections may have one place.
    Column("endpoint", Text, nullable=False, server_default=text("''")),
    Index("ix_outlets_leased", "endpoint", sqlite_where=LEASED, postgresql_where=LEASED),
    sqlite_with_rowid=False,
)

# One row for each connection that was ever compared with its service's own history, or whose webhook we set up there.
lookings = Table(
    "lookings",
    metadata,
    Column("connection", Text, _of("connections"), primary_key=True),
    Column("at", Instant, nullable=True),
    Column("outcome", Text, nullable=False),
    Column("message", Text, nullable=False),
    # What the two differed in, as JSON (integration/reconciling/compared.py).
    Column("found", Text, nullable=False),
    # Since when we keep its webhook there alive.
    Column("hooked_at", Instant, nullable=True),
    sqlite_with_rowid=False,
)
