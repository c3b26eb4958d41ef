"""Storages of studies: SQLite files and database servers, by their URLs."""

import importlib.util
import time
import warnings
from pathlib import Path
from typing import Any

import sqlalchemy
from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

GRACE_BEATS = 4
"""How many signs of life may be missing before a worker counts as dead."""

_MAX_RETRIES = 2  # of a trial whose workers die
_LOCK_SECONDS = 60.0  # to wait for SQLite while others write


def sqlite_url(path: Path) -> str:
    """The URL of an SQLite file."""
    return f"sqlite:///{path.resolve()}"


def hide_password(url: str) -> str:
    """A storage URL as it may be printed."""
    try:
        return sqlalchemy.make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return url


def open_storage(url: str, heartbeat: int, retry: RetryHeartbeatStaleTrialCallback) -> RDBStorage:
    """Opens a storage, its tables made where they are missing.

    Args:
      url: of an Optuna storage.
      heartbeat: seconds between two signs of life of a worker.
      retry: what to do with the trial of a dead one.

    Raises:
      ValueError: the URL is not a storage's, its driver is missing, or the database does not
        answer.
    """
    try:
        address = sqlalchemy.make_url(url)
    except ArgumentError as error:
        raise ValueError(
            f"--storage={url!r} is not a storage URL, such as sqlite:///study.db or "
            "postgresql://user:password@host/database"
        ) from error
    if address.drivername in ("postgresql", "postgres"):
        # SQLAlchemy would take psycopg 3; either driver will do.
        driver = "psycopg" if importlib.util.find_spec("psycopg") else "psycopg2"
        address = address.set(drivername=f"postgresql+{driver}")
    options: dict[str, Any] = {"pool_pre_ping": True}
    if address.drivername.startswith("sqlite"):
        options = {"connect_args": {"timeout": _LOCK_SECONDS}}
    shown = address.render_as_string(hide_password=True)
    try:
        for patience in (1.0, 3.0, None):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", ExperimentalWarning)
                    storage = RDBStorage(
                        address.render_as_string(hide_password=False),
                        engine_kwargs=options,
                        heartbeat_interval=heartbeat,
                        grace_period=heartbeat * GRACE_BEATS,
                        heartbeat_stale_trial_callback=retry,
                    )
                if address.drivername.startswith("sqlite"):
                    _lock_when_reading(storage.engine)
                return storage
            except (SQLAlchemyError, StorageInternalError):
                # Two processes that make the tables of an empty database get into each other's way.
                if patience is None:
                    raise
                time.sleep(patience)
        raise AssertionError("the last try returns or raises")
    except ImportError as error:
        hint = ""
        if address.drivername.startswith("postgresql"):
            hint = "; pip install 'neurosym[postgresql]' brings it"
        raise ValueError(f"the storage {shown} needs a driver: {error}{hint}") from error
    except (SQLAlchemyError, StorageInternalError, RuntimeError) as error:
        reason = str(error.__cause__ or error).strip().splitlines()[0]
        raise ValueError(f"the storage {shown} cannot be opened: {reason}") from error


def retry_callback() -> RetryHeartbeatStaleTrialCallback:
    """Queues another trial with the values and the history of one whose worker died."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return RetryHeartbeatStaleTrialCallback(
            max_retry=_MAX_RETRIES, inherit_intermediate_values=True
        )


def _lock_when_reading(engine: sqlalchemy.Engine) -> None:
    """Lets every transaction of an SQLite file lock it from its start.

    SQLite has no `SELECT ... FOR UPDATE`, with which Optuna takes a trial from the queue: two
    workers that read it at the same moment would both take it.
    """

    def on_connect(connection: Any, record: object) -> None:
        del record
        connection.isolation_level = None  # the driver would begin transactions of its own

    def on_begin(connection: sqlalchemy.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    sqlalchemy.event.listen(engine, "connect", on_connect)
    sqlalchemy.event.listen(engine, "begin", on_begin)
    engine.dispose()
