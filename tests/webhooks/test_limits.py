"""Limits: how many in a window that moves, whose address it is, and what happens when nobody can count."""

import logging
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits.storage import MemoryStorage

from webhooks import limits
from webhooks.limits import Here, Limits, Rate, Shared, What, in_redis, sender

OUTSIDE = "203.0.113.9"


class Hands:
    """A clock that a test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def hands() -> Hands:
    return Hands()


def limiter(rate: str, window: limits.Window, behind_proxies: bool = False, **more: Hands) -> Limits:
    return Limits(dict.fromkeys(What, Rate.parse(rate)), window, behind_proxies, **more)


NOTATION = {
    "60/minute": Rate(60, 60),
    "600/Minutes": Rate(600, 60),
    " 5 per 10 seconds ": Rate(5, 10),
    "1 / 2 hours": Rate(1, 7200),
    "1000/day": Rate(1000, 86_400),
}


@pytest.mark.parametrize("text, rate", NOTATION.items())
def test_a_rate_is_written_as_the_library_writes_it(text, rate):
    from limits import parse

    assert Rate.parse(text) == rate
    assert (parse(text).amount, parse(text).get_expiry()) == (rate.amount, rate.seconds)


@pytest.mark.parametrize("text", ["", "60", "0/minute", "-1/minute", "1/0 minutes", "1/fortnight", "1e3/day", "9" * 7])
def test_any_other_rate_is_refused(text):
    with pytest.raises(ValueError, match="60/minute"):
        Rate.parse(text)


def test_so_many_pass_and_the_next_is_told_how_long_to_wait(hands):
    window = Here(hands)
    assert [window.take("a", Rate(3, 60)) for _ in range(3)] == [0, 0, 0]
    hands.now += 20
    assert window.take("a", Rate(3, 60)) == 40
    assert window.take("b", Rate(3, 60)) == 0
    hands.now += 40
    assert window.take("a", Rate(3, 60)) == 0


def test_one_who_waits_as_long_as_told_passes_and_asking_too_often_costs_nothing_more(hands):
    limited = limiter("2/minute", Here(hands))
    limited.wait(What.HOOK, "a")
    hands.now += 0.25
    limited.wait(What.HOOK, "a")
    for _ in range(1000):
        assert limited.wait(What.HOOK, "a") == 60
    hands.now += limited.wait(What.HOOK, "a")
    assert limited.wait(What.HOOK, "a") == 0


@given(st.lists(st.integers(0, 30), max_size=80), st.integers(1, 5), st.integers(1, 40))
def test_no_window_ever_holds_more_than_the_rate(steps, amount, seconds):
    hands, passed = Hands(), list[float]()
    window = Here(hands)
    for step in steps:
        hands.now += step
        if not window.take("a", Rate(amount, seconds)):
            passed.append(hands.now)
    for first, later in zip(passed, passed[amount:], strict=False):
        assert later - first >= seconds
    assert all(a <= b for a, b in pairwise(passed))


def test_only_so_many_names_are_held_and_the_one_longest_not_heard_of_goes_first(hands, monkeypatch):
    monkeypatch.setattr(limits, "NAMES", 3)
    window, once = Here(hands), Rate(1, 60)
    for name in "abc":
        window.take(name, once)
    assert window.take("a", once) > 0
    window.take("d", once)
    assert window.take("b", once) == 0, "it was forgotten"
    assert window.take("a", once) > 0, "it was heard of lately"
    assert len(window._taken) == 3


def test_threads_at_once_get_no_more_than_the_rate():
    window = Here()
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: window.take("a", Rate(100, 3600)), range(1000)))
    assert taken.count(0) == 100


def test_two_processes_that_count_together_share_one_limit():
    """The storage of the library in its memory form, which speaks as the Redis one does."""
    storage = MemoryStorage()
    two = [limiter("10/hour", Shared(storage)) for _ in range(2)]
    waits = [two[number % 2].wait(What.HOOK, "a") for number in range(20)]
    assert waits[:10] == [0] * 10
    assert all(0 < wait <= 3600 for wait in waits[10:])
    assert two[0].wait(What.HOOK, "b") == 0


def test_what_is_counted_is_counted_apart():
    limited = limiter("1/hour", Here())
    assert [limited.wait(what, OUTSIDE) for what in What] == [0, 0, 0]
    assert all(limited.wait(what, OUTSIDE) > 0 for what in What)
    assert Limits({What.HOOK: Rate(1, 60)}, Here()).wait(What.ADDRESS, OUTSIDE) == 0


class Broken:
    """A storage that is away until it is mended."""

    def __init__(self) -> None:
        self.asked, self.mended = 0, False

    def take(self, *_told: object) -> float:
        self.asked += 1
        if not self.mended:
            raise ConnectionError("redis://:hunter2@store is away")
        return 5.5


def test_when_nobody_can_count_all_pass_and_the_operator_is_told_once(hands, caplog):
    broken = Broken()
    limited = limiter("1/hour", broken, now=hands)
    with caplog.at_level(logging.WARNING):
        assert {limited.wait(What.HOOK, "a") for _ in range(100)} == {0}
        assert broken.asked == 1, "one that hangs is not asked with every delivery"
        hands.now += 30
        assert limited.wait(What.HOOK, "a") == 0
    assert broken.asked == 2
    [told] = caplog.records
    assert (told.levelname, "ConnectionError" in told.getMessage()) == ("ERROR", True)
    assert "hunter2" not in caplog.text


def test_when_it_can_count_again_it_does_and_says_so(hands, caplog):
    broken = Broken()
    limited = limiter("1/hour", broken, now=hands)
    limited.wait(What.HOOK, "a")
    broken.mended = True
    hands.now += 30
    with caplog.at_level(logging.WARNING):
        assert [limited.wait(What.HOOK, "a") for _ in range(3)] == [6, 6, 6]
    assert [record.getMessage() for record in caplog.records][1:] == ["the limits count again"]


def test_neither_a_key_nor_an_address_is_kept():
    window = Here()
    limited = limiter("5/minute", window)
    limited.wait(What.HOOK, "hook_canary.signature")
    limited.wait(What.ADDRESS, OUTSIDE)
    assert not any(word in repr(window._taken) for word in ("canary", OUTSIDE))
    assert len(window._taken) == 2


NEAR = [
    "127.0.0.1",
    "10.1.2.3",
    "172.31.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.1.1",
    "::1",
    "fd00::1",
    "fe80::1%eth0",
    "::ffff:10.0.0.1",
]


@pytest.mark.parametrize("address", NEAR)
def test_an_address_at_which_a_proxy_may_stand_is_nobodys_unless_proxies_are_counted(address):
    assert sender(address, behind_proxies=False) == ""
    assert sender(address, behind_proxies=True) != ""
    limited, counted = limiter("1/hour", Here()), limiter("1/hour", Here(), behind_proxies=True)
    for what in (What.ADDRESS, What.MISS):
        assert [limited.wait(what, address) for _ in range(5)] == [0] * 5
        assert counted.wait(what, address) == 0
        assert counted.wait(what, address) > 0


NO_ADDRESS = ["unknown", "_hidden", "1.2.3", "1.2.3:443", "203.0.113.9:", "[]:80", "[unknown]", "\ud800"]


@pytest.mark.parametrize("address", NO_ADDRESS)
def test_what_is_no_address_stands_for_itself_where_a_proxy_of_ours_says_it_and_else_for_nobody(address):
    counted = limiter("1/hour", Here(), behind_proxies=True)
    assert counted.wait(What.ADDRESS, address) == 0
    assert counted.wait(What.ADDRESS, address) > 0
    assert counted.wait(What.ADDRESS, OUTSIDE) == 0
    assert sender(address, behind_proxies=False) == ""


def test_where_nothing_is_said_nobody_is_counted():
    assert sender("", behind_proxies=True) == ""


def test_of_a_long_text_in_place_of_an_address_only_the_beginning_counts():
    counted = limiter("1/hour", Here(), behind_proxies=True)
    assert counted.wait(What.ADDRESS, "x" * 1000 + "a") == 0
    assert counted.wait(What.ADDRESS, "x" * 1000 + "b") > 0


@pytest.mark.parametrize("behind_proxies", [True, False])
@pytest.mark.parametrize(
    ("told", "address"),
    [
        (f"{OUTSIDE}:41", OUTSIDE),
        (f"{OUTSIDE}:65535", OUTSIDE),
        ("[2001:db8::1]:41", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        (f"[::ffff:{OUTSIDE}]:41", OUTSIDE),
        ("[fe80::1%eth0]:41", "fe80::1"),
        ("127.0.0.1:41", "127.0.0.1"),
    ],
)
def test_an_address_with_its_port_is_the_address_alone(told, address, behind_proxies):
    assert sender(told, behind_proxies) == sender(address, behind_proxies)
    assert sender(told, True) != told


def test_an_ipv6_address_stands_for_its_network_and_a_mapped_one_for_what_it_maps():
    assert sender("2001:db8:1:2::1", False) == sender("2001:db8:1:2:ffff::9", False) == "2001:db8:1:2::/64"
    assert sender("2001:db8:1:3::1", False) != sender("2001:db8:1:2::1", False)
    assert sender(f"::ffff:{OUTSIDE}", False) == sender(OUTSIDE, False) == OUTSIDE


@pytest.mark.parametrize("rate, minute", [("60/minute", 60), ("5 per 10 seconds", 30), ("1/hour", 1)])
def test_the_rate_of_a_hook_is_told_by_the_minute(rate, minute):
    assert limiter(rate, Here()).hook_per_minute == minute
    assert Limits({}, Here()).hook_per_minute is None


def test_a_redis_that_cannot_be_used_is_told_at_start():
    """Either its package is not installed here, or the URL is none."""
    with pytest.raises(ValueError):
        in_redis("redis://store:port")
