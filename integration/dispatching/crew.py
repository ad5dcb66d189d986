"""Threads that do one piece of work after another: started when they are first needed, kept, and ended together."""

import logging
from collections.abc import Callable
from queue import SimpleQueue
from threading import Condition, Thread
from time import monotonic
from typing import Generic, TypeVar

T = TypeVar("T")

log = logging.getLogger(__name__)


class Crew(Generic[T]):
    """At most `most` threads, each of which calls `work` with what it is handed, and `rested` once it is free
    again; the program ends without them.
    """

    def __init__(self, work: Callable[[T], None], most: int, name: str, rested: Callable[[], None]) -> None:
        self._work, self._most, self._name, self._rested = work, most, name, rested
        self._waiting: SimpleQueue[T | None] = SimpleQueue()
        self._changed, self._busy = Condition(), 0
        self._threads: list[Thread] = []

    def free(self) -> int:
        """How many more pieces of work would be begun at once."""
        with self._changed:
            return self._most - self._busy

    def hand(self, piece: T) -> None:
        """Gives out a piece of work; do not give more than are free."""
        with self._changed:
            self._busy += 1
            if self._busy > len(self._threads):
                self._threads.append(Thread(target=self._run, name=self._name, daemon=True))
                self._threads[-1].start()
        self._waiting.put(piece)

    def drained(self, seconds: float) -> bool:
        """Waits until all work is done, or so long; whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._busy, seconds)

    def end(self, seconds: float) -> None:
        """Ends the threads, and waits for them so long; those that still work are left to themselves."""
        until = monotonic() + seconds
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join(max(0.0, until - monotonic()))

    def _run(self) -> None:
        while (piece := self._waiting.get()) is not None:
            try:
                self._work(piece)
            except Exception:
                log.exception("a mistake in %s", self._name)
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()
            self._rested()
