"""Steps on a small data set: they learn, and each trick does what it is there for, on its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from small_market import TRAINED, write_market
from torch import Tensor

from reid.model import BNNeck
from reid.preprocess import Preprocess
from training.augment import Augment, draw
from training.distill import prototypes
from training.errors import TrainingError
from training.layouts import TRAIN
from training.learner import WARM_UP_STEPS, Learner, Lesson, _copy, captures, computes_in_half
from training.losses import triplet_loss
from training.market1501 import read_market
from training.objective import TERMS, Objective
from training.recipe import PAPER, Recipe, learning_rate
from training.sampler import epoch_batches

SMALL = replace(
    PAPER, backbone="mobilenet_v2", height=32, width=16, persons=4, pictures=3, pad=2, precision="fp32"
)
EASY = replace(
    SMALL,
    persons=6,
    pictures=4,
    erasing=0.0,
    pad=0,
    warm_up_epochs=2,
    lr=3e-3,
    lr_steps=(),
    centre_weight=0.0,
)
CPU = torch.device("cpu")


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Networks this small only wait for each other in several threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def lesson(tmp_path_factory: pytest.TempPathFactory) -> Lesson:
    table = read_market(write_market(tmp_path_factory.mktemp("market")), folders=(TRAIN,)).train
    pictures = torch.from_numpy(table.load(height=32, width=16))
    return Lesson(pictures, torch.from_numpy(table.labels()))


def learning(recipe: Recipe, lesson: Lesson, *, device: torch.device = CPU, graph: bool = False) -> Learner:
    torch.manual_seed(0)
    model = BNNeck(backbone=recipe.backbone, last_stride=recipe.last_stride, pooling=recipe.pooling)
    of_people = None if lesson.taught is None else prototypes(lesson.taught, lesson.labels)
    objective = Objective(model, recipe, persons=TRAINED, of_people=of_people, in_half=False)
    objective = objective.to(device, memory_format=torch.channels_last)
    objective.train()
    augment = Augment(Preprocess(height=32, width=16), pad=recipe.pad, device=device)
    return Learner(objective, lesson, augment, graph=graph)


def plans(recipe: Recipe, lesson: Lesson, epoch: int) -> Tensor:
    batches = epoch_batches(
        lesson.labels.cpu().numpy(), persons=recipe.persons, pictures=recipe.pictures, seed=0, epoch=epoch
    )
    told: dict[str, Any] = {"flip": recipe.flip, "pad": recipe.pad, "erasing": recipe.erasing}
    drawn = draw(np.random.default_rng(epoch), batches.size, height=32, width=16, **told)
    return torch.from_numpy(np.concatenate([batches[..., None], drawn.reshape(*batches.shape, -1)], axis=2))


def learnt(recipe: Recipe, lesson: Lesson, *, epochs: int = 1, lr: float | None = None) -> Learner:
    learner = learning(recipe, lesson)
    for epoch in range(1, epochs + 1):
        learner.set_lr(learning_rate(recipe, epoch) if lr is None else lr)
        for plan in plans(recipe, lesson, epoch):
            learner.step(plan)
    return learner


def terms(learner: Learner, recipe: Recipe, lesson: Lesson, epoch: int = 1) -> dict[str, float]:
    """The means of an epoch's steps that move nothing."""
    learner.set_lr(0.0)
    learner.sums.zero_()
    steps = plans(recipe, lesson, epoch)
    for plan in steps:
        learner.step(plan)
    return dict(zip(TERMS, (learner.sums / len(steps)).tolist(), strict=True))


@pytest.fixture(scope="module")
def pupil(lesson: Lesson) -> Learner:
    """After forty steps."""
    return learnt(EASY, lesson, epochs=40)


def weights(learner: Learner) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in learner.state()["objective"].items()}


def moved(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    return {name for name in before if not torch.equal(before[name], after[name])}


def test_the_losses_fall_and_the_people_are_learnt(lesson: Lesson, pupil: Learner) -> None:
    """A broken loss, sampler, augmentation or step leaves this undone."""
    first = terms(learning(EASY, lesson), EASY, lesson)
    last = terms(pupil, EASY, lesson)
    assert first["accuracy"] < 0.5
    assert last["accuracy"] == 1.0
    assert last["loss_id"] < 0.35 * first["loss_id"]
    assert last["loss_triplet"] < 0.1 * first["loss_triplet"]


def test_the_loss_is_the_weighted_sum_of_its_terms(lesson: Lesson) -> None:
    recipe = replace(SMALL, identity_weight=2.0, triplet_weight=3.0, centre_weight=0.01)
    found = terms(learning(recipe, lesson), recipe, lesson)
    parts = 2 * found["loss_id"] + 3 * found["loss_triplet"] + 0.01 * found["loss_centre"]
    assert found["loss"] == pytest.approx(parts, rel=1e-5)
    assert found["loss_distill"] == 0


def test_triplets_and_centres_are_of_the_pooled_vectors_and_identities_of_those_behind_the_neck(
    lesson: Lesson,
) -> None:
    objective = learning(SMALL, lesson)._objective
    with torch.no_grad():
        objective.model.neck.weight.mul_(3.0)  # or both vectors are too much alike to tell
    images, labels = torch.randn(12, 3, 32, 16), torch.arange(4).repeat_interleave(3)
    before, after = objective.vectors(images)
    found = dict(zip(TERMS, objective(images, labels).tolist(), strict=True))
    logits = after @ objective.classifier.weight.T
    identity = torch.nn.functional.cross_entropy(logits, labels, label_smoothing=0.1)
    centre = (before - objective.centre.centres[labels]).square().sum() / 12
    assert found["loss_id"] == pytest.approx(identity.item(), rel=1e-4)
    assert found["loss_triplet"] == pytest.approx(triplet_loss(before, labels).item(), rel=1e-4)
    assert found["loss_centre"] == pytest.approx(centre.item(), rel=1e-4)
    assert found["loss_triplet"] != pytest.approx(triplet_loss(after, labels).item(), rel=0.1)


@pytest.mark.parametrize("term", ["identity_weight", "triplet_weight"])
def test_a_loss_with_no_weight_does_not_move_what_only_it_moves(lesson: Lesson, term: str) -> None:
    recipe = replace(SMALL, **{term: 0.0}, weight_decay=0.0)  # type: ignore[arg-type]
    before, after = weights(learning(recipe, lesson)), weights(learnt(recipe, lesson))
    of_identity = {"classifier.weight", "model.neck.weight"}
    assert (moved(before, after) & of_identity == set()) == (term == "identity_weight")
    assert any(name.startswith("model.backbone") for name in moved(before, after))


def test_the_warm_up_makes_the_first_steps_small(lesson: Lesson) -> None:
    """Adam's first step is as long as the rate: 3.815e-5 with the warm-up, 3.5e-4 without."""
    for epochs, rate in ((10, 3.815e-5), (0, 3.5e-4)):
        recipe = replace(SMALL, warm_up_epochs=epochs)
        learner = learning(recipe, lesson)
        before = weights(learner)["classifier.weight"]
        learner.set_lr(learning_rate(recipe, 1))
        learner.step(plans(recipe, lesson, 1)[0])
        step = (weights(learner)["classifier.weight"] - before).abs()
        assert step.median().item() == pytest.approx(rate, rel=0.01)


def test_the_necks_bias_stays_zero_and_its_scale_is_trained(lesson: Lesson) -> None:
    after = weights(learnt(SMALL, lesson))
    assert not after["model.neck.bias"].any()
    assert (after["model.neck.weight"] != 1).any()
    assert "classifier.bias" not in after


def test_without_the_neck_what_is_classified_is_the_pooled_vector(lesson: Lesson) -> None:
    recipe = replace(SMALL, bnneck=False)
    learner = learnt(recipe, lesson)
    before, after = weights(learning(recipe, lesson)), weights(learner)
    assert not {name for name in moved(before, after) if name.startswith("model.neck")}
    assert "classifier.bias" in moved(before, after)
    objective = learner._objective
    pooled, behind = objective.vectors(torch.randn(4, 3, 32, 16))
    torch.testing.assert_close(pooled, behind, rtol=1e-4, atol=1e-4)


def test_the_last_stride_doubles_the_last_map(lesson: Lesson) -> None:
    """32 x 16 pixels at stride 16 are a map of 2 x 1; at 32, of 1 x 1."""
    for stride, shape in ((1, (2, 1)), (2, (1, 1))):
        backbone: Any = learning(replace(SMALL, last_stride=stride), lesson)._objective.model.backbone
        assert backbone.features(torch.zeros(2, 3, 32, 16)).shape[2:] == shape


def test_centres_descend_by_themselves_and_only_where_they_count(lesson: Lesson) -> None:
    for weight, moves in ((0.0005, True), (0.0, False)):
        recipe = replace(SMALL, centre_weight=weight)
        before, after = weights(learning(recipe, lesson)), weights(learnt(recipe, lesson, lr=0.0))
        assert ("centre.centres" in moved(before, after)) == moves
    trained = learning(SMALL, lesson)._objective.trainable()
    assert not any(parameter.shape == (TRAINED, 1280) and parameter.std() > 0.5 for parameter in trained)


def test_weight_decay_reaches_batch_normalisation_too(lesson: Lesson) -> None:
    """Coupled with the gradient as in Adam, on every weight: without gradients all shrink by the rate."""
    recipe = replace(SMALL, identity_weight=0.0, triplet_weight=0.0, centre_weight=0.0)
    learner = learning(recipe, lesson)
    before = weights(learner)
    learner.set_lr(1e-3)
    learner.step(plans(recipe, lesson, 1)[0])
    after = weights(learner)
    for name in ("model.neck.weight", "model.backbone.features.1.conv.0.1.weight"):
        torch.testing.assert_close(after[name], before[name] - 1e-3, rtol=0, atol=1e-5)


def test_frozen_blocks_stay_as_they_were_their_statistics_too(lesson: Lesson) -> None:
    recipe = replace(SMALL, frozen_blocks=4)
    changed = moved(weights(learning(recipe, lesson)), weights(learnt(recipe, lesson)))
    frozen = tuple(f"model.backbone.features.{block}." for block in range(4))
    assert not [name for name in changed if name.startswith(frozen)]
    assert "model.backbone.features.4.conv.0.0.weight" in changed
    assert "model.backbone.features.4.conv.0.1.running_mean" in changed


def test_erasing_and_cutting_make_the_task_harder(lesson: Lesson, pupil: Learner) -> None:
    easy = terms(pupil, EASY, lesson)["loss"]
    for hard in (replace(EASY, erasing=1.0), replace(EASY, pad=10)):
        augment = Augment(Preprocess(height=32, width=16), pad=hard.pad, device=CPU)
        other = Learner(pupil._objective, lesson, augment, graph=False)
        assert terms(other, hard, lesson)["loss"] > 1.5 * easy


@pytest.mark.parametrize("weight", ["cosine_weight", "relation_weight", "likeness_weight"])
def test_a_student_comes_nearer_to_its_teacher(lesson: Lesson, weight: str) -> None:
    recipe = replace(EASY, **{weight: 4.0}, triplet_weight=0.0)  # type: ignore[arg-type]
    random = torch.Generator().manual_seed(0)
    people = torch.nn.functional.normalize(torch.randn(TRAINED, 24, generator=random), dim=1)
    taught = replace(lesson, taught=people[lesson.labels].half())
    first = terms(learning(recipe, taught), recipe, taught)
    last = terms(learnt(recipe, taught, epochs=25), recipe, taught)
    assert last["loss_distill"] < 0.7 * first["loss_distill"]
    assert last["loss"] == pytest.approx(last["loss_id"] + last["loss_distill"], rel=1e-5)


def test_the_running_mean_follows_the_weights_step_by_step(lesson: Lesson) -> None:
    """As written out: of each step a tenth, statistics included; it is what the training is for."""
    recipe = replace(EASY, ema=0.9)
    learner = learning(recipe, lesson)
    objective = learner._objective
    mean = {name: value.clone() for name, value in objective.model.state_dict().items()}
    learner.set_lr(1e-2)
    for plan in plans(recipe, lesson, 1):
        learner.step(plan)
        for name, value in objective.model.state_dict().items():
            if value.is_floating_point():
                mean[name] = 0.9 * mean[name] + 0.1 * value
    assert objective.result is not objective.model
    assert all(not parameter.requires_grad for parameter in objective.result.parameters())
    for name, value in objective.result.state_dict().items():
        torch.testing.assert_close(value, mean[name], msg=lambda m, n=name: n + m)
    assert not objective.result.training


def test_composites_teach_but_nobody_says_who_they_are(lesson: Lesson) -> None:
    """A step with composites: identities and triplets are of the known alone, the teacher's of all."""
    recipe = replace(SMALL, composites=6, relation_weight=2.0, centre_weight=0.0)
    pictures = torch.cat([lesson.pictures, 255 - lesson.pictures])
    random = torch.Generator().manual_seed(0)
    taught = torch.nn.functional.normalize(torch.randn(len(pictures), 24, generator=random), dim=1)
    learner = learning(recipe, Lesson(pictures, lesson.labels, taught))
    plan = plans(SMALL, lesson, 1)[0]
    extra = plan[:6].clone()
    extra[:, 0] += len(lesson.labels)
    plan = torch.cat([plan, extra])
    objective = learner._objective
    images = learner._augment(pictures, plan[:, 0], plan[:, 1:])
    before, after = objective.vectors(images)
    labels = lesson.labels[plan[: recipe.known, 0]]
    logits = after[: recipe.known] @ objective.classifier.weight.T
    own = torch.nn.functional.normalize(after)
    other = taught[plan[:, 0]]
    wanted = {
        "loss_id": torch.nn.functional.cross_entropy(logits, labels, label_smoothing=0.1),
        "loss_triplet": triplet_loss(before[: recipe.known], labels),
        "loss_distill": 2 * (own @ own.T - other @ other.T).square().mean(),
    }
    learner = learning(recipe, Lesson(pictures, lesson.labels, taught))
    learner.step(plan)
    found = dict(zip(TERMS, learner.sums.tolist(), strict=True))
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value.item(), rel=1e-3), name


def test_bfloat16_is_for_the_backbone_alone(lesson: Lesson) -> None:
    model = BNNeck(backbone="mobilenet_v2")
    objective = Objective(model, SMALL, persons=TRAINED, of_people=None, in_half=True)
    seen: dict[str, torch.dtype] = {}
    features: Any = model.backbone
    features.features[5].register_forward_hook(lambda *told: seen.update(backbone=told[2].dtype))
    objective.classifier.register_forward_hook(lambda *told: seen.update(logits=told[2].dtype))
    found = objective(torch.randn(12, 3, 32, 16), lesson.labels[:12])
    assert seen == {"backbone": torch.bfloat16, "logits": torch.float32}
    assert found.dtype == torch.float32


def test_what_is_asked_of_the_device_is_checked() -> None:
    assert not captures("auto", CPU)
    assert captures("auto", torch.device("cuda"))
    assert not captures("eager", torch.device("cuda"))
    with pytest.raises(TrainingError, match="step is 'graph', which needs a GPU with CUDA"):
        captures("graph", CPU)


class Slow(torch.nn.Module):
    """Computes longer in one of the precisions; in the other it waits, as for another program's turn."""

    def __init__(self, slow: torch.dtype) -> None:
        super().__init__()
        self.slow, self.weight = slow, torch.nn.Parameter(torch.ones(3, 3))
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, images: Tensor) -> Tensor:
        self.seen += 1
        pooled = images.mean((2, 3)) @ self.weight
        if pooled.dtype == self.slow:
            until = time.process_time() + 0.02
            while time.process_time() < until:
                pass
        else:
            time.sleep(0.05)
        return pooled


@pytest.mark.parametrize(("slow", "half"), [(torch.float32, True), (torch.bfloat16, False)])
def test_the_precision_is_the_one_measured_to_be_faster(slow: torch.dtype, half: bool) -> None:
    backbone = Slow(slow)
    recipe = replace(SMALL, precision="auto")
    assert computes_in_half(recipe, backbone, CPU) is half
    assert backbone.seen == 0, "a copy is measured"
    assert backbone.weight.grad is None
    assert computes_in_half(replace(recipe, precision="bf16"), backbone, CPU)
    assert not computes_in_half(replace(recipe, precision="fp32"), backbone, CPU)


@pytest.mark.parametrize("steps_before", [0, 2])
def test_the_steps_that_warm_up_a_graph_are_undone(lesson: Lesson, steps_before: int) -> None:
    """In place, for the graph knows the tensors; of a training that begins and of one that goes on."""
    plan = plans(SMALL, lesson, 1)[0]
    found = []
    for warms_up in (False, True):
        learner = learning(SMALL, lesson)
        learner.set_lr(1e-3)
        for _ in range(steps_before):
            learner.step(plan)
        if warms_up:
            before = _copy(learner.state())
            for _ in range(WARM_UP_STEPS):
                learner.step(plan)
            learner._put_back(before)
        learner.step(plan)
        found.append((weights(learner), learner.sums.clone()))
    assert not moved(found[0][0], found[1][0])
    assert torch.equal(found[0][1], found[1][1])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_captured_graph_steps_as_the_eager_code_does(lesson: Lesson) -> None:
    gpu = torch.device("cuda")
    there = Lesson(lesson.pictures.to(gpu), lesson.labels.to(gpu))
    found = []
    for graph in (False, True):
        learner = learning(SMALL, there, device=gpu, graph=graph)
        for epoch in (1, 2):
            learner.set_lr(learning_rate(SMALL, epoch))
            for plan in plans(SMALL, there, epoch).to(gpu):
                learner.step(plan)
        found.append((learner.sums.cpu(), weights(learner)))
    torch.testing.assert_close(found[0][0], found[1][0], rtol=1e-3, atol=1e-3)
    for name, value in found[0][1].items():
        torch.testing.assert_close(
            found[1][1][name], value, rtol=1e-2, atol=1e-3, msg=lambda m, n=name: n + m
        )
