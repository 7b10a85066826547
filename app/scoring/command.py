"""``sightline score``: identities against a truth in MOTChallenge's layout."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from app import errors
from app.config import ConfigError
from app.history.last_run import last_footage
from app.history.opened import opened
from app.scoring.identity_errors import FrameClock
from app.scoring.mot_files import matched, read_fps, read_results, read_truth, unpacked
from app.scoring.score import Boxes, Scores, found_in
from app.scoring.score import score as score_boxes
from app.scoring.table import facts, print_errors, print_scores

if TYPE_CHECKING:
    from storage.history import History


@dataclass(frozen=True, slots=True)
class Found:
    """What is to be scored, by camera. told: where it is from. clocks: where they are known."""

    boxes: Mapping[str, Boxes]
    told: str
    clocks: Mapping[str, FrameClock] = field(default_factory=dict)


def score(arguments: argparse.Namespace) -> int:
    """Table or JSON, and the page of errors where asked for.

    Raises ConfigError where truth and results can't be read or don't fit together, DatabaseError for the
    database, OutputError for the page.
    """
    with ExitStack() as stack:
        truth = read_truth(stack.enter_context(unpacked(arguments.truth)))
        history = None if arguments.db is None else stack.enter_context(opened(arguments.db))
        if history is None:
            found = _results(arguments.results, truth, arguments)
        else:
            found = _recorded(history, truth)
        found = _called_alike(truth, found)
        _expect_fit(truth, found)
        scores = score_boxes(truth, found.boxes, clocks=found.clocks)
        others = sorted(set(found.boxes) - set(truth))
        _tell(scores, others, found, as_json=arguments.json)
        if arguments.page is not None:
            _page(scores, history, arguments.page)
    return errors.OK


def _results(folder: Path, truth: Mapping[str, Boxes], arguments: argparse.Namespace) -> Found:
    if not arguments.fps > 0:
        raise ConfigError(f"--fps is {arguments.fps:g}; frames a second are expected.")
    clocks = {name: FrameClock(fps=read_fps(arguments.truth, name, arguments.fps)) for name in truth}
    return Found(read_results(folder), f"the results in {folder}", clocks)


def _recorded(history: History, truth: Mapping[str, Boxes]) -> Found:
    """Cameras by their own names, else by the names an export gives their files."""
    from storage.export import file_names

    boxes = found_in(history)
    files = file_names(boxes)
    names = {camera: camera if camera in truth else files[camera] for camera in boxes}
    clocks: dict[str, FrameClock] = {}
    for row in last_footage(history):
        span = row.end - row.start
        fps = (row.frames - 1) / span if row.frames > 1 and span > 0 else FrameClock().fps
        clocks.setdefault(names[row.camera], FrameClock(row.start, fps))
    told = f"the last run in {history.path}"
    return Found({names[camera]: rows for camera, rows in boxes.items()}, told, clocks)


def _called_alike(truth: Mapping[str, Boxes], found: Found) -> Found:
    """With the truth's names for its cameras."""
    names = {there: name for name, there in matched(truth, found.boxes).items()}
    boxes = {names.get(name, name): rows for name, rows in found.boxes.items()}
    clocks = {names.get(name, name): clock for name, clock in found.clocks.items()}
    return Found(boxes, found.told, clocks)


def _expect_fit(truth: Mapping[str, Boxes], found: Found) -> None:
    """Raises ConfigError where a camera is missing, or its frames are others."""
    there = ", ".join(found.boxes) or "none"
    for name, boxes in truth.items():
        if name not in found.boxes:
            raise ConfigError(f"The truth has a camera {name}, but {found.told} have not; theirs: {there}.")
        wanted, got = boxes.frames, found.boxes[name].frames
        if len(wanted) and len(got) and (got.min() > wanted.max() or got.max() < wanted.min()):
            raise ConfigError(
                f"Camera {name}: the truth has frames {wanted.min() + 1} to {wanted.max() + 1}, {found.told} "
                f"{got.min() + 1} to {got.max() + 1}; none in common, so they are not of the same footage."
            )


def _tell(scores: Scores, others: list[str], found: Found, *, as_json: bool) -> None:
    if as_json:
        cameras = {name: facts(row) for name, row in scores.cameras.items()}
        print(json.dumps({"cameras": cameras, "all": facts(scores.overall), "not_scored": others}, indent=2))
        return
    print_scores(scores, title=f"Against the truth: {found.told}")
    print_errors(scores)
    if others:
        print(f"not scored, for there is no truth of them: {', '.join(others)}")


def _page(scores: Scores, history: History | None, out: Path) -> None:
    from app.scoring.error_page import write_score_page

    print(f"page: {write_score_page(scores, out, history=history)}", file=sys.stderr)
