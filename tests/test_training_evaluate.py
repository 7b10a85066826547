"""Scores: tables by hand, the direct computation, and numbers from outside."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from market_files import write_files
from numpy.typing import NDArray
from small_network import PREPROCESS, small_model

import training.evaluate
from reid.backends import TorchBackend
from reid.distance import k_reciprocal
from reid.embedder import Embedder
from reid.preprocess import Floats, Image
from training.errors import TrainingError
from training.evaluate import Scores, answers, average_precision, embed, evaluate, evaluate_distances
from training.layouts import NAME
from training.market1501 import Integers, read_market


@dataclass
class Labels:
    person: Integers
    camera: Integers

    @staticmethod
    def of(names: NDArray[Any]) -> Labels:
        found = [NAME.match(name.rpartition("/")[2]) for name in names]
        rows = np.array([[int(match[1]), int(match[2])] for match in found if match is not None])
        return Labels(rows[:, 0], rows[:, 1])


def labels(*pairs: tuple[int, int]) -> Labels:
    """Of (person, camera)."""
    rows = np.array(pairs).reshape(-1, 2)
    return Labels(rows[:, 0], rows[:, 1])


def directly(distances: Floats, query: Labels, gallery: Labels) -> dict[str, Any]:
    """The protocol word by word: sort all, take out, look."""
    firsts, rectangular, trapezoid, inverse = [], [], [], []
    for row in range(len(distances)):
        order = np.argsort(distances[row], kind="stable")
        same, own = gallery.person == query.person[row], gallery.camera == query.camera[row]
        right = [bool(same[entry]) for entry in order if not (same[entry] and own[entry])]
        places = [place for place, is_right in enumerate(right, start=1) if is_right]
        if not places:
            continue
        both = average_precision(places)
        firsts.append(places[0])
        rectangular.append(both[0])
        trapezoid.append(both[1])
        inverse.append(len(places) / places[-1])
    cmc = [np.mean([first <= k for first in firsts]) for k in range(1, 51)]
    means = [float(np.mean(values)) for values in (rectangular, trapezoid, inverse)]
    return {"cmc": cmc, "means": means, "queries": len(firsts), "skipped": len(distances) - len(firsts)}


def agree(found: Scores, told: dict[str, Any]) -> None:
    assert found.cmc == pytest.approx(told["cmc"], abs=1e-12)
    assert [found.map, found.map_trapezoid, found.minp] == pytest.approx(told["means"], abs=1e-12)
    assert (found.queries, found.skipped) == (told["queries"], told["skipped"])


# By hand.


@pytest.mark.parametrize(
    ("places", "rectangular", "trapezoid"),
    [
        ([1, 2, 4, 7], 0.8304, 0.8110),
        ([2], 0.5, 0.25),
        ([1], 1.0, 1.0),
        ([1, 2, 3], 1.0, 1.0),
        ([4], 0.25, 0.125),
    ],
)
def test_average_precision(places: list[int], rectangular: float, trapezoid: float) -> None:
    assert average_precision(places) == pytest.approx((rectangular, trapezoid), abs=5e-5)


def test_one_query_by_hand() -> None:
    """In the gallery's order of distance: own camera (out), wrong, right, junk of no name, right."""
    query = labels((1, 1))
    gallery = labels((2, 3), (1, 1), (1, 2), (1, 4), (0, 1))
    found = evaluate_distances(
        np.array([[0.2, 0.1, 0.3, 0.5, 0.4]], np.float32), query=query, gallery=gallery
    )
    # Right at places 2 and 4 of four.
    assert found.cmc[:3].tolist() == [0, 1, 1]
    assert found.map == pytest.approx((1 / 2 + 2 / 4) / 2)
    assert found.map_trapezoid == pytest.approx(((0 + 1 / 2) / 2 + (1 / 3 + 2 / 4) / 2) / 2)
    assert found.minp == pytest.approx(2 / 4)
    assert found.row() == pytest.approx(
        {"rank1": 0, "rank5": 1, "rank10": 1, "map": 0.5, "map_trapezoid": 1 / 3, "minp": 0.5}
    )


def test_entries_equally_far_rank_in_the_gallerys_order() -> None:
    query, distances = labels((1, 1)), np.zeros((1, 4), np.float32)
    for place in range(4):
        gallery = labels(*[(1 if entry == place else 2, 2) for entry in range(4)])
        found = evaluate_distances(distances, query=query, gallery=gallery)
        assert found.map == pytest.approx(1 / (place + 1))


def test_vectors_rank_by_cosine() -> None:
    angles = np.radians([0, 40, -20, 60], dtype=np.float32)
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    query, gallery = labels((1, 1)), labels((1, 2), (2, 2), (1, 3))
    found = evaluate(vectors[:1], vectors[1:], query=query, gallery=gallery)  # places: 2, 1, 3
    assert found.map == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_a_query_without_a_right_answer_is_left_out_and_counted() -> None:
    query, gallery = labels((1, 1), (2, 1), (3, 1)), labels((1, 2), (2, 1), (9, 9))
    distances = np.array([[0.1, 0.2, 0.3]] * 3, np.float32)
    found = evaluate_distances(distances, query=query, gallery=gallery)
    assert (found.queries, found.skipped, found.map) == (1, 2, 1)


def test_no_right_answer_at_all_is_said() -> None:
    query, gallery = labels((1, 1)), labels((1, 1), (2, 2))
    with pytest.raises(TrainingError, match=r"^No query has a right answer: the gallery shows none"):
        evaluate_distances(np.zeros((1, 2), np.float32), query=query, gallery=gallery)


def test_vectors_that_are_not_finite_are_refused() -> None:
    vectors = np.eye(3, dtype=np.float32)
    vectors[2, 1] = np.nan
    with pytest.raises(TrainingError, match="vectors are not finite: its weights are damaged"):
        evaluate(vectors[:1], vectors[1:], query=labels((1, 1)), gallery=labels((1, 2), (2, 2)))


# Against the direct computation.


def drawn(seed: int) -> tuple[Floats, Labels, Labels]:
    """Distances with many ties, persons with none to many pictures, four cameras."""
    draw = np.random.default_rng(seed)
    distances = draw.integers(0, 12, (60, 300)).astype(np.float32) / 7
    query = Labels(draw.integers(0, 40, 60), draw.integers(1, 5, 60))
    return distances, query, Labels(draw.integers(0, 35, 300), draw.integers(1, 5, 300))


@pytest.mark.parametrize("block", [1, 1000, 2**23])
@pytest.mark.parametrize("seed", range(5))
def test_scores_equal_the_direct_ones_ties_and_all(
    seed: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training.evaluate, "BLOCK", block)
    monkeypatch.setattr(training.evaluate, "TIES_AT_ONCE", block)
    distances, query, gallery = drawn(seed)
    before = distances.copy()
    told = directly(distances, query, gallery)
    assert told["skipped"] > 0
    agree(evaluate_distances(distances, query=query, gallery=gallery), told)
    assert (distances == before).all()


def test_torchs_sort_and_numpys_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that a GPU takes, and the one that a CPU takes."""
    distances, query, gallery = drawn(7)
    numpys = evaluate_distances(distances, query=query, gallery=gallery)
    monkeypatch.setattr(training.evaluate, "_sorted", lambda block: torch.sort(block, dim=1).values)
    torchs = evaluate_distances(distances, query=query, gallery=gallery)
    assert torchs.row() == numpys.row()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_gives_the_same(shared: Path) -> None:
    told = subset(shared)
    tables = {"query": Labels.of(told["q_names"]), "gallery": Labels.of(told["g_names"])}
    found = evaluate(told["q_feat"], told["g_feat"], **tables, device="cuda")
    assert found.row() == pytest.approx(evaluate(told["q_feat"], told["g_feat"], **tables).row(), abs=1e-6)


# Against numbers from outside.


def subset(shared: Path) -> Any:
    return np.load(shared / "reference" / "reid" / "retail0288_market_subset.npz")


def test_the_subset_scores_as_torchreid_says(shared: Path) -> None:
    told = subset(shared)
    tables = {"query": Labels.of(told["q_names"]), "gallery": Labels.of(told["g_names"])}
    assert (tables["gallery"].person == told["g_pid"]).all()
    assert (tables["query"].camera == told["q_cam"]).all()
    for found in (
        evaluate(told["q_feat"], told["g_feat"], **tables),
        evaluate_distances(told["qg"], **tables),
    ):
        assert found.map == pytest.approx(float(told["mAP_plain"]), abs=1e-6)
        assert found.cmc == pytest.approx(told["cmc_plain"], abs=1e-6)
    again = evaluate_distances(k_reciprocal(told["q_feat"], told["g_feat"]), **tables)
    assert again.map == pytest.approx(float(told["mAP_rerank"]), abs=1e-6)
    assert again.cmc == pytest.approx(told["cmc_rerank"], abs=1e-6)
    agree(evaluate_distances(told["qg"], **tables), directly(told["qg"], **tables))


def test_retail_0277_scores_on_all_of_market1501_as_its_makers_say(shared: Path) -> None:
    """96.2 rank-1, 87.7 mAP, from the vectors of every test picture."""
    told = np.load(shared / "reference" / "reid" / "retail0277_market_test.npz")
    names, vectors = told["names"], told["features"].astype(np.float32)
    junk = Labels.of(names).person < 0
    asked = np.char.startswith(names, "query/")
    found = evaluate(
        vectors[asked],
        vectors[~asked & ~junk],
        query=Labels.of(names[asked]),
        gallery=Labels.of(names[~asked & ~junk]),
    )
    assert (found.queries, found.skipped) == (3_368, 0)
    assert 100 * found.rank(1) == pytest.approx(96.2, abs=0.1)
    assert 100 * found.map == pytest.approx(87.7, abs=0.1)
    assert found.map - 0.01 < found.map_trapezoid < found.map - 0.002


@pytest.mark.parametrize("row", range(0, 218, 31))
def test_the_query_itself_in_the_gallery_changes_nothing(shared: Path, row: int) -> None:
    """And were its camera wrong there it would, which rank-1 alone would praise: it finds itself."""
    told = subset(shared)
    gallery, vectors = Labels.of(told["g_names"]), np.concatenate([told["g_feat"], told["q_feat"][[row]]])
    query = Labels.of(told["q_names"][[row]])

    def scored(gallery_vectors: Floats, *, camera: Integers) -> Scores:
        person = np.append(gallery.person, query.person)[: len(gallery_vectors)]
        found = Labels(person, np.append(gallery.camera, camera)[: len(gallery_vectors)])
        return evaluate(told["q_feat"][[row]], gallery_vectors, query=query, gallery=found)

    plain = scored(told["g_feat"], camera=query.camera)
    assert scored(vectors, camera=query.camera).row() == pytest.approx(plain.row())
    wrong = scored(vectors, camera=query.camera - 1)
    assert wrong.rank(1) == 1
    assert wrong.map > plain.map


# Embedding.


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    backend = TorchBackend(small_model(), PREPROCESS, "cpu")
    return Embedder(backend, preprocess=PREPROCESS, name="small", fingerprint="0", batch=8)


def test_pictures_are_embedded_in_the_order_of_the_rows(embedder: Embedder, tmp_path: Path) -> None:
    query = read_market(write_files(tmp_path / "small")).query
    done: list[int] = []
    found = embed(embedder, query, progress=done.append)
    images = [cv2.imread(str(tmp_path / "small" / path)) for path in query.names]
    assert found == pytest.approx(embedder.embed([np.asarray(i, np.uint8) for i in images]), abs=1e-5)
    assert done == [12]


def test_with_flip_a_picture_and_its_mirror_image_are_the_same(embedder: Embedder, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "small", people=2)
    query = read_market(folder).query
    plain, found = embed(embedder, query), embed(embedder, query, flip=True)
    assert np.linalg.norm(found, axis=1) == pytest.approx(1, abs=1e-5)
    crops = [image for part in query.batches() for image in part]
    mirrored = embedder.embed([np.ascontiguousarray(crop[:, ::-1]) for crop in crops])
    total = plain + mirrored
    assert found == pytest.approx(total / np.linalg.norm(total, axis=1, keepdims=True), abs=1e-5)
    assert np.abs(found - plain).max() > 1e-3


class Colours:
    """A back end without a network: the colours of 4 x 2 fields."""

    name = "colours"
    fixed_batch: int | None = None

    def run(self, sized: Image) -> Floats:
        fields = np.stack([cv2.resize(image, (2, 4), interpolation=cv2.INTER_AREA) for image in sized])
        colours = fields.reshape(len(sized), -1).astype(np.float32)
        return np.asarray(colours - colours.mean(axis=1, keepdims=True))


def test_small_markets_people_are_found(tmp_path: Path) -> None:
    """From files to scores: where a person is a colour, colours find everybody; rows mixed up, nobody."""
    market = read_market(write_files(tmp_path / "small"))
    embedder = Embedder(Colours(), preprocess=PREPROCESS, name="colours", fingerprint="0")
    vectors = [embed(embedder, table) for table in (market.query, market.gallery)]
    scores = evaluate(*vectors, query=market.query, gallery=market.gallery)
    assert (scores.rank(1), scores.queries) == (1, 12)
    assert scores.map > 0.95
    mixed = Labels(np.roll(market.gallery.person, 7), market.gallery.camera)
    assert evaluate(*vectors, query=market.query, gallery=mixed).map < 0.6


def test_answers_obey_the_rules_of_the_scores() -> None:
    angles = np.radians([0, 5, 40, -20, 60], dtype=np.float32)
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    query, gallery = labels((1, 1)), labels((1, 1), (1, 2), (2, 2), (1, 3))
    [found] = answers(vectors[:1], vectors[1:], query=query, gallery=gallery, rows=[0], count=2)
    assert found.entries.tolist() == [2, 1]
    assert found.right.tolist() == [False, True]
    assert found.there == 2
    assert found.distances == pytest.approx(1 - np.cos(np.radians([20, 40])), abs=1e-6)
    [whole] = answers(vectors[:1], vectors[1:], query=query, gallery=gallery, rows=[0])
    assert whole.entries.tolist() == [2, 1, 3]
