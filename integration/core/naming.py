"""How a day is named to a person, and what may be the name of anything."""

import re
import unicodedata
from datetime import date
from functools import lru_cache

# Controls, ends of lines and half a surrogate pair, which no page shows and a terminal obeys; and what turns the
# direction of all that follows. Joiners and soft hyphens belong to names: families of emoji and Persian need them.
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@lru_cache(maxsize=1024)
def day_name(day: date, today: date) -> str:
    """`Tuesday 2 June`, with the year where it is not this one."""
    year = "" if day.year == today.year else f" {day.year}"
    return f"{day:%A} {day.day} {day:%B}{year}"


def is_on_one_line(text: str) -> bool:
    """Whether nothing in it ends a line, or does to a page or a terminal what no name should."""
    return _UNFIT.search(text) is None


def can_be_read(text: str) -> bool:
    """Whether it is on one line and some of it can be seen."""
    seen = any(unicodedata.category(letter) not in ("Cf", "Zs") for letter in text)
    return seen and is_on_one_line(text)
