"""Everything that the outer layers work with, wired once from the settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from integration.clock import Clock, system
from integration.config import APP_SECRET, KEEP_DAYS, Config
from integration.errors import ConfigError
from integration.keys import Keys
from integration.links import Links
from integration.network.addresses import Network
from integration.outgoing import Call
from integration.service import Service, services
from integration.store.engine import Store
from webhooks.limits import GUESSES, Here, Limiter, Limits, What, in_redis
from webhooks.registry import Provider, providers


@dataclass(frozen=True, slots=True)
class Parts:
    """Store, keys, links, clock, providers, services and the way out of one Turntwice; see Config for the rest."""

    store: Store
    keys: Keys
    links: Links
    clock: Clock
    providers: Mapping[str, Provider]
    limiter: Limiter | None = None
    proxies: int = 0
    app_secrets: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    services: Mapping[str, Service] = field(default_factory=services)
    call: Call = field(default_factory=lambda: door(()))
    keep_days: int = KEEP_DAYS


def assemble(config: Config, clock: Clock = system) -> Parts:
    """Opens the store and wires the rest.

    Raises BadProvider for a provider file that breaks the contract, ConfigError.
    """
    keys, known = Keys(config.secret_keys), providers()
    for name in config.app_secrets:
        if not hasattr(known.get(name), "account"):
            raise ConfigError(f"{APP_SECRET}{name.upper()}: no service of that name has one address for all its users")
    store, links = Store(config.database_url), Links(config.public_url, keys)
    limits, out = _limiter(config), door(config.allow_private)
    return Parts(
        store, keys, links, clock, known, limits, config.proxies, config.app_secrets, services(), out, config.keep_days
    )


def door(allow: Sequence[Network]) -> Call:
    """The way out, opened with the first call: who never calls need not hold its library."""

    @cache
    def opened() -> Call:
        from integration.door import Door

        return Door(allow)

    return lambda request: opened()(request)


def _limiter(config: Config) -> Limiter | None:
    """Wrong guesses are counted where addresses are."""
    guesses = GUESSES if config.address_limit else None
    wished = {What.HOOK: config.hook_limit, What.ADDRESS: config.address_limit, What.MISS: guesses}
    rates = {what: rate for what, rate in wished.items() if rate}
    try:
        window = in_redis(config.redis_url) if config.redis_url else Here()
    except ValueError as error:
        raise ConfigError(f"TURNTWICE_REDIS_URL: {error}") from None
    return Limits(rates, window, behind_proxies=config.proxies > 0) if rates else None
