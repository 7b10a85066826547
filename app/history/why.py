"""Why a sighting is whose it is, in sentences: the same for the terminal, pages and the window.

What is said is what was recorded when it was decided (tracker.types.Evidence): the terms of the log odds, in
nats; who was second best; who was likelier and barred. Where a correction outranks that, it is the reason.
"""

from __future__ import annotations

from app.history.telling import duration
from storage.history import SightingRow
from tracker.types import Bar, Evidence, Terms

BARS: dict[Bar, str] = {
    "same view": "was in the same view at the same moment",
    "no overlap": "was on a camera that never sees the same people at the same moment",
    "link": "can't have come that way, or not so fast",
    "late": "would have come later than anybody does",
    "told apart": "was told apart by a person",
}

_WORDS = {
    "appearance": "looks",
    "transition": "way and time",
    "ground": "place",
    "prior": "before anything is known",
}
"""Of the terms, in the order in which they are told."""


TERMS_EXPLAINED = (
    "The numbers are log odds: what speaks for the same person is added, what speaks against it is taken "
    "off. +2.3 makes it ten times as likely, -2.3 a tenth."
)


def percent(probability: float) -> str:
    """As people read it; what is not quite certain is not said to be."""
    if 0.995 <= probability < 1.0:
        return ">99 %"
    if 0.0 < probability < 0.005:
        return "<1 %"
    return f"{100 * probability:.0f} %"


def _comes_to(probability: float) -> str:
    return f"-> {percent(probability)}".replace("-> >", "-> over ").replace("-> <", "-> under ")


def terms_told(terms: Terms) -> str:
    """The terms in words, those that say nothing left out: looks +4.1, way and time +1.2, ..."""
    told = [f"{word} {getattr(terms, name):+.1f}" for name, word in _WORDS.items() if _says(terms, name)]
    return ", ".join(told)


def _says(terms: Terms, name: str) -> bool:
    return name in ("appearance", "prior") or abs(getattr(terms, name)) >= 0.05


def why(row: SightingRow, *, first: float | None = None) -> list[str]:
    """Sentences, what decided it first. first: when the person was first seen (epoch seconds): whose first
    sighting it is was somebody new then, which histories from before terms were recorded do not tell.
    """
    if row.placed is not None:
        return [_placed(row)]
    evidence = row.evidence
    if row.person is None or evidence is None:
        return ["not decided"] if row.person is None else []
    told = [_chosen(row, evidence, first=first)]
    if row.decided not in (None, row.person):
        told.append(f"that was {row.decided}, who is {row.person} now")
    if evidence.gap_s is not None and not is_new(row, first=first):
        before = f"last seen {duration(evidence.gap_s)} before"
        told.append(before if evidence.gap_s >= 0 else "seen elsewhere at the same time")
    return [*told, *_others(evidence), _pictures(evidence)]


def why_briefly(row: SightingRow, *, first: float | None = None) -> str:
    """The first sentence alone."""
    return next(iter(why(row, first=first)), "")


def _placed(row: SightingRow) -> str:
    assert row.placed is not None
    if row.placed.by_person:
        return f"said by a person (correction {row.placed.correction})"
    return f"second pass (correction {row.placed.correction}) {_comes_to(row.probability)}"


def is_new(row: SightingRow, *, first: float | None = None) -> bool:
    """Whether somebody new was made of the sighting, so that it was matched with nobody. first: as `why`."""
    evidence = row.evidence
    if evidence is None or evidence.terms is not None:
        return False
    return evidence.distance is None or (first is not None and row.start <= first)


def _chosen(row: SightingRow, evidence: Evidence, *, first: float | None) -> str:
    if is_new(row, first=first):
        return f"{'decided again with all of that time: ' if evidence.again else ''}{_new(evidence)}"
    if evidence.terms is None:
        return f"distance {evidence.distance:.2f} {_comes_to(row.probability)}"
    told = terms_told(evidence.terms)
    if evidence.again:
        return f"decided again with all of that time {_comes_to(row.probability)}; alone: {told}"
    return f"{told} {_comes_to(row.probability)}"


def _new(evidence: Evidence) -> str:
    if evidence.runner_up is None:
        if evidence.distance is not None:  # of before terms were recorded: to whoever was nearest
            return f"new; closest known was at distance {evidence.distance:.2f}"
        return "new; nobody else was likely" if evidence.barred else "new; nobody was known"
    terms = evidence.runner_up_terms
    if terms is None:
        return f"new; closest known was {evidence.runner_up}"
    return f"new; closest known was {evidence.runner_up}: {terms_told(terms)} = {terms.total:+.1f}"


def _others(evidence: Evidence) -> list[str]:
    """Who was second best, and why not them; who was likelier, and what forbade it."""
    told = []
    mine, other = evidence.terms, evidence.runner_up_terms
    if evidence.runner_up is not None and mine is not None and other is not None:
        told.append(f"second best {evidence.runner_up}: {terms_told(other)}{_against(mine, other)}")
    elif None not in (evidence.runner_up, evidence.distance, evidence.runner_up_distance) and mine is None:
        told.append(f"second best {evidence.runner_up} at distance {evidence.runner_up_distance:.2f}")
    barred = evidence.barred
    least = 0.0 if mine is None else mine.total
    if barred is not None and barred.terms.total > least:
        told.append(f"{barred.identity} was likelier ({terms_told(barred.terms)}) but {BARS[barred.by]}")
    return told


def _against(mine: Terms, other: Terms) -> str:
    """Why not the second best, where its looks or all its terms are for it."""
    if other.total > mine.total:
        return "; likelier alone, but all of that moment were decided together"
    if other.appearance <= mine.appearance:
        return ""
    names = [name for name in _WORDS if name not in ("appearance", "prior")]
    decided = max(names, key=lambda name: getattr(mine, name) - getattr(other, name))
    return f"; looks more like it, but {_WORDS[decided]} decided"


def _pictures(evidence: Evidence) -> str:
    return f"{evidence.crops} picture{'' if evidence.crops == 1 else 's'} compared"
