"""Settings: read once, each also from a file; a complaint is one line that names the variable and the cure."""

import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError
from ipaddress import ip_network
from pathlib import Path
from threading import Barrier

import pytest

from integration import config
from integration.config import ADDRESS_FILE, DATABASE_FILE, SECRET_FILE, Config
from integration.errors import ConfigError
from integration.parts import assemble
from webhooks.limits import Rate, What

SECRET = "an operator's secret with enough characters"
APP = "0123456789abcdef0123456789abcdef"
Read = Callable[..., Config]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads an environment that has only the data folder and what is given; names without their TURNTWICE_."""

    def from_env(**settings: str) -> Config:
        environ = {f"TURNTWICE_{name}": value for name, value in {"DATA": str(tmp_path / "data"), **settings}.items()}
        return Config.from_env(environ)

    return from_env


def test_with_nothing_but_a_folder_all_else_is_made_or_usual(read: Read, tmp_path: Path) -> None:
    found = read()
    assert found.data == tmp_path / "data"
    assert found.database_url == f"sqlite:///{tmp_path / 'data' / DATABASE_FILE}"
    assert found.public_url == "http://127.0.0.1:8000"
    assert not found.public_url_given
    assert found.allow_private == ()
    assert [len(key) >= 32 for key in found.secret_keys] == [True]


def test_the_data_folder_is_the_users_own_when_none_is_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    found = Config.from_env({})
    assert found.data.is_relative_to(tmp_path)
    assert found.data.name == "turntwice"


def test_the_folder_is_made_for_its_user_alone(read: Read) -> None:
    assert stat.S_IMODE(read().data.stat().st_mode) == 0o700


GOOD = {
    "postgres": ("DATABASE_URL", "postgres://u:p@h/n", "database_url", "postgresql+psycopg://u:p@h/n"),
    "postgresql": ("DATABASE_URL", "postgresql://u:p@h:5433/n", "database_url", "postgresql+psycopg://u:p@h:5433/n"),
    "sqlite": ("DATABASE_URL", "sqlite:////srv/t.sqlite3", "database_url", "sqlite:////srv/t.sqlite3"),
    "spaces": ("DATABASE_URL", "  sqlite:////srv/t.sqlite3\n", "database_url", "sqlite:////srv/t.sqlite3"),
    "https": ("PUBLIC_URL", "https://stretch.example.org", "public_url", "https://stretch.example.org"),
    "slash": ("PUBLIC_URL", "https://stretch.example.org/", "public_url", "https://stretch.example.org"),
    "folder": ("PUBLIC_URL", "https://example.org/stretch/", "public_url", "https://example.org/stretch"),
    "port": ("PUBLIC_URL", "http://10.0.0.5:8080", "public_url", "http://10.0.0.5:8080"),
    "ipv6": ("PUBLIC_URL", "http://[::1]:8080", "public_url", "http://[::1]:8080"),
    "one secret": ("SECRET_KEY", SECRET, "secret_keys", (SECRET,)),
    "two secrets": ("SECRET_KEY", f"{SECRET}, {SECRET[::-1]},", "secret_keys", (SECRET, SECRET[::-1])),
    "no network": ("ALLOW_PRIVATE", "", "allow_private", ()),
    "networks": (
        "ALLOW_PRIVATE",
        "192.168.1.0/24, fd00::/8",
        "allow_private",
        (ip_network("192.168.1.0/24"), ip_network("fd00::/8")),
    ),
    "deliveries to a hook": ("HOOK_LIMIT", "5 per 10 seconds", "hook_limit", Rate(5, 10)),
    "any number of deliveries": ("HOOK_LIMIT", "off", "hook_limit", None),
    "requests of an address": ("ADDRESS_LIMIT", "6000/minute", "address_limit", Rate(6000, 60)),
    "any number of requests": ("ADDRESS_LIMIT", "OFF", "address_limit", None),
    "a proxy": ("PROXIES", "1", "proxies", 1),
    "no proxy": ("PROXIES", "0", "proxies", 0),
    "no redis": ("REDIS_URL", "", "redis_url", ""),
    "an app": ("APP_SECRET_TODOIST", APP, "app_secrets", {"todoist": (APP,)}),
    "an app that changes its secret": (
        "APP_SECRET_NEW_SERVICE",
        f"{APP[::-1]}, {APP},",
        "app_secrets",
        {"new_service": (APP[::-1], APP)},
    ),
}


@pytest.mark.parametrize(("name", "value", "attribute", "expected"), GOOD.values(), ids=GOOD)
def test_a_good_setting_is_taken_from_the_environment_or_a_file(
    read: Read, tmp_path: Path, name: str, value: str, attribute: str, expected: object
) -> None:
    assert getattr(read(**{name: value}), attribute) == expected
    if value:
        (tmp_path / "setting").write_text(f"{value}\n", encoding="utf-8")
        assert getattr(read(**{f"{name}_FILE": str(tmp_path / "setting")}), attribute) == expected


BAD = {
    "a short secret": {"SECRET_KEY": "short"},
    "31 characters": {"SECRET_KEY": "x" * 31},
    "one of two is short": {"SECRET_KEY": f"{SECRET},short"},
    "only commas": {"SECRET_KEY": ", ,"},
    "mysql": {"DATABASE_URL": "mysql://u:hunter2@h/n"},
    "no scheme": {"DATABASE_URL": "turntwice.sqlite3"},
    "sqlite in memory": {"DATABASE_URL": "sqlite://"},
    "sqlite of nothing": {"DATABASE_URL": "sqlite:///"},
    "a port in words": {"DATABASE_URL": "postgresql://u:hunter2@host:port/n"},
    "a name alone": {"PUBLIC_URL": "stretch.example.org"},
    "ftp": {"PUBLIC_URL": "ftp://stretch.example.org"},
    "no host": {"PUBLIC_URL": "https://"},
    "a query": {"PUBLIC_URL": "https://stretch.example.org/?a=1"},
    "a fragment": {"PUBLIC_URL": "https://stretch.example.org/#a"},
    "a user": {"PUBLIC_URL": "https://me:hunter2@stretch.example.org"},
    "half a bracket": {"PUBLIC_URL": "https://[::1"},
    "a port too high": {"PUBLIC_URL": "https://stretch.example.org:99999"},
    "a space": {"PUBLIC_URL": "https://stretch example.org"},
    "a line end": {"PUBLIC_URL": "https://stretch.example.org/a\r\nb"},
    "no network": {"ALLOW_PRIVATE": "everything"},
    "bits beside the mask": {"ALLOW_PRIVATE": "192.168.1.5/24"},
    "a number alone": {"HOOK_LIMIT": "60"},
    "none at all": {"HOOK_LIMIT": "0/minute"},
    "a limit in words": {"ADDRESS_LIMIT": "plenty"},
    "proxies in words": {"PROXIES": "one"},
    "proxies below nought": {"PROXIES": "-1"},
    "more proxies than anybody has": {"PROXIES": "9" * 5000},
    "an app's secret that can be guessed": {"APP_SECRET_TODOIST": "hunter2"},
    "one of two that can be guessed": {"APP_SECRET_TODOIST": f"{APP},hunter2"},
    "more secrets than are tried": {"APP_SECRET_TODOIST": ",".join([APP] * 6)},
    "memcached": {"REDIS_URL": "memcached://u:hunter2@store"},
    "redis at a port in words": {"REDIS_URL": "redis://u:hunter2@store:port"},
}


@pytest.mark.parametrize("settings", BAD.values(), ids=BAD)
def test_a_bad_setting_is_refused_in_one_line_that_names_it_and_quotes_no_secret(
    read: Read, settings: dict[str, str]
) -> None:
    with pytest.raises(ConfigError) as refused:
        read(**settings)
    told = str(refused.value)
    assert told.startswith(f"TURNTWICE_{next(iter(settings))}: ")
    assert "\n" not in told
    assert "hunter2" not in told
    assert "short" not in told.replace("too short", "")


@pytest.mark.parametrize(
    "name", ["DATA", "DATABASE_URL", "SECRET_KEY", "ALLOW_PRIVATE", "HOOK_LIMIT", "PROXIES", "APP_SECRET_TODOIST"]
)
def test_a_setting_given_twice_is_refused(read: Read, tmp_path: Path, name: str) -> None:
    (tmp_path / "setting").write_text("x")
    with pytest.raises(ConfigError, match=f"TURNTWICE_{name} and TURNTWICE_{name}_FILE are both set"):
        read(**{name: "x", f"{name}_FILE": str(tmp_path / "setting")})


def unreadable(tmp_path: Path) -> dict[str, Path]:
    (tmp_path / "file").write_text("")
    (tmp_path / "latin").write_bytes(b"\xff\xfe\xe4")
    return {
        "missing": tmp_path / "none",
        "a folder": tmp_path,
        "below a file": tmp_path / "file" / "x",
        "not text": tmp_path / "latin",
    }


@pytest.mark.parametrize("name", ["SECRET_KEY", "DATABASE_URL"])
@pytest.mark.parametrize("case", ["missing", "a folder", "below a file", "not text"])
def test_a_file_that_cannot_be_read_is_named_with_the_reason(read: Read, tmp_path: Path, name: str, case: str) -> None:
    path = unreadable(tmp_path)[case]
    with pytest.raises(ConfigError) as refused:
        read(**{f"{name}_FILE": str(path)})
    assert str(refused.value).startswith(f"TURNTWICE_{name}_FILE: ")
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["SECRET_KEY", "DATABASE_URL"])
def test_an_empty_file_is_refused_and_no_default_takes_its_place(read: Read, tmp_path: Path, name: str) -> None:
    """A mount that failed must not turn into another database or another secret."""
    (tmp_path / "setting").write_text("\n")
    with pytest.raises(ConfigError, match=f"TURNTWICE_{name}_FILE: "):
        read(**{f"{name}_FILE": str(tmp_path / "setting")})


@pytest.mark.parametrize("place", ["file", "file/below", "file/below/it"])
def test_a_data_folder_that_cannot_be_made_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("dear")
    with pytest.raises(ConfigError) as refused:
        Config.from_env({"TURNTWICE_DATA": str(tmp_path / place)})
    assert str(refused.value).startswith("TURNTWICE_DATA: ")
    assert str(tmp_path / place) in str(refused.value)
    assert "\n" not in str(refused.value)
    assert (tmp_path / "file").read_text() == "dear"


def test_a_folder_that_this_user_may_not_use_is_refused(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(ConfigError, match=r"TURNTWICE_DATA: the folder .* cannot be read and written"):
        read()


@pytest.mark.parametrize("damage", ["folder", "not text", "empty"])
def test_a_secret_file_that_is_damaged_is_refused_and_not_replaced(read: Read, tmp_path: Path, damage: str) -> None:
    file = tmp_path / "data" / SECRET_FILE
    file.parent.mkdir()
    match damage:
        case "folder":
            file.mkdir()
        case "not text":
            file.write_bytes(b"\xff" * 64)
        case "empty":
            file.touch()
    with pytest.raises(ConfigError) as refused:
        read()
    assert str(file) in str(refused.value)
    assert file.is_dir() or len(file.read_bytes()) in (0, 64)


def test_the_secret_is_made_once_for_its_user_alone_and_the_start_says_so(read: Read) -> None:
    first, second = read(), read()
    file = first.data / SECRET_FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert first.secret_keys == second.secret_keys == (file.read_text(),)
    assert str(file) in first.notices[0]
    assert file.read_text() not in first.notices[0]
    assert second.notices == ()
    assert [path.name for path in first.data.iterdir()] == [SECRET_FILE]


def test_no_secret_is_made_where_one_is_given(read: Read) -> None:
    found = read(SECRET_KEY=SECRET)
    assert list(found.data.iterdir()) == []
    assert found.notices == ()


def test_a_start_while_another_is_making_the_secret_reads_the_same(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    make, others = config.secrets.token_urlsafe, list[Config]()

    def start_another(size: int) -> str:
        monkeypatch.setattr(config.secrets, "token_urlsafe", make)
        others.append(read())
        return make(size)

    monkeypatch.setattr(config.secrets, "token_urlsafe", start_another)
    assert [read().secret_keys] == [other.secret_keys for other in others]


def test_many_first_starts_at_once_read_one_secret(read: Read) -> None:
    ready = Barrier(8)

    def start(_: int) -> tuple[str, ...]:
        ready.wait()
        return read().secret_keys

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(start, range(8)))) == 1


def test_the_address_last_listened_on_is_handed_out_unless_one_is_given(read: Read) -> None:
    (read().data / ADDRESS_FILE).write_text("http://127.0.0.1:9999\n")
    assert read().public_url == "http://127.0.0.1:9999"
    assert not read().public_url_given
    assert read(PUBLIC_URL="https://stretch.example.org").public_url == "https://stretch.example.org"
    assert read(PUBLIC_URL="https://stretch.example.org").public_url_given


@pytest.mark.parametrize("written", [b"", b"\xff\xfe", b" \n"])
def test_a_damaged_note_of_the_address_is_as_good_as_none(read: Read, written: bytes) -> None:
    (read().data / ADDRESS_FILE).write_bytes(written)
    assert read().public_url == "http://127.0.0.1:8000"


def test_the_settings_are_frozen_and_show_no_secret(read: Read) -> None:
    found = read(SECRET_KEY=SECRET, DATABASE_URL="postgresql://u:hunter2@h/n")
    assert SECRET not in repr(found)
    assert "hunter2" not in repr(found)
    with pytest.raises(FrozenInstanceError):
        found.public_url = "http://elsewhere.example"  # type: ignore[misc]


def test_limits_are_those_of_the_reference_unless_told(read: Read) -> None:
    found = read()
    assert (found.hook_limit, found.address_limit, found.proxies) == (Rate(3600, 3600), Rate(600, 60), 0)
    assert found.app_secrets == {}


def test_redis_without_its_package_is_told_with_what_to_install(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "find_spec", lambda _name: None)
    with pytest.raises(ConfigError, match=r'TURNTWICE_REDIS_URL: .*pip install "turntwice\[server\]"') as refused:
        read(REDIS_URL="redis://:hunter2@store:6379/0")
    assert "hunter2" not in str(refused.value)


def test_no_secret_shows_when_settings_are_printed(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "find_spec", lambda _name: True)
    found = read(APP_SECRET_TODOIST=APP, REDIS_URL="redis://:hunter2@store", SECRET_KEY=SECRET)
    assert not any(secret in repr(found) for secret in (APP, "hunter2", SECRET))
    assert found.redis_url == "redis://:hunter2@store"


@pytest.mark.parametrize("service", ["simple", "nothing_of_ours"])
def test_a_secret_for_a_service_that_has_no_such_address_is_refused_at_start(read: Read, service: str) -> None:
    with pytest.raises(ConfigError, match=f"TURNTWICE_APP_SECRET_{service.upper()}: "):
        assemble(read(**{f"APP_SECRET_{service.upper()}": APP}))


def test_the_parts_have_the_limits_that_are_set(read: Read) -> None:
    usual, off = assemble(read()), assemble(read(HOOK_LIMIT="off", ADDRESS_LIMIT="off", PROXIES="2"))
    assert usual.limiter is not None
    assert usual.limiter.hook_per_minute == 60
    assert [usual.limiter.wait(What.MISS, "203.0.113.9") > 0 for _ in range(21)] == [False] * 20 + [True]
    assert (off.limiter, off.proxies) == (None, 2)
    for parts in (usual, off):
        parts.store.close()
