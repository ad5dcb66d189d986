"""Writes the README's table of providers anew: `python tests/make_table.py`, after a provider came or changed."""

from pathlib import Path

from webhooks.registry import providers
from webhooks.table import table

README = Path(__file__).resolve().parents[1] / "README.md"
BEGIN, END = "<!-- providers -->\n", "<!-- /providers -->\n"


def renewed(text: str) -> str:
    """The README with the table as it should be. Raises ValueError when the markers are gone."""
    before, found, rest = text.partition(BEGIN)
    _, closed, after = rest.partition(END)
    if not (found and closed):
        raise ValueError(f"README.md: put {BEGIN.strip()} and {END.strip()} around the table, on lines of their own")
    return f"{before}{BEGIN}{table(providers())}{END}{after}"


def main() -> None:
    README.write_text(renewed(README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
