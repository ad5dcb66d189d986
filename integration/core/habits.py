"""What the settings of a connection say of the habits and activities that its service tells of. Pure.

A slot's setting names the remote habit that it stands for; one habit in several slots means that the time decides.
`words` are parts of names by which further activities count, with commas between; `ignore` are names of habits that are
no stretch, a line each. A habit of a slot counts whatever `ignore` says.
"""

import unicodedata
from collections.abc import Container, Iterable, Mapping

from webhooks.report import Report

WORDS, IGNORE = "words", "ignore"
MOST = 90
"""Names and words that a connection keeps; the oldest go."""

Settings = Mapping[str, str]


def composed(name: str) -> str:
    """A name as reports have it, in Unicode NFC: some keyboards and file names write an umlaut as two characters."""
    return unicodedata.normalize("NFC", name)


def folded(name: str) -> str:
    """A name as settings and reports are compared: composed, casefolded."""
    return composed(name).casefold()


def put_aside(settings: Settings) -> list[str]:
    """The names of habits that the person has put away, oldest first."""
    return [name for name in settings.get(IGNORE, "").split("\n") if name]


def ignored(settings: Settings) -> frozenset[str]:
    """The names of habits that the person has put away, folded."""
    return frozenset(map(folded, put_aside(settings)))


def identity(report: Report) -> str:
    """The name by which a report's habit is kept: the first, which is the service's own id where it has one."""
    return report.habit[0] if report.habit else ""


def title(report: Report) -> str:
    """The name by which a person knows a report's habit: the one after its id, where it has two."""
    return (report.habit[1:2] or report.habit[:1] or ("",))[0]


def named(report: Report, names: Iterable[str]) -> bool:
    """Whether a report's habit bears one of the names, which are folded."""
    return not {folded(name) for name in report.habit}.isdisjoint(names)


def mapped(settings: Settings, habit: str, slots: Iterable[str]) -> dict[str, str]:
    """The settings with a habit for those slots."""
    return {**taken_up(settings, habit), **dict.fromkeys(slots, habit)}


def chosen(settings: Settings, slots: Iterable[str]) -> frozenset[str]:
    """The habits of those slots, and the words, folded."""
    names = [*(settings.get(slot, "") for slot in slots), *settings.get(WORDS, "").split(",")]
    return frozenset(folded(name.strip()) for name in names if name.strip())


def word(activity: str) -> str:
    """The word by which an activity counts: its name. A comma parts words, so the longest part of it says most."""
    return max((part.strip() for part in activity.split(",")), key=len)


def counted(settings: Settings, activity: str) -> dict[str, str]:
    """The settings with the word of an activity."""
    kept, fresh = [part.strip() for part in settings.get(WORDS, "").split(",") if part.strip()], word(activity)
    known = {folded(part) for part in kept}
    words = kept if not fresh or folded(fresh) in known else [*kept, fresh]
    return {**taken_up(settings, activity), WORDS: ", ".join(words[-MOST:])}


def put_away(settings: Settings, habit: str) -> dict[str, str]:
    """The settings with a habit that is no stretch."""
    kept = _others(settings, {folded(habit)})
    return {**settings, IGNORE: "\n".join([*kept, habit][-MOST:])}


def taken_up(settings: Settings, *habits: str) -> dict[str, str]:
    """The settings without those habits among what was put away."""
    kept = _others(settings, {folded(habit) for habit in habits})
    rest = {name: value for name, value in settings.items() if name != IGNORE}
    return rest | ({IGNORE: "\n".join(kept)} if kept else {})


def _others(settings: Settings, names: Container[str]) -> list[str]:
    return [name for name in put_aside(settings) if folded(name) not in names]
