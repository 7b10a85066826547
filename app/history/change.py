"""What a second pass would change of one sighting."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """One sighting that gets another identity. after: negative for somebody new, equal ones are the same."""

    sighting: int
    camera: str
    start: float
    end: float
    before: int | None
    after: int
    probability: float
