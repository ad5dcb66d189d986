"""What the receiver must outlive: a poison delivery, a full disk, a flood of bodies, 50,000 made-up requests.

Source: webhook-reliability R11, R12, R13 and R18. Minutes long, so behind the marker.
"""

import io
import json
import os
import resource
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from integration.app import create_app
from integration.config import DATABASE_FILE
from integration.parts import Parts
from tests.integration.conftest import newcomer
from tests.serving import Served, asked, send
from webhooks.payload import FORM
from webhooks.registry import providers

pytestmark = pytest.mark.faults

PLAN = ("--zone", "Europe/Berlin", "--morning", "07:00", "--evening", "22:00", "--start", "2026-01-01")
SAMPLES = Path(__file__).parents[1] / "samples"
ON_SQLITE = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
CASES = 50_000
MIB = 1024 * 1024


def rss(pid: int | str = "self") -> int:
    """Resident memory in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


# --- R13: one poison among a thousand ---------------------------------------------------------------------------------


def test_one_poison_delivery_among_a_thousand_is_kept_tried_once_and_holds_nobody_up(parts: Parts) -> None:
    tries, simple = list[bytes](), parts.providers["simple"]

    def reports(incoming: Any) -> Any:
        tries.append(incoming.body)
        if b"poison" in incoming.body:
            raise ZeroDivisionError("a mistake in the provider")
        return simple.reports(incoming)

    poisoned = SimpleNamespace(**{name: getattr(simple, name) for name in dir(simple) if name.isupper()})
    poisoned.verify, poisoned.reports = simple.verify, reports
    parts = replace(parts, providers={**parts.providers, "simple": poisoned})
    person = newcomer(parts)
    path = person.path(parts.links.hook("simple", person.connect("simple").key or ""))
    told = list[str]()
    for restart in range(4):
        client = create_app(parts).test_client()  # a start judges nothing again
        for number in range(250):
            note = "poison" if (restart, number) == (1, 77) else "fine"
            event = {"id": f"{restart}-{number}", "date": "2026-06-02", "slot": "morning", "note": note}
            answer = client.post(path, json=event)
            assert answer.status_code == 200
            told.append(answer.json["outcome"])
    assert (told.count("accepted"), told.count("quarantined"), told.index("quarantined")) == (999, 1, 327)
    assert len([body for body in tries if b"poison" in body]) == 1
    with parts.store.reading() as db:
        rows = db.execute(text("SELECT reason FROM deliveries WHERE outcome = 'quarantined'")).scalars().all()
    assert rows == ["provider_failed"]


# --- R18: a full disk -------------------------------------------------------------------------------------------------

Room = Callable[[Served], None]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[tuple[Path, Room, Room]]:
    """A folder on a file system of 2 MiB; where nobody may mount one, the test is skipped and the next one stands."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "turntwice-test", str(folder)]
    if os.name != "posix" or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting needs root; the test with a limit on the size of files stands for it")

    def grow(_served: Served) -> None:
        subprocess.run(["mount", "-o", "remount,size=64m", str(folder)], check=True)

    yield folder / "data", lambda _served: None, grow
    subprocess.run(["umount", str(folder)], check=True)


def shrink(served: Served) -> None:
    """No file of the server may grow beyond a little more than what it has now."""
    largest = max(path.stat().st_size for path in served.data.iterdir())
    resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, (largest + 300_000, resource.RLIM_INFINITY))


def free(served: Served) -> None:
    resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def posted(served: Served, hook: str, event: str) -> int:
    body = json.dumps({"id": event, "date": "2026-06-02", "slot": "morning", "note": "x" * 500}).encode()
    with closing(served.connect()) as line:
        answer = send(line, "POST", hook, body, Content_Type="application/json")
    assert answer.status in {200, 503}, answer.body
    assert answer.status == 200 or answer.headers["retry-after"] == "30"
    return answer.status


def until_full(served: Served, hook: str, acknowledged: set[str]) -> int:
    """Posts until 200 were turned away; gives how many were taken."""
    refused = 0
    for number in count():
        event = f"before-{number}"
        if posted(served, hook, event) == 200:
            acknowledged.add(event)
        else:
            refused += 1
        if refused == 200:
            return len(acknowledged)
        assert number < 20_000, "it never was full"
    raise AssertionError


def outlives_a_full_disk(served: Served, fill: Room, make_room: Room) -> None:
    person = asked(served.env, "person", "add", *PLAN)["person"]
    hook = asked(served.env, "connection", "add", person, "simple")["hook"]
    acknowledged, pid = set[str](), served.process.pid
    fill(served)
    taken = until_full(served, hook, acknowledged)
    print(f"{taken} taken, then 200 times 503")  # noqa: T201
    assert served.ask("GET", "/healthz").status == 200
    make_room(served)
    for number in range(200):
        event = f"after-{number}"
        assert posted(served, hook, event) == 200
        acknowledged.add(event)
    assert (served.process.pid, served.process.poll()) == (pid, None), "without a restart"
    assert served.stop() == 0
    with closing(sqlite3.connect(served.data / DATABASE_FILE)) as db:
        facts = {event for (event,) in db.execute("SELECT event FROM facts")}
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert acknowledged - facts == set()
    assert "Traceback" not in served.log.read_text()


def test_on_a_full_disk_a_sender_is_asked_to_come_back_and_with_room_it_goes_on(
    small_disk: tuple[Path, Room, Room],
) -> None:
    data, fill, make_room = small_disk
    served = Served(data, {"HOOK_LIMIT": "off"})
    try:
        outlives_a_full_disk(served.start(), fill, make_room)
    finally:
        served.kill()


def test_when_no_file_may_grow_a_sender_is_asked_to_come_back_and_later_it_goes_on(tmp_path: Path) -> None:
    """The same without root: a limit on the size of files, lifted while the server runs."""
    served = Served(tmp_path / "data", {"HOOK_LIMIT": "off"}).start()
    try:
        outlives_a_full_disk(served, shrink, free)
    finally:
        served.kill()


# --- R11: a flood of bodies -------------------------------------------------------------------------------------------


def test_a_thousand_oversized_bodies_cost_no_memory(tmp_path: Path) -> None:
    served = Served(tmp_path / "data", {"HOOK_LIMIT": "off"}).start()
    try:
        person = asked(served.env, "person", "add", *PLAN)["person"]
        hook = asked(served.env, "connection", "add", person, "simple")["hook"]
        sizes = (65_537, 100_000, 131_072, 1_000_000)
        for size in sizes * 10:
            assert oversized(served, hook, size) == 413
        before = rss(served.process.pid)
        for size in sizes * 250:
            assert oversized(served, hook, size) == 413
        grown = rss(served.process.pid) - before
        print(f"{grown / MIB:.1f} MiB over 1,000 oversized bodies")  # noqa: T201
        assert grown < 10 * MIB
    finally:
        served.kill()


def oversized(served: Served, hook: str, size: int) -> int:
    with closing(served.connect()) as line:
        line.putrequest("POST", "/" + hook.split("/", 3)[3])
        line.putheader("Content-Length", str(size))
        line.endheaders()
        with suppress(BrokenPipeError, ConnectionResetError):  # refused by its length, before all was sent
            line.send(b"x" * size)
        return line.getresponse().status


# --- R12: whatever comes ----------------------------------------------------------------------------------------------

WORDS = st.sampled_from(["type", "data", "id", "event", "date", "slot", "note", "workouts", "task", "secret", "events"])
LEAF = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.dates().map(str)
VALUE = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
LATIN = st.text(st.characters(min_codepoint=0, max_codepoint=255), max_size=60)
# Most have the right type and length: what else is wrong with them is then looked at.
ODD_TYPES = ["application/cloudevents+json", FORM, "", "text/plain", "\x00\xff;;=;", "a/b;" * 99]
TYPES = st.sampled_from(["application/json"] * 9 + ODD_TYPES)
LENGTHS = st.sampled_from([None] * 12 + ["", "0", "3", "-1", "1e3", "\xb2", "65537", "9" * 30])
ANY_HEADER = st.sampled_from(
    ["AUTHORIZATION", "WEBHOOK_ID", "WEBHOOK_TIMESTAMP", "WEBHOOK_SIGNATURE", "CONTENT_ENCODING"]
)
NUMBERS = st.sampled_from(
    [b"1e999", b"NaN", b"9223372036854775808", b'"\\ud800"', b'"\\u0000"', b"[[[[", b"null", b"-0"]
)


def samples_of(name: str) -> list[Any]:
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted((SAMPLES / name).glob("*.json"))]


def spelled(header: str) -> str:
    """As WSGI spells it."""
    return header.upper().replace("-", "_")


@st.composite
def bent(draw: st.DrawFn, bodies: list[bytes]) -> bytes:
    """A real body with a piece of it changed: what gets furthest into a parser."""
    body = draw(st.sampled_from(bodies))
    start = draw(st.integers(0, len(body)))
    end = min(len(body), start + draw(st.integers(0, 12)))
    return body[:start] + draw(NUMBERS | st.binary(max_size=12)) + body[end:]


def environs(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """Requests to a hook of that provider, as a server would hand them over."""
    told = samples_of(name)
    bodies = [(s["body"] if isinstance(s["body"], str) else json.dumps(s["body"])).encode() for s in told]
    names = sorted({spelled(header) for s in told for header in s["headers"]} - {"CONTENT_TYPE"})
    real = [{f"HTTP_{spelled(n)}": v for n, v in s["headers"].items() if n != "content-type"} for s in told]
    headers = st.dictionaries((st.sampled_from(names) if names else ANY_HEADER) | ANY_HEADER, LATIN, max_size=4)
    made = VALUE.map(lambda value: json.dumps(value).encode())
    return st.builds(
        lambda base, more, kind, body, length: {
            **base,
            **{f"HTTP_{header}": value for header, value in more.items()},
            "CONTENT_TYPE": kind,
            "CONTENT_LENGTH": str(len(body)) if length is None else length,
            "wsgi.input": body,
        },
        st.sampled_from([{}, *real]),
        headers,
        TYPES,
        bent([body for body in bodies if body] or [b"{}"]) | made | st.binary(max_size=200),
        LENGTHS,
    )


def call(app: Flask, path: str, environ: dict[str, Any]) -> int:
    """One request straight into the app; gives the status."""
    told = list[str]()
    body = environ["wsgi.input"]
    whole = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": path,
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "SERVER_NAME": "x",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "203.0.113.9",
        "wsgi.url_scheme": "http",
        "wsgi.errors": io.StringIO(),
        **environ,
        "wsgi.input": io.BytesIO(body),
    }
    answer = app.wsgi_app(whole, lambda status, _headers, _info=None: told.append(status))
    b"".join(answer)
    getattr(answer, "close", lambda: None)()
    return int(told[0][:3])


def doors(parts: Parts, name: str) -> tuple[Flask, Flask, str]:
    """The app, the app for a sender whose proof always holds, and a hook of that provider in both."""
    sender, provider = newcomer(parts), parts.providers[name]
    needs = provider.SECRETS.needed == "required" and provider.SECRETS.make is None
    connection = sender.connect(name, **({provider.SECRETS.setting: secret_for(name)} if needs else {}))
    believed = SimpleNamespace(**{n: getattr(provider, n) for n in dir(provider) if not n.startswith("_")})
    believed.verify = lambda _incoming, _secrets: None
    open_door = create_app(replace(parts, providers={**parts.providers, name: believed}))
    return create_app(parts), open_door, sender.path(parts.links.hook(name, connection.key or ""))


def secret_for(name: str) -> str:
    return next(secret for sample in samples_of(name) for secret in sample.get("secrets", ()))


@ON_SQLITE
@pytest.mark.parametrize("name", providers())
def test_whatever_comes_no_answer_is_a_server_error_and_memory_stays_flat(parts: Parts, name: str) -> None:
    shut, believing, path = doors(parts, name)
    statuses, kept = dict[int, int](), list[tuple[Flask, dict[str, Any]]]()

    @settings(
        max_examples=CASES // len(providers()) + 1,
        phases=(Phase.generate,),
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(environ=environs(name), proved=st.booleans())
    def fuzz(environ: dict[str, Any], proved: bool) -> None:
        app = believing if proved else shut
        status = call(app, path, environ)
        assert status < 500, environ
        statuses[status] = statuses.get(status, 0) + 1
        if len(kept) < 300:
            kept.append((app, environ))

    fuzz()
    # Hypothesis remembers what it tried, so memory is measured by what was kept of it, over and over.
    for _ in range(2):
        again(kept, path)
    before = rss()
    for _ in range(5):
        again(kept, path)
    grown = rss() - before
    print(f"{name}: {dict(sorted(statuses.items()))}, {grown / MIB:.1f} MiB over 1,500 more")  # noqa: T201
    assert grown < 4 * MIB
    assert statuses.keys() <= {200, 400, 401, 413, 415, 422}


def again(kept: list[tuple[Flask, dict[str, Any]]], path: str) -> None:
    for app, environ in kept:
        assert call(app, path, environ) < 500
