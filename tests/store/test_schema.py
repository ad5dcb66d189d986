"""The migrations: they make the tables that the program names, once, whole or not at all, on both engines."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import event, inspect, text

from integration.dispatching.endpoints import endpoint
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


PLACES = [
    ("todoist", "{}", "todoist"),
    ("standard", '{"url": "https://Example.org/hooks/x", "label": "y"}', "example.org:443"),
    ("vikunja", '{"url": "http://127.0.0.1:3456/"}', "127.0.0.1:3456"),
    ("habitica", '{"url": "https://[half"}', "habitica"),
]


def test_connections_of_before_are_given_the_endpoints_that_their_settings_name(empty: Store) -> None:
    with empty.writing() as db:
        config = Config()
        config.set_main_option("script_location", str(schema.MIGRATIONS))
        config.attributes["connection"] = db
        command.upgrade(config, "0005")
        db.execute(text("INSERT INTO people (id, key, plan, changes, created_at) VALUES ('p', 'k', '{}', 0, 0)"))
        for service, settings, _ in PLACES:
            values = {"service": service, "settings": settings}
            columns, given = (
                "id, person, service, label, settings, created_at",
                ":service, 'p', :service, '', :settings, 0",
            )
            db.execute(text(f"INSERT INTO connections ({columns}) VALUES ({given})"), values)
            db.execute(text("INSERT INTO outlets (connection, failures, noticed) VALUES (:service, 0, 0)"), values)
    assert schema.upgrade(empty) is True
    with empty.reading() as db:
        found = {row.connection: row.endpoint for row in db.execute(text("SELECT connection, endpoint FROM outlets"))}
    assert found == {service: place for service, _, place in PLACES}
    assert found == {service: endpoint(service, json.loads(settings)) for service, settings, _ in PLACES}
