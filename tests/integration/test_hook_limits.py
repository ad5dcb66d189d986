"""The limits in the app itself: whose address counts, and that a request costs no more with ever so many senders."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from integration.app import create_app
from integration.parts import Parts
from tests.integration.conftest import Somebody
from webhooks.limits import Here, Limits, Rate, What

ON_SQLITE = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
PROXY = "10.0.0.1"
Open = Callable[..., FlaskClient]


@pytest.fixture
def limited(parts: Parts) -> Open:
    """The app with these limits an hour, behind so many proxies."""

    def create(proxies: int = 0, **rates: int) -> FlaskClient:
        told = {What(what): Rate(rate, 3600) for what, rate in rates.items()}
        return create_app(replace(parts, limiter=Limits(told, Here(), proxies > 0), proxies=proxies)).test_client()

    return create


def post(client: FlaskClient, path: str, peer: str = PROXY, forwarded: str | None = None) -> Any:
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    return client.post(path, headers=headers, environ_overrides={"REMOTE_ADDR": peer})


@pytest.fixture
def hook(somebody: Somebody) -> str:
    return somebody.path(somebody.parts.links.hook("simple", somebody.connect("simple").key or ""))


@ON_SQLITE
@pytest.mark.parametrize(
    "proxies, forwarded, sender",
    [
        (1, "{}", "198.51.100.1"),
        (1, "192.0.2.66, {}", "198.51.100.1"),
        (2, "192.0.2.66, {}, 10.0.0.2", "198.51.100.1"),
        (1, "192.0.2.66, nonsense, {}", "198.51.100.1"),
        (1, "{}", "2001:db8::1"),
        (1, "{}:41", "198.51.100.1"),
        (1, "[{}]:41", "2001:db8::1"),
        (1, "{}", "unknown"),
    ],
)
def test_of_forwarded_addresses_the_one_that_our_outermost_proxy_saw_counts(
    limited: Open, hook: str, proxies: int, forwarded: str, sender: str
) -> None:
    client = limited(proxies, address=2)
    answers = [post(client, hook, forwarded=forwarded.format(sender)).status_code for _ in range(3)]
    assert answers == [200, 200, 429]
    assert post(client, hook, forwarded=forwarded.format("198.51.100.2")).status_code == 200


@ON_SQLITE
def test_without_proxies_nobody_may_claim_an_address(limited: Open, hook: str) -> None:
    client = limited(address=2)
    answers = [post(client, hook, "203.0.113.5", f"198.51.100.{number}").status_code for number in range(3)]
    assert answers == [200, 200, 429]
    assert post(client, hook, "203.0.113.6", "203.0.113.5").status_code == 200


@ON_SQLITE
@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", PROXY, "192.168.1.20", "172.18.0.3", "fd00::7", ""])
def test_where_a_proxy_may_stand_that_nobody_told_of_only_hooks_are_limited(
    limited: Open, hook: str, peer: str
) -> None:
    client = limited(address=1, miss=1, hook=3)
    assert [post(client, hook, peer).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert {post(client, "/hooks/simple/guess", peer).status_code for _ in range(5)} == {404}


@ON_SQLITE
def test_guesses_of_one_address_run_out_and_hooks_of_that_address_go_on(limited: Open, hook: str) -> None:
    client = limited(miss=20)
    answers = [post(client, f"/hooks/simple/guess-{number}", "203.0.113.5") for number in range(22)]
    assert [answer.status_code for answer in answers] == [404] * 20 + [429] * 2
    assert post(client, "/hooks/simple/guess", "203.0.113.6").status_code == 404
    assert post(client, hook, "203.0.113.5").status_code == 200


@ON_SQLITE
def test_what_is_turned_away_by_its_address_asks_nothing_of_the_store(
    limited: Open, hook: str, statements: list[str]
) -> None:
    client = limited(address=1)
    post(client, hook, "203.0.113.5")
    statements.clear()
    assert post(client, hook, "203.0.113.5").status_code == 429
    assert statements == []


@ON_SQLITE
def test_what_is_turned_away_is_neither_kept_nor_counted(
    limited: Open, hook: str, census: Callable[[], dict[str, int]]
) -> None:
    client = limited(hook=1)
    post(client, hook)
    before = census()
    assert post(client, hook).status_code == 429
    assert census() == before
