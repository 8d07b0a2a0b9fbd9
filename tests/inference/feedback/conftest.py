"""Databases of both kinds, and records to put into them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.feedback.database import Database
from tests.postgres import Postgres, binaries, serving


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server of PostgreSQL."""
    pytest.importorskip("psycopg")
    found = binaries()
    if found is None:
        pytest.skip("needs the programs of PostgreSQL (apt-get install postgresql)")
    with serving(found) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'feedback.sqlite'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture
def database(address: str) -> Iterator[Database]:
    """An empty database with its tables."""
    opened = Database.open(address)
    yield opened
    opened.close()
