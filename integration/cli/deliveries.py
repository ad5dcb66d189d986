"""turntwice deliveries: what services sent, and what became of it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click

from integration import people
from integration.cli.common import as_json, opened, show, table
from integration.connecting.held import known
from integration.inbox import replay
from integration.inbox.kept import unknown
from integration.inbox.replay import Replayed
from integration.record import ACCEPTED, DUPLICATE, IGNORED, QUARANTINED
from integration.store import deliveries
from integration.store.deliveries import Entry, Which

OUTCOMES = (ACCEPTED, DUPLICATE, IGNORED, QUARANTINED)
SHOWN, MOST, TOLD = 50, 10_000, 20
NOTHING = "say what to replay: the ID of a delivery, --connection, --since, or --until"


class Instant(click.ParamType[datetime]):
    """A date or a time such as 2026-01-05 or 2026-01-05T07:00+01:00; without an offset it is UTC."""

    name = "T"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            found = datetime.fromisoformat(str(value))
            return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no date or time; write it like 2026-01-05 or 2026-01-05T07:00+01:00", param, ctx)


@click.group(name="deliveries")
def command() -> None:
    """What services sent, and what became of it."""


@command.command(name="list")
@click.argument("person")
@click.option("--outcome", type=click.Choice(OUTCOMES), help="Only those with this outcome.")
@click.option("--connection", help="Only those of this connection.")
@click.option("--limit", type=click.IntRange(1, MOST), default=SHOWN, show_default=True, help="How many at most.")
@as_json
def list_(person: str, outcome: str | None, connection: str | None, limit: int, as_json: bool) -> None:
    """List a person's latest deliveries, newest first."""
    with opened() as parts:
        whose = people.find(parts.store, person).id
        chosen = known(parts.store, connection, whose) if connection is not None else None
        with parts.store.reading() as db:
            found = deliveries.latest(db, whose, limit, Which(outcome=outcome), only=chosen.id if chosen else None)
    rows = [_row(entry) for entry in found]
    show(rows) if as_json else table([printable(row) for row in rows])


@command.command(name="show")
@click.argument("delivery", type=int)
@as_json
def show_(delivery: int, as_json: bool) -> None:
    """Show one delivery with its body. What proved it was never kept."""
    with opened() as parts, parts.store.reading() as db:
        found = deliveries.by_id(db, delivery)
    if found is None:
        raise unknown(delivery)
    values = _row(found) | {"headers": dict(found.headers), "body": found.body.decode(errors="replace")}
    fields = [{"field": name, "value": value} for name, value in printable(values).items()]
    show(values) if as_json else table(fields)


@command.command(name="replay")
@click.argument("delivery", type=int, required=False)
@click.option("--connection", help="All of this connection.")
@click.option("--since", type=Instant(), help="All that came from then on.")
@click.option("--until", type=Instant(), help="All that came before then.")
@as_json
def replay_(
    delivery: int | None, connection: str | None, since: datetime | None, until: datetime | None, as_json: bool
) -> None:
    """Judge one delivery again, or many; nothing that is already true changes."""
    many = (connection, since, until) != (None, None, None)
    if many == (delivery is not None):
        raise click.UsageError(NOTHING if not many else "give an ID or options, not both")
    with opened() as parts:
        if delivery is not None:
            result = replay.replay(parts, delivery)
            values = {"delivery": delivery, "outcome": result.outcome, "message": result.message}
            return show(values) if as_json else click.echo(f"{result.outcome}: {result.message}")
        if connection is not None:
            known(parts.store, connection)
        replayed = replay.replay_all(parts, Which(connection=connection, since=since, until=until))
    return show(_summary(replayed)) if as_json else click.echo(_in_words(replayed))


def _summary(replayed: Replayed) -> Mapping[str, object]:
    counts = {outcome: replayed.outcomes[outcome] for outcome in OUTCOMES}
    judged = sum(counts.values())
    return {"replayed": judged, **counts, "counted": list(replayed.counted), "failed": list(replayed.failed)}


def _in_words(replayed: Replayed) -> str:
    counts = replayed.outcomes
    told = (
        f"replayed {counts.total()}: {counts[ACCEPTED]} newly counted, {counts[DUPLICATE]} known already,"
        f" {counts[IGNORED]} left out, {counts[QUARANTINED]} set aside"
    )
    if not replayed.failed:
        return told
    first = ", ".join(map(str, replayed.failed[:TOLD])) + (", ..." if len(replayed.failed) > TOLD else "")
    return f"{told}; passed over {len(replayed.failed)} that cannot be judged: {first}"


def _row(found: Entry) -> dict[str, object]:
    return {
        "delivery": found.id,
        "connection": found.connection,
        "received_at": found.received_at.isoformat(timespec="seconds"),
        "outcome": found.outcome,
        "reason": found.reason or "",
        "message": found.message,
    }


def printable(row: Mapping[str, object]) -> dict[str, str]:
    """A row for a terminal, which must not act on what a sender wrote."""
    return {name: "".join(map(_shown, str(value))) for name, value in row.items()}


def _shown(letter: str) -> str:
    return letter if letter.isprintable() or letter == "\n" else letter.encode("unicode_escape").decode()
