"""A site's configuration as a file that is read, changed and written: comments, order and all else stay."""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import ParseError
from tomlkit.items import AoT

from app.config import CameraSettings, ConfigError, Settings, settings_of
from app.output.place import OutputError, write_own

TOP_KEYS = ("database", "detector", "reid", "device", "detector_size", "detector_rate", "confidence")
KEEP_KEYS = ("sightings_days", "portraits_days", "pictures_days")
CAMERA_KEYS = ("name", "source", "start", "clock_offset_s", "fps", "record", "ignore")
"""What is changed here; of a camera that is removed everything goes."""


class SiteFile:
    """A document of TOML. Values are as they stand there: ${NAME} and relative paths are not filled in."""

    def __init__(self, document: tomlkit.TOMLDocument, path: Path | None = None) -> None:
        self.path = path
        self._document = document

    @classmethod
    def read(cls, path: Path) -> SiteFile:
        """Raises ConfigError where it can't be read, or is no TOML."""
        try:
            return cls(tomlkit.parse(path.read_text(encoding="utf-8-sig")), path)
        except (OSError, UnicodeDecodeError, ParseError) as error:
            raise ConfigError(f"The configuration {path} can't be read: {error}.") from error

    @classmethod
    def of(cls, settings: Settings) -> SiteFile:
        """A new one that says the same of what can be changed here."""
        file = cls(tomlkit.document())
        default = Settings(())
        for key in TOP_KEYS:
            value = getattr(settings, key)
            if key == "database" or value != getattr(default, key):
                told = "every-frame" if value is None else value
                file.top[key] = str(told.absolute()) if isinstance(told, Path) else told
        for key in KEEP_KEYS:
            file.keep(key, getattr(settings.keep, key))
        for camera in settings.cameras:
            file.add(_row(camera))
        return file

    @property
    def top(self) -> MutableMapping[str, Any]:
        """The settings of the whole."""
        return self._document

    def keep(self, key: str, days: Any) -> None:
        """For how long something is kept; None for ever. Without any there is no [keep]."""
        table = self._document.get("keep")
        if table is None and days is not None:
            self._document["keep"] = table = tomlkit.table()
        if days is not None:
            self._document["keep"][key] = days
        elif table is not None:
            table.pop(key, None)
            if not table:
                del self._document["keep"]

    @property
    def cameras(self) -> list[MutableMapping[str, Any]]:
        """A table each, in order; a change to one is a change to the document."""
        rows = self._document.get("camera")
        return list(rows) if isinstance(rows, list) else []

    def add(self, row: Mapping[str, Any]) -> None:
        """One more camera, the last."""
        table = tomlkit.table()
        table.update(row)
        rows = self._document.get("camera")
        if not isinstance(rows, AoT):
            rows = tomlkit.aot()
            self._document["camera"] = rows
            rows = self._document["camera"]
        rows.append(table)

    def remove(self, number: int) -> None:
        """The camera of that number, from 0."""
        rows = self._document["camera"]
        assert isinstance(rows, AoT)
        del rows[number]
        if not rows:
            del self._document["camera"]

    def settings(self, path: Path | None = None) -> Settings:
        """What it says, of a file at ``path``. Raises ConfigError."""
        return settings_of(self._document.unwrap(), path or self.path or Path("site.toml").absolute())

    def save(self, path: Path) -> Settings:
        """Writes it, once it is right; what it says. Raises ConfigError, OutputError."""
        settings = self.settings(path)
        try:
            write_own(path, tomlkit.dumps(self._document).encode())
        except OSError as error:
            told = os.strerror(error.errno) if error.errno else str(error)
            raise OutputError(f"{path} can't be written ({told}); name another place.") from error
        self.path = path
        return settings


def _row(camera: CameraSettings) -> dict[str, Any]:
    row: dict[str, Any] = {"name": camera.name, "source": list(camera.files) or camera.source}
    default = CameraSettings("", "")
    for key in CAMERA_KEYS[2:]:
        value = getattr(camera, key)
        if value != getattr(default, key):
            row[key] = [list(map(list, one)) for one in value] if key == "ignore" else value
    return row
