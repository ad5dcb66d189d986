"""turntwice feed check: what is wrong with a feed, and what each calendar will show of it."""

import click

from integration.cli.common import as_json, opened, show
from integration.publishing import feedcheck
from integration.publishing.feedcheck import Checked


@click.command(name="check")
@click.argument("target", metavar="URL-or-PERSON")
@as_json
def check(target: str, as_json: bool) -> None:
    """Say what calendars will show of a feed: by its address, of a PERSON, or of an .ics file.

    Exit status 1 when there is a problem.
    """
    with opened() as parts:
        checked = feedcheck.check(parts, target)
    if as_json:
        show([_row(one) for one in checked])
    else:
        for one in checked:
            _tell(one)
    if any(one.problems for one in checked):
        raise click.exceptions.Exit(1)


def _row(checked: Checked) -> dict[str, object]:
    found = [{"severity": one.severity.value, "who": one.who, "text": one.text} for one in checked.findings]
    return {"feed": checked.name, "problems": len(checked.problems), "findings": found}


def _tell(checked: Checked) -> None:
    """Problems first, then whom the rest concerns."""
    click.echo(checked.name)
    for finding in checked.problems:
        click.echo(f"  problem, {finding.who}: {finding.text}")
    for who, findings in checked.groups:
        told = [one for one in findings if one not in checked.problems]
        if told:
            click.echo(f"  {who}")
        for one in told:
            click.echo(f"    {one.severity.value}: {one.text}")
