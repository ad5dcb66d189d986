"""What follows from the settings of a connection: whether it tells us, whether it is told, and what is missing.

Pure, but for the secrets that it makes where the person gives none.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from integration.connecting.kinds import Kind
from integration.core.habits import IGNORE, chosen, taken_up
from integration.errors import Refused
from integration.outgoing import Field, Settings
from webhooks.signatures import PRIVATE

SHARED_HABIT = ("both", "any")
"""Values of `when` for one remote tick that stands for all sessions of a day: once all are done, or once one is."""
WHEN = ("each", *SHARED_HABIT)
PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Terms:
    """What a connection is: `settings` are readable, `secret` proves what comes in to its `hook`, `tokens` are shown to
    the service where it is `outgoing`. `made` is a secret that was just made for the person, to be shown once.
    """

    settings: Settings = field(default_factory=dict)
    hook: bool = False
    secret: str | None = field(default=None, repr=False)
    outgoing: bool = False
    tokens: Settings = field(default_factory=dict, repr=False)
    made: str | None = field(default=None, repr=False)


def settle(kind: Kind, slots: Sequence[str], before: Terms, changes: Settings) -> Terms:
    """What a connection is after changes that integration/connecting/checking.py took; an empty value takes one away.
    A habit or word that is new is put away no more: the later word of the person holds.

    Raises Refused for what is missing.
    """
    readable = {name: value for name, value in changes.items() if name not in {*kind.hidden, "label"}}
    settings = _one_habit(_overlaid(before.settings, readable), slots)
    if IGNORE not in changes:
        settings = taken_up(settings, *chosen(settings, slots) - chosen(before.settings, slots))
    moved = _moved(kind.fields, before.settings, settings) if before.outgoing else ""
    tokens = _tokens(kind, {} if moved else before.tokens, changes)
    outgoing = any(one.name in {**settings, **tokens} for one in kind.fields if one.name != kind.shared)
    hook, secret, made = _inward(kind, before, changes, outgoing)
    if outgoing and kind.shared and kind.shared not in tokens and kind.proof.make:
        made = made or kind.proof.make()
        tokens[kind.shared] = made
    if outgoing:
        _complete(kind, {*settings, *tokens}, moved)
    elif not hook and "account" not in settings:
        raise Refused(_what_it_needs(kind))
    return Terms(settings, hook, secret, outgoing, tokens if outgoing else {}, made)


def is_private(given: str | None) -> bool:
    """Whether one of the secrets given can only sign what goes out."""
    return any(part.strip().startswith(PRIVATE) for part in (given or "").split(","))


def _tokens(kind: Kind, kept: Settings, changes: Settings) -> dict[str, str]:
    secret = {one.name for one in kind.fields if one.secret}
    return _overlaid(kept, {name: value for name, value in changes.items() if name in secret})


def _inward(kind: Kind, before: Terms, changes: Settings, outgoing: bool) -> tuple[bool, str | None, str | None]:
    """Whether it has an address to report to, the secret of that, and the secret again where it was just made."""
    proof, given = kind.proof, changes.get(kind.proof.setting) if kind.proof.setting else None
    begun = before.hook or before.outgoing
    if (begun and given is None) or (kind.shared and outgoing and is_private(given)):
        return before.hook, before.secret, None
    secret = before.secret if given is None else given or None
    required = proof.needed == "required"
    if secret is None and required and begun:
        raise Refused(f"{proof.setting}: it cannot be empty; give another")
    if secret is None and required and proof.make and kind.provider:
        made = proof.make()
        return True, made, made
    return before.hook or (kind.provider is not None and (secret is not None or not required)), secret, None


def _complete(kind: Kind, given: set[str], moved: str) -> None:
    """Raises Refused, naming what is missing to tell it."""
    missing = [one for one in kind.fields if one.required and one.name not in given]
    secrets = [one for one in kind.fields if one.secret]
    between = " and "
    if not missing and secrets and not any(one.name in given for one in secrets):
        missing, between = secrets, " or "
    if missing and moved:
        raise Refused(f"{moved}: another address needs its own {_listed(missing, between)}; give it too")
    if missing:
        raise Refused(f"{kind.title} also needs {_listed(missing, between)}")


def _what_it_needs(kind: Kind) -> str:
    proof, required = kind.proof, [one for one in kind.fields if one.required]
    inward = f"{proof.setting} ({proof.label or proof.setting}) to tell us" if kind.provider else ""
    outward = f"{_listed(required, ' and ')} to be told" if required else ""
    return f"{kind.title} needs {', or '.join(filter(None, [inward, outward]))}"


def _listed(fields: Sequence[Field], between: str) -> str:
    return between.join(f"{one.name} ({one.label})" for one in fields)


def _overlaid(held: Settings, changes: Settings) -> dict[str, str]:
    return {name: value for name, value in {**held, **changes}.items() if value}


def _one_habit(settings: dict[str, str], slots: Sequence[str]) -> dict[str, str]:
    """Of a habit that all sessions share, naming it once is enough."""
    if settings.get("when") not in SHARED_HABIT:
        return {name: value for name, value in settings.items() if name != "when"}
    habits = {settings[slot] for slot in slots if slot in settings}
    if len(habits) > 1:
        raise Refused("when: the sessions then share one habit; name only that one, or choose each")
    return {**settings, **{slot: habit for slot in slots for habit in habits}}


def _moved(fields: Sequence[Field], before: Settings, after: Settings) -> str:
    """The address that now leads to another server, for which no secret was meant (webhook-reliability S14)."""
    for one in fields:
        was, now = (settings.get(one.name) or one.default for settings in (before, after))
        if one.address and was and _server(was) != _server(now):
            return one.name
    return ""


def _server(address: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(address)
    return parts.scheme, parts.hostname, parts.port or PORTS.get(parts.scheme)
