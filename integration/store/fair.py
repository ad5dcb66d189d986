"""A lock that goes to whoever has waited longest: under load a plain one passes some thread over again and again."""

from collections import deque
from threading import Lock


class FairLock:
    """Not reentrant; released by whoever holds it."""

    def __init__(self) -> None:
        self._guard, self._taken = Lock(), False
        self._queue = deque[Lock]()

    @property
    def awaited(self) -> bool:
        """Whether somebody waits for it."""
        return bool(self._queue)

    def acquire(self, seconds: float = -1) -> bool:
        """Waits so long at most, by default for ever; whether it was had."""
        with self._guard:
            if not self._taken:
                self._taken = True
                return True
            mine = Lock()
            mine.acquire()
            self._queue.append(mine)
        had = False
        try:
            had = mine.acquire(timeout=seconds)
        finally:
            if not had:  # Ctrl+C, or nobody let go
                self._give_up(mine)
        return had

    def release(self) -> None:
        with self._guard:
            if self._queue:
                self._queue.popleft().release()
            else:
                self._taken = False

    def _give_up(self, mine: Lock) -> None:
        with self._guard:
            if mine in self._queue:
                self._queue.remove(mine)
                return
        self.release()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()
