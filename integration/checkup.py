"""What an operator should know: what is wrong here, and what waits for somebody, each with what to type."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from integration import rotation
from integration.errors import ConfigError, TurntwiceError
from integration.keys import Keys
from integration.parts import Parts
from integration.rotation import Rotated
from integration.store import survey
from integration.store.survey import Troubled
from webhooks.limits import Rate, in_redis

LATE = timedelta(minutes=10)
"""What is due for so long has nobody who sends it: a worker takes seconds, and the lease of a lost one a minute."""
NAMED = 5


class Away(TurntwiceError):
    """What we count limits in cannot be used."""

    reason = "away"


class Idle(TurntwiceError):
    """What is due is not sent."""

    reason = "idle"


def check_secrets(found: Rotated) -> None:
    """Raises ConfigError where stored secrets cannot be opened with those of this operator (webhook-reliability K4)."""
    if found.unopened:
        raise ConfigError(
            f"the stored secrets of {_counted(len(found.unopened), 'connection')} cannot be opened"
            f" ({_named(found.unopened)}): what they are told waits, and nothing is lost; add the secret that they were"
            " stored under to TURNTWICE_SECRET_KEY, behind the new one"
        )


def check_worked(parts: Parts) -> None:
    """Raises Idle where messages are long due. Raises StoreUnavailable."""
    with parts.store.reading() as db:
        late = survey.overdue(db, parts.clock() - LATE)
    if late:
        start = "turntwice serve" if parts.store.is_sqlite else "turntwice worker"
        told = f"messages to {_counted(late, 'connection')} are due for more than {LATE.seconds // 60} minutes"
        raise Idle(f"{told}, and nobody sends them; start '{start}'")


def check_limits(redis_url: str) -> None:
    """Counts one in Redis, as a request does; it may take as long as there. Raises Away."""
    try:
        in_redis(redis_url).take("doctor", Rate(1, 1))
    except Exception as error:  # of many kinds; what it says may quote the address, which holds a password
        raise Away(
            f"TURNTWICE_REDIS_URL: Redis cannot be used there ({type(error).__name__}), and until it can nobody is"
            " limited; start it or correct the setting"
        ) from None


def survey_secrets(parts: Parts, newest: Keys) -> Rotated:
    """How the stored secrets stand to those of the operator; `newest` has only the first. Raises StoreUnavailable."""
    return rotation.survey(parts.store, parts.keys, newest)


def notes(parts: Parts, found: Rotated) -> Iterator[str]:
    """What waits for somebody, a sentence each. Raises StoreUnavailable."""
    with parts.store.reading() as db:
        troubled, dead, waiting = survey.troubled(db, NAMED + 1), survey.given_up(db), survey.waiting(db)
    yield from map(_trouble, troubled[:NAMED])
    if len(troubled) > NAMED:
        yield "further connections are in trouble; these have been for longest"
    if dead:
        shown = "'turntwice dispatches list --state dead' says why, 'turntwice dispatches retry ID' sends one again"
        yield f"{_counted(dead, 'message')} {'was' if dead == 1 else 'were'} given up; {shown}"
    if waiting:
        count, people = sum(waiting.values()), _named(tuple(waiting))
        told = "1 delivery waits" if count == 1 else f"{count} deliveries wait"
        stands, shows = ("it stands", "shows it") if count == 1 else ("they stand", "shows them")
        shown = f"{stands} on their page, and 'turntwice deliveries list PERSON --outcome quarantined' {shows}"
        yield f"{told} for a word of their person ({people}): {shown}"
    if older := found.secrets:
        stands = "1 stored secret stands" if older == 1 else f"{older} stored secrets stand"
        cure = "'turntwice db rotate-secrets' puts all under the newest"
        yield f"{stands} under an older secret of TURNTWICE_SECRET_KEY; {cure}"


def _trouble(one: Troubled) -> str:
    if one.disabled_at is not None:
        cure = f"once it is well, 'turntwice dispatches enable {one.connection}'"
        return f"{one.label} was switched off at {_at(one.disabled_at)}: {one.disabled_why}; {cure}"
    since = f" since {_at(one.failing_since)}" if one.failing_since else ""
    check = f"'turntwice connection check {one.connection}' asks it now"
    return f"{one.label} has not answered{since}; it is tried about once a minute, and {check}"


def _named(ids: tuple[str, ...]) -> str:
    return ", ".join(ids[:NAMED]) + (", ..." if len(ids) > NAMED else "")


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _at(moment: datetime) -> str:
    return moment.isoformat(timespec="minutes")
