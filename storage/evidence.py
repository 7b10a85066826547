"""Why a sighting is somebody's, as it is answered: people are named by who they are now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, select
from sqlalchemy.orm import aliased

from storage.schema import Identity, Seen, Sighting
from tracker.types import Barred, Evidence, Terms

_OTHERS = {"runner_up": aliased(Identity), "barred": aliased(Identity)}


def _now(column: str) -> ColumnElement[int | None]:
    """Who somebody else of the evidence is now; null where they are gone, or are whom the sighting is of."""
    other = _OTHERS[column]
    now = func.coalesce(other.merged_into, other.id)
    seen = select(Seen.identity_id).where(Seen.identity_id == now).correlate(other).exists()
    return case((and_(now.is_distinct_from(Sighting.identity_id), seen), now), else_=None)


COLUMNS: tuple[Any, ...] = (
    Sighting.crops,
    Sighting.distance,
    Sighting.gap_s,
    _now("runner_up"),
    Sighting.runner_up_distance,
    Sighting.picture_time,
    Sighting.nearest_sighting,
    Sighting.nearest_time,
    Sighting.again,
    Sighting.prior,
    Sighting.appearance,
    Sighting.transition,
    Sighting.ground,
    Sighting.runner_up_appearance,
    Sighting.runner_up_transition,
    Sighting.runner_up_ground,
    _now("barred"),
    Sighting.barred_by,
    Sighting.barred_appearance,
    Sighting.barred_transition,
    Sighting.barred_ground,
)
"""What ``evidence_of`` takes, of a query ``joined`` to the people named in it."""


def joined(query: Select[Any]) -> Select[Any]:
    """A query of sightings, with those who are named in their evidence."""
    for column, other in _OTHERS.items():
        query = query.outerjoin(other, other.id == getattr(Sighting, column))
    return query


def evidence_of(row: Sequence[Any]) -> Evidence | None:
    """Of COLUMNS; None where a sighting was never decided."""
    crops, distance, gap_s, runner_up, runner_up_distance, *rest = row
    picture_time, nearest_sighting, nearest_time, again, prior, *terms = rest
    barred, barred_by, *barred_terms = terms[6:]
    if crops is None:
        return None
    against = _terms(prior, barred_terms)
    return Evidence(
        distance=distance,
        gap_s=gap_s,
        runner_up=runner_up,
        runner_up_distance=None if runner_up is None else runner_up_distance,
        crops=crops,
        picture_time=picture_time,
        nearest_sighting=nearest_sighting,
        nearest_time=nearest_time,
        terms=_terms(prior, terms[:3]),
        runner_up_terms=None if runner_up is None else _terms(prior, terms[3:6]),
        barred=None if barred is None or against is None else Barred(barred, barred_by, against),
        again=bool(again),
    )


def _terms(prior: float | None, others: Sequence[float | None]) -> Terms | None:
    appearance, transition, ground = others
    if prior is None or appearance is None or transition is None or ground is None:
        return None
    return Terms(prior, appearance, transition, ground)
