"""What services post in tests, and how the answer is read."""

import json
from datetime import date, datetime
from typing import Any

from flask.testing import FlaskClient

from integration.core.model import Connection
from tests.integration.conftest import TODAY, Somebody


def post(client: FlaskClient, somebody: Somebody, connection: Connection, body: bytes | dict[str, Any]) -> str:
    """Posts to a connection's address; gives the outcome."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    hook = somebody.parts.links.hook(connection.service, connection.key or "")
    answer = client.post(somebody.path(hook), data=raw, content_type="application/json")
    return str(answer.json.get("outcome", answer.json.get("error")))


def scored(text: str, at: datetime, direction: str = "up", task: str = "task-1") -> dict[str, Any]:
    """A daily of Habitica, as its own source posts it."""
    told = {"id": task, "type": "daily", "text": text, "history": [{"date": int(at.timestamp() * 1000)}]}
    return {"type": "scored", "webhookType": "taskActivity", "direction": direction, "task": told}


def workouts(*named: tuple[str, str], day: date = TODAY) -> dict[str, Any]:
    """An export of Health Auto Export: the name and the wall time in Berlin of each workout, five minutes long."""
    told = [
        {"id": f"{name.replace(' ', '')}-{day}-{at}", "name": name, "start": f"{day} {at}:00 +0200", "duration": 300}
        for name, at in named
    ]
    return {"data": {"workouts": told}}
