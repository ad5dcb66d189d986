"""The only SQL: tables, one module of queries a subject, migrations. SQLite and PostgreSQL on one code path."""
