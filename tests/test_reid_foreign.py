"""Re-identification networks of other makers: their precision, and what is none for people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto as Type
from onnx import helper, numpy_helper

from reid.card import WeightsError
from reid.embedder import open_embedder


def network(
    path: Path,
    *,
    entry: Sequence[int | str] = ("n", 3, 64, 32),
    kind: int = Type.FLOAT,
    end: Sequence[helper.NodeProto] = (),
    card: str | None = None,
    gain: float = 1.0,
) -> Path:
    """Means of the channels, mixed into eight numbers. end: what is done with them, from "v" to "y"."""
    weights = (gain * np.random.default_rng(0).normal(size=(3, 8))).astype(np.float32)
    nodes = [
        helper.make_node("Cast", ["x"], ["f"], to=Type.FLOAT),
        helper.make_node("ReduceMean", ["f"], ["m"], axes=[2, 3], keepdims=0),
        helper.make_node("MatMul", ["m", "w"], ["v"]),
        *(end or [helper.make_node("Identity", ["v"], ["y"])]),
    ]
    inputs = [helper.make_tensor_value_info("x", kind, list(entry))]
    outputs = [helper.make_tensor_value_info("y", Type.FLOAT, None)]
    constants = [
        numpy_helper.from_array(weights, "w"),
        numpy_helper.from_array(np.array([0, -1, 1, 1]), "spatial"),
        numpy_helper.from_array(np.array([1, -1]), "flat"),
        numpy_helper.from_array(np.array([0, 2, 4]), "table"),
    ]
    graph = helper.make_graph(nodes, "g", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    if card is not None:
        entry_ = model.metadata_props.add()
        entry_.key, entry_.value = "card", card
    onnx.save(model, path)
    return path


CROPS = [np.full((60, 30, 3), shade, np.uint8) for shade in (20, 200)]


@pytest.mark.parametrize("kind", [Type.FLOAT, Type.FLOAT16, Type.DOUBLE])
def test_pictures_come_in_the_networks_own_precision(kind: int, tmp_path: Path) -> None:
    exact = open_embedder(network(tmp_path / "exact.onnx")).embed(CROPS)
    found = open_embedder(network(tmp_path / "other.onnx", kind=kind)).embed(CROPS)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, exact, atol=2e-3)


def test_sides_of_one_behind_a_vector_do_no_harm(tmp_path: Path) -> None:
    end = [helper.make_node("Reshape", ["v", "spatial"], ["y"])]
    assert open_embedder(network(tmp_path / "a.onnx", end=end)).dimension == 8


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"end": [helper.make_node("Reshape", ["v", "table"], ["y"])]}, "no vector for each"),
        ({"end": [helper.make_node("Reshape", ["v", "flat"], ["y"])]}, "no vector for each"),
        ({"entry": ("n", 3, "h", "w")}, r"takes no \(N, 3, height, width\)"),
        ({"entry": ("n", 3, 100_000, 32)}, r"takes no \(N, 3, height, width\)"),
        ({"kind": Type.INT64}, r"it takes tensor\(int64\)"),
        ({"gain": np.inf}, "its vectors are not finite"),
        ({"card": "[" * 100_000}, "does not read"),
        ({"card": "{}"}, "does not read"),
        ({"card": '{"format": 1, "preprocess": {"height": 1e9}}'}, "does not read"),
    ],
)
def test_what_is_no_network_for_people_is_one_sentence(
    settings: dict[str, object], told: str, tmp_path: Path
) -> None:
    path = network(tmp_path / "a.onnx", **settings)  # type: ignore[arg-type]
    with pytest.raises(WeightsError, match=told) as caught:
        open_embedder(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_the_networks_of_reported_cases(shared: Path) -> None:
    found = open_embedder(shared / "data/cases/models/reid_fp16.onnx").embed(CROPS)
    assert found.shape == (2, 32)
    assert np.isfinite(found).all()
    for number in (3, 5, 8):
        with pytest.raises(WeightsError):
            open_embedder(shared / f"data/cases/hostile/onnx_{number}.onnx")
