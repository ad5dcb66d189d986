"""A provider that is one short file, dropped into a folder: served with nothing else touched."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from integration.app import create_app
from integration.connecting import connections
from integration.parts import Parts
from tests.integration.conftest import Somebody
from tests.test_provider_table import NEWCOMER
from webhooks.registry import providers


def test_a_file_of_thirty_lines_is_served(parts: Parts, somebody: Somebody, tmp_path: Path) -> None:
    assert len(NEWCOMER.splitlines()) <= 30
    (tmp_path / "bell.py").write_text(NEWCOMER)
    known = replace(parts, providers=providers(tmp_path))
    secret, now = "a-long-password-for-the-bell", parts.clock()
    made: Any = connections.add(
        parts.store, parts.keys, known.providers, somebody.id, "bell", {"password": secret}, now
    ).connection
    hook = somebody.path(parts.links.hook("bell", made.key))
    client = create_app(known).test_client()
    answer = client.post(hook, json={"id": "7"}, headers={"x-bell": secret})
    assert (answer.status_code, answer.json["outcome"]) == (200, "accepted")
    assert client.post(hook, json={"id": "7"}, headers={"x-bell": "wrong"}).status_code == 401
    assert client.post(hook, json={"id": "7"}, headers={"x-bell": secret}).json["outcome"] == "duplicate"
