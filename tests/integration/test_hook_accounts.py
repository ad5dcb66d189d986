"""One address for all users of an app: each delivery is for those who connected the account that it names."""

import base64
import hmac
import json
from dataclasses import replace
from typing import Any

import pytest

from integration.app import create_app
from integration.connecting import connections
from integration.core.model import FactKind
from integration.parts import Parts
from tests.integration.conftest import BERLIN, Somebody, newcomer

SECRET = "client-secret-of-the-app-12345"


@pytest.fixture
def parts(parts: Parts) -> Parts:
    return replace(parts, app_secrets={"todoist": (SECRET,)})


def tell(parts: Parts, account: str) -> Any:
    """Todoist says that this user of it ticked the stretch at 15:31 in Berlin."""
    told = {"event_name": "item:completed", "user_id": account, "initiator": {"id": account}}
    told |= {"triggered_at": "2026-06-02T13:31:02.000000Z", "event_data": {"id": "6Xa", "content": "Stretch"}}
    raw = json.dumps(told).encode()
    proof = base64.b64encode(hmac.digest(SECRET.encode(), raw, "sha256")).decode()
    headers = {"X-Todoist-Hmac-SHA256": proof, "Content-Type": "application/json"}
    return create_app(parts).test_client().post("/hooks/todoist", data=raw, headers=headers).json


def heard(somebody: Somebody) -> list[tuple[FactKind, str]]:
    return [(fact.kind, fact.slot) for fact in somebody.facts()]


def test_nobody_hears_of_another_account(parts: Parts) -> None:
    ann, ben, eve = newcomer(parts), newcomer(parts), newcomer(parts)
    ann.connect("todoist", account="41")
    ben.connect("todoist", account="42")
    eve.connect("todoist", client_secret=SECRET)
    assert tell(parts, "41")["outcome"] == "accepted"
    assert (heard(ann), heard(ben), heard(eve)) == ([(FactKind.DONE, "evening")], [], [])
    assert tell(parts, "4")["outcome"] == "ignored"
    assert (len(heard(ann)), heard(ben), heard(eve)) == (1, [], [])


def test_all_who_share_an_account_hear_each_by_their_own_plan(parts: Parts) -> None:
    ann, ben = newcomer(parts), newcomer(parts, replace(BERLIN, zone="America/Los_Angeles"))
    for one in (ann, ben):
        one.connect("todoist", account="41")
    assert tell(parts, "41")["counted"] == [], "nobody is told of another's sessions"
    assert (heard(ann), heard(ben)) == ([(FactKind.DONE, "evening")], [(FactKind.DONE, "morning")])


def test_an_ended_connection_hears_nothing_more(parts: Parts) -> None:
    ann = newcomer(parts)
    made = ann.connect("todoist", account="41")
    connections.revoke(parts.store, made.id, parts.clock())
    assert tell(parts, "41")["outcome"] == "ignored"
    assert heard(ann) == []
