"""What a service can carry and which way a connection goes, in words: read before somebody connects."""

from integration.connecting.kinds import Kind
from integration.service import Service

BOTH, TELLS, TOLD = "both", "tells us", "is told"
"""Which way: it tells us and is told, or only one of the two."""

HOLDS = {
    "tick": "It holds one tick a day: choose a habit for each session, or say that one is ticked when both are done.",
    "number": "It counts a day’s sessions as a number, so both can share one habit.",
    "sessions": "It takes each session by itself.",
}


def way(kind: Kind) -> str:
    """Which ways connections of a name can go."""
    if kind.provider and kind.service:
        return BOTH
    return TELLS if kind.provider else TOLD


def sentences(service: Service) -> tuple[str, ...]:
    """What it can carry, and what it cannot."""
    can = service.ABILITIES
    told = [
        HOLDS[can.holds],
        "It takes past days too." if can.dated else "It takes no past day.",
        "It can be undone." if can.undo else "What it was told cannot be taken back.",
    ]
    if not can.confirms:
        told.append("It says yes to everything, so look there whether it came.")
    return tuple([*told, can.note] if can.note else told)
