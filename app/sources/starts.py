"""When a file's first picture was filmed, and by whose word: its metadata's, or its name's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from app.moments import LATEST, UNDATED_S
from app.sources.named_times import time_in_name

Creation = Literal["auto", "start", "end"]
"""What a file's creation time is: of its first picture, of its last, or as its maker is known to have it."""

CREATIONS: tuple[Creation, ...] = ("auto", "start", "end")

BY_NAME = "the file's name"
_APPLE = "com.apple.quicktime.creationdate"
_WRITES_THE_END = "com.android."  # Android's recorder dates a film when it is finished
_WRITES_LOCAL_TIME = "GoPro"  # where UTC belongs


@dataclass(frozen=True, slots=True)
class Start:
    """time: epoch seconds. by: whose word it is, for people to read."""

    time: float
    by: str


def start_by_metadata(words: Mapping[str, str], *, lasts_s: float | None, creation: Creation) -> Start | None:
    """Of the container's beginning, by its words and its stream's; None where they tell no time.

    lasts_s: how long the film is; needed where the time is that of its end.
    """
    for key in (_APPLE, "creation_time"):
        habits = creation == "auto" and key == "creation_time"
        local = habits and _WRITES_LOCAL_TIME in words.get("handler_name", "")
        time = _read(words.get(key, ""), local=local)
        if time is None:
            continue
        if creation == "end" or (habits and any(word.startswith(_WRITES_THE_END) for word in words)):
            return Start(time - (lasts_s or 0.0), f"{key}, the end of the film") if lasts_s else None
        return Start(time, f"{key}, as local time" if local else key)
    return None


def _read(text: str, *, local: bool) -> float | None:
    """Epoch seconds, None where it is no time, or one before 1971 (a clock never set)."""
    try:
        moment = datetime.fromisoformat(text)
        if local:
            moment = moment.replace(tzinfo=None).astimezone()
        epoch_s = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return epoch_s if UNDATED_S <= epoch_s <= LATEST else None


def start_by_name(path: Path) -> Start | None:
    """By what the file's name and its folders' names tell."""
    time = time_in_name(path)
    return None if time is None else Start(time, BY_NAME)
