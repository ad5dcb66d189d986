"""turntwice without a command: the help, as it is meant to be read."""

import pytest

from integration.cli import COMMANDS
from tests.cli.conftest import Run


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
@pytest.mark.parametrize("command", [(), ("person",), ("feed",), ("db",)], ids=" ".join)
def test_without_a_command_the_help_is_printed_line_by_line(turntwice: Run, command: tuple[str, ...]) -> None:
    bare, asked_for = turntwice(*command), turntwice(*command, "--help")
    assert (bare.exit_code, bare.stdout) == (2, "")
    assert bare.stderr == asked_for.stdout
    assert len(bare.stderr.splitlines()) > 5


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_the_help_has_a_line_for_every_command(turntwice: Run) -> None:
    lines = turntwice().stderr.splitlines()
    for name, told in COMMANDS.items():
        assert any(line.split() == [name, *told.split()] for line in lines), name


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_the_help_of_the_database_names_the_way_back_to_a_backup(turntwice: Run) -> None:
    lines = [" ".join(line.split()) for line in turntwice("db").stderr.splitlines()]
    assert "restore Put the backup FILE in the place of the database." in lines
    assert "Stop the server first." in turntwice("db", "restore", "--help").stdout
