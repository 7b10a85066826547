"""A picture beside others that it is compared with, as pages show it."""

from __future__ import annotations

from dataclasses import dataclass

from app.output.chip import Chip


@dataclass(frozen=True, slots=True)
class Face:
    """role: what it is here. chip: whose it is, if that is to be shown. source: its address, None where it is
    gone. lines: what is said under it.
    """

    role: str
    chip: Chip | None
    source: str | None
    lines: list[str]
