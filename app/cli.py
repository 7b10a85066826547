"""The command ``sightline``: what can be typed, and what its exit codes mean."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TypeAlias

from app.errors import BUG, INTERRUPTED, environment_errors, exit_code

EPILOG = """exit codes: 0 done, 1 a bug of ours (with its traceback) or, for doctor, something does not work,
2 wrong usage or nobody of that id, 3 a video or camera can't be used, 4 a network's weights can't be used,
5 the database can't be used, 6 an output can't be written, 7 a setting is wrong, 130 interrupted."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code. Errors of the environment are one sentence each."""
    parsed = parser().parse_args(arguments)
    from app import commands

    try:
        return int(getattr(commands, parsed.command)(parsed))
    except environment_errors() as error:
        print(f"sightline: {error}", file=sys.stderr)
        return exit_code(error)
    except BrokenPipeError:
        sys.stderr.close()
        return BUG
    except KeyboardInterrupt:
        print("sightline: interrupted.", file=sys.stderr)
        return INTERRUPTED


def parser() -> argparse.ArgumentParser:
    """Every command with its options."""
    top = argparse.ArgumentParser(
        prog="sightline",
        description="Follows people over many cameras: who was where, when, and how sure we are.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"sightline {version('sightline')}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _run(commands)
    _watch(commands)
    _gui(commands)
    _demo(commands)
    _people(commands)
    _show(commands)
    _export(commands)
    _assets(commands)
    _doctor(commands)
    return top


Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def _run(commands: Commands) -> None:
    run = commands.add_parser("run", help="track people through video files, into a history database")
    run.add_argument("files", nargs="*", metavar="FILE", help="a video file for each camera")
    run.add_argument(
        "--start",
        action="append",
        default=[],
        metavar="TIME",
        help="when a file begins, once for each file in order; else taken from the file, else all begin together",
    )
    run.add_argument(
        "--annotate", type=Path, metavar="DIR", help="also write videos with boxes and ids there"
    )
    run.add_argument(
        "--replace",
        action="store_true",
        help="record anew what the database already holds of these cameras and times",
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
    _networks(watch)


def _gui(commands: Commands) -> None:
    gui = commands.add_parser("gui", help="the same in a window")
    gui.add_argument("files", nargs="*", metavar="FILE", help="video files or streams to open")
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
    people.add_argument("--since", metavar="TIME", help="only those seen after this time")
    people.add_argument("--until", metavar="TIME", help="only those seen before this time")
    _question(people)


def _show(commands: Commands) -> None:
    show = commands.add_parser("show", help="one person: every sighting, as a timeline over the cameras")
    show.add_argument("id", type=int, metavar="ID")
    show.add_argument(
        "--pictures",
        type=Path,
        metavar="DIR",
        help="where to write the pictures (default: beside the database)",
    )
    _question(show)


def _export(commands: Commands) -> None:
    export = commands.add_parser("export", help="the history as files other programs read")
    export.add_argument("--format", choices=("mot", "csv", "parquet", "json"), default="csv")
    export.add_argument("--out", type=Path, required=True, metavar="DIR")
    _database(export)


def _assets(commands: Commands) -> None:
    assets = commands.add_parser("assets", help="the networks and footage known by name, and what is here")
    assets.add_argument("--json", action="store_true")


def _doctor(commands: Commands) -> None:
    doctor = commands.add_parser("doctor", help="what works on this machine, what does not, what to do")
    doctor.add_argument("--json", action="store_true")


def _database(command: argparse.ArgumentParser, default: Path | None = Path("history.db")) -> None:
    command.add_argument(
        "--db", type=Path, default=default, metavar="FILE", help="the history database (default: history.db)"
    )


def _question(command: argparse.ArgumentParser) -> None:
    _database(command)
    command.add_argument("--json", action="store_true", help="as JSON")


def _networks(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--config", type=Path, metavar="FILE", help="a TOML file that names the cameras and settings"
    )
    _database(command, default=None)
    _options(command)


def _options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--detector",
        metavar="WEIGHTS",
        help="a name of `sightline assets`, or any ultralytics .pt, .onnx or OpenVINO model (default: yolov8n)",
    )
    command.add_argument("--reid", metavar="WEIGHTS", help="the re-identification network: a name or a file")
    command.add_argument("--device", metavar="DEVICE", help="auto, cpu, cuda or cuda:N (default: auto)")


if __name__ == "__main__":
    sys.exit(main())
