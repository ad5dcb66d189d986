"""The app for a WSGI server that runs several processes on PostgreSQL; `turntwice worker` sends what they queue.

    gunicorn --workers 4 --threads 4 --no-control-socket integration.wsgi

Settings come from the environment. Each process opens a store of its own, so no server may load this before it forks.
Importing it raises ConfigError, SchemaMismatch or StoreUnavailable, at which gunicorn ends.
"""

import logging
import os
from collections.abc import Mapping
from wsgiref.types import WSGIApplication

from integration import redaction
from integration.app import create_app
from integration.config import Config
from integration.errors import ConfigError
from integration.parts import assemble
from integration.store import schema

NEEDS_POSTGRESQL = (
    "TURNTWICE_DATABASE_URL: several processes need PostgreSQL; on SQLite start 'turntwice serve' instead"
)
SERVER_LOGS = ("gunicorn.error", "gunicorn.access")

log = logging.getLogger(__name__)


def load(environ: Mapping[str, str]) -> WSGIApplication:
    """The app over a migrated database. Raises ConfigError, SchemaMismatch, StoreUnavailable."""
    config = Config.from_env(environ)
    parts = assemble(config)
    if parts.store.is_sqlite:
        parts.store.close()
        raise ConfigError(NEEDS_POSTGRESQL)
    schema.upgrade(parts.store)
    for notice in config.notices:
        log.info(notice)
    return create_app(parts)


def mask_logs() -> None:
    """Ours and the server's: its lines hold the paths of requests, and those hold keys."""
    redaction.log_to_stderr()
    logging.getLogger("alembic").setLevel(logging.WARNING)
    for name in SERVER_LOGS:
        for handler in logging.getLogger(name).handlers:
            handler.addFilter(redaction.Redacting())


mask_logs()
application = load(os.environ)
