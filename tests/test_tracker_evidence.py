"""How likely a pairing of tracks and detections is wrong: by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tracker.evidence import Evidence, log_odds, probability


def evidence(place: list[list[float]], looks: list[list[float]] | None = None) -> Evidence:
    of_looks = np.full(np.shape(place), np.nan) if looks is None else np.array(looks)
    return Evidence(np.array(place), of_looks)


def wrong(found: Evidence, pairs: list[tuple[int, int]]) -> list[float]:
    return found.mistaken(np.array(pairs, np.intp).reshape(-1, 2), found.odds).tolist()


def test_one_alone_is_wrong_where_it_is_a_stranger() -> None:
    # Odds of 3 to 1 against a stranger: 1 / 4.
    assert wrong(evidence([[np.log(3)]]), [(0, 0)]) == pytest.approx([0.25])


def test_looks_say_nothing_of_a_stranger() -> None:
    assert wrong(evidence([[np.log(3)]], [[5.0]]), [(0, 0)]) == pytest.approx([0.25])


def test_two_that_may_be_exchanged() -> None:
    # As they are 4 + 4, exchanged 4 + 3: odds of the exchange e^-1; of a stranger e^-4.
    ratio = np.exp(-1.0) + np.exp(-4.0)
    found = wrong(evidence([[4.0, 4.0], [3.0, 4.0]]), [(0, 0), (1, 1)])
    assert found == pytest.approx([ratio / (1 + ratio)] * 2)


def test_looks_tell_two_apart_that_may_be_exchanged() -> None:
    place = [[4.0, 4.0], [4.0, 4.0]]
    looks = [[3.0, -3.0], [-3.0, 3.0]]
    ratio = np.exp(-12.0) + np.exp(-4.0)
    assert wrong(evidence(place, looks), [(0, 0), (1, 1)]) == pytest.approx([ratio / (1 + ratio)] * 2)


def test_one_who_is_hidden_may_be_who_is_seen() -> None:
    # Track 1 has no detection; it would fit the only one as well as track 0 but for a factor e^2.
    ratio = np.exp(-2.0) + np.exp(-5.0)
    assert wrong(evidence([[5.0], [3.0]]), [(0, 0)]) == pytest.approx([ratio / (1 + ratio)])


def test_no_pairs_no_chance() -> None:
    assert wrong(evidence([[1.0]]), []) == []
    assert (
        Evidence(np.zeros((0, 0)), np.zeros((0, 0)))
        .mistaken(np.zeros((0, 2), np.intp), np.zeros((0, 0)))
        .size
        == 0
    )


@pytest.mark.parametrize("odds", [-5.0, 0.0, 3.0])
def test_odds_and_probabilities_are_the_same_thing(odds: float) -> None:
    assert log_odds(probability(odds)) == pytest.approx(odds)
    assert np.isfinite([log_odds(0.0), log_odds(1.0)]).all()
