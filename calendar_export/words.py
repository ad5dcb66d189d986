"""The words of a calendar, in the language that its feed chose.

In the code a text stands in English inside `message(...)`, by which Babel finds it; `say` looks it up in
`locales/<language>/LC_MESSAGES/turntwice.mo` when it is shown. The .po beside it is what translators write.
"""

import gettext
from functools import cache
from pathlib import Path

DOMAIN = "turntwice"
LOCALES = Path(__file__).with_name("locales")


def message(english: str) -> str:
    """The text itself; marks it for the catalogues."""
    return english


def say(language: str, text: str, **values: object) -> str:
    """A marked text in a language, its placeholders filled; in English where the catalogue lacks it."""
    return _catalogue(language).gettext(text).format(**values)


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    return gettext.translation(DOMAIN, LOCALES, [language], fallback=True)
