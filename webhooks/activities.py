"""Which of a fitness platform's activity types are this stretch: a table a provider declares, and how it is read.

A type that stands for stretching counts. One that may hold a stretch among other things, such as yoga, counts only
where the person said so. Anything else is no business of ours.
"""

from dataclasses import dataclass

from webhooks.report import Likeness


@dataclass(frozen=True, slots=True)
class Activities:
    """Names of types as the service writes them; letter case, spaces, `_` and `-` make no difference."""

    counts: frozenset[str]
    opt_in: frozenset[str]

    def likeness(self, name: str) -> Likeness:
        """How near an activity of that type is to the stretch."""
        plain = _plain(name)
        if plain in map(_plain, self.counts):
            return Likeness.STRETCH
        return Likeness.RELATED if plain in map(_plain, self.opt_in) else Likeness.OTHER


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter not in " _-")
