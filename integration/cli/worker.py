"""turntwice worker: works the outbox and nothing else, beside any number of web processes on PostgreSQL."""

import logging
import os
import signal
from threading import Event

import click

from integration import redaction
from integration.config import Config
from integration.dispatching.sending import Sender
from integration.dispatching.worker import Worker
from integration.errors import Refused
from integration.inbox import fetched
from integration.parts import Parts, assemble
from integration.reconciling.daily import Daily
from integration.store import schema

ON_SQLITE = "on SQLite 'turntwice serve' works the outbox itself; a worker of its own needs PostgreSQL"


@click.command(name="worker")
def command() -> None:
    """Send what other services are to hear, until told to stop (PostgreSQL)."""
    redaction.log_to_stderr()
    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = Config.from_env(os.environ)
    parts = assemble(config)
    try:
        if parts.store.is_sqlite:
            raise Refused(ON_SQLITE)
        schema.upgrade(parts.store)
        for notice in config.notices:
            click.echo(notice)
        daily = Daily(parts)
        daily.start()
        try:
            _work(worker_of(parts))
        finally:
            daily.stop()
    finally:
        parts.store.close()


def _work(worker: Worker) -> None:
    """Works until the operating system or Ctrl+C says stop; what is on its way then is finished or put back."""
    told = Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda *_: told.set())
    worker.start()
    click.echo("Working the outbox (stop with Ctrl+C)")
    try:
        told.wait()
    finally:
        worker.stop()


def worker_of(parts: Parts) -> Worker:
    """The worker over these parts, not started."""
    sender = Sender(parts.keys, parts.services, parts.call, fetched.recorder(parts))
    return Worker(parts.store, sender, parts.clock)
