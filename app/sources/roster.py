"""The live cameras of a run, which may come and go while it lasts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from app.config import CameraSettings
from app.sources.feeds import LiveFeed
from app.sources.live import LiveSource


@dataclass(frozen=True, slots=True)
class Change:
    """Names of cameras. changed: left, and opened anew with other settings."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


class Roster:
    """Opens and leaves the sources of a LiveFeed. Use as a context manager; all are left at its end.

    opened: a source for a camera, not yet entered. gone: is told each camera that is left for good, or to
    be opened anew. A source is left in a thread of its own, since a camera that hangs may take a while.
    """

    def __init__(self, feed: LiveFeed, opened: Callable[[CameraSettings], LiveSource]) -> None:
        self.feed = feed
        self.gone: Callable[[str], None] = lambda camera: None
        self._opened = opened
        self._now: dict[str, CameraSettings] = {}
        self._leaving = ThreadPoolExecutor(thread_name_prefix="leave")
        self._left: list[Future[None]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for camera in list(self._now):
            self._leave(camera)
        self._leaving.shutdown()
        if error is None:  # otherwise the first error is the one to tell
            self._check()

    def become(self, cameras: Sequence[CameraSettings]) -> Change:
        """From now on these are the cameras; those that stay as they are notice nothing.

        Raises SourceError, before anything is changed, for an address of an unknown kind.
        """
        self._check()
        wanted = {camera.name: camera for camera in cameras}
        removed = tuple(name for name in self._now if name not in wanted)
        changed = tuple(n for n, c in self._now.items() if n in wanted and wanted[n] != c)
        added = tuple(name for name in wanted if name not in self._now)
        sources = [(wanted[name], self._opened(wanted[name])) for name in (*changed, *added)]
        for name in (*removed, *changed):
            self._leave(name)
            self.gone(name)
        for camera, source in sources:
            source.__enter__()
            self._now[camera.name] = camera
            self.feed.add(source, offset_s=camera.clock_offset_s)
        return Change(added, removed, changed)

    def _leave(self, camera: str) -> None:
        del self._now[camera]
        source = self.feed.remove(camera)
        self._left.append(self._leaving.submit(source.__exit__, None, None, None))

    def _check(self) -> None:
        """Raises what a source that was left has failed with, if one has."""
        for future in [future for future in self._left if future.done()]:
            self._left.remove(future)
            future.result()
