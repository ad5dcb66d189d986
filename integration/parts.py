"""Everything that the outer layers work with, wired once from the settings."""

from collections.abc import Mapping
from dataclasses import dataclass

from integration.clock import Clock, system
from integration.config import Config
from integration.keys import Keys
from integration.links import Links
from integration.store.engine import Store
from webhooks.registry import Provider, providers


@dataclass(frozen=True, slots=True)
class Parts:
    """Store, keys, links, clock and providers of one running Turntwice."""

    store: Store
    keys: Keys
    links: Links
    clock: Clock
    providers: Mapping[str, Provider]


def assemble(config: Config, clock: Clock = system) -> Parts:
    """Opens the store and wires the rest. Raises BadProvider for a provider file that breaks the contract."""
    keys = Keys(config.secret_keys)
    return Parts(Store(config.database_url), keys, Links(config.public_url, keys), clock, providers())
