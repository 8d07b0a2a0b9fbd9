from __future__ import annotations

import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, NullPool, create_engine, text

from inference.feedback import database as module
from inference.feedback.database import HEAD, Database, DatabaseError, UnreachableError, checked
from inference.feedback.store import add_records
from inference.feedback.tables import Table
from tests.inference.feedback.making import audit


@contextmanager
def connected(url: URL) -> Iterator[Connection]:
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def test_the_migrations_make_the_tables(database: Database) -> None:
    with connected(database.url) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Table.metadata) == []


def test_the_code_knows_where_the_migrations_lead() -> None:
    config = Config()
    config.set_main_option("script_location", "inference.feedback:migrations")
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_several_processes_may_start_at_once(address: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        for opened in pool.map(Database.open, [address] * 4):
            opened.close()


def test_what_was_written_is_there_after_reopening(address: str) -> None:
    for request_id in ("a", "b"):
        opened = Database.open(address)
        add_records(opened, [audit(request_id)])
        opened.close()
    with connected(checked(address)) as connection:
        assert connection.execute(text("SELECT count(*) FROM records")).scalar() == 2


def test_a_newer_database_is_refused(address: str) -> None:
    Database.open(address).close()
    with connected(checked(address)) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseError, match=r"version 9999, which a newer release made; .*up to 0001"):
        Database.open(address)


def test_sqlite_is_durable_and_private(tmp_path: Path) -> None:
    path = tmp_path / "f.sqlite"
    database = Database.open(f"sqlite:///{path}")
    with database.reading() as session:
        settings = [session.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "synchronous")]
    assert settings == ["wal", 2]  # 2: FULL
    add_records(database, [audit("r")])
    for file in tmp_path.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    database.close()


@pytest.mark.parametrize(
    ("address", "match"),
    [
        ("nonsense", "is no database URL"),
        ("sqlite://", "names neither"),
        ("mysql://root:secret@host/x", "names neither"),
        ("sqlite:////no/such/folder/f.sqlite", "unable to open"),
    ],
)
def test_an_address_that_cannot_be_used(address: str, match: str) -> None:
    with pytest.raises(DatabaseError, match=match) as caught:
        Database.open(address)
    assert "secret" not in str(caught.value)
    assert not isinstance(caught.value, UnreachableError)


def test_a_server_that_does_not_answer_may_answer_later(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(UnreachableError) as caught:
        Database.open(f"postgresql://me:secret@/db?host={tmp_path}")
    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "f.sqlite"
    path.write_text("not a database " * 100)
    with pytest.raises(DatabaseError, match="not a database"):
        Database.open(f"sqlite:///{path}")


def test_reading_an_existing_one_makes_none(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="there is no such file"):
        Database.open(f"sqlite:///{tmp_path}/f.sqlite", create=False)
    assert not list(tmp_path.iterdir())


def test_without_its_driver_postgresql_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: object) -> None:
        raise ModuleNotFoundError("No module named 'psycopg'", name="psycopg")

    monkeypatch.setattr(module, "_engine", missing)
    with pytest.raises(DatabaseError, match=r"street-patrol\[postgres\]"):
        Database.open("postgresql://host/db")
