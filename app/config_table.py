"""Values of a configuration: each of the kind expected, or a sentence that names the key and its place."""

from __future__ import annotations

import math
from datetime import time
from pathlib import Path
from typing import Any, NoReturn

from app.sources.passwords import redact


class ConfigError(Exception):
    """A setting that can't be used: one sentence naming the key, its place and what was expected."""


def told(value: Any) -> str:
    """A value as it may be shown: cut where it is long, and without what may be a password."""
    numbers = isinstance(value, list) and all(isinstance(one, (int, float)) for one in value)
    if not isinstance(value, (str, int, float)) and not numbers:
        return f"a {type(value).__name__} there"
    text = repr(redact(value) if isinstance(value, str) else value)
    return text if len(text) <= 80 else f"{text[:80]}... ({len(text)} letters)"


class TableReader:
    """Reads keys of TOML tables; raises ConfigError. path: of the file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def _want(
        self, table: dict[str, Any], key: str, kind: type | tuple[type, ...], where: str, default: Any
    ) -> Any:
        value = table.get(key, default)
        if value is default:
            return default
        if not isinstance(value, kind) or isinstance(value, bool):
            words = {
                str: "a text",
                list: "a list",
                dict: "a table",
                (int, float): "a number",
                (str, int): "a text or a whole number",
            }
            self._fail(key, where, f"{words[kind]}, but found {told(value)}")
        if isinstance(value, str) and "\0" in value:
            self._fail(key, where, f"a text without NUL, but found {told(value)}")
        return value

    def _known(self, table: dict[str, Any], known: frozenset[str], where: str) -> None:
        for key in table:
            if key not in known:
                self._fail(key, where, f"one of {', '.join(sorted(known))}")

    def _fail(self, key: str, where: str, expected: str) -> NoReturn:
        raise self._error(key, where, expected)

    def _error(self, key: str, where: str, expected: str) -> ConfigError:
        return ConfigError(f"{self.path}: the key {told(key)} {where}: expected {expected}.")

    def _time_of_day(self, table: dict[str, Any], key: str, where: str) -> time:
        value = table[key]
        if isinstance(value, time):
            return value
        try:
            return time.fromisoformat(value)
        except (TypeError, ValueError):
            self._fail(key, where, f'a time of day, such as "04:00", but found {told(value)}')

    def _amount(self, table: dict[str, Any], key: str, where: str, default: float) -> float:
        value = float(self._want(table, key, (int, float), where, default))
        if not (value > 0.0 and math.isfinite(value)):
            self._fail(key, where, f"a number above 0, but found {value:g}")
        return value

    def _flag(self, row: dict[str, Any], key: str, where: str) -> bool:
        value = row.get(key, False)
        if not isinstance(value, bool):
            self._fail(key, where, f"true or false, but found {told(value)}")
        return value

    def _seconds(
        self, table: dict[str, Any], key: str, where: str, default: float, least: float = 0.1
    ) -> float:
        value = float(self._want(table, key, (int, float), where, default))
        if not least <= value <= 86400.0:
            self._fail(key, where, f"seconds, {least:g} to 86400, but found {value:g}")
        return value
