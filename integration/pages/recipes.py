"""The recipes: for each service and tool, where to click there, what to paste, what it can send and what it cannot.

A recipe is one template, `templates/recipes/NAME.html`, with the steps and nothing around them. It takes `hook` and
`secret`: here they are placeholders, and on the page that shows a new connection they are its own.
"""

from dataclasses import dataclass
from pathlib import Path

from flask import Blueprint
from flask.typing import ResponseReturnValue

from integration.errors import NotFound
from integration.pages.answers import page
from integration.parts import Parts
from webhooks.registry import Provider
from webhooks.table import SAMPLES

OVER_SIMPLE = {
    "home_assistant": "Home Assistant",
    "ifttt": "IFTTT",
    "shortcuts": "Apple Shortcuts",
    "super_productivity": "Super Productivity",
    "tasker": "Tasker",
    "zapier_make_n8n": "Zapier, Make and n8n",
}
"""Tools that post to the simple webhook, with a recipe and no provider of their own."""

FOLDER = Path(__file__).with_name("templates") / "recipes"
ANY = "recipes/_any.html"
SERVER = "https://YOUR-TURNTWICE"


@dataclass(frozen=True, slots=True)
class Recipes:
    """`/connect` and `/connect/<name>`, for everybody: they hold no key."""

    parts: Parts

    def index(self) -> ResponseReturnValue:
        """All recipes, and what can be relied on of each provider."""
        return page("recipes.html", providers=self.parts.providers, samples=SAMPLES, tools=OVER_SIMPLE)

    def show(self, name: str) -> ResponseReturnValue:
        """One recipe, with placeholders. Raises NotFound for a name that is neither a provider nor a tool."""
        service = "simple" if name in OVER_SIMPLE else name
        provider = self.parts.providers.get(service)
        if provider is None:
            raise NotFound("no such recipe")
        return page(
            "recipe.html",
            title=OVER_SIMPLE.get(name, provider.TITLE),
            adds=provider.TITLE,
            recipe=recipe_of(name),
            hook=f"{SERVER}/hooks/{service}/KEY",
            secret=_placeholder(provider),
        )


def has_recipe(name: str) -> bool:
    """Whether there is a recipe for a provider or tool of that name."""
    return (FOLDER / f"{name}.html").is_file()


def recipe_of(service: str) -> str:
    """The template with the steps for a provider or tool, to be included where `hook` and `secret` are set.

    `secret` is None where the connection has none. A provider without a recipe gets what holds for all of them.
    """
    return f"recipes/{service}.html" if has_recipe(service) else ANY


def add_to(blueprint: Blueprint, parts: Parts) -> None:
    """Adds `/connect` and `/connect/<name>`, endpoints `recipes` and `recipe`."""
    shown = Recipes(parts)
    blueprint.add_url_rule("/connect", "recipes", shown.index)
    blueprint.add_url_rule("/connect/<name>", "recipe", shown.show)


def _placeholder(provider: Provider) -> str | None:
    setting = provider.SECRETS.setting
    return f"YOUR-{setting.upper().replace('_', '-')}" if setting else None
