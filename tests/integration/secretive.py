"""What the tests of the bar for secrets share: somebody connected with everything, and looks at what is stored."""

import gzip
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import select

from integration.app import create_app
from integration.connecting import connections
from integration.connecting.connections import Made
from integration.dispatching.judging import Attempt
from integration.dispatching.sending import Sender
from integration.keys import KeyKind, Keys
from integration.links import Links
from integration.outbox import Claim, claim, finish
from integration.outgoing import Reply, Request
from integration.parts import Parts
from integration.store.tables import connections as table
from integration.store.tables import documents, metadata
from tests.integration.conftest import TODAY, Somebody

OLD, NEW, WRONG = (f"an operator's secret of {year} that is long enough" for year in ("2024", "2025", "nobody's year"))
UUID = "1" * 8 + "-2222" * 3 + "-" + "3" * 12
CANARIES: dict[str, dict[str, str]] = {
    "beaverhabits": {"url": "https://b.example", "token": "canary-of-beaver", "morning": "h1"},
    "beeminder": {"token": "canary-of-beeminder", "morning": "stretch"},
    "habitica": {"user": UUID, "token": "4" * 8 + "-caaa" * 3 + "-" + "6" * 12, "morning": UUID},
    "home_assistant": {"url": "https://h.example", "webhook": "canary-of-home-assistant"},
    "ntfy": {"topic": "canary_of_ntfy"},
    "pixela": {"username": "ada", "token": "canary-of-pixela", "morning": "stretch"},
    "simple": {"bearer": "canary-of-simple-" + "b" * 20},
    "standard": {"url": "https://example.org/hooks/stretch"},
    "todoist": {"token": "c" * 40, "client_secret": "canary-of-todoist-" + "d" * 20},
    "vikunja": {"url": "https://v.example", "token": "tk_" + "c" * 40, "secret": "canary-of-vikunja-" + "e" * 20},
}
READABLE = ("url", "username", "user", "morning")


def canaries(made: list[Made]) -> list[str]:
    """Every secret in clear: what was given, and what we made."""
    given = [value for settings in CANARIES.values() for name, value in settings.items() if name not in READABLE]
    return [*given, *(one.secret.removeprefix("whsec_") for one in made if one.secret)]


def under(parts: Parts, *secrets: str) -> Parts:
    """The same Turntwice, started with other operator secrets."""
    keys = Keys(secrets)
    return replace(parts, keys=keys, links=Links(parts.links.public_url, keys))


def raw(parts: Parts) -> bytes:
    """Every byte of the database's files and of every value in it, unpacked where it can be."""
    found = list[bytes]()
    if parts.store.is_sqlite:
        file = Path(parts.store.engine.url.database or "")
        found = [path.read_bytes() for path in file.parent.glob(f"{file.name}*")]
    with parts.store.reading() as db:
        values = [value for one in metadata.sorted_tables for row in db.execute(select(one)) for value in row]
    for value in values:
        found.append(bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode())
        if found[-1].startswith(b"\x1f\x8b"):
            found.append(gzip.decompress(found[-1]))
    return b"\n".join(found)


def sealed(parts: Parts) -> list[Any]:
    """All that is stored sealed, as it is stored."""
    with parts.store.reading() as db:
        texts = db.execute(select(table.c.id, table.c.secrets, table.c.tokens).order_by(table.c.id)).all()
        return [tuple(row) for row in [*texts, *db.execute(select(documents.c.feed, documents.c.gzipped))]]


def connect_everything(somebody: Somebody, parts: Parts | None = None) -> list[Made]:
    """Connects somebody with every service of `CANARIES`."""
    with_parts = parts or somebody.parts
    store, keys, providers, now = with_parts.store, with_parts.keys, with_parts.providers, with_parts.clock()
    return [connections.add(store, keys, providers, somebody.id, name, given, now) for name, given in CANARIES.items()]


def worked(parts: Parts, called: list[Request] | None = None) -> list[Request]:
    """Tells everybody of a session and sends what is due once; the calls that were made."""
    heard = called if called is not None else []

    def door(request: Request) -> Reply:
        heard.append(request)
        return Reply(200, {}, b"{}")

    with parts.store.reading() as db:
        [key] = db.execute(select(metadata.tables["people"].c.key)).scalars()
    client = create_app(parts).test_client()
    page = f"/me/{parts.keys.key(KeyKind.ME, key)}/session"
    assert client.post(page, data={"action": "done", "date": TODAY.isoformat(), "slot": "morning"}).status_code == 303
    sender, wanted = Sender(parts.keys, parts.services, door), Claim("worker", most=50)
    for leased in claim(parts.store, wanted, parts.clock()):
        result = sender.send(leased, parts.clock())
        finish(parts.store, leased, Attempt(parts.clock(), parts.clock(), result), replace(wanted, most=0))
    return heard
