"""Names of files, of any bytes: as text that can be shown, and as text that leads back to the file."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

HISTORIES = (".db", ".sqlite", ".sqlite3")
"""How the names of history databases end."""
SITES = (".toml",)
"""How those of configurations do."""

MOST_FOLDERS = 4
"""With so many parts of its path a file is looked for beside a history that was moved."""

_FILE = "file://"


def shown(name: str | Path) -> str:
    """The name with a substitute for what is no text, fit for a screen, a database and a log."""
    return os.fsencode(name).decode("utf-8", "replace")


def uri_of(path: Path) -> str:
    """The path itself; as a file:// address where it holds bytes that are no text."""
    whole = str(path.absolute())
    return whole if whole.isprintable() and _is_text(whole) else _FILE + quote(os.fsencode(whole))


def path_of(uri: str) -> Path:
    """The file that `uri_of` named."""
    if not uri.startswith(_FILE):
        return Path(uri)
    return Path(os.fsdecode(unquote_to_bytes(uri.removeprefix(_FILE))))


def file_of(uri: str, *, history: Path) -> Path:
    """The file that a history names: where it was or, if that is gone, where it lies beside the history, as
    where both were moved: in the last of its folders, or alone.
    """
    path = path_of(uri)
    if _is_there(path):
        return path
    moved = (history.parent.joinpath(*path.parts[-n:]) for n in range(MOST_FOLDERS, 0, -1))
    safe = (one for one in moved if ".." not in path.parts and one != path)
    return next(filter(_is_there, safe), path)


def _is_there(path: Path) -> bool:
    """Whether there is anything of that name; of a name that none can have there is nothing."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def is_file_uri(uri: str) -> bool:
    """Whether it may name a file here, rather than a stream or a device."""
    return uri.startswith(_FILE) or not ("://" in uri or uri.startswith("/dev/"))


def is_folder(path: Path) -> bool:
    """Whether there is a folder of that name; a name that none can have is none."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


_GOPRO = re.compile(r"G[HXLP](\d\d)(\d{4})$|GOPR(\d{4})$", re.IGNORECASE)


def natural(path: Path) -> list[tuple[int, int, str]]:
    """A key to sort by: numbers in the name by value; GoPro's, as GH020121, by film, then chapter."""
    chapter = _GOPRO.fullmatch(path.stem)
    if chapter is not None:
        path = path.with_name(f"G {chapter[2] or chapter[3]} {chapter[1] or '00'}")
    parts = re.split(r"(\d+)", str(path))
    return [(0, int(part), "") if part.isdecimal() and part.isascii() else (1, 0, part) for part in parts]


def _is_text(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
