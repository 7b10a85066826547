"""A training on disk: all that is needed to go on as if nothing had stopped it."""

from __future__ import annotations

import pickle
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from training.errors import TrainingError

FORMAT = 1

Row = dict[str, float]


@dataclass(slots=True)
class Progress:
    """Where a training stands. Batches and what is drawn for them follow from seed, epoch and step alone.

    epoch: counted from 1. step: of that epoch, the next one. looked: the step its sums were last looked at.
    seconds: spent training. in_half: the backbone computes in bfloat16; none while that is not decided.
    rows, evaluations: of the logs so far.
    """

    epoch: int = 1
    step: int = 0
    looked: int = 0
    total_steps: int = 0
    seconds: float = 0.0
    in_half: bool | None = None
    rows: list[Row] = field(default_factory=list)
    evaluations: list[Row] = field(default_factory=list)


def save(path: Path, *, progress: Progress, recipe: str, data: str, learner: dict[str, Any]) -> None:
    """Whole or not at all. recipe, data: what it may be gone on with.

    Raises TrainingError where the file cannot be written.
    """
    told = {
        "format": FORMAT,
        "recipe": recipe,
        "data": data,
        "progress": asdict(progress),
        "learner": learner,
    }
    try:
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            draft = Path(folder) / path.name
            torch.save(told, draft)
            draft.replace(path)
    except (OSError, RuntimeError) as error:
        raise TrainingError(f"The checkpoint {path} cannot be written: {error}.") from error


def load(path: Path, *, recipe: str, data: str) -> tuple[Progress, dict[str, Any]]:
    """Where it stood and the learner's state, its tensors on the CPU.

    Raises TrainingError where the file is damaged, or of another recipe or other data.
    """
    try:
        told = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError, ValueError, LookupError) as error:
        raise TrainingError(
            f"The checkpoint {path} is damaged: remove it, and the training begins anew."
        ) from error
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise TrainingError(f"{path} is no checkpoint of this version: name another folder with --out.")
    for what, wanted in (("recipe", recipe), ("data", data)):
        if told[what] != wanted:
            raise TrainingError(
                f"{path.parent} holds a training with another {what}: name another folder with --out."
            )
    return Progress(**told["progress"]), told["learner"]
