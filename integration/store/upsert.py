"""INSERT ... ON CONFLICT, which both engines have, each under its own name."""

from functools import cache
from importlib import import_module
from typing import Any

from sqlalchemy import Table


@cache
def insert_into(table: Table, dialect: str) -> Any:
    """The engine's own insert, with its on_conflict methods. The other engine's module is not loaded: it is large."""
    return import_module(f"sqlalchemy.dialects.{dialect}").insert(table)
