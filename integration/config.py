"""Settings, read once from the environment. Each may also be given as a file, by the same name with `_FILE`.

Length: a little over 200 lines, as every setting with its complaint is found here.
"""

import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from platformdirs import user_data_path

from integration.errors import ConfigError
from webhooks.limits import Rate
from webhooks.signatures import LIVE_SECRETS, SHORTEST_SHARED

SHORTEST_SECRET = 32
SECRET_FILE = "secret.key"  # noqa: S105  a file's name
DATABASE_FILE = "turntwice.sqlite3"
ADDRESS_FILE = "address"
DEFAULT_ADDRESS = "http://127.0.0.1:8000"
HOOK_LIMIT, ADDRESS_LIMIT = Rate(3600, 3600), Rate(600, 60)
"""Deliveries to one hook, and requests of one address (webhook-reliability R16). For a hook it is one a second counted
over an hour: a phone that was away for a week brings all of it at once."""
APP_SECRET = "TURNTWICE_APP_SECRET_"  # noqa: S105  a setting's name
MOST_PROXIES = 9
KEEP_DAYS, MOST_DAYS = 90, 3650
"""For how many days deliveries are kept with their bodies."""
REDIS_SCHEMES = {"redis", "rediss", "redis+unix"}


@dataclass(frozen=True, slots=True)
class Config:
    """Every setting, checked. `secret_keys` newest first; `public_url` without a trailing slash,
    the address last listened on unless it was given. A limit that is None is off; `keep_days` is for deliveries;
    `proxies` is how many stand before us; `app_secrets` are those of services with one address for all users, by
    provider, newest first."""

    data: Path
    database_url: str = field(repr=False)
    secret_keys: tuple[str, ...] = field(repr=False)
    public_url: str = DEFAULT_ADDRESS
    public_url_given: bool = False
    allow_private: tuple[IPv4Network | IPv6Network, ...] = ()
    notices: tuple[str, ...] = ()
    hook_limit: Rate | None = HOOK_LIMIT
    address_limit: Rate | None = ADDRESS_LIMIT
    redis_url: str = field(default="", repr=False)
    keep_days: int = KEEP_DAYS
    proxies: int = 0
    app_secrets: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Config":
        """Reads all settings, and makes the data folder and its secret on first use.

        Raises ConfigError that names the variable and the cure.
        """
        data = _folder(_setting(environ, "TURNTWICE_DATA"))
        public_url = _public_url(_setting(environ, "TURNTWICE_PUBLIC_URL"))
        secret_keys, notices = _secrets(_setting(environ, "TURNTWICE_SECRET_KEY"), data)
        return cls(
            data=data,
            database_url=_database(_setting(environ, "TURNTWICE_DATABASE_URL"), data),
            secret_keys=secret_keys,
            public_url=public_url or last_address(data),
            public_url_given=bool(public_url),
            allow_private=_networks(_setting(environ, "TURNTWICE_ALLOW_PRIVATE")),
            notices=notices,
            hook_limit=_rate(environ, "TURNTWICE_HOOK_LIMIT", HOOK_LIMIT),
            address_limit=_rate(environ, "TURNTWICE_ADDRESS_LIMIT", ADDRESS_LIMIT),
            redis_url=_redis(_setting(environ, "TURNTWICE_REDIS_URL")),
            keep_days=_keep_days(_setting(environ, "TURNTWICE_KEEP_DAYS")),
            proxies=_proxies(_setting(environ, "TURNTWICE_PROXIES")),
            app_secrets=_app_secrets(environ),
        )


def last_address(data: Path) -> str:
    """The address that `turntwice serve` last listened on with this data folder, so that other commands hand it out."""
    try:
        return (data / ADDRESS_FILE).read_text(encoding="utf-8").strip() or DEFAULT_ADDRESS
    except (OSError, UnicodeDecodeError):
        return DEFAULT_ADDRESS


def note_address(data: Path, address: str) -> None:
    """Keeps the address that is listened on for `last_address`. Raises ConfigError."""
    try:
        (data / ADDRESS_FILE).write_text(address, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"TURNTWICE_DATA: cannot write {data / ADDRESS_FILE}: {_why(error)}") from None


def _setting(environ: Mapping[str, str], name: str) -> str:
    path = environ.get(f"{name}_FILE")
    if not path:
        return environ.get(name, "").strip()
    if environ.get(name):
        raise ConfigError(f"{name} and {name}_FILE are both set; keep one")
    try:
        found = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{name}_FILE: cannot read {path}: {_why(error)}") from None
    if not found:
        raise ConfigError(f"{name}_FILE: {path} is empty; write the setting into it or unset {name}_FILE")
    return found


def _folder(setting: str) -> Path:
    data = Path(setting).expanduser() if setting else user_data_path("turntwice", appauthor=False)
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigError(f"TURNTWICE_DATA: cannot make the folder {data}: {_why(error)}") from None
    if not os.access(data, os.R_OK | os.W_OK | os.X_OK):
        raise ConfigError(f"TURNTWICE_DATA: the folder {data} cannot be read and written; give it to this user")
    return data


def _secrets(setting: str, data: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    name, notices = "TURNTWICE_SECRET_KEY", tuple[str, ...]()
    if not setting:
        name, (setting, notices) = str(data / SECRET_FILE), _own_secret(data / SECRET_FILE)
    keys = tuple(part.strip() for part in setting.split(",") if part.strip())
    if not keys or any(len(key) < SHORTEST_SECRET for key in keys):
        raise ConfigError(
            f"{name}: each secret needs at least {SHORTEST_SECRET} characters; make one with"
            " python -c 'import secrets; print(secrets.token_urlsafe(48))'"
        )
    return keys, notices


def _own_secret(path: Path) -> tuple[str, tuple[str, ...]]:
    """The embedded default's secret, made on first start; whoever comes second reads what the first one wrote."""
    if path.exists():
        return _read_secret(path), ()
    own: Path | None = None
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent)  # readable by its owner alone
        own = Path(name)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(secrets.token_urlsafe(48))
        # A link appears whole and only once, so nobody reads half a secret and nobody overwrites one.
        os.link(own, path)
    except FileExistsError:
        return _read_secret(path), ()
    except OSError as error:
        raise ConfigError(f"TURNTWICE_DATA: cannot write {path}: {_why(error)}") from None
    finally:
        if own:
            own.unlink(missing_ok=True)
    return _read_secret(path), (f"Made a new secret in {path}; keep it with your backups.",)


def _read_secret(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"TURNTWICE_DATA: cannot read {path}: {_why(error)}") from None


def _database(setting: str, data: Path) -> str:
    if not setting:
        return f"sqlite:///{data / DATABASE_FILE}"
    scheme, found, rest = setting.partition("://")
    if scheme in {"postgres", "postgresql"} and found and _has_good_port(setting):
        return f"postgresql+psycopg://{rest}"
    if scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
        return setting
    raise ConfigError("TURNTWICE_DATABASE_URL: use postgresql://USER:PASSWORD@HOST/NAME or sqlite:////PATH/FILE")


def _public_url(setting: str) -> str:
    parts = urlsplit(setting if _has_good_port(setting) else "")
    plain = parts.scheme in {"http", "https"} and parts.hostname
    extra = parts.query or parts.fragment or parts.username or any(c.isspace() for c in setting)
    if setting and (not plain or extra):
        raise ConfigError("TURNTWICE_PUBLIC_URL: give the address people open, such as https://stretch.example.org")
    return setting.rstrip("/")


def _has_good_port(url: str) -> bool:
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def _networks(setting: str) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(part.strip()) for part in setting.split(",") if part.strip())
    except ValueError as error:
        raise ConfigError(f"TURNTWICE_ALLOW_PRIVATE: {error}; give CIDRs such as 192.168.1.0/24,fd00::/8") from None


def _rate(environ: Mapping[str, str], name: str, usual: Rate) -> Rate | None:
    setting = _setting(environ, name)
    if setting.lower() == "off":
        return None
    try:
        return Rate.parse(setting) if setting else usual
    except ValueError as error:
        raise ConfigError(f"{name}: {error}") from None


def _redis(setting: str) -> str:
    if setting and (urlsplit(setting).scheme not in REDIS_SCHEMES or not _has_good_port(setting)):
        raise ConfigError("TURNTWICE_REDIS_URL: use redis://:PASSWORD@HOST:6379/0, or rediss:// with TLS")
    if setting and not find_spec("redis"):
        raise ConfigError('TURNTWICE_REDIS_URL: a package is missing; pip install "turntwice[server]"')
    return setting


def _keep_days(setting: str) -> int:
    if setting and not (setting.isascii() and setting.isdigit() and 1 <= int(setting[:9]) <= MOST_DAYS):
        raise ConfigError(f"TURNTWICE_KEEP_DAYS: for how many days deliveries are kept, 1 to {MOST_DAYS}; such as 90")
    return int(setting or KEEP_DAYS)


def _proxies(setting: str) -> int:
    if setting not in {"", *map(str, range(MOST_PROXIES + 1))}:
        raise ConfigError(f"TURNTWICE_PROXIES: how many proxies stand before Turntwice, 0 to {MOST_PROXIES}; such as 1")
    return int(setting or 0)


def _app_secrets(environ: Mapping[str, str]) -> Mapping[str, tuple[str, ...]]:
    """By provider. One that is short could be guessed, and would let anybody speak for every user of the app (R9)."""
    found = dict[str, tuple[str, ...]]()
    for name in sorted({name.removesuffix("_FILE") for name in environ if name.startswith(APP_SECRET)}):
        secrets = tuple(part.strip() for part in _setting(environ, name).split(",") if part.strip())
        if any(len(secret) < SHORTEST_SHARED for secret in secrets) or len(secrets) > LIVE_SECRETS:
            raise ConfigError(
                f"{name}: the app's secret as the service shows it, {SHORTEST_SHARED} characters or more;"
                f" while you change it, up to {LIVE_SECRETS} with commas between, newest first"
            )
        if secrets:
            found[name.removeprefix(APP_SECRET).lower()] = secrets
    return found


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__
