"""The epochs of a training: its steps, its logs and scores, and where it stops and goes on."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from reid.card import Card
from reid.preprocess import Floats, Image, Preprocess
from training import checkpoint
from training.appearance import LEAST_PEOPLE, appearance_statistics, people_over_cameras
from training.augment import Augment
from training.bars import Bars
from training.checkpoint import Progress, Row
from training.errors import TrainingError
from training.evaluate import Scores, evaluate
from training.learner import Learner, computes_in_half
from training.log import Log
from training.market1501 import Integers, Market, Pictures
from training.memory import expect_room
from training.objective import TERMS, Objective
from training.plan import Rows, epoch_plan
from training.recipe import Recipe, learning_rate

CHECKPOINT = "checkpoint.pt"
LOOK_EVERY = 50  # steps between two looks at the losses; each waits for the device
SAVE_EVERY_S = 120.0
AT_ONCE = 256  # pictures evaluated at once


@dataclass(frozen=True, slots=True)
class Budget:
    """When to stop before the end: after so many seconds, or at the end of that epoch."""

    seconds: float = float("inf")
    epoch: int | None = None

    @staticmethod
    def read(text: str) -> Budget:
        """Of "90s", "10m", "1.5h" or "20epochs". Raises TrainingError for anything else."""
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|h|epochs?)", text.strip())
        if found is None:
            raise TrainingError(f"--stop-after {text} is no time: write 600s, 10m, 1h or 20epochs.")
        count, unit = float(found[1]), found[2]
        if unit.startswith("epoch"):
            return Budget(epoch=int(count))
        return Budget(seconds=count * {"s": 1, "m": 60, "h": 3600}[unit])


def decoded(table: Pictures, recipe: Recipe, bars: Bars) -> Image:
    """(N, height, width, 3) uint8 BGR, where there is room for them."""
    expect_room(len(table) * recipe.height * recipe.width * 3, torch.device("cpu"))
    with bars.counting("decoding pictures", len(table)) as progress:
        return table.load(height=recipe.height, width=recipe.width, progress=progress)


class Epochs:
    """All epochs of one training. scores, vectors: of the last evaluation; the vectors (N, D) of queries and
    gallery.

    rows: where the pictures lie that are learnt from. data: in words, for the card. start: the weights it
    began with; together with the recipe and the data they are what a checkpoint is asked for.
    """

    def __init__(
        self,
        recipe: Recipe,
        market: Market,
        out: Path,
        *,
        rows: Rows,
        data: str,
        start: str,
        objective: Objective,
        learner: Learner,
        augment: Augment,
        bars: Bars,
    ) -> None:
        self._recipe, self._market, self._out, self._data = recipe, market, out, data
        self._rows = rows
        self._objective, self._learner, self._augment, self._bars = objective, learner, augment, bars
        self._told = {"recipe": f"{recipe.to_json()} from {start}", "data": data}
        self._device = learner.sums.device
        self._looked_at = self._saved_at = self._rate = 0.0
        self._tests: tuple[Image, Image] | None = None
        self.scores: Scores | None = None
        self.vectors: tuple[Floats, Floats] | None = None
        self.progress = Progress()

    def run(self, budget: Budget, stop: threading.Event, *, began: float) -> bool:
        """Whether it came to the end of the last epoch. began: by time.perf_counter, for the budget."""
        self._saved_at = time.perf_counter()
        if (self._out / CHECKPOINT).exists():
            self._resume()
        self._choose_precision()
        if not self.progress.total_steps:
            self._learner.begin()
        with Log(self._out, rows=self.progress.rows, evaluations=self.progress.evaluations) as log:
            while self.progress.epoch <= self._recipe.epochs:
                over = (budget.epoch is not None and self.progress.epoch > budget.epoch) or stop.is_set()
                if over or not self._epoch(log, stop, until=began + budget.seconds):
                    self._look(log)
                    self._save()
                    return False
        if self.scores is None:
            self._objective.finish()
            self._learner.set_size(self._recipe.height, self._recipe.width)
            self._score(exact=True)
        return True

    def _epoch(self, log: Log, stop: threading.Event, *, until: float) -> bool:
        """One epoch, or what is left of it; whether it came to its end."""
        progress, recipe = self.progress, self._recipe
        plan = torch.from_numpy(epoch_plan(recipe, self._rows, progress.epoch)).to(self._device)
        self._learner.set_size(*recipe.size(progress.epoch))
        self._objective.train()
        self._looked_at = time.perf_counter()
        while progress.step < len(plan):
            if stop.is_set() or time.perf_counter() >= until:
                return False
            self._rate = learning_rate(recipe, progress.epoch, done=progress.step / len(plan))
            self._learner.set_lr(self._rate)
            self._learner.step(plan[progress.step])
            progress.step, progress.total_steps = progress.step + 1, progress.total_steps + 1
            self._bars.step(progress.epoch, recipe.epochs, progress.step, len(plan))
            if progress.step < len(plan):
                self._within_epoch(log)
        self._look(log)
        self._end_epoch(log)
        return True

    def _within_epoch(self, log: Log) -> None:
        if self.progress.step % LOOK_EVERY == 0:
            self._look(log)
        if time.perf_counter() - self._saved_at > SAVE_EVERY_S:
            self._save()

    def _end_epoch(self, log: Log) -> None:
        progress, recipe = self.progress, self._recipe
        self._bars.say(_line(progress.rows[-1], recipe.epochs))
        last = progress.epoch == recipe.epochs
        if last:
            self._objective.finish()
        if last or progress.epoch % recipe.evaluate_every == 0:
            self._evaluate(log, exact=last)
        progress.epoch, progress.step, progress.looked = progress.epoch + 1, 0, 0
        if last or time.perf_counter() - self._saved_at > SAVE_EVERY_S:
            self._save()

    def _look(self, log: Log) -> None:
        """The means since the last look into the log. Raises TrainingError where they are not finite."""
        progress, recipe = self.progress, self._recipe
        steps = progress.step - progress.looked
        if not steps:
            return
        means = [value / steps for value in self._learner.sums.tolist()]
        if not np.isfinite(means).all():
            raise TrainingError(
                f"The loss is not finite in epoch {progress.epoch}, step {progress.step}: set a smaller "
                f"lr or precision=fp32; a checkpoint in {self._out} is from before that."
            )
        now = time.perf_counter()
        row: Row = {"epoch": progress.epoch, "step": progress.total_steps}
        row |= {"lr": self._rate, **dict(zip(TERMS, means, strict=True))}
        progress.seconds += now - self._looked_at
        row |= {
            "images_per_s": round(steps * recipe.batch / (now - self._looked_at), 1),
            "seconds": round(progress.seconds, 1),
        }
        progress.rows.append(row)
        log.trained(row)
        self._learner.sums.zero_()
        self._looked_at, progress.looked = now, progress.step

    def _evaluate(self, log: Log, *, exact: bool) -> None:
        """Score the network as it is, into the log."""
        self._score(exact=exact)
        if self.scores is None:
            return
        row: Row = {"epoch": self.progress.epoch, **self.scores.row()}
        self.progress.evaluations.append(row)
        log.evaluated(row)
        self._bars.say(f"epoch {row['epoch']}: rank-1 {row['rank1']:.1%}, mAP {row['map']:.1%}")

    def _score(self, *, exact: bool) -> None:
        """Where there are queries and a gallery. exact: in full precision."""
        query, gallery = self._market.query, self._market.gallery
        if not len(query) or not len(gallery):
            return
        if self._tests is None:
            self._tests = decoded(query, self._recipe, self._bars), decoded(gallery, self._recipe, self._bars)
        first, second = (self._vectors(pictures, exact=exact) for pictures in self._tests)
        self.scores = evaluate(first, second, query=query, gallery=gallery, device=self._device)
        self.vectors = first.cpu().numpy(), second.cpu().numpy()

    @torch.no_grad()
    def _vectors(self, pictures: Image, *, exact: bool) -> Tensor:
        """(N, D) unit rows."""
        in_half = self._objective.in_half
        self._objective.in_half = in_half and not exact
        self._objective.eval()
        parts = []
        with self._bars.counting("evaluating", len(pictures)) as progress:
            for start in range(0, len(pictures), AT_ONCE):
                part = torch.from_numpy(pictures[start : start + AT_ONCE]).to(self._device)
                after = self._objective.vectors(self._augment.plain(part), self._objective.result)[1]
                parts.append(torch.nn.functional.normalize(after))
                progress(start + len(part))
        self._objective.in_half = in_half
        return torch.cat(parts)

    def appearance(self) -> dict[str, float]:
        """How much the finished network's vectors vary (reid.card.Card), where people enough are seen."""
        train, tests = self._market.train, (self._market.query, self._market.gallery)
        known = self._vectors(self._learner.known.cpu().numpy(), exact=True).cpu().numpy()
        found = _statistics(known, train.person, train.camera)
        if self.vectors is not None:
            person, camera = (
                np.concatenate([getattr(table, column) for table in tests]) for column in ("person", "camera")
            )
            told = person > 0
            tested = _statistics(np.concatenate(self.vectors)[told], person[told], camera[told])
            found |= {f"test_{name}": value for name, value in tested.items()}
        return found

    def _resume(self) -> None:
        self.progress, state = checkpoint.load(self._out / CHECKPOINT, **self._told)
        self._learner.restore(state)
        self._bars.say(f"going on in epoch {self.progress.epoch}, step {self.progress.step}")

    def _choose_precision(self) -> None:
        """Once for a whole training: measured anew, it might be another."""
        progress, model = self.progress, self._objective.model
        if progress.in_half is None:
            progress.in_half = computes_in_half(self._recipe, model.backbone, self._device)
        self._objective.in_half = progress.in_half
        self._bars.say(f"the backbone computes in {'bfloat16' if progress.in_half else 'float32'}")

    def _save(self) -> None:
        path, state = self._out / CHECKPOINT, self._learner.state()
        checkpoint.save(path, progress=self.progress, learner=state, **self._told)
        self._saved_at = time.perf_counter()

    def card(self, preprocess: Preprocess, *, caffe_stride: bool, commit: str, terms: str) -> Card:
        """The finished network's, with the scores of the last evaluation."""
        told = {} if self.scores is None else self.scores.row()
        return Card(
            name=self._recipe.name,
            preprocess=preprocess,
            backbone=self._recipe.backbone,
            dimension=self._objective.model.dimension,
            last_stride=self._recipe.last_stride,
            caffe_stride=caffe_stride,
            pooling=self._recipe.pooling,
            non_local=self._recipe.non_local,
            ibn=self._recipe.ibn,
            data=self._data,
            recipe=self._recipe.to_json(),
            commit=commit,
            scores={name: round(score, 4) for name, score in told.items()},
            appearance=self.appearance(),
            terms=terms,
        )


def _statistics(vectors: Floats, people: Integers, cameras: Integers) -> dict[str, float]:
    """Nothing where too few people are seen by two cameras."""
    if people_over_cameras(people, cameras) < LEAST_PEOPLE:
        return {}
    found = appearance_statistics(vectors, people, cameras)
    return {name: float(f"{value:.4g}") for name, value in found.items()}


def _line(row: Row, epochs: int) -> str:
    return (
        f"epoch {row['epoch']}/{epochs}: loss {row['loss']:.3f}, {row['accuracy']:.1%} right, "
        f"{row['images_per_s']:.0f} pictures/s, {row['seconds']:.0f} s"
    )
