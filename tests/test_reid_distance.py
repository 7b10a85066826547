"""Distances, against a table by hand and against torchreid's own numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reid.distance import cosine_distance, k_reciprocal


def test_the_cosine_distance_of_known_directions() -> None:
    east, north, west = [1, 0], [0, 1], [-1, 0]
    found = cosine_distance(np.array([east], np.float32), np.array([east, north, west], np.float32))
    assert found.tolist() == [[0, 1, 2]]
    assert found.dtype == np.float32


def test_no_rows_give_no_distances() -> None:
    assert cosine_distance(np.zeros((0, 4), np.float32), np.zeros((3, 4), np.float32)).shape == (0, 3)


def test_re_ranking_gives_torchreids_numbers(shared: Path) -> None:
    told = np.load(shared / "reference" / "reid" / "retail0288_market_subset.npz")
    found = k_reciprocal(told["q_feat"], told["g_feat"], k1=20, k2=6, weight=0.3)
    assert found.dtype == np.float32
    assert np.abs(found - told["rerank_k1_20_k2_6_l03"]).max() < 1e-6


def test_all_the_weight_on_the_features_leaves_their_order(shared: Path) -> None:
    told = np.load(shared / "reference" / "reid" / "retail0288_market_subset.npz")
    query, gallery = told["q_feat"][:20], told["g_feat"][:200]
    found = k_reciprocal(query, gallery, weight=1.0)
    plain = cosine_distance(query, gallery) ** 2
    assert found == pytest.approx(plain * (found[:, :1] / plain[:, :1]), abs=1e-6)


def test_fewer_pictures_than_neighbours_are_no_trouble() -> None:
    rows = np.eye(4, 8, dtype=np.float32)
    found = k_reciprocal(rows[:1], np.concatenate([rows[:1], rows[1:]]))
    assert found.shape == (1, 4)
    assert found.argmin() == 0
