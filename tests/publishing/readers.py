"""Seven programs that read calendars, each asked for the same: who is when, under which title, and how many alarms.

icalendar with recurring-ical-events, ical (Home Assistant), ics and vobject run here; ical.js (Thunderbird, Nextcloud)
and node-ical (MagicMirror) run in Node, where that and the network are; `npm` brings them into a folder of their own.
"""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import icalendar
import ics
import pytest
import recurring_ical_events
import vobject
from ical.calendar_stream import IcsCalendarStream

NODE_READERS = {"ical.js": "2.2.1", "node-ical": "0.26.1"}
NODE_FOLDER = Path(tempfile.gettempdir()) / "turntwice-node"
NODE_SCRIPT = Path(__file__).with_name("readers.mjs")
NPM_SECONDS, READ_SECONDS = 120, 60

Seen = tuple[datetime, datetime, str]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader makes of a document: every event as start, end (UTC) and title, sorted; the count of its alarms."""

    events: tuple[Seen, ...]
    alarms: int


def by_icalendar(body: bytes) -> Reading:
    calendar = icalendar.Calendar.from_ical(body)
    events = recurring_ical_events.of(calendar).between((2025, 1, 1), (2028, 1, 1))
    seen = (_seen(e["DTSTART"].dt, e["DTEND"].dt, e["SUMMARY"]) for e in events)
    return Reading(tuple(sorted(seen)), len(calendar.walk("VALARM")))


def by_ical(body: bytes) -> Reading:
    events = IcsCalendarStream.calendar_from_ics(body.decode()).events
    seen = (_seen(e.dtstart, e.dtend, e.summary) for e in events)
    return Reading(tuple(sorted(seen)), sum(len(e.alarm) for e in events))


def by_ics(body: bytes) -> Reading:
    events = ics.Calendar(body.decode()).events
    seen = (_seen(e.begin.datetime, e.end.datetime, e.name) for e in events)
    return Reading(tuple(sorted(seen)), sum(len(e.alarms) for e in events))


def by_vobject(body: bytes) -> Reading:
    events = vobject.readOne(body.decode()).vevent_list
    seen = (_seen(e.dtstart.value, e.dtend.value, e.summary.value) for e in events)
    return Reading(tuple(sorted(seen)), sum(len(e.contents.get("valarm", ())) for e in events))


READERS = {"icalendar": by_icalendar, "ical": by_ical, "ics": by_ics, "vobject": by_vobject}


def _seen(starts: datetime, ends: datetime, title: object) -> Seen:
    return starts.astimezone(UTC), ends.astimezone(UTC), str(title)


def in_node(files: Mapping[str, Path]) -> dict[str, dict[str, Reading]]:
    """What each of the two Node readers makes of each file, all in one run of Node."""
    paths = [str(path) for path in files.values()]
    command = ["node", str(NODE_SCRIPT), str(NODE_FOLDER), *paths]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=READ_SECONDS, check=False)
    if ran.returncode:
        raise ValueError(f"Node reads no calendars: {ran.stderr.strip()[-500:]}")
    told = json.loads(ran.stdout)
    return {
        reader: {name: _from_node(told[reader][str(path)]) for name, path in files.items()} for reader in NODE_READERS
    }


def _from_node(told: dict[str, Any]) -> Reading:
    seen = (_seen(_from_milliseconds(start), _from_milliseconds(end), title) for start, end, title in told["events"])
    return Reading(tuple(sorted(seen)), told["alarms"])


def _from_milliseconds(count: int) -> datetime:
    return datetime.fromtimestamp(count / 1000, UTC)


def need_node() -> None:
    """Makes sure that the Node readers are there; skips where they are neither there nor asked for."""
    if "node" in os.environ.get("TURNTWICE_TEST_REQUIRE", ""):
        if trouble := _install():
            pytest.fail(f"TURNTWICE_TEST_REQUIRE asks for the Node readers: {trouble}", pytrace=False)
    elif not shutil.which("node") or _installed() != NODE_READERS:
        pytest.skip("no Node readers here; TURNTWICE_TEST_REQUIRE=node fetches them from npm")


def _install() -> str | None:
    """Installs what is missing, one process at a time; says in a line why it cannot."""
    from fcntl import LOCK_EX, flock

    if not shutil.which("node") or not shutil.which("npm"):
        return "there is no Node, or no npm"
    NODE_FOLDER.mkdir(exist_ok=True)
    with (NODE_FOLDER / "lock").open("w") as held:
        flock(held, LOCK_EX)
        return None if _installed() == NODE_READERS else _run_npm()


def _installed() -> dict[str, str]:
    files = {name: NODE_FOLDER / "node_modules" / name / "package.json" for name in NODE_READERS}
    return {name: json.loads(file.read_text())["version"] for name, file in files.items() if file.is_file()}


def _run_npm() -> str | None:
    wanted = [f"{name}@{version}" for name, version in NODE_READERS.items()]
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1"]
    command += ["--prefix", str(NODE_FOLDER), *wanted]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=NPM_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"npm did not bring the Node readers within {NPM_SECONDS} seconds"
    said = " ".join(line for line in ran.stderr.splitlines() if line.startswith("npm error"))
    return f"npm did not bring the Node readers: {said[:200]}" if ran.returncode else None
