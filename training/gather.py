"""What a training learns from, brought together: pictures, labels, and what a teacher says of them."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from reid.embedder import Embedder
from reid.preprocess import Image
from training.bars import Bars
from training.composites import compose
from training.distill import Answers, Progress, teacher_vectors
from training.epochs import decoded
from training.errors import TrainingError
from training.learner import Lesson
from training.market1501 import Market, Pictures
from training.memory import expect_room
from training.plan import Rows
from training.recipe import Recipe

BLOCK = 2048  # pictures that a teacher is asked of before its answers are kept


class Gathering:
    """Of people with and without names. rows: where their pictures lie. told: the data in words, for the
    card, with the teacher's name once it was asked.

    market, others: tables of pictures, the others' people unknown. teacher: opens the network the recipe
    learns from; its vectors are kept in the folder out. stop: set by others, ends the work.

    Raises TrainingError where the recipe and what is given do not fit.
    """

    def __init__(
        self,
        recipe: Recipe,
        market: Market,
        others: Sequence[Pictures],
        *,
        teacher: Callable[[], Embedder] | None,
        out: Path,
        bars: Bars,
        stop: threading.Event,
    ) -> None:
        if recipe.teaches and teacher is None:
            raise TrainingError(f"The recipe {recipe.name} learns from a teacher: name one with --teacher.")
        self.rows = _rows(recipe, market.train, others)
        self.told = _told(market, others)
        self._recipe, self._tables, self._teacher = recipe, [market.train, *others], teacher
        self._out, self._bars, self._stop = out, bars, stop

    def lesson(self, device: torch.device) -> Lesson:
        """All of it, on the device. Raises TrainingError where there is no room, StoppedError if stopped."""
        pictures = self._pictures(device)
        return Lesson.of(pictures, self.rows.labels, self._taught(pictures), device=device)

    def _pictures(self, device: torch.device) -> Image:
        """(N, height, width, 3) as the rows have it."""
        recipe, rows = self._recipe, self.rows
        for place in {torch.device("cpu"), device}:
            expect_room(len(rows) * recipe.height * recipe.width * 3, place)
        pictures = np.empty((len(rows), recipe.height, recipe.width, 3), np.uint8)
        taken = 0
        for table in self._tables:
            pictures[taken : taken + len(table)] = decoded(table, recipe, self._bars)
            taken += len(table)
        if rows.composites:
            with self._bars.counting("composing pictures", rows.composites, stop=self._stop) as progress:
                compose(pictures[:taken], pictures[taken:], seed=recipe.seed, progress=progress)
        return pictures

    def _taught(self, pictures: Image) -> Tensor | None:
        """(N, D) the teacher's vectors, kept in the folder block by block: who stops goes on from there."""
        if not self._recipe.teaches or self._teacher is None:
            return None
        asked = self._teacher()
        self.told += f", taught by {asked.name}"
        found = []
        with self._bars.counting(f"asking {asked.name}", len(pictures), stop=self._stop) as progress:
            for start in range(0, len(pictures), BLOCK):
                block = pictures[start : start + BLOCK]
                kept = self._out / f"teacher-{asked.fingerprint}-{zlib.crc32(block.data):08x}.npy"
                if not kept.exists():
                    told = partial(_from, start, progress)
                    _keep(kept, teacher_vectors(asked, block, progress=told))
                found.append(np.load(kept))
        return torch.from_numpy(np.concatenate(found))


def _rows(recipe: Recipe, train: Pictures, others: Sequence[Pictures]) -> Rows:
    unlabelled = sum(len(table) for table in others)
    if recipe.unlabelled and not unlabelled:
        raise TrainingError(
            f"The recipe {recipe.name} learns from people whom nobody named too: give pictures of some with "
            "--unlabelled, or set unlabelled=0."
        )
    if unlabelled and not recipe.unlabelled:
        raise TrainingError(f"The recipe {recipe.name} takes no --unlabelled: set unlabelled=32, or so.")
    return Rows(train.labels(), unlabelled, recipe.stock if recipe.composites else 0)


def _told(market: Market, others: Sequence[Pictures]) -> str:
    told = f"{market.name}: {len(market.train)} pictures of {len(set(market.train.person.tolist()))} people"
    names = ", ".join(f"{table.source.stem} ({len(table)})" for table in others)
    return told + (f", and without labels {names}" if names else "")


def _from(start: int, progress: Progress, done: int) -> None:
    progress(start + done)


def _keep(path: Path, vectors: Answers) -> None:
    draft = path.with_suffix(".draft")
    try:
        with draft.open("wb") as file:
            np.save(file, vectors)
        draft.replace(path)
    except OSError as error:
        raise TrainingError(f"The teacher's vectors cannot be written to {path}: {error}.") from error
