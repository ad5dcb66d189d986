"""turntwice db and doctor: migrated, whole, backed up; and what is wrong, with what to type."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from integration.config import DATABASE_FILE, SECRET_FILE, Config
from integration.parts import assemble
from integration.store import schema
from integration.store.engine import Store
from tests.cli.conftest import PLAN, Run

Ask = Callable[..., Any]
ON_SQLITE = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
ON_POSTGRESQL = pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)


def test_upgrading_twice_is_well_both_times(turntwice: Run) -> None:
    for _ in range(2):
        result = turntwice("db", "upgrade")
        assert (result.exit_code, result.stderr) == (0, "")


def test_a_whole_database_is_called_whole(turntwice: Run) -> None:
    assert turntwice("db", "check").stdout == "The database is whole.\n"


@ON_SQLITE
@pytest.mark.parametrize("command", [("db", "check"), ("doctor",), ("person", "list"), ("person", "add", *PLAN)])
@pytest.mark.parametrize("damage", ["no database", "torn"])
def test_a_damaged_file_is_told_in_one_line(turntwice: Run, home: Path, command: tuple[str, ...], damage: str) -> None:
    turntwice("person", "add", *PLAN)
    file = home / DATABASE_FILE
    whole = file.read_bytes()
    file.write_bytes(b"words " * 2000 if damage == "no database" else whole[:100] + bytes(len(whole) - 100))
    result = turntwice(*command)
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    told = [line for line in result.output.splitlines() if not line.startswith("ok: ")]
    assert len(set(told)) == 1 or command == ("doctor",)
    assert "database" in result.output


@ON_SQLITE
def test_a_backup_can_be_put_in_the_place_of_the_database(
    turntwice: Run, asked: Ask, home: Path, tmp_path: Path
) -> None:
    made = asked("person", "add", *PLAN)
    result = turntwice("db", "backup", tmp_path / "copy.sqlite3")
    assert (result.exit_code, result.stderr) == (0, "")
    asked("person", "delete", made["person"])
    for file in home.glob(f"{DATABASE_FILE}*"):
        file.unlink()
    (tmp_path / "copy.sqlite3").rename(home / DATABASE_FILE)
    assert asked("person", "show", made["person"])["page"] == made["page"]
    assert turntwice("db", "check").exit_code == 0


@ON_SQLITE
@pytest.mark.parametrize("place", ["there", "no such folder/copy", "there/copy", "."])
def test_a_backup_that_cannot_be_written_is_one_line(turntwice: Run, tmp_path: Path, place: str) -> None:
    (tmp_path / "there").write_text("dear")
    result = turntwice("db", "backup", tmp_path / place)
    assert result.exit_code in (1, 2)
    assert (result.stdout, len(result.stderr.splitlines())) == ("", 1), result.stderr
    assert (tmp_path / "there").read_text() == "dear"


@ON_SQLITE
def test_a_damaged_database_is_told_with_the_way_back_to_the_last_backup(
    turntwice: Run, asked: Ask, home: Path, tmp_path: Path
) -> None:
    made, copy = asked("person", "add", *PLAN), tmp_path / "copy.sqlite3"
    turntwice("db", "backup", copy)
    for damage in (b"words " * 2000, copy.read_bytes()[:100] + bytes(40_000)):
        (home / DATABASE_FILE).write_bytes(damage)
        (home / f"{DATABASE_FILE}-wal").write_bytes(b"stale")
        told = turntwice("db", "check")
        assert (told.exit_code, told.stdout) == (1, "")
        assert "stop the server, then put the last backup in its place: turntwice db restore FILE" in told.stderr
        assert turntwice("db", "restore", copy).exit_code == 0
        assert turntwice("db", "check").stdout == "The database is whole.\n"
        assert asked("person", "show", made["person"])["page"] == made["page"]
        replaced = home / f"{DATABASE_FILE}.replaced"
        assert replaced.read_bytes() == damage
        for file in home.glob("*.replaced*"):
            file.unlink()


@ON_SQLITE
def test_what_was_restored_is_told_and_the_database_of_until_then_is_kept(
    turntwice: Run, asked: Ask, home: Path, tmp_path: Path
) -> None:
    copy, replaced = tmp_path / "copy.sqlite3", home / f"{DATABASE_FILE}.replaced"
    earlier = asked("person", "add", *PLAN)
    turntwice("db", "backup", copy)
    later, before = asked("person", "add", *PLAN), copy.read_bytes()
    result = turntwice("db", "restore", copy)
    assert (result.exit_code, result.stderr) == (0, "")
    assert str(copy) in result.stdout
    assert str(replaced) in result.stdout
    assert (copy.read_bytes(), sorted(tmp_path.glob("copy*"))) == (before, [copy])
    assert [one["person"] for one in asked("person", "list")] == [earlier["person"]]
    again = turntwice("db", "restore", copy)
    assert (again.exit_code, "move it away" in again.stderr) == (1, True)
    replaced.rename(tmp_path / "kept")
    assert turntwice("db", "restore", tmp_path / "kept").exit_code == 0
    assert {one["person"] for one in asked("person", "list")} == {earlier["person"], later["person"]}


@ON_SQLITE
def test_what_is_restored_lies_where_a_link_leads_and_may_be_read_by_whom_it_was(
    turntwice: Run, asked: Ask, home: Path, tmp_path: Path
) -> None:
    made, copy, database = asked("person", "add", *PLAN), tmp_path / "copy.sqlite3", home / DATABASE_FILE
    turntwice("db", "backup", copy)
    volume = tmp_path / "volume"
    volume.mkdir()
    database.rename(volume / "real.sqlite3").chmod(0o600)
    database.symlink_to(volume / "real.sqlite3")
    copy.chmod(0o644)
    assert turntwice("db", "restore", copy).exit_code == 0
    assert database.is_symlink()
    assert {file.name: file.stat().st_mode & 0o777 for file in volume.glob("*.sqlite3")} == {"real.sqlite3": 0o600}
    assert asked("person", "show", made["person"])["page"] == made["page"]


@ON_SQLITE
def test_a_restore_without_its_backup_or_its_folder_says_which(
    turntwice: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "is not there; name the backup" in turntwice("db", "restore", tmp_path / "nowhere").stderr
    turntwice("db", "backup", tmp_path / "copy")
    monkeypatch.setenv("TURNTWICE_DATABASE_URL", f"sqlite:///{tmp_path}/none/turntwice.sqlite3")
    told = turntwice("db", "restore", tmp_path / "copy")
    assert (told.exit_code, f"the folder {tmp_path}/none is not there" in told.stderr) == (1, True)


@ON_SQLITE
def test_a_backup_is_restored_where_no_database_is_yet(
    turntwice: Run, asked: Ask, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = asked("person", "add", *PLAN)
    turntwice("db", "backup", tmp_path / "copy.sqlite3")
    monkeypatch.setenv("TURNTWICE_SECRET_KEY", (home / SECRET_FILE).read_text().strip())
    monkeypatch.setenv("TURNTWICE_DATA", str(tmp_path / "new"))
    assert "kept as" not in turntwice("db", "restore", tmp_path / "copy.sqlite3").stdout
    assert asked("person", "show", made["person"])["page"] == made["page"]


@ON_SQLITE
@pytest.mark.parametrize("backup", ["nowhere", "words", "empty", "another program's", "torn", "newer", "itself"])
def test_what_is_no_whole_backup_is_refused_in_one_line_and_nothing_changes(
    turntwice: Run, asked: Ask, home: Path, tmp_path: Path, backup: str
) -> None:
    asked("person", "add", *PLAN)
    file = home / DATABASE_FILE if backup == "itself" else tmp_path / "copy.sqlite3"
    if backup in ("torn", "newer"):
        turntwice("db", "backup", file)
    if backup == "torn":
        whole = file.read_bytes()
        file.write_bytes(whole[:8192] + bytes(len(whole) - 8192))
    elif backup in ("words", "empty"):
        file.write_bytes(b"words " * 2000 if backup == "words" else b"")
    elif backup in ("another program's", "newer"):
        with closing(sqlite3.connect(file)) as db, db:
            db.execute("UPDATE alembic_version SET version_num = '9999'" if backup == "newer" else "CREATE TABLE a (b)")
    before = {file.name: file.read_bytes() for file in home.iterdir()}
    result = turntwice("db", "restore", file)
    assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (1, "", 1), result.output
    assert {file.name: file.read_bytes() for file in home.iterdir()} == before


@ON_SQLITE
def test_nothing_is_restored_while_somebody_has_the_database_open(turntwice: Run, asked: Ask, tmp_path: Path) -> None:
    asked("person", "add", *PLAN)
    turntwice("db", "backup", tmp_path / "copy.sqlite3")
    parts = assemble(Config.from_env(os.environ))
    with parts.store.reading() as db:
        db.execute(text("SELECT 1 FROM people"))
    asked("person", "add", *PLAN)
    result = turntwice("db", "restore", tmp_path / "copy.sqlite3")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "stop the server first" in result.stderr
    assert len(asked("person", "list")) == 2
    parts.store.close()
    assert turntwice("db", "restore", tmp_path / "copy.sqlite3").exit_code == 0
    assert len(asked("person", "list")) == 1


@ON_POSTGRESQL
def test_a_restore_of_postgresql_names_the_tool_for_it(turntwice: Run, tmp_path: Path) -> None:
    result = turntwice("db", "restore", tmp_path / "copy")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "pg_restore" in result.stderr


@ON_POSTGRESQL
def test_a_backup_of_postgresql_names_the_tool_for_it(turntwice: Run, tmp_path: Path) -> None:
    result = turntwice("db", "backup", tmp_path / "copy")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "pg_dump" in result.stderr


@pytest.fixture
def newer(empty_url: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database that a later Turntwice has been at."""
    monkeypatch.setenv("TURNTWICE_DATABASE_URL", empty_url.replace("+psycopg", ""))
    store = Store(empty_url)
    schema.upgrade(store)
    with store.writing() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    store.close()
    return empty_url


COMMANDS = {
    "upgrade": ("db", "upgrade"),
    "check": ("db", "check"),
    "add": ("person", "add", *PLAN),
    "status": ("status", "nobody"),
    "deliveries": ("deliveries", "list", "nobody"),
    "connection": ("connection", "list", "nobody"),
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_newer_database_is_refused_in_one_line_that_says_what_to_do(
    turntwice: Run, newer: str, command: tuple[str, ...]
) -> None:
    result = turntwice(*command)
    assert (result.exit_code, result.stdout) == (1, "")
    assert len(result.stderr.splitlines()) == 1
    assert "9999" in result.stderr
    assert "install" in result.stderr


def test_the_doctor_names_a_newer_database(turntwice: Run, newer: str) -> None:
    result = turntwice("doctor")
    assert result.exit_code == 1
    assert "wrong: the database has version 9999" in result.output


def test_the_doctor_says_that_an_address_at_home_is_reached_by_nobody_else(turntwice: Run) -> None:
    result = turntwice("doctor")
    assert result.exit_code == 1
    wrong = [line for line in result.stdout.splitlines() if line.startswith("wrong: ")]
    assert len(wrong) == 1
    assert "TURNTWICE_PUBLIC_URL" in wrong[0]


@pytest.mark.parametrize(
    ("address", "status", "told"),
    [
        ("https://stretch.example.org", 0, "Nothing is wrong."),
        ("http://stretch.example.org", 1, "not https"),
        ("https://192.168.1.5", 1, "cannot reach"),
        ("https://[fd00::1]:8443", 1, "cannot reach"),
        ("https://stretch.local", 1, "cannot reach"),
        ("https://nas", 1, "cannot reach"),
    ],
)
def test_the_doctor_looks_at_the_public_address(
    turntwice: Run, monkeypatch: pytest.MonkeyPatch, address: str, status: int, told: str
) -> None:
    monkeypatch.setenv("TURNTWICE_PUBLIC_URL", address)
    result = turntwice("doctor")
    assert result.exit_code == status
    assert told in result.output


def test_the_doctor_quotes_no_secret(turntwice: Run, home: Path) -> None:
    turntwice("person", "list")
    secret = (home / SECRET_FILE).read_text()
    assert secret not in turntwice("doctor").output
    assert os.environ.get("TURNTWICE_DATABASE_URL", "no such text") not in turntwice("doctor").output
