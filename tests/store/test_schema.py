"""The migrations: they make the tables that the program names, once, whole or not at all, on both engines."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import event, inspect, text

from integration.errors import SchemaMismatch
from integration.store import schema
from integration.store.engine import Store
from integration.store.tables import metadata

NEWEST = schema.versions()[-1]


def tables(store: Store) -> set[str]:
    with store.reading() as db:
        return set(inspect(db).get_table_names())


def version(store: Store) -> str | None:
    with store.reading() as db:
        return schema.current(db)


@pytest.fixture
def empty(empty_url: str) -> Any:
    opened = Store(empty_url)
    yield opened
    opened.close()


def test_the_migrations_make_exactly_the_tables_that_the_queries_name(store: Store) -> None:
    with store.reading() as db:
        context = MigrationContext.configure(db, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_every_index_and_constraint_has_the_name_that_a_later_migration_needs(store: Store) -> None:
    with store.reading() as db:
        found = inspect(db)
        for table in metadata.sorted_tables:
            names = {key["name"] for key in found.get_foreign_keys(table.name)}
            names |= {key["name"] for key in found.get_unique_constraints(table.name)}
            names |= {found.get_pk_constraint(table.name)["name"]}
            expected = {constraint.name for constraint in table.constraints}
            assert names == expected, table.name


def test_an_empty_database_has_no_version_and_upgrading_gives_it_the_newest(empty: Store) -> None:
    assert version(empty) is None
    assert schema.upgrade(empty) is True
    assert version(empty) == NEWEST


def test_upgrading_again_does_nothing_and_runs_no_statement_that_writes(store: Store, statements: list[str]) -> None:
    assert schema.upgrade(store) is False
    written = [told for told in statements if not told.lstrip().upper().startswith(("SELECT", "PRAGMA"))]
    assert written == []


def test_a_database_of_a_later_version_is_refused_in_one_line_and_left_alone(empty: Store) -> None:
    schema.upgrade(empty)
    with empty.writing() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaMismatch) as refused:
        schema.upgrade(empty)
    assert "9999" in str(refused.value)
    assert NEWEST in str(refused.value)
    assert "\n" not in str(refused.value)
    assert version(empty) == "9999"


def test_two_starts_at_once_migrate_once(empty_url: str) -> None:
    stores = [Store(empty_url) for _ in range(4)]
    made, ready = list[str](), Barrier(len(stores))

    def note(*told: Any) -> None:
        if "CREATE TABLE people" in told[2]:
            made.append(told[2])

    def start(store: Store) -> bool:
        ready.wait()
        return schema.upgrade(store)

    for store in stores:
        event.listen(store.engine, "before_cursor_execute", note)
    with ThreadPoolExecutor(len(stores)) as pool:
        list(pool.map(start, stores))
    assert len(made) == 1
    assert [version(store) for store in stores] == [NEWEST] * len(stores)
    for store in stores:
        store.close()


class Killed(Exception):
    pass


def test_a_migration_killed_at_any_statement_leaves_nothing_and_the_next_start_finishes(empty: Store) -> None:
    left = 0

    def kill(*told: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Killed

    event.listen(empty.engine, "before_cursor_execute", kill)
    for last in range(1, 200):
        left = last
        try:
            schema.upgrade(empty)
        except Killed:
            assert tables(empty) == set(), f"killed at statement {last}"
        else:
            break
    assert last > len(metadata.sorted_tables)
    event.remove(empty.engine, "before_cursor_execute", kill)
    assert tables(empty) == {"alembic_version", *metadata.tables}
    assert version(empty) == NEWEST
