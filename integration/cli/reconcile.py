"""turntwice reconcile: compares a connection with its service's own history, and sets right what differs."""

from datetime import date

import click

from integration.cli.common import CalendarDate, as_json, opened, show, table
from integration.reconciling import compared, reconcile
from integration.reconciling.compared import Found, What
from integration.reconciling.looking import Looked
from integration.reconciling.reconcile import Acted

WORDS = {
    What.UNHEARD: "done there, never heard here",
    What.UNSURE: "done there, maybe this session",
    What.LACKING: "done here, lacking there",
    What.GONE: "done here, was sent or given up, lacking there",
    What.KEPT: "taken back here, done there",
}
CURE = "Nothing was done; --apply sets it right."


@click.command(name="reconcile")
@click.argument("connection")
@click.option("--since", type=CalendarDate(), help="First day to compare; a week ago, if not given.")
@click.option("--apply", "confirmed", is_flag=True, help="Set right more than three sessions, too.")
@as_json
def command(connection: str, since: date | None, confirmed: bool, as_json: bool) -> None:
    """Compare a connection with its service's own history: take over what we never heard, send what they lack.

    Up to three sessions are set right at once, more with --apply.
    """
    with opened() as parts:
        looked, acted = reconcile.set_right(parts, connection, parts.clock(), since, confirmed=confirmed)
        kept = compared.last(parts.store, connection)
    found = kept.found if kept else Found()
    if as_json:
        return show(_values(looked, acted, found))
    table([{"date": row.date, "slot": row.slot, "what": WORDS[row.what]} for row in compared.rows(looked.difference)])
    click.echo(acted.message)
    if acted.outcome is compared.Outcome.ASKS and not confirmed:
        click.echo(CURE)
    if found.reason:
        _disagree(looked.title, found)
    return None


def _disagree(title: str, found: Found) -> None:
    click.echo(f"In a row, here and at {title}:")
    table([{"slot": one.slot, "here": one.ours, "there": one.theirs} for one in found.streaks])
    click.echo(f"Why they disagree: {found.reason}")


def _values(looked: Looked, acted: Acted, found: Found) -> dict[str, object]:
    rows = compared.rows(looked.difference)
    return {
        "connection": looked.connection.id,
        "since": looked.first.isoformat(),
        "until": looked.last.isoformat(),
        "outcome": str(acted.outcome),
        "message": acted.message,
        "agreed": looked.difference.agreed,
        "difference": [{"date": row.date.isoformat(), "slot": row.slot, "what": str(row.what)} for row in rows],
        "heard": [f"{day} {slot}" for day, slot in acted.heard],
        "queued": [f"{day} {slot}" for day, slot in acted.queued],
        "ours": {one.slot: one.ours for one in found.streaks},
        "theirs": {one.slot: one.theirs for one in found.streaks},
        "reason": found.reason,
    }
