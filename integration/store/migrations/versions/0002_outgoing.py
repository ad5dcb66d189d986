"""Outgoing: what waits to be told to other services, and how each of them is doing."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("people", sa.Column("tells", sa.Integer(), nullable=False, server_default=sa.text("0")))
    op.add_column("connections", sa.Column("outgoing", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("connections", sa.Column("tokens", sa.Text(), nullable=True))
    _dispatches()
    _outlets()


def _dispatches() -> None:
    op.create_table(
        "dispatches",
        sa.Column("id", serial, nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("slot", sa.Text(), nullable=False),
        sa.Column("told", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("kills", sa.Integer(), nullable=False),
        sa.Column("attempted_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("remote", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection"], ["connections.id"], name="fk_dispatches_connection_connections", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_dispatches"),
        sa.UniqueConstraint("key", name="uq_dispatches_key"),
    )
    waiting = sa.text("state = 'waiting'")
    op.create_index(
        "ix_dispatches_waiting",
        "dispatches",
        ["connection", "due_at", "id"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    op.create_index("ix_dispatches_session", "dispatches", ["connection", "date", "slot"])
    op.create_index("ix_dispatches_remote", "dispatches", ["connection", "remote"])


def _outlets() -> None:
    op.create_table(
        "outlets",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("lease_by", sa.Text(), nullable=True),
        sa.Column("sending", serial, nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", sa.BigInteger(), nullable=True),
        sa.Column("succeeded_at", sa.BigInteger(), nullable=True),
        sa.Column("probe_at", sa.BigInteger(), nullable=True),
        sa.Column("not_before", sa.BigInteger(), nullable=True),
        sa.Column("noticed", sa.Integer(), nullable=False),
        sa.Column("disabled_at", sa.BigInteger(), nullable=True),
        sa.Column("disabled_why", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["connection"], ["connections.id"], name="fk_outlets_connection_connections", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("connection", name="pk_outlets"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_outlets_next_at", "outlets", ["next_at"])
