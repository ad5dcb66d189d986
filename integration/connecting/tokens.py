"""The secrets that we show to other services: sealed together, each under the name of its field, bound to their row."""

from collections.abc import Mapping

import msgspec

from integration.errors import ConfigError
from integration.keys import UNOPENED, Keys


def seal(keys: Keys, connection: str, secrets: Mapping[str, str]) -> str | None:
    """What to store in `connections.tokens`; None where there is nothing to hide."""
    return keys.seal(msgspec.json.encode(dict(secrets)).decode(), _place(connection)) if secrets else None


def opened(keys: Keys, connection: str, sealed: str | None) -> dict[str, str]:
    """The secrets by field name. Raises ConfigError when none of our own secrets opens them."""
    if sealed is None:
        return {}
    try:
        return msgspec.json.decode(keys.open(sealed, _place(connection)), type=dict[str, str])
    except msgspec.DecodeError:
        raise ConfigError(UNOPENED) from None


def _place(connection: str) -> str:
    return f"connections/{connection}/tokens"
