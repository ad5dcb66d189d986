"""What we measure ourselves against, in bare Flask.

A word, a constant of some size, one row committed with raw sqlite3 (WAL, FULL), and a feed rendered on each request.
"""

import sqlite3
import sys
import threading
from datetime import UTC, datetime, timedelta
from functools import cache

from flask import Flask, Response, request
from icalendar import Calendar, Event
from waitress import serve

app = Flask(__name__)
local = threading.local()


@app.get("/ok")
def ok() -> Response:
    return Response("ok")


@cache
def constant(size: int) -> bytes:
    return b"x" * size


@app.get("/constant/<int:size>")
def same_size(size: int) -> Response:
    return Response(constant(size), content_type="text/calendar; charset=utf-8")


@app.get("/naive")
def naive() -> Response:
    """148 events, as most programs make them: with icalendar, on every request."""
    calendar = Calendar()
    calendar.add("prodid", "-//naive//")
    calendar.add("version", "2.0")
    for number in range(148):
        starts = datetime(2026, 6, 1, 5, tzinfo=UTC) + timedelta(hours=12 * number)
        event = Event()
        event.add("uid", f"{number}@naive")
        event.add("dtstamp", starts)
        event.add("dtstart", starts)
        event.add("dtend", starts + timedelta(minutes=5))
        event.add("summary", "Morning stretch")
        event.add("description", "On your back, knees bent.\n" * 12)
        calendar.add_component(event)
    return Response(calendar.to_ical(), content_type="text/calendar; charset=utf-8")


@app.post("/commit")
def commit() -> Response:
    if not hasattr(local, "db"):
        local.db = sqlite3.connect(sys.argv[2], isolation_level=None, timeout=15)
        local.db.execute("PRAGMA journal_mode=WAL")
        local.db.execute("PRAGMA synchronous=FULL")
    local.db.execute("BEGIN IMMEDIATE")
    local.db.execute("INSERT INTO bodies (body) VALUES (?)", (request.get_data(),))
    local.db.execute("COMMIT")
    return Response("ok")


if __name__ == "__main__":
    with sqlite3.connect(sys.argv[2]) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("CREATE TABLE bodies (id INTEGER PRIMARY KEY, body BLOB)")
    serve(app, host="127.0.0.1", port=int(sys.argv[1]), threads=4, ident=None)
