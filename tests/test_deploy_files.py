"""What is handed to an operator agrees with the product: compose.yaml, the locks, the names that recipes quote."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from webhooks.registry import providers

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
TEMPLATES = ROOT / "integration" / "pages" / "templates"
IN_THE_IMAGE = {"TURNTWICE_DATA"}
"""What the Dockerfile sets, because the volume lies there."""


def documented() -> set[str]:
    """The settings of the README's table; one that names a service stands for each service it can name."""
    table = re.findall(r"^\| `(TURNTWICE_\w+)` \|", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    apps = {f"TURNTWICE_APP_SECRET_{name.upper()}" for name, one in providers().items() if hasattr(one, "account")}
    assert "TURNTWICE_APP_SECRET_SERVICE" in table
    return {*table, *apps} - {"TURNTWICE_APP_SECRET_SERVICE"}


def test_compose_hands_every_documented_setting_on() -> None:
    compose = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8"))
    handed = compose["services"]["turntwice"]["environment"]
    assert set(handed) == documented() - IN_THE_IMAGE
    for name, value in handed.items():
        assert value.startswith(f"${{{name}:-"), "taken from the environment, and never missing"


@pytest.mark.parametrize("extra", PROJECT["optional-dependencies"])
def test_a_server_has_what_every_extra_asks_for(extra: str) -> None:
    locked = (ROOT / "requirements" / "full.txt").read_text(encoding="utf-8")
    for need in PROJECT["optional-dependencies"][extra]:
        assert re.search(rf"^{re.split(r'[<>=[]', need)[0]}==", locked, re.MULTILINE), need


def test_recipes_quote_the_heading_that_stands_on_the_page() -> None:
    heading = re.search(r'<h2 id="services">(.*?)</h2>', (TEMPLATES / "me_services.html").read_text(encoding="utf-8"))
    assert heading
    quoted = [
        name
        for file in (*TEMPLATES.glob("*.html"), *TEMPLATES.glob("recipes/*.html"))
        for name in re.findall(r"under “(Services[^”]*)”", file.read_text(encoding="utf-8"))
    ]
    assert set(quoted) == {heading[1]}
