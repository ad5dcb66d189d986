"""Finds the providers by listing a folder: one file per service, its name is the service's name in addresses.

What a provider is stands in `Provider`; each file is checked against it once, at start, so that a mistake in a new file
shows before the first delivery does.
"""

import inspect
import pkgutil
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Protocol, cast

from webhooks.errors import BadProvider
from webhooks.grade import Grade
from webhooks.report import Incoming, Report
from webhooks.signatures import Proof

HOME = Path(__file__).with_name("providers")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class Provider(Protocol):
    """One service that tells us about sessions: a module whose docstring names the service's documentation.

    `TITLE` is its name for people. `REALTIME` says whether the arrival may stand in for a missing time: true only where
    the service sends at once and never again. `MIXED` says whether it reports other habits of a person too, so that one
    which nobody mapped counts only if its name says what it is. `SECRETS` says what proof a connection carries, `GRADE`
    what can be relied on. `verify` raises Forged. `reports` raises children of Rejected; it returns nothing for events
    that mean nothing to us, known or unknown.

    A module may also have `handshake(incoming) -> Answer | None`, for a service that tries an address before it uses
    it; `notices(incoming) -> Sequence[Notice]`, for one that names what happened and lets us fetch it;
    `account(incoming) -> str`, the sender's id of its user, for one that has a single address for all of an app's
    users; and `kept(incoming) -> bytes`, for one that puts a secret, or much that is not ours, into its body: what of
    it may be kept, of which `reports` makes the same. Each is called after `verify` and raises Rejected. `LARGEST` is
    how long its bodies may be in bytes, where the usual 64 KiB is too little; nobody gets more than 1 MiB.
    """

    TITLE: str
    REALTIME: bool
    MIXED: bool
    SECRETS: Proof
    GRADE: Grade

    def verify(self, incoming: Incoming, secrets: Sequence[str]) -> None: ...

    def reports(self, incoming: Incoming) -> Sequence[Report]: ...


CONSTANTS = {"TITLE": str, "REALTIME": bool, "MIXED": bool, "SECRETS": Proof, "GRADE": Grade, "LARGEST": int}
USUAL = {"LARGEST": 64 * 1024}
FUNCTIONS = {"verify": ("incoming", "secrets"), "reports": ("incoming",)}
OPTIONAL = {"handshake": ("incoming",), "notices": ("incoming",), "account": ("incoming",), "kept": ("incoming",)}


@cache
def providers(*folders: Path) -> Mapping[str, Provider]:
    """Every provider by name, from our folder and any further ones. Raises BadProvider naming the file and the cure."""
    found: dict[str, Provider] = {}
    for name, module in _modules((HOME, *folders)):
        if name in found:
            raise BadProvider(f"two files are called {name}.py; rename one, the name is the provider's address")
        _check(name, module)
        found[name] = cast("Provider", module)
    return MappingProxyType(dict(sorted(found.items())))


def _modules(folders: Sequence[Path]) -> Iterator[tuple[str, ModuleType]]:
    for folder in folders:
        for entry in pkgutil.iter_modules([str(folder)]):
            if not entry.name.startswith("_"):
                yield entry.name, _load(folder, entry.name)


def _load(folder: Path, name: str) -> ModuleType:
    """Import one file. Ours has its package's name; another folder's stays out of `sys.modules`."""
    if folder == HOME:
        return import_module(f"webhooks.providers.{name}")
    spec = spec_from_file_location(f"webhooks_providers_{name}", folder / f"{name}.py")
    if spec is None or spec.loader is None or not (folder / f"{name}.py").is_file():
        raise BadProvider(f"provider {name}: a provider is one file, {name}.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _check(name: str, module: ModuleType) -> None:
    complaints = list(_complaints(name, module))
    if complaints:
        raise BadProvider(f"provider {name}.py: {'; '.join(complaints)} (see Provider in webhooks/registry.py)")


def _complaints(name: str, module: ModuleType) -> Iterator[str]:
    if not _NAME.fullmatch(name):
        yield "name the file with lower-case letters, digits and _"
    if not (module.__doc__ or "").strip():
        yield "write a docstring that names the service's documentation"
    for constant, kind in CONSTANTS.items():
        if not isinstance(getattr(module, constant, USUAL.get(constant)), kind):
            yield f"set {constant} to a {kind.__name__}"
    for function, arguments in {**FUNCTIONS, **OPTIONAL}.items():
        member = getattr(module, function, None)
        if member is None and function in OPTIONAL:
            continue
        if not inspect.isfunction(member) or tuple(inspect.signature(member).parameters) != arguments:
            yield f"write a function {function}({', '.join(arguments)})"
