"""What a training writes of itself while it runs: two tables as CSV, and the same for TensorBoard."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from training.checkpoint import Row
from training.errors import TrainingError

STEPS = (
    "epoch",
    "step",
    "lr",
    "loss",
    "loss_id",
    "loss_triplet",
    "loss_centre",
    "loss_distill",
    "accuracy",
    "images_per_s",
    "seconds",
)
STEPS_FILE, SCORES_FILE = "train.csv", "evaluations.csv"
SCORES = ("epoch", "rank1", "rank5", "rank10", "map", "map_trapezoid", "minp")


class Log:
    """Rows of train.csv (means since the row before; step counts from the start) and evaluations.csv.

    rows, evaluations: those of a training that is gone on with; what the files hold beyond is dropped.

    Raises TrainingError where the folder cannot be written to.
    """

    def __init__(self, folder: Path, *, rows: Sequence[Row] = (), evaluations: Sequence[Row] = ()) -> None:
        from tensorboardX import SummaryWriter

        self._steps, self._scores = folder / STEPS_FILE, folder / SCORES_FILE
        self._last = int(rows[-1]["step"]) if rows else 0
        try:
            _write(self._steps, STEPS, rows)
            _write(self._scores, SCORES, evaluations)
            self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=self._last + 1)
        except OSError as error:
            raise TrainingError(f"The logs cannot be written to {folder}: {error}.") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._board.close()

    def trained(self, row: Row) -> None:
        """A row of STEPS."""
        self._last = int(row["step"])
        self._add(self._steps, STEPS, row, "train")

    def evaluated(self, row: Row) -> None:
        """A row of SCORES."""
        self._add(self._scores, SCORES, row, "market")

    def _add(self, path: Path, columns: Sequence[str], row: Row, group: str) -> None:
        try:
            with path.open("a", newline="", encoding="utf-8") as file:
                csv.DictWriter(file, columns).writerow(row)
            for name in columns[1:]:
                self._board.add_scalar(f"{group}/{name}", row[name], self._last)
        except OSError as error:
            raise TrainingError(f"{path} cannot be written: {error}.") from error


def _write(path: Path, columns: Sequence[str], rows: Sequence[Row]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
