"""turntwice feed export: the file on standard output or under a new name, and what is said when there is none."""

import json
from dataclasses import replace
from datetime import date, time
from pathlib import Path

import icalendar
import pytest
from click.testing import CliRunner, Result

from calendar_export.plan import Pause
from integration import people
from integration.cli import common, main
from integration.core.model import Person
from integration.errors import Refused
from integration.parts import Parts
from integration.people import Wish
from integration.publishing import export
from integration.store import people as store_people


@pytest.fixture
def dialect() -> str:
    """What it asks of the store is tried on both engines by the store's own tests."""
    return "sqlite"


@pytest.fixture
def person(parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Person:
    """Somebody in the store that every command opens."""
    monkeypatch.setenv("TURNTWICE_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(common, "assemble", lambda _: parts)
    return people.add(parts.store, Wish("Europe/Berlin", time(7), time(22)), parts.clock())[0]


def export_of(person: str, *more: str) -> Result:
    return CliRunner().invoke(main, ["feed", "export", person, *more])


def titles(body: bytes) -> list[str]:
    return [str(found["SUMMARY"]) for found in icalendar.Calendar.from_ical(body).walk("VEVENT")]


def test_the_file_goes_to_standard_output_byte_by_byte(person: Person, parts: Parts) -> None:
    done = export_of(person.id)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout_bytes == export.one_off(parts.store, person.id, parts.clock())
    assert titles(done.stdout_bytes) == ["Morning stretch", "Evening stretch"]


def test_a_named_file_is_written_whole_and_nothing_else_is_left(person: Person, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    done = export_of(person.id, "--output", str(folder / "my stretches.ics"))
    assert done.exit_code == 0
    assert "Import it once" in done.stdout
    assert [file.name for file in folder.iterdir()] == ["my stretches.ics"]
    assert (folder / "my stretches.ics").read_bytes() == export_of(person.id).stdout_bytes


def test_the_file_holds_no_key_and_no_address(person: Person, parts: Parts) -> None:
    body = export_of(person.id).stdout_bytes.replace(b"\r\n ", b"")
    assert b"http" not in body
    assert person.key.encode() not in body


def test_a_file_that_is_there_is_not_touched(person: Person, tmp_path: Path) -> None:
    kept = tmp_path / "kept.ics"
    kept.write_text("mine")
    done = export_of(person.id, "--output", str(kept))
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == f"turntwice: {kept} exists; name a new file\n"
    assert kept.read_text() == "mine"


def test_a_file_that_comes_between_the_look_and_the_writing_is_not_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "kept.ics"
    kept.write_text("mine")
    monkeypatch.setattr(Path, "exists", lambda _: False)
    with pytest.raises(Refused, match="exists"):
        export.write_new(kept, b"ours")
    assert kept.read_text() == "mine"
    assert [file.name for file in tmp_path.iterdir()] == ["kept.ics"]


def test_where_links_are_unknown_the_file_is_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, target: Path) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    export.write_new(tmp_path / "new.ics", b"ours")
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("new.ics", b"ours")]


def test_a_folder_that_is_not_there_is_one_line_and_status_1(person: Person, tmp_path: Path) -> None:
    done = export_of(person.id, "--output", str(tmp_path / "nowhere" / "x.ics"))
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("turntwice: cannot write ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("unknown", ["nobody", "", "x" * 5000, "ü\n\t", "' OR 1=1 --"])
def test_an_unknown_person_is_one_line_that_says_where_to_look(person: Person, unknown: str) -> None:
    done = export_of("--", unknown)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "'turntwice person list' shows all" in done.stderr
    assert done.stderr.count("\n") == 1
    assert len(done.stderr) < 200


def test_a_plan_that_is_paused_for_good_has_no_file(person: Person, parts: Parts, tmp_path: Path) -> None:
    paused = replace(person.plan, pauses=(Pause(date(2026, 6, 1)),))
    with parts.store.writing() as db:
        store_people.replan(db, person.id, paused)
    done = export_of(person.id, "--output", str(tmp_path / "x.ics"))
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "turntwice: nothing is planned from 2026-06-02 on; end the pause, then export again\n"
    assert not (tmp_path / "x.ics").exists()


@pytest.mark.parametrize("wrong", [[], ["--output"], ["a", "b"], ["a", "--format", "x"], ["a", "--output", "/"]])
def test_wrong_usage_is_status_2(person: Person, wrong: list[str]) -> None:
    assert CliRunner().invoke(main, ["feed", "export", *wrong]).exit_code == 2


def test_it_works_from_the_first_command_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TURNTWICE_DATA", str(tmp_path / "data"))
    wish = ["--zone", "Asia/Kathmandu", "--morning", "06:15", "--evening", "21:45", "--json"]
    made = json.loads(CliRunner().invoke(main, ["person", "add", *wish]).stdout)
    body = export_of(made["person"]).stdout_bytes
    assert b"TZOFFSETTO:+0545\r\n" in body
    assert titles(body)
