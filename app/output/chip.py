"""Ids in their colours, as pages show them."""

from __future__ import annotations

from dataclasses import dataclass

from app.output.contact_sheet import css
from app.output.drawing import colour_of, text_on


@dataclass(frozen=True, slots=True)
class Chip:
    """An id, or a word in its place, in the id's colours."""

    id: int | str
    colour: str
    ink: str

    @staticmethod
    def of(identity: int | None, word: str | None = None) -> Chip:
        """word: what to write; else the id, or that it is undecided. Grey for None."""
        colour = colour_of(identity)
        shown = word if word is not None else "undecided" if identity is None else identity
        return Chip(shown, css(colour), css(text_on(colour)))
