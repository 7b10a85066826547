"""The lock held by the one run that may write to a history."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from storage.errors import DatabaseError


class RunLock:
    """A lock on PATH.lock, from construction to ``release``; the system drops it when the process dies.

    The file holds the number of the process that has the lock, and goes when the lock is released.
    Raises DatabaseError where another run has it, or where the folder cannot be written.
    """

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(database.name + ".lock")
        self._file = self._take(database)

    def _take(self, database: Path) -> int:
        while True:
            file = self._open(database)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                holder = os.pread(file, 20, 0).decode("ascii", "replace").strip()
                os.close(file)
                raise DatabaseError(_refusal(database, error, holder)) from error
            if self._is_current(file):
                with suppress(OSError):  # a courtesy to whom we keep out, not worth failing on a full disk
                    os.ftruncate(file, 0)
                    os.pwrite(file, str(os.getpid()).encode(), 0)
                return file
            os.close(file)  # the run before removed it between our opening and our locking

    def _open(self, database: Path) -> int:
        try:
            return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise DatabaseError(
                f"the history {database} cannot be locked for writing ({self._path.name}: {error.strerror}); "
                "check that you may write to its folder, or name another file with --db"
            ) from error

    def _is_current(self, file: int) -> bool:
        try:
            return os.path.samestat(os.fstat(file), self._path.stat())
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Give the lock back. Once more does no harm."""
        if self._file >= 0:
            self._path.unlink(missing_ok=True)
            fcntl.flock(self._file, fcntl.LOCK_UN)  # also for a forked child that still has the file
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> RunLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def is_locked(database: Path) -> bool:
    """Whether a run is writing to the history just now."""
    try:
        file = os.open(database.with_name(database.name + ".lock"), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(file)
    return False


def _refusal(database: Path, error: OSError, holder: str) -> str:
    if not isinstance(error, BlockingIOError):
        return (
            f"the history {database} lies on a disk that knows no locks ({error.strerror}); "
            "name a file on a local disk with --db"
        )
    who = f" (process {holder})" if holder else ""
    return (
        f"another run{who} is writing to the history {database}; "
        "wait for it or stop it, or name another file with --db"
    )
