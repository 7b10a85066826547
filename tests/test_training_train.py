"""A whole training on a small data set: its files, its end, how it goes on, what it refuses."""

from __future__ import annotations

import csv
import platform
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from rich.console import Console
from small_market import TRAINED, picture, write_market

from reid.card import WeightsError, read_card
from reid.embedder import Embedder, open_embedder
from reid.model import load
from reid.preprocess import Floats, Image, Preprocess
from training import checkpoint, log
from training.epochs import CHECKPOINT, Budget
from training.errors import TrainingError
from training.memory import expect_room, said_clearly
from training.recipe import PAPER, Recipe, with_settings
from training.train import Result, train

SMALL = replace(
    PAPER,
    name="small",
    backbone="mobilenet_v2",
    height=32,
    width=16,
    persons=4,
    pictures=2,
    pad=2,
    epochs=3,
    warm_up_epochs=2,
    lr_steps=(3,),
    evaluate_every=2,
    precision="fp32",
)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Networks this small only wait for each other in several threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_market(tmp_path_factory.mktemp("data") / "people")


def trained(data: Path, out: Path, recipe: Recipe = SMALL, **told: Any) -> Result:
    console = Console(file=(out.parent / "console.txt").open("a", encoding="utf-8"), width=100)
    try:
        return train(recipe, data=data, out=out, start=None, console=console, **told)
    finally:
        console.file.close()


@pytest.fixture(scope="module")
def unbroken(market: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training that ran from beginning to end."""
    out = tmp_path_factory.mktemp("unbroken") / "out"
    trained(market, out, commit="abc", terms="ours")
    return out


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class AfterAsked(threading.Event):
    """Is set once it was asked so often."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.left = times

    def is_set(self) -> bool:
        self.left -= 1
        return self.left < 0


def test_the_weights_load_with_their_card(unbroken: Path) -> None:
    model, card = load(unbroken / "small.safetensors")
    assert (card.name, card.backbone, card.dimension, card.last_stride) == ("small", "mobilenet_v2", 1280, 1)
    assert (card.preprocess.height, card.preprocess.width) == (32, 16)
    assert card.data == "people: 30 pictures of 6 people"
    assert (card.commit, card.terms) == ("abc", "ours")
    assert '"epochs": 3' in card.recipe
    assert 0 < card.scores["map"] <= 1
    assert card.appearance["people"] == TRAINED, "the two to test with are too few"
    assert 0 < card.appearance["within"] + card.appearance["between"] < 1
    assert not [name for name in card.appearance if name.startswith("test_")]
    assert all(parameter.dtype == torch.float32 for parameter in model.parameters()), (
        "kept in half, used whole"
    )
    vectors = open_embedder(unbroken / "small.safetensors").embed([picture(1, np.random.default_rng(0))])
    assert np.isfinite(vectors).all()


def test_the_weights_kept_in_half_are_those_trained(unbroken: Path) -> None:
    kept = load(unbroken / "small.safetensors")[0].state_dict()
    state = torch.load(unbroken / CHECKPOINT, weights_only=True)["learner"]["objective"]
    for name, value in kept.items():
        torch.testing.assert_close(value, state[f"model.{name}"], rtol=1e-3, atol=1e-4)


def test_the_logs_tell_of_every_epoch(unbroken: Path) -> None:
    steps, scores = rows(unbroken / log.STEPS_FILE), rows(unbroken / log.SCORES_FILE)
    assert tuple(steps[0]) == log.STEPS
    assert [row["epoch"] for row in steps] == ["1", "2", "3"]
    assert [float(row["lr"]) for row in steps] == pytest.approx([3.5e-4 * 0.505, 3.5e-4, 3.5e-5])
    assert tuple(scores[0]) == log.SCORES
    assert [row["epoch"] for row in scores] == ["2", "3"], "every second, and the last"
    assert sum(file.stat().st_size for file in (unbroken / "tensorboard").iterdir()) > 500
    assert (unbroken / "report.html").stat().st_size > 10_000
    said = (unbroken.parent / "console.txt").read_text(encoding="utf-8")
    assert "epoch 3/3: loss" in said
    assert "epoch 3: rank-1" in said


def learnt(out: Path) -> dict[str, Any]:
    state = torch.load(out / CHECKPOINT, weights_only=True)["learner"]
    tensors = {f"network {name}": value for name, value in state["objective"].items()}
    for number, parts in state["adam"]["state"].items():
        tensors |= {f"adam {number} {name}": value for name, value in parts.items()}
    return tensors


def assert_same(a: Path, b: Path) -> None:
    one, other = learnt(a), learnt(b)
    assert one.keys() == other.keys()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []
    assert (a / "small.safetensors").read_bytes() == (b / "small.safetensors").read_bytes()


def test_a_training_stopped_after_epochs_ends_as_the_unbroken_one(
    market: Path, unbroken: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert trained(market, out, budget=Budget(epoch=1)).weights is None
    assert trained(market, out, budget=Budget(epoch=2)).weights is None
    assert trained(market, out, commit="abc", terms="ours").weights == out / "small.safetensors"
    assert_same(out, unbroken)
    assert [row["epoch"] for row in rows(out / log.STEPS_FILE)] == ["1", "2", "3"]
    assert rows(out / log.SCORES_FILE) == rows(unbroken / log.SCORES_FILE)


def test_a_training_stopped_within_an_epoch_ends_as_the_unbroken_one(
    market: Path, unbroken: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert trained(market, out, stop=AfterAsked(2)).weights is None
    told = torch.load(out / CHECKPOINT, weights_only=True)["progress"]
    assert (told["epoch"], told["step"]) == (1, 1)
    assert trained(market, out, budget=Budget(seconds=0)).weights is None, "no time at all, nothing lost"
    trained(market, out, commit="abc", terms="ours")
    assert_same(out, unbroken)


def test_a_training_that_is_over_only_writes_its_weights_again(market: Path, unbroken: Path) -> None:
    before = (unbroken / "small.safetensors").read_bytes()
    (unbroken / "small.safetensors").unlink()
    result = trained(market, unbroken, commit="abc", terms="ours")
    assert result.scores is not None
    assert (unbroken / "small.safetensors").read_bytes() == before


def test_another_seed_is_another_training(market: Path, unbroken: Path, tmp_path: Path) -> None:
    trained(market, tmp_path / "out", replace(SMALL, seed=1))
    assert (
        learnt(tmp_path / "out")["network classifier.weight"]
        .ne(learnt(unbroken)["network classifier.weight"])
        .any()
    )


@pytest.fixture(scope="module")
def one_epoch(market: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What is learnt in one epoch of the recipe as it is."""
    out = tmp_path_factory.mktemp("one") / "out"
    trained(market, out, budget=Budget(epoch=1))
    return learnt(out)


@pytest.mark.parametrize(
    "change",
    [
        {"warm_up_epochs": 0},
        {"erasing": 0.0},
        {"flip": 0.0},
        {"pad": 0},
        {"label_smoothing": 0.0},
        {"last_stride": 2},
        {"bnneck": False},
        {"centre_weight": 0.0},
        {"margin": 1.0},
        {"triplet": "soft"},
        {"triplet": "weighted"},
        {"pooling": "gem"},
        {"jitter": 1.0},
        {"triplet_weight": 2.0},
        {"weight_decay": 0.0},
        {"pictures": 3},
        {"frozen_blocks": 1},
        {"precision": "bf16"},
    ],
    ids=str,
)
def test_every_setting_reaches_the_network(
    market: Path, tmp_path: Path, one_epoch: dict[str, Any], change: dict[str, Any]
) -> None:
    trained(market, tmp_path / "out", replace(SMALL, **change), budget=Budget(epoch=1))
    name = "network model.backbone.features.18.0.weight"
    assert learnt(tmp_path / "out")[name].ne(one_epoch[name]).any()


def test_each_epoch_learns_at_its_own_rate(market: Path, tmp_path: Path) -> None:
    """A rate of nothing from the second epoch on: the first moves the weights, the others do not."""
    recipe = replace(SMALL, warm_up_epochs=0, lr_steps=(2,), lr_factor=0.0)
    trained(market, tmp_path / "out", recipe, budget=Budget(epoch=1))
    after_one = learnt(tmp_path / "out")
    trained(market, tmp_path / "out", recipe)
    name = "network classifier.weight"
    assert torch.equal(learnt(tmp_path / "out")[name], after_one[name])
    assert after_one["adam 0 exp_avg"].ne(learnt(tmp_path / "out")["adam 0 exp_avg"]).any(), "it went on"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"lr": 1.0}, "holds a training with another recipe: name another folder with --out."),
        ({"epochs": 4}, "holds a training with another recipe: name another folder with --out."),
    ],
)
def test_another_recipe_is_not_gone_on_with(
    market: Path, unbroken: Path, change: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(TrainingError) as caught:
        trained(market, unbroken, replace(SMALL, **change))
    assert str(caught.value) == f"{unbroken} {sentence}"


def test_other_data_are_not_gone_on_with(market: Path, unbroken: Path, tmp_path: Path) -> None:
    data = write_market(tmp_path / "people")
    next((data / "bounding_box_train").iterdir()).unlink()
    with pytest.raises(TrainingError, match="holds a training with another data"):
        trained(data, unbroken)


def test_a_damaged_checkpoint_is_named(market: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / CHECKPOINT).write_bytes(b"nothing")
    with pytest.raises(TrainingError, match=r"checkpoint\.pt is damaged: remove it, and the training begins"):
        trained(market, tmp_path / "out")


def test_a_loss_that_is_not_finite_stops_it_and_keeps_no_checkpoint(market: Path, tmp_path: Path) -> None:
    with pytest.raises(
        TrainingError, match=r"^The loss is not finite in epoch \d, step \d: set a smaller lr or"
    ):
        trained(market, tmp_path / "out", replace(SMALL, lr=1e30, warm_up_epochs=0))
    assert not (tmp_path / "out" / CHECKPOINT).exists()


def test_a_damaged_picture_stops_it(tmp_path: Path) -> None:
    data = write_market(tmp_path / "people")
    broken = sorted((data / "bounding_box_train").iterdir())[3]
    broken.write_bytes(broken.read_bytes()[:200])
    with pytest.raises(TrainingError, match=rf"{broken.name} in .* is damaged"):
        trained(data, tmp_path / "out")


def test_without_test_pictures_nothing_is_scored(tmp_path: Path) -> None:
    data = write_market(tmp_path / "people", tests=False)
    result = trained(data, tmp_path / "out", replace(SMALL, epochs=1))
    assert result.weights is not None
    assert result.scores is None
    assert read_card(result.weights).scores == {}


def test_test_pictures_that_come_later_are_scored_without_training_again(tmp_path: Path) -> None:
    data, recipe = write_market(tmp_path / "people", tests=False), replace(SMALL, epochs=1)
    trained(data, tmp_path / "out", recipe)
    write_market(data)
    result = trained(data, tmp_path / "out", recipe)
    assert result.weights is not None
    assert result.scores is not None
    assert read_card(result.weights).scores["map"] == pytest.approx(result.scores.map, abs=1e-4)


def test_a_folder_that_cannot_be_made_is_named(market: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(TrainingError, match="cannot be made"):
        train(SMALL, data=market, out=tmp_path / "file" / "out", start=None)


class ColourTeacher:
    """A back end whose vectors are the mean colours of both halves of a picture, left half and right half."""

    name = "colours"
    fixed_batch: int | None = None

    def run(self, sized: Image) -> Floats:
        means = [sized[:, :, :8].mean((1, 2)), sized[:, 16:].mean((1, 2))]
        return np.concatenate(means, axis=1).astype(np.float32) + 1


def colour_teacher() -> Embedder:
    size = Preprocess(height=32, width=16)
    return Embedder(ColourTeacher(), preprocess=size, name="colours", fingerprint="abc")


def test_a_small_network_learns_from_a_teacher(market: Path, tmp_path: Path) -> None:
    recipe = replace(SMALL, cosine_weight=1.0, relation_weight=1.0, epochs=1)
    with pytest.raises(TrainingError, match="learns from a teacher: name one with --teacher"):
        trained(market, tmp_path / "out", recipe)

    result = trained(market, tmp_path / "out", recipe, teacher=colour_teacher)
    assert result.weights is not None
    assert read_card(result.weights).data.endswith("6 people, taught by colours")
    kept = np.load(next((tmp_path / "out").glob("teacher-abc-*.npy")))
    assert kept.shape == (30, 6)
    assert np.allclose(np.linalg.norm(kept.astype(np.float32), axis=1), 1, atol=1e-2)
    assert float(rows(tmp_path / "out" / log.STEPS_FILE)[0]["loss_distill"]) > 0


@pytest.mark.parametrize("asked", [0, 90])
def test_a_training_stops_while_pictures_are_made_or_the_teacher_is_asked(
    market: Path, tmp_path: Path, asked: int
) -> None:
    """With each of the 90 composites it looks whether it should stop; nothing half done is left behind."""
    recipe = replace(SMALL, relation_weight=1.0, composites=5, stock=90, epochs=1)
    stop = AfterAsked(asked)
    assert trained(market, tmp_path / "out", recipe, teacher=colour_teacher, stop=stop).weights is None
    assert stop.left == -1, "the first time that it is set"
    assert not list((tmp_path / "out").iterdir())
    assert trained(market, tmp_path / "out", recipe, teacher=colour_teacher).weights is not None


def test_a_teacher_is_asked_again_only_of_what_it_has_not_answered(
    market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.gather.BLOCK", 50)
    recipe, out = replace(SMALL, relation_weight=1.0, composites=5, stock=90, epochs=1), tmp_path / "out"
    assert trained(market, out, recipe, teacher=colour_teacher, stop=AfterAsked(91)).weights is None
    (kept,) = out.iterdir()
    written = kept.stat().st_mtime_ns
    result = trained(market, out, recipe, teacher=colour_teacher)
    assert [
        len(np.load(path)) for path in sorted(out.glob("teacher-*"), key=lambda path: path.stat().st_mtime_ns)
    ] == [50, 50, 20]
    assert kept.stat().st_mtime_ns == written
    whole = trained(market, tmp_path / "whole", recipe, teacher=colour_teacher)
    assert result.weights is not None
    assert whole.weights is not None
    assert result.weights.read_bytes() == whole.weights.read_bytes()


def test_a_training_with_composites_and_mean_weights_stopped_ends_as_the_unbroken_one(
    market: Path, tmp_path: Path
) -> None:
    recipe = replace(SMALL, relation_weight=1.0, composites=5, stock=90, ema=0.9, epochs=2)
    trained(market, tmp_path / "one", recipe, teacher=colour_teacher)
    trained(market, tmp_path / "other", recipe, teacher=colour_teacher, stop=AfterAsked(3))
    trained(market, tmp_path / "other", recipe, teacher=colour_teacher)
    assert_same(tmp_path / "other", tmp_path / "one")
    asked = np.load(next((tmp_path / "one").glob("teacher-abc-*.npy")))
    assert len(asked) == 30 + 3 * 30
    kept = load(tmp_path / "one" / "small.safetensors")[0].state_dict()
    state = learnt(tmp_path / "one")
    name = "backbone.features.18.0.weight"
    torch.testing.assert_close(kept[name], state[f"network mean.{name}"], rtol=1e-3, atol=1e-4)
    assert (kept[name] - state[f"network model.{name}"]).abs().mean() > 1e-4, "the mean, not the last"


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of people of whom no name is told."""
    folder, random = tmp_path_factory.mktemp("strangers"), np.random.default_rng(3)
    for number in range(7):
        (folder / f"{number}.jpg").write_bytes(
            cv2.imencode(".jpg", picture(20 + number, random))[1].tobytes()
        )
    return folder


UNLABELLED = replace(
    SMALL, relation_weight=1.0, cosine_weight=1.0, unlabelled=3, composites=2, stock=20, epochs=2
)


def test_people_without_a_name_are_learnt_from_and_told_of(
    market: Path, strangers: Path, tmp_path: Path
) -> None:
    told: dict[str, Any] = {"teacher": colour_teacher, "unlabelled": [strangers]}
    result = trained(market, tmp_path / "one", UNLABELLED, **told)
    assert result.weights is not None
    assert read_card(result.weights).data == (
        f"people: 30 pictures of 6 people, and without labels {strangers.name} (7), taught by colours"
    )
    assert len(np.load(next((tmp_path / "one").glob("teacher-*.npy")))) == 30 + 7 + 20
    trained(market, tmp_path / "other", UNLABELLED, **told, stop=AfterAsked(22))
    trained(market, tmp_path / "other", UNLABELLED, **told)
    assert_same(tmp_path / "other", tmp_path / "one")


def test_pictures_without_a_name_and_a_recipe_that_do_not_fit_are_refused(
    market: Path, strangers: Path, tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match="give pictures of some with --unlabelled, or set unlabelled=0"):
        trained(market, tmp_path / "out", UNLABELLED, teacher=colour_teacher)
    with pytest.raises(TrainingError, match="takes no --unlabelled: set unlabelled=32, or so"):
        trained(market, tmp_path / "out", SMALL, unlabelled=[strangers])


def test_a_training_with_growing_pictures_stopped_where_they_grow_ends_as_the_unbroken_one(
    market: Path, tmp_path: Path
) -> None:
    recipe = with_settings(SMALL, ["height=64", "width=32", "sizes=32x16:1,48x24:2"])
    trained(market, tmp_path / "one", recipe)
    trained(market, tmp_path / "other", recipe, budget=Budget(epoch=1))
    trained(market, tmp_path / "other", recipe, stop=AfterAsked(2))
    trained(market, tmp_path / "other", recipe)
    assert_same(tmp_path / "other", tmp_path / "one")
    assert load(tmp_path / "one" / "small.safetensors")[1].preprocess.height == 64
    trained(market, tmp_path / "whole", replace(recipe, sizes=()))
    name = "network model.backbone.features.18.0.weight"
    assert learnt(tmp_path / "whole")[name].ne(learnt(tmp_path / "one")[name]).any()


def test_a_training_goes_on_from_a_network_of_ours(market: Path, unbroken: Path, tmp_path: Path) -> None:
    """At a rate of nothing it stays what it was, but for the statistics of its normalisations."""
    start = unbroken / "small.safetensors"
    result = train(
        replace(SMALL, lr=0.0, epochs=1, lr_steps=()), data=market, out=tmp_path / "out", start=start
    )
    assert result.weights is not None
    model, card = load(result.weights)
    before = load(start)[0].state_dict()
    assert {name for name, value in model.named_parameters() if not torch.equal(value, before[name])} == set()
    assert card.data.endswith(
        f"; begun with small {read_card(start).fingerprint} (people: 30 pictures of 6 people)"
    )
    with pytest.raises(WeightsError, match="is of another network than its card or name says"):
        train(replace(SMALL, backbone="resnet50"), data=market, out=tmp_path / "other", start=start)


def test_the_finished_network_is_mixed_with_what_it_began_as(
    market: Path, unbroken: Path, tmp_path: Path
) -> None:
    """Half way between both; a training that is over mixes again, and from what was learnt."""
    start, out = unbroken / "small.safetensors", tmp_path / "out"
    recipe = replace(SMALL, epochs=1, lr_steps=(), start_share=0.5)
    first = train(recipe, data=market, out=out, start=start)
    again = train(recipe, data=market, out=out, start=start)
    assert (first.weights, again.weights) == (out / "small.safetensors",) * 2
    assert first.scores is not None
    assert again.scores is not None
    assert first.scores.map == again.scores.map
    began, mixed = (load(path)[0].state_dict() for path in (start, out / "small.safetensors"))
    trained_to = learnt(out)
    for name in ("backbone.features.18.0.weight", "backbone.features.18.1.running_var"):
        end = trained_to[f"network model.{name}"]
        assert end.ne(began[name]).any()
        torch.testing.assert_close(mixed[name], (began[name] + end) / 2, rtol=2e-3, atol=1e-4)


def test_the_precision_of_a_training_is_measured_once(
    market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Measured anew it might be another, and the training would not end as an unbroken one."""
    measured: list[bool] = []

    def once(*_: object, **__: object) -> bool:
        measured.append(True)
        return True

    monkeypatch.setattr("training.learner.faster_in_half", once)
    recipe = replace(SMALL, precision="auto")
    for epoch in (1, 2):
        trained(market, tmp_path / "out", recipe, budget=Budget(epoch=epoch))
    told = torch.load(tmp_path / "out" / CHECKPOINT, weights_only=True)["progress"]
    assert (told["in_half"], measured) == (True, [True])


def test_the_last_minutes_of_a_long_epoch_are_all_that_can_be_lost(
    market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.epochs.SAVE_EVERY_S", 0.0)
    saved: list[tuple[int, int]] = []
    save = checkpoint.save

    def noted(path: Path, *, progress: checkpoint.Progress, **told: Any) -> None:
        saved.append((progress.epoch, progress.step))
        save(path, progress=progress, **told)

    monkeypatch.setattr(checkpoint, "save", noted)
    trained(market, tmp_path / "out", budget=Budget(epoch=1))
    assert saved[:2] == [(1, 1), (2, 0)]


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("90s", Budget(seconds=90)),
        ("10m", Budget(seconds=600)),
        ("1.5h", Budget(seconds=5400)),
        ("1epoch", Budget(epoch=1)),
        ("20 epochs", Budget(epoch=20)),
    ],
)
def test_when_to_stop_is_read(text: str, budget: Budget) -> None:
    assert Budget.read(text) == budget


@pytest.mark.parametrize("text", ["", "10", "ten minutes", "-5s", "1.5.2h"])
def test_no_time_is_refused(text: str) -> None:
    with pytest.raises(TrainingError, match="is no time: write 600s, 10m, 1h or 20epochs"):
        Budget.read(text)


def test_too_little_memory_is_said_in_a_sentence() -> None:
    cpu = torch.device("cpu")
    expect_room(2**30, cpu, free=2**31)
    with pytest.raises(TrainingError) as caught:
        expect_room(2**31, cpu, free=2**30)
    assert str(caught.value) == (
        "The pictures need 2.0 GiB of memory and cpu has 1.0 GiB free: set a smaller height and width, or "
        "close other programs."
    )
    with pytest.raises(TrainingError, match="The pictures need"):
        expect_room(2**60, cpu)


FAULTS = """
import resource
import torch
from training.memory import kept_memory

def faults(steps=5):
    for count in range(2 * steps):
        if count == steps:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        held = [torch.ones(millions * 2**20) for millions in range(4, 14)]
        del held
    return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / steps

print(faults())
with kept_memory():
    print(faults())
print(faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told")
def test_freed_memory_is_kept_as_long_as_that_is_asked_for() -> None:
    """How often a step waits for the system to clear a page: many times less where freed ones are kept."""
    done = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True)
    before, within, after = (float(line) for line in done.stdout.split())
    assert within < before / 3
    assert after > 3 * within


def test_memory_that_runs_out_is_said_in_a_sentence() -> None:
    for grab in (lambda: torch.empty(2**55), lambda: np.empty(2**55)):
        with pytest.raises(TrainingError, match="Memory ran out: set fewer persons a batch"), said_clearly():
            grab()
    with pytest.raises(RuntimeError, match="shapes"), said_clearly():
        torch.ones(2, 3) @ torch.ones(2, 3)


def test_all_people_of_the_data_are_classified(unbroken: Path) -> None:
    assert learnt(unbroken)["network classifier.weight"].shape == (TRAINED, 1280)
