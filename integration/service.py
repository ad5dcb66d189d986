"""What a service's file must have, and how the files are found: one for each service that we tell.

A service is handed a `Call`, the one way out (integration/door.py), and neither a clock nor the database. It may be
asked the same thing twice: whatever it does must be safe to repeat, by the idempotency key, by setting a state instead
of adding to it, or by looking first. Source: DESIGN section 8.
"""

import inspect
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Protocol, cast

from integration.errors import TurntwiceError
from integration.outgoing import Abilities, Call, Field, Sent, Settings, Told

HOME = Path(__file__).with_name("services")


class Service(Protocol):
    """A module of `integration/services/`, whose docstring names the service's documentation.

    `complete` makes it so that the session is done there, and answers how it stands. Optional: `undo(call, settings,
    told)` takes it back; `check(call, settings)` tests a connection without changing anything and returns one sentence
    ("Connected as Ada."); `habits(call, settings)` lists what a slot can be mapped to; `history(call, settings, first,
    last)` reads the completions of two dates and all between, for reconciliation; `streaks(call, settings)` tells how
    many in a row it counts itself (Streaks); `fetch(call, settings, id)` gets what a notice of its webhook named, as
    the reports (webhooks.report.Report) that it amounts to. All raise Refusal.
    """

    TITLE: str
    FIELDS: tuple[Field, ...]
    ABILITIES: Abilities

    def complete(self, call: Call, settings: Settings, told: Told) -> Sent: ...


CONSTANTS = {"TITLE": str, "FIELDS": tuple, "ABILITIES": Abilities}
FUNCTIONS = {
    "complete": ("call", "settings", "told"),
    "undo": ("call", "settings", "told"),
    "check": ("call", "settings"),
    "habits": ("call", "settings"),
    "history": ("call", "settings", "first", "last"),
    "streaks": ("call", "settings"),
    "fetch": ("call", "settings", "id"),
}


class BadService(TurntwiceError):
    """A file in the services folder that does not keep the contract; found at start."""

    reason = "bad_service"


@cache
def services() -> Mapping[str, Service]:
    """Every service by name. Raises BadService naming the file and the cure."""
    found = {}
    for entry in pkgutil.iter_modules([str(HOME)]):
        if not entry.name.startswith("_"):
            module = import_module(f"integration.services.{entry.name}")
            if complaints := list(_complaints(module)):
                raise BadService(
                    f"service {entry.name}.py: {'; '.join(complaints)} (see Service in integration/service.py)"
                )
            found[entry.name] = cast("Service", module)
    return MappingProxyType(dict(sorted(found.items())))


def _complaints(module: ModuleType) -> Iterator[str]:
    if not (module.__doc__ or "").strip():
        yield "write a docstring that names the service's documentation"
    for constant, kind in CONSTANTS.items():
        if not isinstance(getattr(module, constant, None), kind):
            yield f"set {constant} to a {kind.__name__}"
    for function, arguments in FUNCTIONS.items():
        member = getattr(module, function, None)
        if member is None and function != "complete":
            continue
        if not inspect.isfunction(member) or tuple(inspect.signature(member).parameters) != arguments:
            yield f"write a function {function}({', '.join(arguments)})"
