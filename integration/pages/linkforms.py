"""The fields of a connection's forms, made from what its provider and its service declare.

A secret is asked for and never shown: its field is always empty, whatever was typed or is stored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from integration import outgoing
from integration.connecting.kinds import Kind
from integration.outgoing import Habit, Settings
from integration.pages.fields import Field, Form
from integration.pages.words import sentence

LONGEST, LONGEST_NAME = 200, 80
HINTS = {
    "required": "Leave it empty and we make one. To take one from the sender, paste it here.",
    "required, given": "Paste the one that the service shows you.",
    "optional": "Leave it empty, and the secret address alone is the proof.",
}
KEPT = "Leave it empty to keep what we have."
NAMED = "Its name or id. Leave both empty if it reports nothing but this stretch."
CHOSEN = "Once it is connected you can choose from a list."
KNOWN_OR_CHOSEN = "Its id, or its name if it only tells us; or connect it first, and choose from a list."
ONLY_TOLD = "Leave it empty if we are only to tell it."
BOTH_WAYS = "It serves both ways."
OWN_WORDS = "With commas between, such as: mobility, back. What has one of them in its name counts too."
WHEN = (
    ("each", "One for each session"),
    ("both", "One for all, ticked when all are done"),
    ("any", "One for all, ticked when the first is done"),
)
QUIET: Mapping[str, object] = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}


@dataclass(frozen=True, slots=True)
class Block:
    """Fields that belong together. `title` and `hint` are empty where there is nothing to say."""

    fields: tuple[Field, ...]
    title: str = ""
    hint: str = ""


def mapping(
    kind: Kind, slots: Sequence[str], values: Settings, offered: Sequence[Habit] = (), hint: str | None = None
) -> list[Block]:
    """Name and mapping; habits are chosen from a list where one is `offered`. `hint`: of habits, if not the usual."""
    label = Field(
        "label",
        "Name it, if you like",
        values.get("label", ""),
        limits={"maxlength": LONGEST, "placeholder": kind.title},
    )
    blocks = [Block((label,))]
    if kind.provider or (kind.service and kind.service.ABILITIES.habits):
        chosen = tuple(_habit(slot, values.get(slot, ""), offered) for slot in slots)
        blocks.append(Block(chosen, hint=_about_habits(kind) if hint is None else hint))
    if kind.ticks:
        when = Field("when", "Habits there", values.get("when", "each"), kind="choice", choices=WHEN)
        blocks.append(Block((when,)))
    if kind.mixed:
        words = Field("words", "Further words for it", values.get("words", ""), OWN_WORDS, limits={"maxlength": 2000})
        blocks.append(Block((words,)))
    return blocks


def inward(kind: Kind, stored: bool = False) -> list[Block]:
    """The secret by which it proves what it tells us."""
    proof = kind.proof
    if not proof.setting:
        return []
    hint = KEPT if stored else _hint(kind)
    secret = Field(proof.setting, proof.label or proof.setting, hint=hint, limits=QUIET)
    return [Block((secret,), "So that it tells us" if kind.service else "")]


def outward(kind: Kind, values: Settings, stored: bool = False) -> list[Block]:
    """What we need to tell it."""
    fields = tuple(_field(one, values, stored) for one in kind.fields if one.name != kind.shared)
    if not fields:
        return []
    if kind.provider is None:
        return [Block(fields)]
    return [Block(fields, "So that we tell it", "" if stored else "Leave this empty if it is only to tell us.")]


def settings(kind: Kind, slots: Sequence[str], typed: Mapping[str, str]) -> dict[str, str]:
    """What a form says of a connection, blanks too. The account of an app is the operator's to set."""
    names = sorted(kind.names(slots) - {"account", "ignore"})
    return {name: typed[name].strip() for name in names if name in typed}


def refused(form: Form, blocks: Sequence[Block], error: str) -> Form:
    """The form with the reason for which it was not taken, which may begin with the name of a field."""
    labels = {one.name: one.label for block in blocks for one in block.fields}
    name, _, rest = error.partition(": ")
    told = f"{labels[name]}: {rest}" if name in labels else error
    return replace(form, error=sentence(told), wrong=name if name in labels else "")


def _habit(slot: str, value: str, offered: Sequence[Habit]) -> Field:
    label = f"The {slot} habit there"
    if not offered:
        return Field(slot, label, value, limits={"maxlength": LONGEST})
    choices = [("", "None"), *((one.id, shortened(one.name)) for one in offered)]
    if value and value not in dict(choices):
        choices.insert(1, (value, shortened(value)))
    return Field(slot, label, value, kind="choice", choices=tuple(choices))


def _field(one: outgoing.Field, values: Settings, stored: bool) -> Field:
    label = one.label if one.required else f"{one.label}, if needed"
    hints = [one.hint] if one.hint else []
    if one.secret:
        return Field(one.name, label, hint=" ".join([*hints, *([KEPT] if stored else [])]), limits=QUIET)
    limits: dict[str, Any] = dict(QUIET) | ({"placeholder": one.default} if one.default else {})
    return Field(one.name, label, values.get(one.name, ""), " ".join(hints), limits=limits)


def _hint(kind: Kind) -> str:
    proof = kind.proof
    given = proof.needed == "required" and not proof.make
    hint = HINTS.get("required, given" if given else proof.needed, "")
    more = BOTH_WAYS if kind.shared else ONLY_TOLD if given and kind.service else ""
    return f"{hint} {more}".strip()


def _about_habits(kind: Kind) -> str:
    chosen = kind.service is not None and kind.service.ABILITIES.habits
    return (KNOWN_OR_CHOSEN if chosen else NAMED) if kind.provider else CHOSEN


def shortened(name: str) -> str:
    """The name of a habit, as far as it fits on a button or into a list."""
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
