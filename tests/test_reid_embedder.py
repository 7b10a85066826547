"""One contract for every back end, and the real network on real people."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from small_network import PREPROCESS, people_like, small_card, small_model

from reid.backends import TorchBackend, choose_device
from reid.card import DeviceError, ReidError, WeightsError
from reid.embedder import Embedder, open_embedder
from reid.export import to_onnx, to_openvino
from reid.model import load, save
from reid.preprocess import Floats, Image, Preprocess, cut

RETAIL = "person-reidentification-retail-0277.xml"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same weights in every format."""
    made, model = tmp_path_factory.mktemp("weights"), small_model()
    card = save(model, made / "small.safetensors", small_card(model))
    to_onnx(model, card, made / "small.onnx")
    to_openvino(model, card, made / "small.xml")
    return made


def open_torch(folder: Path) -> Embedder:
    model, card = load(folder / "small.safetensors")
    backend = TorchBackend(model, card.preprocess, "cpu")
    told = {"name": card.name, "fingerprint": card.fingerprint}
    return Embedder(backend, preprocess=card.preprocess, batch=4, **told)


@pytest.fixture(scope="module")
def embedders(folder: Path) -> dict[str, Embedder]:
    cache = folder / "cache"
    return {
        "torch": open_torch(folder),
        "converted": open_embedder(folder / "small.safetensors", device="cpu", cache=cache, batch=4),
        "onnx": open_embedder(folder / "small.onnx", device="cpu", batch=4),
        "openvino": open_embedder(folder / "small.xml", device="cpu", batch=4),
    }


@pytest.fixture(params=["torch", "converted", "onnx", "openvino", "retail"])
def embedder(request: pytest.FixtureRequest, embedders: dict[str, Embedder]) -> Embedder:
    return request.getfixturevalue("retail") if request.param == "retail" else embedders[request.param]


@pytest.fixture(scope="module")
def retail(shared: Path) -> Embedder:
    return open_embedder(shared / "weights" / RETAIL, batch=4)


def cosines(a: Floats, b: Floats) -> Any:
    return (a * b).sum(axis=1)


# The contract.


def test_vectors_are_unit_rows_of_float32(embedder: Embedder) -> None:
    vectors = embedder.embed(people_like(3))
    assert vectors.shape == (3, embedder.dimension)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)


def test_no_crops_give_no_rows(embedder: Embedder) -> None:
    vectors = embedder.embed([])
    assert vectors.shape == (0, embedder.dimension)
    assert vectors.dtype == np.float32


def test_a_vector_does_not_depend_on_its_company(embedder: Embedder) -> None:
    crops = people_like(9)  # two batches of four and one alone
    together = embedder.embed(crops)
    alone = np.concatenate([embedder.embed([crop]) for crop in crops])
    backwards = embedder.embed(crops[::-1])[::-1]
    assert np.abs(together - alone).max() < 1e-3
    assert np.abs(together - backwards).max() < 1e-3


def test_the_same_crops_give_the_same_vectors(embedder: Embedder) -> None:
    assert np.array_equal(embedder.embed(people_like(5)), embedder.embed(people_like(5)))


def test_different_crops_give_different_vectors(embedder: Embedder) -> None:
    vectors = embedder.embed(people_like(6))
    between = (vectors @ vectors.T)[~np.eye(6, dtype=bool)]
    assert between.max() < 0.99


@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (700, 5), (256, 128)])
def test_odd_crops_do_no_harm(embedder: Embedder, shape: tuple[int, int]) -> None:
    for shade in (0, 128, 255):
        vectors = embedder.embed([np.full((*shape, 3), shade, np.uint8)])
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)


def test_crops_may_be_views_that_may_not_be_written_to(embedder: Embedder) -> None:
    image = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    image.setflags(write=False)
    assert embedder.embed([image[20:120, 30:70]]).shape == (1, embedder.dimension)


def test_it_says_what_it_is(embedder: Embedder) -> None:
    assert embedder.name
    assert len(embedder.fingerprint) == 12
    assert embedder.backend.endswith("CPU")


# The same weights.


@pytest.mark.parametrize("other", ["converted", "onnx", "openvino"])
def test_back_ends_agree(embedders: dict[str, Embedder], other: str) -> None:
    crops = people_like(12, seed=5)
    assert cosines(embedders["torch"].embed(crops), embedders[other].embed(crops)).min() > 0.999


def test_the_fingerprint_is_of_the_weights_not_of_the_back_end(
    embedders: dict[str, Embedder], retail: Embedder
) -> None:
    [shared_by_all] = {made.fingerprint for made in embedders.values()}
    assert retail.fingerprint != shared_by_all


def test_a_second_start_finds_the_conversion_and_needs_no_torch(
    embedders: dict[str, Embedder], folder: Path
) -> None:
    weights, cache = folder / "small.safetensors", folder / "cache"
    code = (
        "import sys; from pathlib import Path; from reid.embedder import open_embedder\n"
        f"made = open_embedder(Path({str(weights)!r}), device='cpu', cache=Path({str(cache)!r}))\n"
        "print(made.fingerprint, sorted({'torch', 'openvino_telemetry.main'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"{embedders['torch'].fingerprint} []\n"


def test_in_which_precision_a_network_runs_is_kept(folder: Path, tmp_path: Path) -> None:
    crops = people_like(4)
    vectors = open_embedder(folder / "small.xml", device="cpu", cache=tmp_path).embed(crops)
    kept = list((tmp_path / "precision").glob("*"))
    if not kept:
        pytest.skip("this CPU has no precision faster than float32")
    again = open_embedder(folder / "small.xml", device="cpu", cache=tmp_path)
    assert (again.embed(crops) == vectors).all()
    kept[0].write_text("exact")
    assert "fp32" in open_embedder(folder / "small.xml", device="cpu", cache=tmp_path).backend
    kept[0].write_bytes(b"\xff\xfe what")
    assert open_embedder(folder / "small.xml", device="cpu", cache=tmp_path).backend == again.backend
    assert kept[0].read_text() in ("fast", "exact")
    (tmp_path / "a file").touch()
    assert (
        open_embedder(folder / "small.xml", device="cpu", cache=tmp_path / "a file").backend == again.backend
    )


def test_a_damaged_conversion_is_made_anew(
    embedders: dict[str, Embedder], folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder / "cache", tmp_path / "cache")
    [kept] = (tmp_path / "cache" / "embedders").glob("*/network.bin")
    kept.write_bytes(b"short")
    again = open_embedder(folder / "small.safetensors", device="cpu", cache=tmp_path / "cache")
    crops = people_like(2)
    assert cosines(again.embed(crops), embedders["converted"].embed(crops)).min() > 0.9999


# Others' files.


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_foreign_onnx_is_sized_by_its_input_and_may_be_told_its_preprocessing(folder: Path) -> None:
    import torch

    three = torch.zeros(3, 3, PREPROCESS.height, PREPROCESS.width)  # and it takes three at once only
    torch.onnx.export(small_model(), (three,), str(folder / "foreign.onnx"), dynamo=False)
    told = open_embedder(folder / "foreign.onnx", preprocess=PREPROCESS)
    derived = open_embedder(folder / "foreign.onnx")
    crops = people_like(4)
    own = open_torch(folder).embed(crops)
    assert cosines(told.embed(crops), own).min() > 0.9999
    assert cosines(derived.embed(crops), own).min() > 0.9999
    assert told.fingerprint == derived.fingerprint
    other = open_embedder(folder / "foreign.onnx", preprocess=Preprocess(height=128, width=64, bgr=True))
    assert other.fingerprint != told.fingerprint


# The default network on real people.


def test_retail_gives_the_reference_vectors(shared: Path, retail: Embedder) -> None:
    """The reference cut its crops at truncated coordinates."""
    told = np.load(shared / "reference" / "mot" / "PETS09-S2L1.npz")
    rows = told["detections"][:, 0] == 1
    boxes = np.trunc(told["detections"][rows, 1:5]).clip(0)
    vectors = retail.embed(cut(first_frames(shared, 1)[0], boxes))
    assert cosines(vectors, told["embeddings"][rows].astype(np.float32)).min() > 0.999


def test_retail_tells_people_apart(shared: Path, retail: Embedder) -> None:
    people = np.loadtxt(shared / "data" / "mot" / "PETS09-S2L1" / "gt" / "gt.txt", delimiter=",")
    frames = first_frames(shared, 91)
    vectors, who = [], []
    for index in range(0, 91, 15):
        rows = people[people[:, 0] == index + 1]
        boxes = np.concatenate([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]], axis=1)
        vectors.append(retail.embed(cut(frames[index], boxes)))
        who.extend(rows[:, 1])
    distances = 1 - np.concatenate(vectors) @ np.concatenate(vectors).T
    same = np.equal.outer(who, who) & ~np.eye(len(who), dtype=bool)
    assert distances[same].mean() < 0.45
    assert distances[~np.equal.outer(who, who)].mean() > 0.8


def first_frames(shared: Path, count: int) -> list[Image]:
    video = cv2.VideoCapture(str(shared / "data" / "video" / "vtest.avi"))
    return [np.asarray(video.read()[1], np.uint8) for _ in range(count)]


# What cannot be opened.


def written(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda folder: folder / "none.xml", "There are no re-identification weights at"),
        (lambda folder: folder, "There are no re-identification weights at"),
        (lambda folder: written(folder, "a.txt", b""), "give .safetensors, .onnx or .xml"),
        (lambda folder: written(folder, "a.safetensors", b"hello world"), "is damaged or no .safetensors"),
        (lambda folder: written(folder, "a.onnx", b"hello world"), "is damaged or no ONNX network"),
        (lambda folder: written(folder, "a.onnx", b""), "is damaged or no ONNX network"),
        (lambda folder: written(folder, "a.xml", b"<net"), "is damaged, or its .bin is missing"),
    ],
)
def test_a_file_that_is_no_network_is_named_in_one_sentence(make: Any, says: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=says) as caught:
        open_embedder(make(tmp_path), device="cpu")
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_xml_without_its_bin_is_refused(shared: Path, tmp_path: Path) -> None:
    shutil.copy(shared / "weights" / RETAIL, tmp_path)
    with pytest.raises(WeightsError, match=r"its \.bin is missing"):
        open_embedder(tmp_path / RETAIL)


@pytest.mark.parametrize("device", ["tpu", "cuda:99", "cuda:x"])
def test_a_device_that_is_not_there_is_refused(device: str, folder: Path) -> None:
    with pytest.raises(DeviceError, match="say auto"):
        choose_device(device)
    for file in ("small.safetensors", "small.onnx", "small.xml"):
        with pytest.raises(ReidError, match="say auto"):
            open_embedder(folder / file, device=device)


def test_a_batch_of_one_is_our_bug(folder: Path) -> None:
    with pytest.raises(ValueError, match="expected at least 2"):
        open_embedder(folder / "small.onnx", batch=1)
