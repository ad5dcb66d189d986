"""What each setting of a connection must look like, judged before anything is stored. No message quotes a secret."""

import re
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from integration.connecting.kinds import Kind
from integration.connecting.linking import PORTS, WHEN, Terms, is_private
from integration.core.habits import composed
from integration.core.naming import can_be_read, is_on_one_line
from integration.errors import Refused
from integration.network.targets import is_whole
from integration.outgoing import Field, Settings
from webhooks.errors import BadSecret
from webhooks.signatures import LIVE_SECRETS
from webhooks.signing import check_signing_secret

LONGEST = 200
MOST_WORDS, SHORTEST_WORD = 100, 2
LONGEST_LIST = 20_000
ACCOUNT = re.compile(r"[A-Za-z0-9_-]{1,100}")
TYPED = "if you pasted it, type it by hand: it may hold a character that cannot be seen"


def check(kind: Kind, slots: Sequence[str], changes: Settings, before: Terms | None = None) -> None:
    """Passes settings that may be stored. Raises Refused, naming the first that may not.

    `before` is what they change; where they only make a connection, an empty one takes nothing away and is a mistake.
    """
    known = kind.names(slots)
    told = any(one.name in changes for one in kind.fields if one.name != kind.shared)
    told = told or (before is not None and before.outgoing)
    for name, value in changes.items():
        if name not in known:
            raise Refused(f"no setting is called {name[:40]!r}; there are {', '.join(sorted(known))}")
        if value or before is None:
            _check_one(kind, name, value, told)


def as_stored(kind: Kind, given: Settings) -> Settings:
    """The settings with names as reports have them (see core/habits.py); secrets and what is meant for the service
    itself stay as they were typed.
    """
    exact = {kind.proof.setting, *(one.name for one in kind.fields)}
    return {name: value if name in exact else composed(value) for name, value in given.items()}


def is_name(text: str) -> bool:
    """Whether it can be kept as a name: 1 to `LONGEST` characters on one line, some of which can be seen."""
    return len(text) <= LONGEST and can_be_read(text)


def _check_one(kind: Kind, name: str, value: str, told: bool) -> None:
    found = next((one for one in kind.fields if one.name == name), None)
    if name == kind.proof.setting:
        _plain(name, value)
        _secret(kind, value, told)
    elif found is not None:
        _field(found, value)
    else:
        OWN.get(name, _plain)(name, value)


def _plain(name: str, value: str) -> None:
    if not is_name(value):
        raise Refused(f"{name}: give 1 to {LONGEST} characters on one line; {TYPED}")


def _secret(kind: Kind, given: str, told: bool) -> None:
    """The secret that proves what comes in; one that serves both ways must be able to sign too."""
    proof, parts = kind.proof, [part.strip() for part in given.split(",")]
    if not given.isprintable():
        raise Refused(f"{proof.setting}: it does not look right; {TYPED}")
    signs = kind.shared and (told or is_private(given))
    try:
        for part in parts:
            if signs and told:
                check_signing_secret(part)
            if proof.check and not (signs and told and is_private(given)):
                proof.check(part)
    except BadSecret as error:
        raise Refused(f"{proof.setting}: {error}") from None
    if len(parts) > LIVE_SECRETS:
        raise Refused(f"{proof.setting}: give {LIVE_SECRETS} at most")


def _field(wanted: Field, value: str) -> None:
    if not value.strip() or not value.isprintable() or not re.fullmatch(wanted.pattern, value):
        hint = f" {wanted.hint}" if wanted.hint else ""
        raise Refused(f"{wanted.name}: it does not look right; copy all of it once more.{hint}")
    if wanted.address:
        _address(wanted.name, value)


def _address(name: str, value: str) -> None:
    """Only its form: where it leads is judged at every call (integration/network/targets.py)."""
    try:
        parts = urlsplit(value)
        bare = not (parts.username is not None or parts.password is not None or parts.fragment)
        good = parts.scheme in PORTS and bool(parts.hostname) and parts.port != 0 and is_whole(value) and bare
    except ValueError:
        good = False
    if not good:
        raise Refused(f"{name}: give an address that starts with https:// and holds no name and password")


def _when(name: str, value: str) -> None:
    if value not in WHEN:
        raise Refused(f"{name}: give {', '.join(WHEN[:-1])} or {WHEN[-1]}")


def _words(name: str, value: str) -> None:
    words = [word.strip() for word in value.split(",")]
    if not is_on_one_line(value) or len(words) > MOST_WORDS or not all(map(is_name, words)):
        raise Refused(f"{name}: give up to {MOST_WORDS} words with commas between, on one line; {TYPED}")
    if any(len(word) < SHORTEST_WORD for word in words):
        raise Refused(f"{name}: one letter stands in nearly every name; give whole words")


def _account(name: str, value: str) -> None:
    if not ACCOUNT.fullmatch(value):
        raise Refused(f"{name}: give the id of the account as the service knows it, letters and digits")


def _ignore(name: str, value: str) -> None:
    lines = value.split("\n")
    if len(value) > LONGEST_LIST or not all(map(can_be_read, lines)):
        raise Refused(f"{name}: give names of habits, a line each; {TYPED}")


OWN: dict[str, Callable[[str, str], None]] = {"when": _when, "words": _words, "account": _account, "ignore": _ignore}
