"""The feedback database: SQLite in a file, or PostgreSQL; opened, checked and brought up to date."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Self

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from inference.errors import PatrolError

log = logging.getLogger(__name__)

HEAD: Final = "0001"
"""The version of the database that this code works with; `migrations/versions` leads there."""
OUTAGES: Final = (OperationalError, InterfaceError, PoolTimeout)
"""What is raised while a database cannot be reached or is too busy: later it may work."""

_MIGRATIONS: Final = "inference.feedback:migrations"
_BUSY_SECONDS: Final = 10.0  # that a writer waits for others
_POOL: Final = 8
_MIGRATION_LOCK: Final = 7_205_759  # any number, the same in every process
_REMEDY: Final = (
    "Set feedback_database in service.yaml (or PATROL_FEEDBACK_DATABASE) to sqlite:///some/file.sqlite, "
    "postgresql://user:password@host/name, or null to keep nothing."
)


class DatabaseError(PatrolError):
    """The feedback database cannot be used as it is set up."""


class UnreachableError(DatabaseError):
    """It may be usable, but does not answer now."""


class Database:
    """A database at the version of this code.

    Args:
        url: Where it is.
    """

    def __init__(self, url: URL) -> None:
        self.url = url
        self._engine = _engine(url)
        self._writing = self._engine.execution_options(is_writing=True)

    @classmethod
    def open(cls, address: str, *, create: bool = True) -> Self:
        """Connect, and make or upgrade the tables.

        Args:
            address: Its URL.
            create: Whether a SQLite file that is not there is made.

        Raises:
            UnreachableError: There is no connection now.
            DatabaseError: It cannot be used: a wrong address, a missing package, a newer version.
        """
        url = checked(address)
        if url.database and not create and is_sqlite(url) and not Path(url.database).exists():
            raise DatabaseError(f"{shown(url)}: there is no such file. {_REMEDY}")
        if is_sqlite(url):
            _make_private(Path(str(url.database)))
        try:
            database = cls(url)
        except ModuleNotFoundError as error:
            needs = "pip install 'street-patrol[postgres]'"
            raise DatabaseError(f"{shown(url)} needs the Python module {error.name}: {needs}") from error
        with ExitStack() as on_failure:
            on_failure.callback(database.close)
            database._upgrade_or_tell()
            on_failure.pop_all()
        return database

    def _upgrade_or_tell(self) -> None:
        try:
            self.upgrade()
        except OUTAGES as error:
            kind = DatabaseError if is_sqlite(self.url) else UnreachableError
            raise kind(f"{shown(self.url)}: cannot be opened ({reason(error)}). {_REMEDY}") from error
        except DBAPIError as error:
            raise DatabaseError(f"{shown(self.url)}: cannot be used ({reason(error)}). {_REMEDY}") from error

    def upgrade(self) -> None:
        """Bring the tables to this code's version; several processes may do so at once.

        Raises:
            DatabaseError: A newer release made them.
        """
        with self._writing.begin() as connection:
            if not is_sqlite(self.url):
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            found = _version(connection)
            if found != HEAD:
                self._migrate(connection, found)

    def _migrate(self, connection: Connection, found: str | None) -> None:
        # Loaded only here: a service whose database is up to date starts faster without.
        from alembic import command
        from alembic.config import Config
        from alembic.script import ScriptDirectory

        config = Config()
        config.set_main_option("script_location", _MIGRATIONS)
        config.set_main_option("path_separator", "os")
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        if found is not None and found not in known:
            problem = f"is at version {found}, which a newer release made; this one knows versions up to {HEAD}"
            raise DatabaseError(f"{shown(self.url)}: {problem}. Install that release, or restore an older backup.")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        log.info("feedback database upgraded", extra={"fields": {"from": found, "to": HEAD}})

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A transaction that reads."""
        with Session(self._engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction that writes; when it ends without an error, what was written outlives a power cut."""
        with Session(self._writing, expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        """End the connections."""
        self._engine.dispose()

    def wipe(self) -> None:
        """Let nothing of deleted rows stay behind in SQLite's log; elsewhere the server sees to that."""
        if is_sqlite(self.url):
            with self._engine.connect() as connection:
                connection.execution_options(isolation_level="AUTOCOMMIT")
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


def checked(address: str) -> URL:
    """The URL of an address.

    Raises:
        DatabaseError: It is none, or of another kind of database; a password is never shown.
    """
    try:
        url = make_url(address)
    except ArgumentError as error:
        raise DatabaseError(f"feedback_database is no database URL. {_REMEDY}") from error
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if url.drivername != "sqlite" or not url.database or url.database == ":memory:":
        raise DatabaseError(f"feedback_database {shown(url)} names neither a SQLite file nor PostgreSQL. {_REMEDY}")
    return url


def shown(url: URL) -> str:
    """The URL without its password."""
    return url.render_as_string(hide_password=True)


def is_sqlite(url: URL) -> bool:
    """Whether it is a file of this machine."""
    return url.get_backend_name() == "sqlite"


def reason(error: Exception) -> str:
    """What the database itself says, in one line, without the statement and its values."""
    said = str(getattr(error, "orig", None) or error)
    return " ".join(said.split())


def _make_private(path: Path) -> None:
    """Make the file, if it is not there, readable by its owner only; SQLite's log then is, too."""
    with suppress(OSError):  # what is wrong with the place is told when it is opened
        path.touch(mode=0o600)


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _engine(url: URL) -> Engine:
    if not is_sqlite(url):
        # A server whose default trades durability for speed must not acknowledge what a power cut can undo.
        options = {"options": "-c synchronous_commit=on", "connect_timeout": int(_BUSY_SECONDS)}
        return create_engine(url, pool_size=_POOL, pool_pre_ping=True, hide_parameters=True, connect_args=options)
    arguments = {"timeout": _BUSY_SECONDS, "check_same_thread": False}
    engine = create_engine(url, pool_size=_POOL, hide_parameters=True, connect_args=arguments)
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # the driver would begin transactions by itself, and too late
    for setting in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        connection.execute(f"PRAGMA {setting}")


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock at once where writing is meant: a lock asked for later cannot be waited for."""
    is_writing = connection.get_execution_options().get("is_writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")
