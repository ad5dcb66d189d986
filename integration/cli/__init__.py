"""The command line, one file a command; names and JSON fields are a contract (DESIGN section 11).

Exit status 0 when it did it, 1 when it could not (one line on standard error says why and what to do), 2 for wrong
usage. A command's file is imported only when it is called, so that `serve` starts without the others.
"""

import sys
from importlib import import_module
from typing import Any, Never

import click

from calendar_export.errors import CalendarError
from integration.errors import TurntwiceError
from webhooks.errors import WebhookError

COMMANDS = {
    "connection": "Link a person to a service that reports completions.",
    "db": "Migrate, check, back up, restore; rotate secrets.",
    "deliveries": "What services sent, and what became of it.",
    "dispatches": "What other services are told, and what became of it.",
    "doctor": "Say what is wrong and what to type.",
    "feed": "A person's calendars: list, add, change, check, export.",
    "person": "Add, list, show and delete people.",
    "plan": "Change times or zone, pause and resume.",
    "reconcile": "Compare a service's own history with ours.",
    "serve": "Migrate and serve: one process, nothing else needed.",
    "status": "Streaks, score and today of a person.",
    "worker": "Send what other services are to hear (PostgreSQL).",
}


class Commands(click.Group):
    """Knows every command by name and imports its file on demand."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        if name not in COMMANDS:
            return None
        command: click.Command = import_module(f"integration.cli.{name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def main(self, *args: Any, **options: Any) -> Any:
        """Turns whatever can go wrong into one line and an exit status."""
        try:
            status = super().main(*args, **options | {"standalone_mode": False})
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()  # its message is the whole help
            sys.exit(error.exit_code)
        except click.ClickException as error:
            _fail(error.format_message(), error.exit_code)
        except click.Abort:
            _fail("stopped", 1)
        except (TurntwiceError, CalendarError, WebhookError) as error:
            _fail(str(error), 1)
        sys.exit(status if isinstance(status, int) else 0)


def _fail(message: str, status: int) -> Never:
    # Arguments may hold bytes that are no text; saying so must not fail in turn.
    told = " ".join(message.split()).encode(errors="backslashreplace").decode()
    click.echo(f"turntwice: {told}", err=True)
    sys.exit(status)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="turntwice", prog_name="turntwice")
def main() -> None:
    """A spinal-rotation stretch at both ends of the day, in any calendar, in step with habit services."""
