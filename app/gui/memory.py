"""What the window remembers from one time to the next: its place, the theme, the histories opened last."""

from __future__ import annotations

from pathlib import Path

from PyQt5.QtCore import QByteArray, QSettings

from app.gui.style import THEMES

MOST_RECENT = 8


class Memory:
    """Kept in a file of the user's settings; settings: None remembers nothing beyond this object's life."""

    def __init__(self, settings: QSettings | None = None) -> None:
        self._settings = settings
        self._values: dict[str, object] = {}

    @property
    def theme(self) -> str:
        told = str(self._get("theme") or "dark")
        return told if told in THEMES else "dark"

    @theme.setter
    def theme(self, name: str) -> None:
        self._set("theme", name)

    @property
    def utc(self) -> bool:
        """Whether times are told in UTC rather than local."""
        return str(self._get("utc") or "") == "yes"

    @utc.setter
    def utc(self, on: bool) -> None:
        self._set("utc", "yes" if on else "")

    @property
    def recent(self) -> list[Path]:
        """Histories, the last opened first; without those that are gone."""
        told = self._get("recent")
        lines = [told] if isinstance(told, str) else told if isinstance(told, list) else []
        return [path for path in map(Path, lines) if path.exists()]

    def add_recent(self, path: Path) -> None:
        others = [one for one in self.recent if one != path.absolute()]
        self._set("recent", [str(one) for one in (path.absolute(), *others)][:MOST_RECENT])

    def state(self, name: str) -> QByteArray:
        """The place of the window, or of a part of it; empty where none is known."""
        told = self._get(f"state/{name}")
        return told if isinstance(told, QByteArray) else QByteArray()

    def set_state(self, name: str, state: QByteArray) -> None:
        self._set(f"state/{name}", state)

    def _get(self, key: str) -> object:
        found: object = self._values.get(key) if self._settings is None else self._settings.value(key)
        return found

    def _set(self, key: str, value: object) -> None:
        if self._settings is None:
            self._values[key] = value
        else:
            self._settings.setValue(key, value)


def of_the_user() -> Memory:
    """In the user's own settings."""
    return Memory(QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "sightline", "window"))
