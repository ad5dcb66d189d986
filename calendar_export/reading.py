"""Reads any document that claims to be a calendar, for checking only: never raises, mends nothing, keeps the order.

RFC 5545 3.1 says how lines fold, 3.2 how parameters are written, 3.4 how components nest.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_LINE = re.compile(r"([A-Za-z0-9-]+)((?:;[^:\"]*(?:\"[^\"]*\"[^:\"]*)*)?):(.*)", re.DOTALL)
_PARAMETER = re.compile(r';([A-Za-z0-9-]+)=("[^"]*"|[^;"]*)')
_ENDS = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class Property:
    """One content line; `name` and the names of `parameters` in capitals, the value as it stands, escapes and all."""

    name: str
    parameters: dict[str, str]
    value: str


@dataclass(frozen=True, slots=True)
class Component:
    """What stands between BEGIN and END of one name, in capitals."""

    name: str
    properties: list[Property] = field(default_factory=list)
    parts: list["Component"] = field(default_factory=list)

    def first(self, name: str) -> Property | None:
        return next((found for found in self.properties if found.name == name), None)

    def value(self, name: str) -> str:
        """The value of the first property of that name, without the spaces around it; empty where there is none."""
        found = self.first(name)
        return found.value.strip() if found else ""

    def all(self, *names: str) -> list["Component"]:
        return [part for part in self.parts if part.name in names]


@dataclass(frozen=True, slots=True)
class Reading:
    """A document as read: `root` holds what stands outermost.

    `broken` counts lines that are no property, `unclosed` a BEGIN without its END or the other way round.
    """

    root: Component
    broken: int
    unclosed: int

    @property
    def calendar(self) -> Component:
        """The first calendar; an empty component where there is none."""
        return next(iter(self.root.all("VCALENDAR")), Component(""))


def read(document: bytes) -> Reading:
    """Reads a document of any kind, junk too."""
    root = Component("")
    open_now, broken, unclosed = [root], 0, 0
    for line in unfolded(document.decode("utf-8", "replace").removeprefix("\ufeff")):
        found = _property(line)
        if found is None:
            broken += bool(line.strip())
        elif found.name == "BEGIN":
            begun = Component(found.value.strip().upper())
            open_now[-1].parts.append(begun)
            open_now.append(begun)
        elif found.name == "END":
            fits = len(open_now) > 1 and open_now[-1].name == found.value.strip().upper()
            unclosed += not fits
            if fits:
                open_now.pop()
        else:
            open_now[-1].properties.append(found)
    return Reading(root, broken, unclosed + len(open_now) - 1)


def unfolded(text: str) -> Iterator[str]:
    """The content lines: one that begins with a space or tab goes on from the line before it."""
    kept: list[str] = []
    for line in _ENDS.split(text):
        if kept and line[:1] in (" ", "\t"):
            kept.append(line[1:])
            continue
        if kept:
            yield "".join(kept)
        kept = [line]
    yield "".join(kept)


def _property(line: str) -> Property | None:
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    parameters = {name.upper(): value.strip('"') for name, value in _PARAMETER.findall(found[2])}
    return Property(found[1].upper(), parameters, found[3])
