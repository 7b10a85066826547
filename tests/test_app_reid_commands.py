"""``sightline evaluate-reid`` and ``sightline export-model`` as they are typed."""

from __future__ import annotations

import json
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from market_files import write_files, zipped
from small_network import people_like, small_card, small_model

from app.cli import main
from app.errors import NETWORK, OUTPUT, TRAINING
from app.weights.export import people
from reid.card import Card
from reid.embedder import open_embedder
from reid.model import save


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network, a data set as a folder and as .zip, and the cache."""
    folder = tmp_path_factory.mktemp("kept")
    model = small_model()
    save(model, folder / "small.safetensors", small_card(model))
    zipped(write_files(folder / "market"), folder / "market.zip")
    return folder


@pytest.fixture(scope="module")
def exports(kept: Path) -> dict[str, str]:
    """Both exports, made; by their names, what was said."""
    said = {}
    for to, name in (("onnx", "small.onnx"), ("openvino", "small.xml")):
        arguments = ["--to", to, "--out", str(kept / name), "--data", str(kept / "market")]
        with redirect_stdout(StringIO()) as out:
            assert main(["export-model", str(kept / "small.safetensors"), *arguments]) == 0
        said[name] = out.getvalue()
    return said


@pytest.fixture(autouse=True)
def here(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_CACHE", str(kept / "cache"))
    monkeypatch.delenv("SIGHTLINE_ASSETS", raising=False)
    monkeypatch.chdir(tmp_path)


def test_scores_in_a_table(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights, data = kept / "small.safetensors", kept / "market.zip"
    assert main(["evaluate-reid", "--data", str(data), "--weights", str(weights), "--rerank", "--flip"]) == 0
    told = capsys.readouterr()
    lines = [line.strip("│ ┃").split() for line in told.out.splitlines()]
    assert told.out.startswith("small on market")
    assert ["cosine", "┃", "re-ranked"] in lines
    rows = {line[0]: line for line in lines if line}
    for name in ("rank-1", "rank-20", "mINP"):
        assert all(0 <= float(rows[name][column]) <= 100 for column in (2, 4))
    assert sum("mAP (" in line for line in told.out.splitlines()) == 2
    assert "12 queries, gallery of 25 pictures, each averaged with its mirror image" in told.out
    assert "junk left out: 1\nembed " in told.out
    assert told.err.startswith("re-identification: small, openvino")
    assert len(told.err.splitlines()) == 1


def test_scores_as_json_on_every_back_end(
    kept: Path, exports: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder or a .zip, the network itself or its exports: the same scores."""
    told = []
    for data, name in zip(("market.zip", "market", "market"), ("small.safetensors", *exports), strict=True):
        arguments = ["--data", str(kept / data), "--weights", str(kept / name), "--device", "cpu", "--json"]
        assert main(["evaluate-reid", *arguments]) == 0
        told.append(json.loads(capsys.readouterr().out))
    for facts in told:
        assert facts["fingerprint"] == told[0]["fingerprint"]
        assert (facts["queries"], facts["queries_without_answer"], facts["gallery"]) == (12, 0, 25)
        assert len(facts["plain"]["cmc"]) == 50
        assert facts["plain"]["map"] == pytest.approx(told[0]["plain"]["map"], abs=0.03)
        assert "reranked" not in facts


def test_a_data_set_that_is_not_there(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = str(kept / "small.safetensors")
    assert main(["evaluate-reid", "--data", "none.zip", "--weights", weights]) == TRAINING
    assert capsys.readouterr().err == (
        "sightline: There is no data set at none.zip: name a folder or a .zip in Market-1501's layout.\n"
    )


def test_weights_that_are_none(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--data", str(kept / "market"), "--weights", str(kept / "market.zip")]
    assert main(["evaluate-reid", *arguments]) == NETWORK
    assert "is no network for re-identification" in capsys.readouterr().err


def test_an_export_says_what_it_was_checked_on(kept: Path, exports: dict[str, str]) -> None:
    for name, said in exports.items():
        assert said.startswith(
            f"{kept / name}: vectors as torch's on 12 pictures of {kept / 'market'} (cosine"
        )
        assert float(said.split()[-1].rstrip(")")) >= 0.9999


@pytest.mark.parametrize("name", ["small.onnx", "small.xml"])
def test_an_export_computes_the_same(kept: Path, exports: dict[str, str], name: str) -> None:
    made = open_embedder(kept / name, device="cpu")
    own = open_embedder(kept / "small.safetensors", device="cpu", cache=kept / "cache")
    assert made.fingerprint == own.fingerprint
    crops = people_like(5)
    assert (made.embed(crops) * own.embed(crops)).sum(axis=1).min() > 0.999


def test_an_onnx_file_takes_pixels_in_any_number(kept: Path, exports: dict[str, str]) -> None:
    """With ONNX Runtime alone, as another program would."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(kept / "small.onnx"), providers=["CPUExecutionProvider"])
    card = Card.from_json(session.get_modelmeta().custom_metadata_map["card"], kept)
    crops = people_like(3)
    pixels = card.preprocess.resize(crops).transpose(0, 3, 1, 2).astype(np.float32)
    own = open_embedder(kept / "small.onnx", device="cpu").embed(crops)
    for count in (1, 3):
        [found] = session.run(["vectors"], {"images": pixels[:count]})
        found /= np.linalg.norm(found, axis=1, keepdims=True)
        assert (found * own[:count]).sum(axis=1).min() > 0.999


def test_without_a_data_set_people_come_from_the_footage_at_hand(
    shared: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGHTLINE_ASSETS", str(shared))
    monkeypatch.setenv("SIGHTLINE_CACHE", str(cache))
    crops, whose = people(None)
    assert (len(crops), whose) == (64, "64 people of the demo's footage")
    assert all(crop.shape[0] > crop.shape[1] for crop in crops[:5])


def test_without_footage_patches_of_colour_have_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path))
    crops, whose = people(None)
    assert crops == []
    assert whose.startswith("patches of colour")


def test_an_export_under_another_ending(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["export-model", str(kept / "small.safetensors"), "--to", "openvino", "--out", "a.onnx"]
    assert main(arguments) == OUTPUT
    assert capsys.readouterr().err == "sightline: a.onnx does not end in .xml: name a file that does.\n"


def test_an_export_of_a_file_that_is_no_network(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export-model", str(kept / "market.zip"), "--to", "onnx"]) == NETWORK
    assert "is damaged or no .safetensors file" in capsys.readouterr().err


def test_an_export_into_a_folder_that_is_not_there(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["export-model", str(kept / "small.safetensors"), "--to", "onnx", "--out", "none/a.onnx"]
    assert main(arguments) == NETWORK
    assert "none/a.onnx cannot be written" in capsys.readouterr().err
