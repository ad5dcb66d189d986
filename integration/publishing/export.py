"""What leaves as a file: the one-off calendar to import once, and the writing of it."""

from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path

from calendar_export import feed, oneoff
from calendar_export.feed import Look
from integration.errors import Refused
from integration.people import find
from integration.store.engine import Store


def one_off(store: Store, person: str, now: datetime) -> bytes:
    """A person's plan from today on as a calendar file without end; it holds no key, so it can be passed on.

    Raises NotFound, FeedError when nothing is planned any more, StoreUnavailable.
    """
    found = find(store, person)
    # Of the look, an event takes the options only.
    look = Look("", "", found.plan.zones[-1].zone, f"{found.id}@turntwice", now)
    return oneoff.render(found.id, found.plan, now, partial(feed.event_bytes, look))


def write_new(file: Path, body: bytes) -> None:
    """Writes a whole file, or none; never over one that is there. Raises Refused."""
    if file.exists():
        raise Refused(f"{file} exists; name a new file")
    unfinished = file.with_name(f"{file.name}.unfinished")
    try:
        unfinished.write_bytes(body)
        _name(unfinished, file)
    except FileExistsError:
        raise Refused(f"{file} exists; name a new file") from None
    except OSError as error:
        raise Refused(f"cannot write {file}: {error.strerror}; name a file that you may write") from None
    finally:
        with suppress(OSError):
            unfinished.unlink()


def _name(unfinished: Path, file: Path) -> None:
    """Gives a file its name. A link fails where a rename would replace what somebody else wrote meanwhile."""
    try:
        file.hardlink_to(unfinished)
    except FileExistsError:
        raise
    except OSError:  # a file system without links, such as that of a memory stick
        unfinished.rename(file)
