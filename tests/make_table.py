"""Writes the README's tables anew: `python tests/make_table.py`, after a provider or a service came or changed."""

from collections.abc import Mapping
from pathlib import Path

from integration.service import Service, services
from webhooks.registry import providers
from webhooks.table import table

README = Path(__file__).resolve().parents[1] / "README.md"
BEGIN, END = "<!-- providers -->\n", "<!-- /providers -->\n"
TOLD, TOLD_END = "<!-- services -->\n", "<!-- /services -->\n"
HOLDS = {"tick": "a tick", "number": "a number", "sessions": "each session"}


def services_table(known: Mapping[str, Service]) -> str:
    """What each service can carry, as a Markdown table."""
    lines = [
        "| Service | Name | A day there holds | Past days | Can be taken back | Its history is read |",
        "|---" * 6 + "|",
    ]
    for name, service in known.items():
        can = service.ABILITIES
        cells = (service.TITLE, f"`{name}`", HOLDS[can.holds], *map(_word, (can.dated, can.undo, _reads(service))))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def renewed(text: str) -> str:
    """The README with the tables as they should be. Raises ValueError when the markers are gone."""
    return _between(_between(text, BEGIN, END, table(providers())), TOLD, TOLD_END, services_table(services()))


def _between(text: str, begin: str, end: str, fresh: str) -> str:
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"README.md: put {begin.strip()} and {end.strip()} around the table, on lines of their own")
    return f"{before}{begin}{fresh}{end}{after}"


def _word(yes: bool) -> str:
    return "yes" if yes else "no"


def _reads(service: Service) -> bool:
    return hasattr(service, "history")


def main() -> None:
    README.write_text(renewed(README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
