"""turntwice serve: migrates, then serves until it is told to stop."""

import gc
import logging
import os
from dataclasses import replace

import click

from integration import redaction, server
from integration.app import create_app
from integration.cli.worker import worker_of
from integration.config import Config, note_address
from integration.parts import assemble
from integration.reconciling.daily import Daily
from integration.store import schema

EVERYWHERE = {"0.0.0.0", "::"}  # noqa: S104  only told apart


@click.command(name="serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on.")
def command(host: str, port: int) -> None:
    """Migrate and serve: one process, nothing else needed."""
    redaction.log_to_stderr()
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a line for each request that waits its turn
    config = Config.from_env(os.environ)
    listening = server.listen(host, port)
    address = f"http://{_name(host)}:{port}"
    if not config.public_url_given:
        config = replace(config, public_url=address)
    parts = assemble(config)
    try:
        schema.upgrade(parts.store)
        note_address(config.data, address)
        for notice in (*config.notices, f"Data: {config.data}", f"Open {address}/ (stop with Ctrl+C)"):
            click.echo(notice)
        app, worker, daily = create_app(parts), worker_of(parts), Daily(parts)
        parts.store.rung = worker.wake
        worker.start()
        daily.start()
        gc.collect()
        gc.freeze()  # what was loaded stays: the collector need not walk it again and again
        try:
            server.serve(app, listening, behind_proxies=config.proxies > 0)
        finally:
            daily.stop()
            worker.stop()
    finally:
        parts.store.close()


def _name(host: str) -> str:
    if host in EVERYWHERE:
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
