"""What the hooks say beside taking a delivery in: browsers, probes, limits, and addresses that all users share."""

from collections.abc import Sequence
from itertools import combinations
from types import SimpleNamespace
from typing import Any

import pytest

from tests.webhooks.doubles import KEY, SECRET, FakeReceiver, Hook, client_of, signed
from webhooks.errors import Forged, Invalid, Unreadable
from webhooks.limits import Here, Limits, Rate, What
from webhooks.registry import providers
from webhooks.report import Answer, Incoming, Kind, Notice, Report

OUTSIDE = {"REMOTE_ADDR": "203.0.113.9"}
PATHS = [f"/hooks/simple/{KEY}", "/hooks/simple/guess", f"/hooks/nobody/{KEY}", "/hooks/standard", "/hooks/nobody"]
DONE = (Report(Kind.DONE, "1"),)


@pytest.fixture
def receiver() -> FakeReceiver:
    return FakeReceiver(of_app={"shared": ["the app's secret"]})


# --- browsers and probes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
def test_a_browser_that_asks_first_is_told_that_it_may_post(receiver, path):
    asked = {"Origin": "https://app.example.org", "Access-Control-Request-Method": "POST"}
    answer = client_of(receiver).options(path, headers=asked)
    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.headers["Allow"] == "POST, HEAD, OPTIONS"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Access-Control-Allow-Methods"] == "POST"
    assert answer.headers["Access-Control-Allow-Headers"] == "content-type, authorization"
    assert int(answer.headers["Access-Control-Max-Age"]) > 0
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("method", ["OPTIONS", "HEAD", "GET", "PUT", "PATCH", "DELETE"])
def test_what_is_no_post_says_the_same_of_every_address_and_looks_nothing_up(receiver, method):
    client, validation = client_of(receiver), {"WebHook-Request-Origin": "sender.example.org"}
    for headers in ({}, validation):
        answers = [client.open(path, method=method, headers=headers) for path in PATHS]
        assert len({(answer.status_code, answer.data, str(answer.headers)) for answer in answers}) == 1
        assert answers[0].status_code == {"OPTIONS": 200 if headers else 204, "HEAD": 200}.get(method, 405)
        assert "POST" in answers[0].headers.get("Allow", "POST")
    assert (receiver.found, receiver.recorded, receiver.refused) == ([], [], [])


def test_cloudevents_may_send_at_the_rate_of_a_hook(receiver):
    asked = {"WebHook-Request-Origin": "sender.example.org", "WebHook-Request-Rate": "120"}
    limiter = Limits({What.HOOK: Rate(60, 60)}, Here())
    for limited, rate in ((limiter, "60"), (None, "*")):
        answer = client_of(receiver, None, limited).options(PATHS[0], headers=asked)
        assert answer.status_code == 200
        assert (answer.headers["WebHook-Allowed-Origin"], answer.headers["WebHook-Allowed-Rate"]) == ("*", rate)
    assert "WebHook-Allowed-Origin" not in client_of(receiver).options(PATHS[0]).headers


@pytest.mark.parametrize(
    "path, body, status",
    [
        (PATHS[0], b"{}", 200),
        (PATHS[0], b"[", 400),
        (PATHS[0], b"x" * 70_000, 413),
        (PATHS[1], b"{}", 404),
        (f"/hooks/standard/{KEY}", b"{}", 401),
        ("/hooks/standard", b"{}", 404),
    ],
)
def test_a_page_in_a_browser_may_read_every_answer_to_a_post(receiver, path, body, status):
    answer = client_of(receiver).post(path, data=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (status, "*")
    receiver.failing = "find"
    assert client_of(receiver).post(PATHS[0]).headers["Access-Control-Allow-Origin"] == "*"


# --- limits -----------------------------------------------------------------------------------------------------------


def limited(receiver: FakeReceiver, known: Any = None, **rates: int) -> Any:
    return client_of(receiver, known, Limits({What(what): Rate(rate, 3600) for what, rate in rates.items()}, Here()))


def told_to_wait(answer: Any) -> bool:
    return bool(answer.status_code == 429 and 0 < int(answer.headers["Retry-After"]) <= 3600 and answer.json["message"])


def test_a_hook_takes_so_many_and_the_next_is_told_when_to_come_back(receiver):
    client = limited(receiver, hook=3)
    answers = [client.post(PATHS[0]) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert told_to_wait(answers[3])
    assert answers[3].json["error"] == "too_many"
    assert (len(receiver.recorded), receiver.refused) == (3, []), "and nothing is recorded or counted as a refusal"


def test_a_hook_is_limited_by_what_it_proves_and_not_by_who_merely_knows_its_address(receiver):
    receiver.secrets, client = [SECRET], limited(receiver, hook=1)
    body = b'{"type":"session.completed"}'
    for _ in range(5):
        assert client.post(f"/hooks/standard/{KEY}", data=body).status_code == 401
    assert client.post(f"/hooks/standard/{KEY}", data=body, headers=signed(body)).status_code == 200
    assert told_to_wait(client.post(f"/hooks/standard/{KEY}", data=body, headers=signed(body)))


def test_an_address_may_send_so_much_wherever_to_and_another_address_all_the_same(receiver):
    client = limited(receiver, address=3)
    answers = [client.post(path, environ_overrides=OUTSIDE) for path in (*PATHS[:3], PATHS[0])]
    assert [answer.status_code for answer in answers] == [200, 404, 404, 429]
    assert told_to_wait(answers[3])
    assert client.post(PATHS[0], environ_overrides={"REMOTE_ADDR": "203.0.113.10"}).status_code == 200
    assert receiver.found == [("simple", KEY), ("simple", "guess"), ("simple", KEY)], "nothing is looked up for it"


@pytest.mark.parametrize("path", [*PATHS[1:], f"/hooks/standard/{KEY}"])
def test_an_address_that_guesses_is_told_to_wait_and_what_is_right_passes_all_the_same(receiver, path):
    """A service posts for many people from one address: one who left must not silence the others."""
    client = limited(receiver, miss=2)
    answers = [client.post(path, environ_overrides=OUTSIDE) for _ in range(4)]
    status = 401 if path.endswith(KEY) and "standard" in path else 404
    assert [answer.status_code for answer in answers] == [status, status, 429, 429]
    assert told_to_wait(answers[2])
    assert client.post(PATHS[0], environ_overrides=OUTSIDE).status_code == 200


def test_nobody_but_posts_is_counted(receiver):
    client = limited(receiver, address=1, hook=1, miss=1)
    for method in ("GET", "HEAD", "OPTIONS") * 3:
        assert client.open(PATHS[0], method=method, environ_overrides=OUTSIDE).status_code < 429
    assert client.post(PATHS[0], environ_overrides=OUTSIDE).status_code == 200


# --- one address for all users of an app ------------------------------------------------------------------------------


def verify(incoming: Incoming, secrets: Sequence[str]) -> None:
    if incoming.headers.get("x-proof") not in secrets:
        raise Forged("proof", "wrong proof")


def account(incoming: Incoming) -> str:
    if incoming.body == b"nobody":
        raise Unreadable("account", "no account")
    return incoming.body.decode()


def shared(**more: Any) -> Any:
    return {"shared": SimpleNamespace(verify=verify, account=account, reports=lambda _: DONE, **more)}


def send(receiver: FakeReceiver, body: bytes, proof: str = "the app's secret", known: Any = None) -> Any:
    return client_of(receiver, known or shared()).post("/hooks/shared", data=body, headers={"x-proof": proof})


def test_a_delivery_for_an_app_is_recorded_for_whoever_connected_that_account(receiver):
    receiver.accounts = {"user-7": [Hook([], "ann")], "user-8": [Hook([], "ben")]}
    answer = send(receiver, b"user-8")
    assert (answer.status_code, answer.json["outcome"], answer.json["message"]) == (200, "accepted", "counted")
    assert receiver.found == [("shared", "user-8")]
    assert ([hook.name for hook in receiver.hooks], receiver.recorded) == (["ben"], [DONE])


def test_two_people_of_one_account_both_hear_and_neither_hears_of_the_other(receiver):
    receiver.accounts = {"family": [Hook([], "ann"), Hook([], "ben")]}
    receiver.outcomes = ["duplicate", "accepted"]
    answer = send(receiver, b"family")
    assert answer.json == {"outcome": "accepted", "message": "", "counted": []}
    assert [hook.name for hook in receiver.hooks] == ["ann", "ben"]


@pytest.mark.parametrize("two", list(combinations(["accepted", "quarantined", "duplicate", "ignored"], 2)))
def test_of_several_outcomes_the_best_is_told(receiver, two):
    receiver.accounts = {"family": [Hook([], "ann"), Hook([], "ben")]}
    receiver.outcomes = list(reversed(two))
    assert send(receiver, b"family").json["outcome"] == two[0]


def test_an_account_that_nobody_connected_is_ignored_and_nothing_is_kept(receiver):
    answer = send(receiver, b"stranger")
    assert (answer.status_code, answer.json["outcome"]) == (200, "ignored")
    assert (receiver.recorded, receiver.refused) == ([], [])


@pytest.mark.parametrize("proof", ["", "another", SECRET])
def test_what_the_apps_secret_does_not_prove_is_401_before_any_account_is_looked_up(receiver, proof):
    receiver.accounts = {"user-7": [Hook([proof], "ann")]}
    answer = send(receiver, b"user-7", proof)
    assert (answer.status_code, answer.json["error"]) == (401, "proof")
    assert (receiver.found, receiver.recorded) == ([], [])
    [(hook, name, _, why)] = receiver.refused
    assert (hook, name, isinstance(why, Forged)) == (None, "shared", True)


def test_without_the_operators_secret_the_address_is_not_there(receiver):
    receiver.of_app = {}
    known = {**providers(), **shared()}
    client = client_of(receiver, known)
    answers = [client.post(path, data=b"user-7") for path in ("/hooks/shared", "/hooks/standard", "/hooks/nobody")]
    answers.append(client.post("/hooks/standard/guess"))
    assert len({(answer.status_code, answer.data, str(answer.headers)) for answer in answers}) == 1
    assert answers[0].status_code == 404


def test_every_provider_that_names_accounts_has_that_address_and_no_other_has(receiver):
    for name, provider in providers().items():
        receiver.of_app = {name: ["x" * 32]}
        answer = client_of(receiver).post(f"/hooks/{name}", data=b"{}")
        assert answer.status_code == (401 if hasattr(provider, "account") else 404), name


def test_a_body_that_names_no_account_is_refused_and_counted(receiver):
    answer = send(receiver, b"nobody")
    assert (answer.status_code, answer.json["error"]) == (400, "account")
    assert [hook for hook, *_ in receiver.refused] == [None]


def test_a_provider_that_fails_at_the_account_is_refused_as_nothing_can_be_kept(receiver, caplog):
    answer = send(receiver, b"\xff canary")
    assert (answer.status_code, answer.json["error"]) == (422, "provider_failed")
    assert "canary" not in caplog.text


def test_what_cannot_be_read_is_quarantined_for_each_person(receiver):
    def reports(_incoming: Incoming) -> Any:
        raise Invalid("field", "no such field")

    receiver.accounts = {"family": [Hook([], "ann"), Hook([], "ben")]}
    known = shared()
    known["shared"].reports = reports
    answer = send(receiver, b"family", known=known)
    assert (answer.status_code, answer.json["error"]) == (422, "field")
    assert [hook.name for hook, *_ in receiver.refused if hook] == ["ann", "ben"]


def test_a_handshake_of_an_app_is_answered_for_whoever_proves_it(receiver):
    known = shared(handshake=lambda _: Answer("here"))
    assert send(receiver, b"user-7", known=known).text == "here"
    assert send(receiver, b"user-7", "another", known).status_code == 401
    assert (receiver.found, receiver.recorded) == ([], [])


def test_an_account_has_a_limit_as_a_hook_has(receiver):
    client, proof = limited(receiver, shared(), hook=2), {"x-proof": "the app's secret"}
    receiver.accounts = {name: [Hook([], name)] for name in ("ann", "ben")}
    statuses = [client.post("/hooks/shared", data=b"ann", headers=proof).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert client.post("/hooks/shared", data=b"ben", headers=proof).status_code == 200


@pytest.mark.parametrize("step", ["find_account", "record"])
def test_when_storage_is_away_an_app_is_asked_to_come_back(receiver, step):
    receiver.accounts, receiver.failing = {"user-7": [Hook([], "ann")]}, step
    answer = send(receiver, b"user-7")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")


def test_too_large_for_an_app_is_413_before_anything_is_verified(receiver):
    assert send(receiver, b"x" * 65_537).status_code == 413


# --- what is announced and not sent -----------------------------------------------------------------------------------


def test_what_a_service_announces_is_handed_on_with_the_delivery(receiver):
    known = shared(notices=lambda _: [Notice("workout-1")])
    assert client_of(receiver, known).post(f"/hooks/shared/{KEY}").status_code == 401
    receiver.secrets = ["s"]
    assert client_of(receiver, known).post(f"/hooks/shared/{KEY}", headers={"x-proof": "s"}).status_code == 200
    assert receiver.noticed == [[Notice("workout-1")]]


def test_a_receiver_that_knows_no_notices_is_asked_as_before(receiver):
    class Older(FakeReceiver):
        def record(self, hook: Any, incoming: Any, reports: Any) -> Any:  # type: ignore[override]
            return super().record(hook, incoming, reports)

    for known in (None, shared(notices=lambda _: ())):
        older = Older(secrets=["s"] if known else [])
        path = f"/hooks/shared/{KEY}" if known else PATHS[0]
        assert client_of(older, known).post(path, headers={"x-proof": "s"}).status_code == 200
        assert len(older.recorded) == 1
