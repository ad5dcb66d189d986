"""Switches a connection on that was switched off, and leaves one alone that is on: its lease and its pauses stay."""

from integration.dispatching import operating
from integration.store import outlets
from integration.store.engine import Store


def switch_on(store: Store, connection: str) -> bool:
    """Switches it on, as if it had never failed; False when it is on already. Raises NotFound, StoreUnavailable."""
    with store.reading() as db:
        # PostgreSQL takes no NUL, not even to look for.
        outlet = outlets.locked(db, connection) if connection.isalnum() else None
    if outlet is None:
        raise operating.untold(connection)
    if outlet.health.disabled_at is None:
        return False
    operating.enable(store, connection)
    return True
