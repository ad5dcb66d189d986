"""turntwice dispatches: what other services are told, with attempts and dead letters."""

from datetime import datetime

import click

from integration import people
from integration.cli.common import as_json, opened, show, table
from integration.cli.deliveries import Instant, printable
from integration.connecting.held import known
from integration.dispatching import operating
from integration.dispatching.operating import Retried
from integration.errors import Refused
from integration.store import dispatchlog
from integration.store.dispatches import Dispatch, State

SHOWN, MOST = 50, 10_000
NOTHING = "say what to send again: IDs, or --connection with --since and --until"
ONLY_WITH = "--since and --until go with --connection; leave them out to send single messages again"
FIRST = datetime.fromisoformat("2000-01-01T00:00:00+00:00")


@click.group(name="dispatches")
def command() -> None:
    """What other services are told, and what became of it."""


@command.command(name="list")
@click.argument("person", required=False)
@click.option(
    "--state", "states", type=click.Choice([str(one) for one in State]), multiple=True, help="Only those in this state."
)
@click.option("--limit", type=click.IntRange(1, MOST), default=SHOWN, show_default=True, help="How many at most.")
@as_json
def list_(person: str | None, states: tuple[str, ...], limit: int, as_json: bool) -> None:
    """List the newest messages of a person, or of everybody, newest first."""
    chosen = tuple(State(state) for state in states) or operating.ALL
    with opened() as parts:
        whose = people.find(parts.store, person).id if person is not None else None
        rows = [_row(one) for one in operating.listing(parts.store, whose, chosen, limit)]
    show(rows) if as_json else table([printable(row) for row in rows])


@command.command(name="show")
@click.argument("dispatch", type=int)
@as_json
def show_(dispatch: int, as_json: bool) -> None:
    """Show one message, with what it says."""
    with opened() as parts:
        found = operating.find(parts.store, dispatch)
    more = {"key": found.key, "created_at": _at(found.created_at), "finished_at": _at(found.finished_at)}
    values = _row(found) | more | {"attempted_at": _at(found.attempted_at), "told": found.told}
    fields = [{"field": name, "value": value} for name, value in printable(values).items()]
    show(values) if as_json else table(fields)


@command.command(name="retry")
@click.argument("ids", type=int, nargs=-1)
@click.option("--connection", help="What was given up of this connection.")
@click.option("--since", type=Instant(), help="Only what was made from then on.")
@click.option("--until", type=Instant(), help="Only what was made until then.")
@as_json
def retry(
    ids: tuple[int, ...], connection: str | None, since: datetime | None, until: datetime | None, as_json: bool
) -> None:
    """Send messages again under the keys they had: single ones whatever became of them, or all given up."""
    if bool(ids) == (connection is not None):
        raise click.UsageError(NOTHING)
    if ids and (since or until):
        raise click.UsageError(ONLY_WITH)
    with opened() as parts:
        now = parts.clock()
        if connection is None:
            done = operating.retry(parts.store, dict.fromkeys(ids), now)
        else:
            known(parts.store, connection)
            done = operating.retry_between(parts.store, connection, since or FIRST, until or now, now)
    told = _in_words(done)
    if as_json:
        show({"queued": list(done.queued), "refused": {str(one): why for one, why in done.refused}})
    if done.refused and not done.queued:
        raise Refused(told)
    if not as_json:
        click.echo(told)


@command.command(name="enable")
@click.argument("connection")
@as_json
def enable(connection: str, as_json: bool) -> None:
    """Switch a connection on that was switched off after days without an answer."""
    with opened() as parts:
        switched = operating.enable(parts.store, connection)
        with parts.store.reading() as db:
            made = dispatchlog.between(db, connection, FIRST, parts.clock())
    dead = sum(one.state is State.DEAD for one in made)
    if as_json:
        return show({"connection": connection, "switched_on": switched, "given_up": dead})
    told = f"switched on: {connection}" if switched else f"it was on already: {connection}"
    more = f"; 'turntwice dispatches retry --connection {connection}' sends again what was given up: {dead}"
    return click.echo(told + (more if dead else ""))


def _in_words(done: Retried) -> str:
    count = len(done.queued)
    told = [f"{count} {'message' if count == 1 else 'messages'} will be sent again"]
    return "; ".join([*told, *(f"not {one}: {why}" for one, why in done.refused)])


def _row(found: Dispatch) -> dict[str, object]:
    return {
        "dispatch": found.id,
        "connection": found.connection,
        "kind": str(found.kind),
        "date": found.date.isoformat(),
        "slot": found.slot,
        "state": str(found.state),
        "attempts": found.attempts,
        "due_at": _at(found.due_at),
        "reason": found.reason or "",
        "message": found.message,
    }


def _at(moment: datetime | None) -> str:
    return moment.isoformat(timespec="seconds") if moment else ""
