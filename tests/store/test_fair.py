"""A lock that nobody is passed over at: those who wait get it in the order in which they came."""

from threading import Event, Lock, Thread
from typing import Any

import pytest

from integration.store import fair
from integration.store.fair import FairLock


def waits(lock: FairLock, many: int) -> None:
    pause = Event()
    while len(lock._queue) < many:
        pause.wait(0.001)


def test_those_who_wait_get_it_in_the_order_in_which_they_came() -> None:
    lock, order = FairLock(), list[int]()

    def work(number: int) -> None:
        with lock:
            order.append(number)

    threads = [Thread(target=work, args=(number,)) for number in range(30)]
    with lock:
        for number, thread in enumerate(threads):
            thread.start()
            waits(lock, number + 1)
        assert lock.awaited
    for thread in threads:
        thread.join(20)
    assert order == list(range(30))
    assert not lock.awaited


def test_who_releases_it_and_wants_it_again_comes_after_those_who_wait() -> None:
    lock, order = FairLock(), list[str]()
    lock.acquire()
    other = Thread(target=lambda: (lock.acquire(), order.append("other"), lock.release()))
    other.start()
    waits(lock, 1)
    lock.release()
    with lock:
        order.append("again")
    other.join(20)
    assert order == ["other", "again"]


@pytest.mark.parametrize("handed", [False, True])
def test_who_stops_waiting_leaves_it_to_the_others(handed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl+C may come just before the lock is handed over, or just after."""
    lock = FairLock()
    lock.acquire()

    class Interrupted:
        def __init__(self) -> None:
            self._lock, self._asked = Lock(), 0

        def acquire(self, timeout: float = -1) -> bool:
            self._asked += 1
            if self._asked == 2:
                if handed:
                    lock.release()
                raise KeyboardInterrupt
            return self._lock.acquire(timeout=timeout)

        def release(self) -> None:
            self._lock.release()

    made: Any = Interrupted
    monkeypatch.setattr(fair, "Lock", made)
    with pytest.raises(KeyboardInterrupt):
        lock.acquire()
    assert not lock.awaited
    if not handed:
        lock.release()
    with lock:
        assert lock._taken


def test_who_waited_long_enough_goes_without_it_and_the_others_go_on() -> None:
    lock = FairLock()
    assert lock.acquire(0)
    assert not lock.acquire(0.01)
    assert not lock.awaited
    lock.release()
    assert lock.acquire(0)
