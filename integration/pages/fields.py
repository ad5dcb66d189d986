"""Forms made from data: what each does, its labelled fields, and, when it was refused, why and what was typed."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from integration.pages.words import sentence

LONGEST_ECHO = 64


@dataclass(frozen=True, slots=True)
class Field:
    """One labelled field. `kind` is an input's type, or `choice` for a list of `choices`, each a value and its words.

    `limits` are further attributes of the input, such as `min`.
    """

    name: str
    label: str
    value: str = ""
    hint: str = ""
    kind: str = "text"
    choices: tuple[tuple[str, str], ...] = ()
    limits: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Form:
    """A form. `told` says what it does, `about` tells its button from others of that name, for those who cannot see.

    `error` is one sentence, empty while nothing is wrong; `wrong` names the field that it is about, where it is one.
    """

    id: str
    title: str
    action: str = field(repr=False)
    button: str
    told: str = ""
    about: str = ""
    fields: tuple[Field, ...] = ()
    error: str = ""
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The form that was sent and could not be taken. `error` may begin with `name: `, the name of a field."""

    form: str
    error: str
    typed: Mapping[str, str] = field(default_factory=dict, repr=False)


def told(form: Form, refusal: Refusal | None) -> Form:
    """The form itself, or, when it is the one that was refused, as it was sent and with the reason."""
    if refusal is None or refusal.form != form.id:
        return form
    labels = {one.name: one.label for one in form.fields}
    name, _, rest = refusal.error.partition(": ")
    error = f"{labels[name]}: {rest}" if name in labels else refusal.error
    kept = tuple(replace(one, value=_echo(refusal.typed.get(one.name, one.value))) for one in form.fields)
    return replace(form, fields=kept, error=sentence(error), wrong=name if name in labels else "")


def _echo(text: str) -> str:
    return "".join(char for char in text[:LONGEST_ECHO] if char.isprintable())
