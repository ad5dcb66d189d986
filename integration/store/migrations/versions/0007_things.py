"""What a fact is said of, when its content was said and whether the person chose its place; and what is remembered of
events and things until their reports come.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("facts", sa.Column("thing", sa.Text(), nullable=True))
    op.add_column("facts", sa.Column("worded_at", sa.BigInteger(), nullable=True))
    op.add_column("facts", sa.Column("chosen", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("facts", sa.Column("misread", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "remembered",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.Text(), nullable=True),
        sa.Column("since", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["connection"], ["connections.id"], name="fk_remembered_connection_connections", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("connection", "name", "what", "at", name="pk_remembered"),
        sqlite_with_rowid=False,
    )
