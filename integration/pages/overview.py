"""All that my page shows, gathered from the store and put into the page's own words. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from calendar_export.verdict import reaches_the_web
from integration import status
from integration.connecting.kinds import slots_of
from integration.core.model import Connection, Feed, Person, State
from integration.core.standing import Standing
from integration.core.streaks import Run, final
from integration.pages import daycards, words
from integration.pages.daycards import Another, DayRows
from integration.pages.heard import Heard, heard
from integration.pages.heatmap import Cell, weeks
from integration.parts import Parts
from integration.store import connections, deliveries, feeds
from integration.store.deliveries import Entry


@dataclass(frozen=True, slots=True)
class Streak:
    """A streak and what it counts."""

    label: str
    run: Run


@dataclass(frozen=True, slots=True)
class Rate:
    """Plain adherence over a span of days, with the sessions that count for nothing named beside it."""

    span: int
    done: int
    due: int
    neutral: str

    @property
    def percent(self) -> int | None:
        return round(100 * self.done / self.due) if self.due else None


@dataclass(frozen=True, slots=True)
class Linked:
    """A connection, and what was last heard from it; `heard` is empty where nothing was."""

    id: str
    label: str
    title: str
    heard: str
    outcome: str
    message: str


@dataclass(frozen=True, slots=True)
class Overview:
    """My page. `zone` is the one that the person's clock shows now; `fresh` means that nothing was ever done yet;
    `days` are today and yesterday, `another` a day that may be asked for; `score` in percent, None until there is any.
    """

    person: Person
    zone: str
    fresh: bool
    days: tuple[DayRows, ...]
    another: Another | None
    streaks: tuple[Streak, ...]
    score: int | None
    rates: tuple[Rate, ...]
    weeks: list[list[Cell]]
    feeds: tuple[Feed, ...]
    linked: tuple[Linked, ...]
    heard: Heard
    slots: tuple[str, ...]
    reach: str


TOLD = "It is told of your sessions."


def overview(parts: Parts, person: Person, now: datetime) -> Overview:
    """Everything that a person's page shows at an instant (UTC). Raises StoreUnavailable."""
    stands = status.read(parts.store, person, now)
    with parts.store.reading() as db:
        live, subscribed = connections.of(db, person.id), feeds.of(db, person.id)
        another = daycards.another(db, person, now)
        last = {entry.connection: entry for one in live for entry in deliveries.newest(db, [one.id], 1)}
    slots, told = slots_of(person.plan), heard(parts, person, now)
    today = person.plan.today(now)
    return Overview(
        person=person,
        zone=person.plan.zone_at(now),
        fresh=not stands.tally.active.best,
        days=tuple(daycards.rows(person.plan, day, today) for day in reversed(stands.recent[-2:])),
        another=another,
        streaks=tuple(_streaks(stands, slots)),
        score=_score(stands),
        rates=tuple(_rate(stands, span) for span in stands.adherence),
        weeks=weeks(stands),
        feeds=tuple(subscribed),
        linked=tuple(_linked(parts, person, one, last.get(one.id), told) for one in live),
        heard=told,
        slots=slots,
        reach=reach(parts.links.public_url),
    )


def reach(public_url: str) -> str:
    """Why calendars elsewhere cannot fetch the feed; empty when they can, as far as the address shows."""
    if not reaches_the_web(public_url):
        return "This address works only on this machine or network: calendars on the web cannot fetch it."
    return "" if public_url.startswith("https:") else "This address is not https: Google Calendar may refuse it."


def _streaks(stands: Standing, slots: Sequence[str]) -> list[Streak]:
    tally = stands.tally
    named = [Streak(f"{name}s in a row", tally.slots.get(name, Run())) for name in slots]
    whole = [Streak("active days in a row", tally.active), Streak("full days in a row", tally.perfect)]
    return [*whole, *named]


def _score(stands: Standing) -> int | None:
    """None until a day went into it: before, it would call somebody's first session 0 %."""
    begun = stands.tally.score or any(day.due and final(day) for day in stands.recent)
    return round(100 * stands.tally.score) if begun else None


def _rate(stands: Standing, span: int) -> Rate:
    done, due = stands.adherence[span]
    told = [f"{count} {words.SHORT[State(state)]}" for state, count in stands.neutral(span).items() if count]
    return Rate(span, done, due, words.listed(told))


def _linked(parts: Parts, person: Person, connection: Connection, last: Entry | None, told: Heard) -> Linked:
    named = parts.providers.get(connection.service) or parts.services.get(connection.service)
    title = named.TITLE if named else connection.service
    if last is None:
        return Linked(connection.id, connection.label, title, "", "", "Nothing heard yet." if connection.key else TOLD)
    when = words.moment(last.received_at, person.plan)
    # The section below has opened it: one that it asks of waits for the person, one that nobody can read does not.
    waits = any(row.id == last.id and row.outcome == words.WAITS for row in (*told.waiting, *told.rows))
    outcome = words.outcome(last.outcome, last.message, waits)
    message = words.sentence(last.message.removeprefix(f"{outcome}. "))
    return Linked(connection.id, connection.label, title, when, outcome, message)
