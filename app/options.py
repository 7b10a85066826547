"""What can be typed behind each command."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, TypeAlias

from app.moments import TIME_HELP

Commands: TypeAlias = "argparse._SubParsersAction[Any]"
PERSON_HELP = "a person, by id or name"
UTC_HELP = "tell times in UTC, and read them so (default: local time)"


def add_commands(commands: Commands) -> None:
    """Every command with its options."""
    _run(commands)
    _watch(commands)
    _config(commands)
    _gui(commands)
    _demo(commands)
    _people(commands)
    _find(commands)
    _show(commands)
    _review(commands)
    _report(commands)
    _export(commands)
    _corrections(commands)
    _upkeep(commands)
    _refine(commands)
    _topology(commands)
    _score(commands)
    _train(commands)
    _evaluate_reid(commands)
    _export_model(commands)
    _assets(commands)
    _check(commands)
    _benchmark(commands)
    _doctor(commands)


def _run(commands: Commands) -> None:
    run = commands.add_parser("run", help="track people through video files, into a history database")
    run.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="a video for each camera, a folder or a quoted pattern of one camera's, or a .npz",
    )
    run.add_argument(
        "--start",
        action="append",
        default=[],
        metavar="TIME",
        help="when a file begins, once for each file; else as the file says, else all begin together",
    )
    run.add_argument(
        "--as-one", action="store_true", help="all FILEs are one camera's footage, one after the other"
    )
    run.add_argument(
        "--fps", type=float, metavar="N", help="frames a second, where the files don't tell, or tell wrongly"
    )
    run.add_argument(
        "--creation-time",
        choices=("auto", "start", "end"),
        help="of which picture of a file its creation time is (default: as its maker has it)",
    )
    run.add_argument(
        "--annotate", type=Path, metavar="DIR", help="also write videos with boxes and ids there"
    )
    held = run.add_mutually_exclusive_group()
    held.add_argument(
        "--replace",
        action="store_true",
        help="process again what the database already holds of these cameras and times",
    )
    held.add_argument(
        "--resume", action="store_true", help="go on where an earlier run over these files was stopped"
    )
    _networks(run)


def _watch(commands: Commands) -> None:
    watch = commands.add_parser("watch", help="track people through live streams until stopped")
    watch.add_argument(
        "files",
        nargs="*",
        metavar="URL",
        help="a stream for each camera: rtsp://..., http://..., /dev/video0",
    )
    watch.add_argument(
        "--for", dest="seconds", type=float, metavar="SECONDS", help="stop by itself after this long"
    )
    watch.add_argument(
        "--log", choices=("auto", "json"), default="auto", help="json: what happens, an object a line"
    )
    watch.add_argument(
        "--status-every",
        type=float,
        default=10.0,
        metavar="SECONDS",
        help="how often lines tell how it goes (default: %(default)g)",
    )
    watch.add_argument(
        "--max-latency",
        type=float,
        metavar="SECONDS",
        help="drop frames rather than be later than this (default: 1)",
    )
    watch.add_argument(
        "--metrics",
        metavar="[HOST:]PORT",
        help="serve Prometheus metrics, /healthz and /readyz there, such as 9464; on loopback unless told",
    )
    _networks(watch)


def _config(commands: Commands) -> None:
    config = commands.add_parser("config", help="write an example configuration, or check one")
    actions = config.add_subparsers(dest="action", required=True, metavar="ACTION")
    init = actions.add_parser("init", help="write a commented example; overwrites nothing")
    site = Path("site.toml")
    told = "the configuration (default: %(default)s)"
    init.add_argument("file", nargs="?", type=Path, default=site, metavar="FILE", help=told)
    check = actions.add_parser("check", help="is it right, and what do its cameras and files give?")
    check.add_argument("file", nargs="?", type=Path, default=site, metavar="FILE", help=told)
    check.add_argument(
        "--timeout",
        type=float,
        default=10.0,
        metavar="SECONDS",
        help="how long a camera may take to connect (default: %(default)g)",
    )
    check.add_argument("--json", action="store_true", help="as JSON")


def _gui(commands: Commands) -> None:
    gui = commands.add_parser("gui", help="the same in a window")
    gui.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="video files or streams to run; also a history or a configuration to open",
    )
    _networks(gui)


def _demo(commands: Commands) -> None:
    demo = commands.add_parser("demo", help="three cameras made of real footage: run, table, page, videos")
    demo.add_argument(
        "--out",
        type=Path,
        default=Path("sightline-demo"),
        metavar="DIR",
        help="where it all goes (default: %(default)s)",
    )
    _options(demo)


def _people(commands: Commands) -> None:
    people = commands.add_parser("people", help="who was seen, on which cameras, for how long")
    people.add_argument("--camera", metavar="NAME", help="only those seen on this camera")
    people.add_argument("--since", metavar="TIME", help=f"only those seen after it, {TIME_HELP}")
    people.add_argument("--until", metavar="TIME", help="only those seen before it")
    only = people.add_mutually_exclusive_group()
    for among, what in (
        ("named", "only those who have a name"),
        ("unsure", "only those with a sighting that is less than 95 %% sure"),
        ("unidentified", "instead the sightings that could not be given to anybody"),
    ):
        only.add_argument(f"--{among}", action="store_const", dest="among", const=among, help=what)
    _limit(people, 100, "of more people, those seen last")
    _question(people)


def _find(commands: Commands) -> None:
    find = commands.add_parser("find", help="who is in a picture: those of the history who are most alike")
    find.add_argument(
        "picture", type=Path, nargs="?", metavar="PICTURE", help="a photograph or a cut-out person"
    )
    find.add_argument(
        "--sighting", type=int, metavar="N", help="instead of a picture: whom this sighting is like"
    )
    find.add_argument(
        "--whole", action="store_true", help="it shows one person and little else: cut nothing out"
    )
    find.add_argument(
        "--count",
        type=int,
        default=5,
        metavar="N",
        help="show at most so many for each (default: %(default)s)",
    )
    find.add_argument("--camera", metavar="NAME", help="only those seen on this camera")
    find.add_argument("--since", metavar="TIME", help=f"only those seen after it, {TIME_HELP}")
    find.add_argument("--until", metavar="TIME", help="only those seen before it")
    find.add_argument(
        "--page", type=Path, metavar="OUT.html", help="also write a page with the pictures side by side"
    )
    _options(find)
    _question(find)


def _review(commands: Commands) -> None:
    review = commands.add_parser(
        "review", help="what is worth a look: likely duplicates, unsure sightings, doubtful merges, nobody's"
    )
    review.add_argument(
        "--kind",
        action="append",
        choices=("duplicate", "unsure", "merge", "nobody"),
        help="only of this kind",
    )
    review.add_argument("--camera", metavar="NAME", help="only sightings on this camera")
    review.add_argument("--since", metavar="TIME", help=f"only sightings that end after it, {TIME_HELP}")
    review.add_argument("--until", metavar="TIME", help="only sightings that begin before it")
    _limit(review, 20, "of more, those that are most worth it")
    review.add_argument("--offset", type=_count, default=0, metavar="N", help="leave out so many before")
    _question(review)


def _show(commands: Commands) -> None:
    show = commands.add_parser("show", help="one person: every sighting, as a timeline over the cameras")
    show.add_argument("id", metavar="PERSON", help=PERSON_HELP)
    show.add_argument("--camera", metavar="NAME", help="only sightings on this camera")
    show.add_argument("--since", metavar="TIME", help=f"only sightings that end after it, {TIME_HELP}")
    show.add_argument("--until", metavar="TIME", help="only sightings that begin before it")
    _limit(show, 200, "of more sightings, the last")
    show.add_argument(
        "--pictures", type=Path, metavar="DIR", help="also write pictures there (default: none)"
    )
    show.add_argument(
        "--page",
        type=Path,
        metavar="OUT.html",
        help="also write a page: each sighting, what it was compared with, and why",
    )
    _question(show)


def _report(commands: Commands) -> None:
    report = commands.add_parser(
        "report", help="a folder to hand on: contact sheet, clips, table, hashes; without names, of everybody"
    )
    report.add_argument("people", nargs="*", metavar="PERSON", help="whom it is about, by id or name")
    report.add_argument("--out", type=Path, required=True, metavar="DIR", help="the folder, a new one")
    report.add_argument("--camera", metavar="NAME", help="only sightings on this camera")
    report.add_argument("--since", metavar="TIME", help=f"only sightings that end after it, {TIME_HELP}")
    report.add_argument("--until", metavar="TIME", help="only sightings that begin before it")
    report.add_argument(
        "--clips", action="store_true", help="also a film of each sighting, with camera and time burnt in"
    )
    report.add_argument(
        "--blur",
        action="store_true",
        help="in the clips, make everybody else unrecognisable who was detected; who was not is shown: look "
        "the clips through before you hand them on",
    )
    _database(report)


def _export(commands: Commands) -> None:
    export = commands.add_parser("export", help="the history as files other programs read")
    export.add_argument(
        "--format",
        choices=("mot", "csv", "parquet", "json"),
        default="csv",
        help="mot: a file a camera, as MOTChallenge has it; else tables of sightings and points "
        "(default: %(default)s)",
    )
    export.add_argument("--out", type=Path, required=True, metavar="DIR", help="the folder to write into")
    _database(export)


def _refine(commands: Commands) -> None:
    refine = commands.add_parser(
        "refine", help="a second pass over what was recorded: who is who, seen whole"
    )
    _span(refine)
    _price(refine)
    refine.add_argument(
        "--apply", action="store_true", help="write it, as one correction that undo takes back"
    )
    refine.add_argument(
        "--page", type=Path, metavar="OUT.html", help="also write a page of each one's pictures and reasons"
    )
    _question(refine)


def _topology(commands: Commands) -> None:
    topology = commands.add_parser(
        "topology", help="which camera follows which after how long, and which overlap, as the history has it"
    )
    topology.add_argument("--learn", action="store_true", help="learn anew, though something is kept")
    topology.add_argument("--save", action="store_true", help="learn anew, and keep it in the history")
    _span(topology)
    topology.add_argument(
        "--page", type=Path, metavar="FILE", help="also write a picture: a page (.html) or a drawing (.svg)"
    )
    topology.add_argument(
        "--toml", action="store_true", help="as [[link]] tables, to be pasted into the site and edited"
    )
    _question(topology)


def _span(command: argparse.ArgumentParser) -> None:
    """Which sightings, and what is known of their cameras."""
    command.add_argument("--since", metavar="TIME", help=f"only sightings that end after it, {TIME_HELP}")
    command.add_argument("--until", metavar="TIME", help="only sightings that begin before it")
    command.add_argument("--config", type=Path, metavar="FILE", help="the site: overlaps and [[link]]s")
    command.add_argument(
        "--own-clocks",
        action="store_true",
        help="the clocks of the sources are not one: find out how they lie to each other",
    )


def _corrections(commands: Commands) -> None:
    merge = commands.add_parser("merge", help="two ids are one person, with the first one's id")
    differ = commands.add_parser("differ", help="two ids are never the same person")
    for pair in (merge, differ):
        pair.add_argument("id", metavar="A", help=PERSON_HELP)
        pair.add_argument("other", metavar="B", help="another one")
    merge.add_argument(
        "--anyway",
        action="store_true",
        help="also where they were in one view at once",
    )
    split = commands.add_parser(
        "split", help="some sightings of a person, or a sighting from a moment on, are somebody else"
    )
    split.add_argument("id", metavar="PERSON", help="by id or name; with --at, the sighting's number")
    which = split.add_mutually_exclusive_group(required=True)
    which.add_argument("--sightings", metavar="N,N", help="which of the person's, by number")
    which.add_argument(
        "--at",
        metavar="TIME",
        help="cut the sighting here: as a date with time, a time of that day, or elapsed",
    )
    split.add_argument("--into", "--to", metavar="PERSON", help="who that is, or: new (default: new)")
    move = commands.add_parser("move", help="a sighting surely is a person")
    move.add_argument("sighting", type=int, metavar="SIGHTING", help="its number, as 'show' tells it")
    move.add_argument("id", metavar="PERSON", help="who it is, by id or name, or: new")
    name = commands.add_parser("name", help="call a person by a name")
    name.add_argument("id", metavar="PERSON", help=PERSON_HELP)
    name.add_argument("name", metavar="NAME", help='"" takes the name away')
    undo = commands.add_parser("undo", help="take back a correction")
    undo.add_argument("number", type=int, nargs="?", metavar="N", help="which (default: the last)")
    for command in (merge, differ, split, move, name, undo):
        _database(command)
    corrections = commands.add_parser("corrections", help="the corrections that people made")
    corrections.add_argument(
        "--runs", action="store_true", help="instead: where a run thought better of who a sighting is"
    )
    _limit(corrections, 100, "of more, the last")
    _question(corrections)


def _upkeep(commands: Commands) -> None:
    forget = commands.add_parser("forget", help="erase a person, a camera, or what is older than a time")
    forget.add_argument("id", nargs="?", metavar="PERSON", help="by id or name: everything of them")
    forget.add_argument("--before", metavar="TIME", help=f"what ended before it, {TIME_HELP}")
    forget.add_argument("--camera", metavar="NAME", help="what this camera saw")
    how = forget.add_mutually_exclusive_group()
    how.add_argument(
        "--only",
        choices=("pictures", "portraits"),
        help="pictures: sightings and vectors stay; portraits: sightings stay",
    )
    how.add_argument("--recordings", action="store_true", help="also the recorded files that show it")
    forget.add_argument(
        "--dry-run", action="store_true", help="tell how much that would be, and erase nothing"
    )
    forget.add_argument("--open", action="store_true", help="carry out what was ordered and interrupted")
    forget.add_argument("--receipts", action="store_true", help="show what was forgotten so far")
    _question(forget)
    backup = commands.add_parser("backup", help="copy a history, also while a run writes to it")
    backup.add_argument("file", type=Path, metavar="FILE", help="where the copy goes")
    _database(backup)
    _question(commands.add_parser("check-history", help="is it sound, and was something lost?"))


def _score(commands: Commands) -> None:
    score = commands.add_parser("score", help="how right identities are, against a truth in MOT's layout")
    score.add_argument(
        "--truth",
        type=Path,
        required=True,
        metavar="DIR",
        help="NAME/gt/gt.txt or NAME.txt for each camera; also a file, a .zip, COCO's .json",
    )
    found = score.add_mutually_exclusive_group(required=True)
    found.add_argument("--db", type=Path, metavar="FILE", help="score the last run of this history database")
    found.add_argument("--results", type=Path, metavar="DIR", help="score NAME.txt for each camera")
    score.add_argument(
        "--fps",
        type=float,
        default=25.0,
        metavar="N",
        help="of --results where the truth has no NAME/seqinfo.ini (default: %(default)g)",
    )
    score.add_argument("--page", type=Path, metavar="OUT.html", help="also write a page of each one's errors")
    score.add_argument("--json", action="store_true", help="as JSON")


def _train(commands: Commands) -> None:
    train = commands.add_parser("train", help="train a re-identification network, or go on with a training")
    train.add_argument(
        "--data",
        type=Path,
        metavar="D",
        help="a .zip or folder of people's pictures (Market-1501, MSMT17, ...)",
    )
    train.add_argument(
        "--recipe", default="bnneck-r50", metavar="NAME", help="what to train and how (default: %(default)s)"
    )
    train.add_argument(
        "--set",
        action="append",
        default=[],
        dest="settings",
        metavar="KEY=VALUE",
        help="put a setting over the recipe's",
    )
    train.add_argument("--print-recipe", action="store_true", help="show the recipe's settings, do nothing")
    train.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="checkpoint, logs, weights (default: trained/NAME); a training there is gone on with",
    )
    train.add_argument(
        "--unlabelled",
        type=Path,
        nargs="+",
        default=[],
        metavar="D",
        help="folders or .zip of pictures of people nobody named, which the teacher judges",
    )
    train.add_argument(
        "--start",
        metavar="WEIGHTS",
        help="weights to go on from: a name or file, of ours or ImageNet's (*caffe* for one with Caffe's "
        "strides); none for noise (default: ImageNet's)",
    )
    train.add_argument(
        "--teacher",
        default="retail-0277",
        metavar="WEIGHTS",
        help="the network a small one learns from, where the recipe says so (default: %(default)s)",
    )
    train.add_argument(
        "--stop-after", metavar="WHEN", help="stop before the end, to go on later: 600s, 10m, 1h or 20epochs"
    )
    train.add_argument("--terms", default="", metavar="TEXT", help="of the data, for the weights' card")
    train.add_argument("--device", default="auto", metavar="DEVICE", help="auto, cpu, cuda or cuda:N")


def _evaluate_reid(commands: Commands) -> None:
    evaluate = commands.add_parser("evaluate-reid", help="score a re-identification network on a data set")
    evaluate.add_argument(
        "--data",
        type=Path,
        required=True,
        metavar="D",
        help="a .zip or folder of people's pictures (Market-1501, MSMT17, ...)",
    )
    evaluate.add_argument(
        "--weights", metavar="W", help="a name of `sightline assets`, or a .safetensors, .onnx or .xml"
    )
    evaluate.add_argument("--rerank", action="store_true", help="also re-ranked (k-reciprocal, 20, 6, 0.3)")
    evaluate.add_argument("--flip", action="store_true", help="average each picture with its mirror image")
    evaluate.add_argument("--device", default="auto", metavar="DEVICE", help="auto, cpu, cuda or cuda:N")
    evaluate.add_argument("--json", action="store_true", help="as JSON")


def _export_model(commands: Commands) -> None:
    export = commands.add_parser("export-model", help="an own re-identification network for other runtimes")
    export.add_argument("weights", metavar="W", help="a .safetensors of sightline, or a name for one")
    export.add_argument("--to", choices=("onnx", "openvino"), required=True, help="for which runtime")
    export.add_argument(
        "--out", type=Path, metavar="FILE", help="where to write it (default: W.onnx or W.xml, here)"
    )
    export.add_argument(
        "--data", type=Path, metavar="D", help="check it on pictures of this data set in Market-1501's layout"
    )


def _assets(commands: Commands) -> None:
    assets = commands.add_parser("assets", help="the networks and footage known by name, and what is here")
    assets.add_argument("--json", action="store_true", help="as JSON")


def _check(commands: Commands) -> None:
    check = commands.add_parser(
        "check", help="what files are, what would be done with them, what is doubtful"
    )
    check.add_argument(
        "files", nargs="+", metavar="FILE", help="footage, folders, networks, truths, pictures of people"
    )
    check.add_argument("--person-class", metavar="NAME", help="which of a detector's classes is people")
    check.add_argument("--json", action="store_true", help="as JSON")


def _benchmark(commands: Commands) -> None:
    benchmark = commands.add_parser(
        "benchmark", help="what a run costs on this machine, stage by stage, and how many cameras it carries"
    )
    benchmark.add_argument("files", nargs="*", metavar="FILE", help="a video for each camera")
    benchmark.add_argument("--plot", type=Path, metavar="OUT.png", help="also draw it")
    benchmark.add_argument("--json", action="store_true", help="as JSON")
    benchmark.add_argument(
        "--max-latency", type=float, metavar="SECONDS", help="how late results may be (default: 1)"
    )
    benchmark.add_argument(
        "--config", type=Path, metavar="FILE", help="a TOML file that names the cameras and settings"
    )
    _options(benchmark)


def _doctor(commands: Commands) -> None:
    doctor = commands.add_parser("doctor", help="what works on this machine, what does not, what to do")
    doctor.add_argument("--json", action="store_true", help="as JSON")


def _limit(command: argparse.ArgumentParser, default: int, what: str) -> None:
    command.add_argument(
        "--limit",
        type=_count,
        default=default,
        metavar="N",
        help=f"{what}: so many (default: %(default)s; 0: all)",
    )


def _count(text: str) -> int:
    """Raises what argparse tells in the words of its user."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 on")
    return int(text)


def _database(command: argparse.ArgumentParser, default: Path | None = Path("history.db")) -> None:
    command.add_argument(
        "--db", type=Path, default=default, metavar="FILE", help="the history database (default: history.db)"
    )
    command.add_argument("--utc", action="store_true", default=argparse.SUPPRESS, help=UTC_HELP)


def _question(command: argparse.ArgumentParser) -> None:
    _database(command)
    command.add_argument("--json", action="store_true", help="as JSON")


def _networks(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--config", type=Path, metavar="FILE", help="a TOML file that names the cameras and settings"
    )
    command.add_argument(
        "--max-megapixels", type=float, metavar="N", help="refuse larger pictures (default: 40)"
    )
    _database(command, default=None)
    _options(command)


def _price(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--false-merge-price",
        type=float,
        metavar="N",
        help="how many missed merges one false merge is worth: above 1 people rather stay apart, below 1 "
        "they are rather joined (default: 1)",
    )


def _options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--detector",
        metavar="WEIGHTS",
        help="a name of `sightline assets`, or a .pt, .onnx or OpenVINO model (default: yolov8n)",
    )
    command.add_argument(
        "--person-class",
        metavar="NAME",
        help="which of the detector's classes is people, by name or number (default: the one called so)",
    )
    command.add_argument(
        "--detector-rate",
        metavar="N",
        help="how many frames a second of a camera the detector sees at most, or every-frame "
        "(default: 5; fewer where nothing changes)",
    )
    _price(command)
    command.add_argument("--reid", metavar="WEIGHTS", help="the re-identification network: a name or a file")
    command.add_argument("--device", metavar="DEVICE", help="auto, cpu, cuda or cuda:N (default: auto)")
