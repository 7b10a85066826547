"""``sightline check FILE...``: what each file is, what would be done with it, and what of it is doubtful."""

from __future__ import annotations

import argparse
import json
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from app import errors
from app.checks.survey import Survey, survey
from app.config import cameras_from_sources, is_live, read_config
from app.errors import environment_errors, exit_code
from app.history.telling import duration
from app.moments import is_dated
from app.sources.ffmpeg import SourceInfo
from app.sources.file import LOST_FRAMES
from app.sources.names import is_folder, shown
from app.sources.passwords import redact, with_login_encoded
from app.sources.stored import files_of, stored_camera
from app.sources.taken import MAX_PIXELS, VIDEOS
from app.times import iso

if TYPE_CHECKING:
    from tracker.detector import Detector

NETWORKS = (".onnx", ".xml", ".pt", ".safetensors")


@dataclass(slots=True)
class Report:
    """Of one input. what: it is. will: what is done with it. facts: by name. doubts: a few words each.

    problem: why it can't be used, a sentence; code: the exit code then.
    """

    name: str
    what: str = ""
    will: str = ""
    facts: dict[str, str] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)
    problem: str = ""
    code: int = errors.OK


def check(arguments: argparse.Namespace) -> int:
    """Prints a report for each; the exit code of the first that can't be used, else OK."""
    reports = [_report(name, arguments) for name in arguments.files]
    if arguments.json:
        print(json.dumps([asdict(report) for report in reports], indent=2))
    else:
        console = Console(highlight=False)
        for report in reports:
            _print(report, console)
    return next((report.code for report in reports if report.code), errors.OK)


def _report(name: str, arguments: argparse.Namespace) -> Report:
    report = Report(shown(redact(with_login_encoded(name))))
    try:
        _look(name, report, arguments)
    except environment_errors() as error:
        report.problem, report.code = str(error), exit_code(error)
    return report


def _look(name: str, report: Report, arguments: argparse.Namespace) -> None:
    path = Path(name)
    suffix = path.suffix.lower()
    if is_live(name):
        report.what, report.will = "a live camera", "watched: sightline config check tells whether it answers"
    elif suffix == ".toml":
        _configuration(path, report)
    elif suffix in NETWORKS and not _is_annotations(path):
        _network(path, report, arguments)
    elif suffix in (".txt", ".csv", ".json", ".xml", ".zip") or _holds_truth(path):
        _truth_or_people(path, report)
    else:
        _footage(name, report)


def _configuration(path: Path, report: Report) -> None:
    settings = read_config(path)
    report.what = "a configuration"
    kind = "live cameras" if settings.live else "cameras in files"
    report.will = f"run: {len(settings.cameras)} {kind}; sightline config check opens each"
    report.facts["cameras"] = ", ".join(camera.name for camera in settings.cameras)


def _footage(name: str, report: Report) -> None:
    (camera,) = cameras_from_sources([name], live=False)
    with stored_camera(camera, max_pixels=MAX_PIXELS) as source:
        info = source.info
        report.doubts += info.doubts
        report.doubts += source.lost
    files = files_of(camera.sources)
    report.what = {"detections": "detections made elsewhere", "pictures": "numbered pictures"}.get(
        info.codec, "a video" if len(files) == 1 else f"a camera's footage in {len(files)} files"
    )
    report.will = f"run as the camera {camera.name!r}, {info.width}x{info.height}"
    report.facts |= _facts(info)
    if all(file.suffix.lower() in VIDEOS or file.is_file() for file in files) and info.codec not in (
        "detections",
        "pictures",
    ):
        _surveyed(files, info, report)
    if not info.start_by:
        report.doubts.append("nothing tells when it begins; such files begin together (--start)")


def _facts(info: SourceInfo) -> dict[str, str]:
    begins = "unknown"
    if info.start_by:
        when = iso(info.start)
        begins = f"{when if is_dated(info.start) else info.start} by {info.start_by}"
    lasts = "unknown" if info.duration_s is None else duration(info.duration_s)
    frames = "" if info.frames is None else f"{info.frames} frames, "
    return {"begins": begins, "lasts": lasts, "frames": f"{frames}{info.fps:.3g} a second"}


def _surveyed(files: Sequence[Path], info: SourceInfo, report: Report) -> None:
    """The first file in detail, and what is doubtful of each."""
    for number, file in enumerate(files):
        found = survey(file)
        if number == 0:
            aspect = "" if found.aspect == 1 else f", pixels {found.aspect:.3g} times as wide as high"
            width, height = found.coded
            report.facts["codec"] = f"{found.codec} in {found.container}, {width}x{height}{aspect}"
            rates = (found.fps_container, found.fps_pictures, found.fps_stamps)
            words = [f"{fps:.3g}" if fps else "-" for fps in rates]
            report.facts["rate"] = "by container {}, pictures {}, timestamps {}".format(*words)
            if info.frames is not None and len(files) == 1 and _ends_early(found, info.frames):
                report.doubts.append(f"holds {found.packets} of {info.frames} promised pictures")
        prefix = f"{shown(file.name)}: " if len(files) > 1 else ""
        report.doubts += [prefix + doubt for doubt in found.doubts]


def _ends_early(found: Survey, promised: int) -> bool:
    """Fewer pictures than promised, and an earlier end; where that is right, they were never there."""
    early_s = (found.lasts_s or 0.0) - found.shown_s
    usual_s = 1 / found.fps_stamps if found.fps_stamps else 0.0
    return found.packets < promised - LOST_FRAMES and early_s > (1 + LOST_FRAMES) * usual_s and not found.odd


def _network(path: Path, report: Report, arguments: argparse.Namespace) -> None:
    """A detector or a network for re-identification: whichever can be opened as such."""
    from app.weights.assets import cache_folder
    from reid.card import ReidError
    from reid.embedder import open_embedder
    from tracker.detector import Detector, DetectorError

    cache = cache_folder()
    refused = ""
    if path.suffix.lower() != ".safetensors":
        try:
            detector = Detector(path, device="cpu", person_class=arguments.person_class, cache=cache)
        except DetectorError as error:
            refused = str(error)
        else:
            report.what, report.will = "a detector", f"run as --detector: {detector.backend}"
            report.facts |= detector.facts
            _find_somebody(detector, report)
            return
    try:
        embedder = open_embedder(path, device="cpu", cache=cache)
    except ReidError as error:
        raise DetectorError(refused) if refused and path.suffix.lower() == ".pt" else error from None
    report.what, report.will = "a network for re-identification", f"run as --reid: {embedder.backend}"
    report.facts = {
        "name": embedder.name,
        "model": embedder.fingerprint,
        "vector": f"{embedder.dimension} numbers",
    }


def _find_somebody(detector: Detector, report: Report) -> None:
    """Whether the detector finds anybody in footage of people, where that is at hand."""
    from app.sources.file import FileSource
    from app.weights.assets import find

    footage = find("pedestrians")
    if footage is None:
        report.facts["people found"] = "not tried: no footage of people is at hand"
        return
    with FileSource(camera="check", path=footage, start=0.0) as source:
        found = detector.detect([next(iter(source)).image])[0]
    best = f", the surest {found.scores.max():.2f}" if len(found) else ""
    report.facts["people found"] = f"{len(found)} in a picture of several{best}"
    if not len(found):
        report.doubts.append("nobody was found in a picture of several people")


def _is_annotations(path: Path) -> bool:
    """Whether an .xml is CVAT's, and no network of OpenVINO."""
    if path.suffix.lower() != ".xml" or not path.is_file():
        return False
    with path.open("rb") as file:
        return b"<annotations" in file.read(4096)


def _holds_truth(path: Path) -> bool:
    """Whether a folder is of a truth, or of people's pictures with their splits."""
    places = ("gt/gt.txt", "*/gt/gt.txt", "bounding_box_train", "query", "list_query.txt", "*/list_query.txt")
    return is_folder(path) and any(next(path.glob(place), None) is not None for place in places)


def _truth_or_people(path: Path, report: Report) -> None:
    """A truth or results, or pictures of people."""
    from app.scoring.mot_files import read_truth, unpacked

    if (is_folder(path) and not any(path.rglob("gt.txt"))) or _is_of_pictures(path):
        from training.market1501 import read_market

        market = read_market(path, folders=())
        report.what, report.will = "pictures of people", "train --data, evaluate-reid --data"
        counts = (len(market.train), len(market.query), len(market.gallery), market.junk)
        report.facts["pictures"] = "{} to train, {} queries, {} in the gallery, {} junk".format(*counts)
        return
    with unpacked(path) as folder:
        truth = read_truth(folder)
    report.what, report.will = "boxes of people", "score --truth or --results"
    for name, boxes in truth.items():
        report.facts[name or "boxes"] = f"{len(boxes)} boxes of {len(set(boxes.ids.tolist()))} people"


def _is_of_pictures(path: Path) -> bool:
    if path.suffix.lower() != ".zip" or not zipfile.is_zipfile(path):
        return False
    from training.layouts import is_picture

    with zipfile.ZipFile(path) as archive:
        return any(is_picture(name) for name in archive.namelist())


def _print(report: Report, console: Console) -> None:
    told = report.problem.removeprefix(f"{report.name}: ") or report.what
    console.print(f"[bold]{escape(report.name)}[/]: {escape(told)}", soft_wrap=True)
    if report.problem:
        return
    rows = {"what is done": report.will, **report.facts}
    for name, words in rows.items():
        console.print(f"  {escape(name):<14}{escape(words)}", soft_wrap=True)
    for doubt in report.doubts:
        console.print(f"  [yellow]doubtful[/]      {escape(doubt)}", soft_wrap=True)
