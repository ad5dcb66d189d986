"""Places at which a test kills the process, to see what a crash right there leaves behind (webhook-reliability 2.6 e).

Nothing happens unless the environment names one: TURNTWICE_FAILPOINT=after_send, or after_send:3 for the third time
that the place is reached. No setting: it is for the tests alone.
"""

import os
from itertools import count

POINTS = ("before_commit", "after_commit", "before_send", "after_send", "after_finish")
KILLED = 137
"""The exit status, as of kill -9."""

_NAME, _, _NTH = os.environ.get("TURNTWICE_FAILPOINT", "").partition(":")
_reached = count(1)


def reach(name: str) -> None:
    """Ends the process at once, with nothing flushed or closed, where this is the place."""
    if name == _NAME and next(_reached) >= int(_NTH or 1):
        os._exit(KILLED)
