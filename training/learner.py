"""One step of the training, and all that changes in it.

Pictures, labels and the teacher's vectors lie on the device; a step takes the rows of its batch and what was
drawn for them, and touches nothing else, so that a CUDA graph can replay it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from reid.preprocess import Image
from training.augment import COLUMNS, Augment, Integers
from training.errors import TrainingError
from training.objective import TERMS, Objective
from training.precision import faster_in_half
from training.recipe import Recipe

WARM_UP_STEPS = 3
FITTED, FITTED_AT_ONCE = 4096, 256  # pictures that the projection begins with

State = dict[str, Any]


@dataclass(frozen=True, eq=False, slots=True)
class Lesson:
    """What is learnt from, on the device.

    pictures: (N, H, W, 3) uint8 BGR. labels: (K,) int64, of the first of them; who the others show only a
    teacher judges.
    taught: (N, D) the teacher's vectors of each picture, or none.
    """

    pictures: Tensor
    labels: Tensor
    taught: Tensor | None = None

    @staticmethod
    def of(pictures: Image, labels: Integers, taught: Tensor | None, *, device: torch.device) -> Lesson:
        """Moved there."""
        there = None if taught is None else taught.to(device)
        return Lesson(torch.from_numpy(pictures).to(device), torch.from_numpy(labels).to(device), there)


class Learner:
    """Takes steps. sums: (6,) the terms of all steps since they were last set to zero, on the device.

    graph: replay one captured CUDA graph for every step; batch sizes must not change then.
    """

    def __init__(self, objective: Objective, lesson: Lesson, augment: Augment, *, graph: bool) -> None:
        self._objective, self._lesson, self._augment = objective, lesson, augment
        device = lesson.pictures.device
        recipe = objective.recipe
        on_gpu = device.type == "cuda"
        self._lr: Tensor | float = torch.zeros((), device=device) if on_gpu else 0.0
        self._adam = torch.optim.Adam(
            objective.trainable(),
            lr=self._lr,
            weight_decay=recipe.weight_decay,
            fused=True,
            capturable=on_gpu,
        )
        self._plan = torch.zeros(recipe.batch, 1 + len(COLUMNS), dtype=torch.int64, device=device)
        self.sums = torch.zeros(len(TERMS), device=device)
        self._wants_graph = graph
        self._replay: Callable[[], None] | None = None

    @property
    def known(self) -> Tensor:
        """(K, H, W, 3) the pictures whose person is known."""
        return self._lesson.pictures[: len(self._lesson.labels)]

    @torch.no_grad()
    def begin(self) -> None:
        """Let the projection onto the teacher's vectors start where it fits some of the pictures best.

        From noise it would first lead the network astray: Kumar et al., "Fine-Tuning Can Distort Pretrained
        Features" (ICLR 2022).
        """
        lesson, objective = self._lesson, self._objective
        if lesson.taught is None:
            return
        count = min(len(lesson.pictures), FITTED)
        rows = torch.linspace(0, len(lesson.pictures) - 1, count, device=lesson.pictures.device).long()
        objective.eval()
        parts = [
            objective.vectors(self._augment.plain(lesson.pictures[part]))[1]
            for part in torch.split(rows, FITTED_AT_ONCE)
        ]
        objective.fit_projection(torch.cat(parts), lesson.taught[rows].float())

    def set_lr(self, lr: float) -> None:
        """The rate of the steps to come, in a captured graph too."""
        if isinstance(self._lr, Tensor):
            self._lr.fill_(lr)
        for group in self._adam.param_groups:
            group["lr"] = self._lr if isinstance(self._lr, Tensor) else lr

    def set_size(self, height: int, width: int) -> None:
        """Of the pictures in the steps to come."""
        if (height, width) != self._augment.size:
            self._augment.size = (height, width)
            self._replay = None

    def step(self, plan: Tensor) -> None:
        """Learn from a batch. plan: (B, 11) int64 on the device: the row, then what is drawn for it."""
        self._plan.copy_(plan)
        if self._wants_graph and self._replay is None:
            self._replay = self._captured()
        (self._replay or self._step)()

    def _step(self) -> None:
        recipe, centre = self._objective.recipe, self._objective.centre
        which, drawn = self._plan[:, 0], self._plan[:, 1:]
        images = self._augment(self._lesson.pictures, which, drawn)
        taught = None if self._lesson.taught is None else self._lesson.taught[which]
        terms = self._objective(images, self._lesson.labels[which[: recipe.known]], taught)
        self._adam.zero_grad(set_to_none=True)
        centre.centres.grad = None
        terms[0].backward()
        self._adam.step()
        if recipe.centre_weight:
            centre.descend(lr=recipe.centre_lr, weight=recipe.centre_weight)
        self._objective.follow()
        self.sums += terms.detach()

    def _captured(self) -> Callable[[], None]:
        """The step as a CUDA graph. The steps that warm up for it are undone."""
        before = _copy(self.state())
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UP_STEPS):
                self._step()
        torch.cuda.current_stream().wait_stream(side)
        self._adam.zero_grad(set_to_none=True)
        self._objective.centre.centres.grad = None
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._step()
        self._put_back(before)
        return graph.replay

    def _put_back(self, before: State) -> None:
        """Values as they were, in the tensors the graph knows."""
        with torch.no_grad():
            for name, value in self._objective.state_dict().items():
                value.copy_(before["objective"][name])
            self.sums.copy_(before["sums"])
            known: Mapping[int, State] = before["adam"]["state"]
            for number, state in self._adam.state_dict()["state"].items():
                for name, value in state.items():
                    value.copy_(known[number][name]) if number in known else value.zero_()

    def state(self) -> State:
        """All that steps change; views of it, not copies."""
        adam = self._adam.state_dict()
        return {"objective": self._objective.state_dict(), "adam": adam, "sums": self.sums}

    def restore(self, state: State) -> None:
        """Go on from a state. Raises TrainingError where it is of another network or other data."""
        try:
            self._objective.load_state_dict(state["objective"])
        except RuntimeError as error:
            raise TrainingError(
                "The checkpoint is of another network or other data: name an empty folder with --out."
            ) from error
        self._adam.load_state_dict(state["adam"])
        self.sums.copy_(state["sums"])
        self._replay = None


def _copy(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, Mapping):
        return {key: _copy(part) for key, part in value.items()}
    return value


def computes_in_half(recipe: Recipe, backbone: nn.Module, device: torch.device) -> bool:
    """Whether the backbone computes in bfloat16: where the recipe says so, or the device is faster in it."""
    if recipe.precision != "auto":
        return recipe.precision == "bf16"
    return faster_in_half(backbone, height=recipe.height, width=recipe.width, device=device)


def captures(step: str, device: torch.device) -> bool:
    """Whether steps are replayed from a graph. Raises TrainingError where that is asked of a CPU."""
    if step == "graph" and device.type != "cuda":
        raise TrainingError("step is 'graph', which needs a GPU with CUDA: set step=eager, or --device cuda.")
    return step != "eager" and device.type == "cuda"
