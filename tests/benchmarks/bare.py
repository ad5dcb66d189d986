"""What we measure ourselves against: a bare Flask view, and one that commits one row with raw sqlite3 (WAL, FULL)."""

import sqlite3
import sys
import threading

from flask import Flask, Response, request
from waitress import serve

app = Flask(__name__)
local = threading.local()


@app.get("/ok")
def ok() -> Response:
    return Response("ok")


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
