"""The house rules that a machine can hold: which way imports run, who may use what, how long things get.

The rules are the tables below, each row with its reason. What checks them is tried on bad code first (the last tests),
so that a rule which can no longer fail shows.

Length: the rules, what checks them, and the proof that it can fail are read together.
"""

import ast
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("calendar_export", "webhooks", "integration")
LIBRARIES = ("flask", "werkzeug", "jinja2", "icalendar", "sqlalchemy", "alembic", "requests", "urllib3")

# A place is a file, or a folder with everything under it.
PURE = (
    "integration/core/",
    "webhooks/providers/",
    "calendar_export/plan.py",
    "calendar_export/routine.py",
    "calendar_export/zones.py",
    "calendar_export/event.py",
    "calendar_export/options.py",
    "calendar_export/vtimezone.py",
    "calendar_export/verdict.py",
)
COMMAND_LINE = ("integration/cli.py", "integration/cli/", "integration/__main__.py")
FLASK = (
    "calendar_export/blueprint.py",
    "webhooks/blueprint.py",
    "integration/app.py",
    "integration/pages/",
    "integration/api/",
)
HTTP = ("requests", "urllib3", "urllib.request", "http.client")
LAW = (
    "integration.core",
    "calendar_export.plan",
    "calendar_export.options",
    "calendar_export.routine",
    "calendar_export.zones",
    "calendar_export.errors",
    "webhooks.report",
)


@dataclass(frozen=True, slots=True)
class Rule:
    places: tuple[str, ...]
    modules: tuple[str, ...]
    why: str


# Files of these places import none of these modules.
NEVER = (
    Rule(("calendar_export/",), ("integration", "webhooks"), "a leaf: it can be used, tested and read alone"),
    Rule(("webhooks/",), ("integration", "calendar_export"), "a leaf: it can be used, tested and read alone"),
)
# Files of these places import the standard library and these modules, and nothing else.
ONLY = (
    Rule(("webhooks/providers/",), ("webhooks", "msgspec"), "a provider is one page that knows one service"),
    Rule(("integration/core/",), LAW, "the law is decided by values alone"),
    Rule(("calendar_export/plan.py", "calendar_export/zones.py"), ("calendar_export",), "what is due is pure"),
    Rule(("calendar_export/routine.py",), ("calendar_export",), "the movement is data"),
    Rule(("calendar_export/event.py",), ("calendar_export",), "what an event says is no matter of file formats"),
)
# These modules are imported in these places and nowhere else.
OWNED = (
    Rule(FLASK, ("flask", "werkzeug", "jinja2"), "the rest can be called without a request"),
    Rule(("integration/door.py",), HTTP, "one door out: deadline, size cap, no private addresses"),
    Rule(("calendar_export/feed.py",), ("icalendar",), "one file answers for the bytes that a calendar reads"),
    Rule(("integration/store/",), ("sqlalchemy", "alembic", "sqlite3", "psycopg"), "the only SQL"),
)
CLOCKS = (
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.datetime.today",
    "datetime.date.today",
    "time.time",
    "time.time_ns",
    "time.monotonic",
)
CONFIDENTIAL = ("secret", "token", "signature", "bearer")

# After importing the files of one of these, a fresh interpreter has loaded none of LIBRARIES.
FRESH = (*PURE, "webhooks/registry.py")

FILE_LIMIT, FILE_NEEDS_REASON, FUNCTION_LIMIT, FUNCTION_USUAL = 400, 200, 45, 30


@dataclass(frozen=True)
class Source:
    """One file of the product; `name` is its path from the top folder, with slashes."""

    name: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.name)

    @property
    def module(self) -> str:
        return self.name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    def within(self, *places: str) -> bool:
        return any(self.name == place or (place.endswith("/") and self.name.startswith(place)) for place in places)

    @cached_property
    def aliases(self) -> dict[str, str]:
        """What each imported local name stands for, in full."""
        names: dict[str, str] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    local = alias.asname or alias.name.partition(".")[0]
                    names[local] = alias.name if alias.asname else local
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    names[alias.asname or alias.name] = f"{self._origin(node)}.{alias.name}"
        return names

    @cached_property
    def imports(self) -> tuple[tuple[int, str], ...]:
        """Line and full name of every import, at any depth; those by name at run time too."""
        return tuple(self._imports())

    def _imports(self) -> Iterator[tuple[int, str]]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                origin = self._origin(node)
                yield from ((node.lineno, f"{origin}.{alias.name}") for alias in node.names)
            elif isinstance(node, ast.Call) and self.full(node.func) in ("__import__", "importlib.import_module"):
                yield from ((node.lineno, str(a.value)) for a in node.args if isinstance(a, ast.Constant))

    def _origin(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        folder = [*self.name.split("/")[:-1]]
        parents = folder[: len(folder) - node.level + 1]
        return ".".join([*parents, *([node.module] if node.module else [])])

    def full(self, node: ast.expr) -> str:
        """The dotted name that an expression refers to, imports resolved; empty for anything else."""
        if isinstance(node, ast.Name):
            return self.aliases.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            value = self.full(node.value)
            return f"{value}.{node.attr}" if value else ""
        return ""


SOURCES = tuple(
    Source(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
)


def is_in(module: str, parents: tuple[str, ...]) -> bool:
    return any(module == parent or module.startswith(parent + ".") for parent in parents)


def is_foreign(module: str, known: tuple[str, ...]) -> bool:
    return module.partition(".")[0] not in sys.stdlib_module_names and not is_in(module, known)


def breaks_of_layers(sources: tuple[Source, ...]) -> list[str]:
    """Every import that a row of NEVER, ONLY or OWNED forbids."""
    found = []
    for source in sources:
        for line, module in source.imports:
            here = [rule for rule in NEVER if source.within(*rule.places) and is_in(module, rule.modules)]
            here += [rule for rule in ONLY if source.within(*rule.places) and is_foreign(module, rule.modules)]
            here += [rule for rule in OWNED if not source.within(*rule.places) and is_in(module, rule.modules)]
            found += [f"{source.name}:{line} imports {module}: {rule.why}" for rule in here]
    return found


def breaks_of_clocks(sources: tuple[Source, ...]) -> list[str]:
    """Every use of a clock in a pure file, called or handed on."""
    return [
        f"{source.name}:{node.lineno} reads {source.full(node)}; take the instant as an argument"
        for source in sources
        if source.within(*PURE)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Name | ast.Attribute) and source.full(node) in CLOCKS
    ]


def breaks_of_print(sources: tuple[Source, ...]) -> list[str]:
    return [
        f"{source.name}:{node.lineno} prints; log it, or return it to the command line"
        for source in sources
        if not source.within(*COMMAND_LINE)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and source.full(node.func) in ("print", "builtins.print")
    ]


def confidential(node: ast.expr) -> bool:
    """Whether an operand is by its name a secret: a name, an attribute, a key, or what a method makes of one."""
    if isinstance(node, ast.Name):
        return hints(node.id)
    if isinstance(node, ast.Attribute):
        return hints(node.attr)
    if isinstance(node, ast.Subscript):
        return confidential(node.value) or (isinstance(node.slice, ast.Constant) and hints(node.slice.value))
    if isinstance(node, ast.Call):
        return confidential(node.func) or (isinstance(node.func, ast.Attribute) and confidential(node.func.value))
    return False


def hints(name: object) -> bool:
    return any(word in str(name).lower() for word in CONFIDENTIAL)


def breaks_of_constant_time(sources: tuple[Source, ...]) -> list[str]:
    found = []
    for source in sources:
        for node in ast.walk(source.tree):
            if not isinstance(node, ast.Compare) or not any(isinstance(op, ast.Eq | ast.NotEq) for op in node.ops):
                continue
            if any(confidential(operand) for operand in (node.left, *node.comparators)):
                found.append(f"{source.name}:{node.lineno} compares a secret with ==; use hmac.compare_digest")
    return found


def functions(sources: tuple[Source, ...]) -> list[tuple[int, str]]:
    """Length in lines and place of every function, longest last."""
    return sorted(
        ((node.end_lineno or node.lineno) - node.lineno + 1, f"{source.name}:{node.lineno} {node.name}")
        for source in sources
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def breaks_of_length(sources: tuple[Source, ...]) -> list[str]:
    found = []
    for source in sources:
        lines = len(source.text.splitlines())
        if lines > FILE_LIMIT:
            found.append(f"{source.name}: {lines} lines; split it")
        elif lines > FILE_NEEDS_REASON and "Length:" not in (ast.get_docstring(source.tree) or ""):
            found.append(f"{source.name}: {lines} lines; split it, or say why in its docstring after 'Length:'")
    return found


def loaded_after(modules: list[str], unwanted: tuple[str, ...]) -> list[str]:
    """Which of the unwanted modules a fresh interpreter has after importing the modules, and through which."""
    program = (
        "import importlib, sys\n"
        f"for name in {modules!r}:\n"
        "    importlib.import_module(name)\n"
        f"    for heavy in {unwanted!r}:\n"
        "        if heavy in sys.modules: print(name, 'brings', heavy)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def listing(rows: list[str]) -> str:
    return "\n" + "\n".join(rows)


@pytest.mark.parametrize("package", PACKAGES)
def test_there_is_code_to_hold_against_the_rules(package: str) -> None:
    assert len([source for source in SOURCES if source.within(package + "/")]) >= 5


@pytest.mark.parametrize(
    "breaks",
    [
        pytest.param(breaks_of_layers, id="imports run one way and each library has its place"),
        pytest.param(breaks_of_clocks, id="the pure parts read no clock"),
        pytest.param(breaks_of_print, id="only the command line prints"),
        pytest.param(breaks_of_constant_time, id="secrets are compared in constant time"),
        pytest.param(breaks_of_length, id="files stay short or say why not"),
    ],
)
def test_the_product_keeps_the_rule(breaks: Callable[[tuple[Source, ...]], list[str]]) -> None:
    rows = breaks(SOURCES)
    assert not rows, listing(rows)


def test_nine_of_ten_functions_fit_in_thirty_lines_and_none_is_long() -> None:
    measured = functions(SOURCES)
    assert len(measured) > 50
    usual = measured[int(len(measured) * 0.9)]
    assert usual[0] <= FUNCTION_USUAL, usual
    rows = [f"{place} has {lines} lines" for lines, place in measured if lines > FUNCTION_LIMIT]
    assert not rows, listing(rows)


@pytest.mark.parametrize("place", FRESH)
def test_importing_a_pure_part_brings_no_library_in_sideways(place: str) -> None:
    modules = [source.module for source in SOURCES if source.within(place)]
    assert modules, f"{place} has gone: mend the table"
    rows = loaded_after(modules, LIBRARIES)
    assert not rows, listing(rows)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("calendar_export/plan.py", "import integration.record"),
        ("calendar_export/feed.py", "from webhooks import report"),
        ("webhooks/payload.py", "def f():\n    from calendar_export.plan import Plan"),
        ("webhooks/payload.py", "import importlib\nimportlib.import_module('integration')"),
        ("webhooks/providers/new.py", "import requests"),
        ("webhooks/providers/new.py", "import cryptography"),
        ("integration/core/merge.py", "from calendar_export import feed"),
        ("integration/core/merge.py", "from .. import keys"),
        ("integration/core/merge.py", "from webhooks.providers import standard"),
        ("calendar_export/event.py", "import icalendar"),
        ("calendar_export/event.py", "import flask"),
        ("integration/record.py", "from flask import current_app"),
        ("integration/outbox.py", "import urllib.request"),
        ("integration/outbox.py", "from urllib import request"),
        ("integration/record.py", "from sqlalchemy.exc import OperationalError"),
    ],
)
def test_a_forbidden_import_is_found(name: str, text: str) -> None:
    assert breaks_of_layers((Source(name, text),))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("integration/core/merge.py", "from calendar_export.plan import Plan\nfrom webhooks.report import Report"),
        ("integration/core/merge.py", "from . import model\nfrom .model import Fact"),
        ("integration/app.py", "import flask\nfrom calendar_export import blueprint"),
        ("webhooks/providers/new.py", "import msgspec, urllib.parse\nfrom webhooks import payload"),
        ("integration/store/tables.py", "from sqlalchemy import Table"),
    ],
)
def test_an_allowed_import_is_let_pass(name: str, text: str) -> None:
    assert breaks_of_layers((Source(name, text),)) == []


@pytest.mark.parametrize(
    "text",
    [
        "from datetime import datetime\ndatetime.now()",
        "import datetime as dt\ndt.datetime.utcnow()",
        "from datetime import date as day\nday.today()",
        "from time import time as clock\nclock()",
        "import time\nfield(default_factory=time.time)",
    ],
)
def test_a_clock_is_found_under_any_name(text: str) -> None:
    assert breaks_of_clocks((Source("integration/core/days.py", text),))


def test_the_logical_date_of_a_given_instant_is_no_clock() -> None:
    text = "from datetime import datetime, time\nplan.today(now)\ntime(4)\ndatetime.combine(day, time(4))"
    assert breaks_of_clocks((Source("integration/core/days.py", text),)) == []


@pytest.mark.parametrize(
    "text",
    [
        "given == connection.secret",
        "bearer != given",
        "secret.encode() == given",
        "headers['webhook-signature'] == expected",
        "signature_of(body) == given",
        "self.tokens[0] == given",
    ],
)
def test_a_plain_comparison_of_a_secret_is_found(text: str) -> None:
    assert breaks_of_constant_time((Source("webhooks/signatures.py", text),))


@pytest.mark.parametrize(
    "text", ["compare_digest(secret, given)", "len(secret) == 32", "secret is None", "kind == 'feed'"]
)
def test_what_tells_nothing_about_a_secret_is_let_pass(text: str) -> None:
    assert breaks_of_constant_time((Source("webhooks/signatures.py", text),)) == []


def test_a_print_a_long_file_and_an_import_sideways_are_found() -> None:
    assert breaks_of_print((Source("integration/record.py", "print('hello')"),))
    assert not breaks_of_print((Source("integration/cli.py", "print('hello')"),))
    assert breaks_of_length((Source("integration/record.py", '"""Reason."""\n' + "x = 1\n" * 200),))
    assert not breaks_of_length((Source("integration/record.py", '"""Length: one table."""\n' + "x = 1\n" * 200),))
    assert breaks_of_length((Source("integration/record.py", '"""Length: one table."""\n' + "x = 1\n" * 400),))
    assert loaded_after(["wsgiref.headers"], ("wsgiref",)) == ["wsgiref.headers brings wsgiref"]
