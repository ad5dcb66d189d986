"""Whose account of a service a connection is, and which messages of ours came back to us."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("connections", sa.Column("account", sa.Text(), nullable=True))
    op.create_index("ix_connections_account", "connections", ["account", "service"])
    op.add_column("dispatches", sa.Column("echoed", sa.Boolean(), nullable=False, server_default=sa.false()))
