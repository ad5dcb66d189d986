"""When a connection was last compared with its service's own history, and with what result."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "lookings",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("found", sa.Text(), nullable=False),
        sa.Column("hooked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["connection"], ["connections.id"], name="fk_lookings_connection_connections", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("connection", name="pk_lookings"),
        sqlite_with_rowid=False,
    )
