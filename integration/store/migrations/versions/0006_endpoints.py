"""Where each connection's messages go, and indexes for what is leased and what is over."""

import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

LEASED, FINISHED = sa.text("lease_by IS NOT NULL"), sa.text("finished_at IS NOT NULL")
MADE = sa.text("remote IS NOT NULL")
FILL = sa.text("UPDATE outlets SET endpoint = :endpoint WHERE connection = :connection")
TOLD = sa.text("SELECT c.id, c.service, c.settings FROM connections c JOIN outlets o ON o.connection = c.id")


def upgrade() -> None:
    op.add_column("outlets", sa.Column("endpoint", sa.Text(), nullable=False, server_default=sa.text("''")))
    if filled := list(_endpoints(op.get_bind())):
        op.get_bind().execute(FILL, filled)
    op.create_index("ix_outlets_leased", "outlets", ["endpoint"], sqlite_where=LEASED, postgresql_where=LEASED)
    op.drop_index("ix_dispatches_remote", "dispatches")
    op.create_index(
        "ix_dispatches_remote", "dispatches", ["connection", "remote"], sqlite_where=MADE, postgresql_where=MADE
    )
    op.create_index(
        "ix_dispatches_finished",
        "dispatches",
        ["state", "finished_at"],
        sqlite_where=FINISHED,
        postgresql_where=FINISHED,
    )


def _endpoints(db: sa.Connection) -> Iterator[dict[str, str]]:
    for connection, service, settings in db.execute(TOLD).all():
        yield {"connection": connection, "endpoint": _endpoint(service, settings)}


def _endpoint(service: str, settings: str) -> str:
    """As integration/dispatching/endpoints.py has it at this version."""
    try:
        parts = urlsplit(json.loads(settings).get("url", ""))
        host, port = (parts.hostname or "").rstrip("."), parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return service
    return f"{host}:{port}" if host and port else service
