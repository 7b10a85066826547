"""The command ``sightline``: its commands, who carries them out, and what its exit codes mean."""

from __future__ import annotations

import argparse
import gc
import io
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from app.errors import BUG, INTERRUPTED, environment_errors, exit_code
from app.options import UTC_HELP, add_commands

EPILOG = """exit codes: 0 done, 1 a bug of ours (with its traceback) or, for doctor, something does not work,
2 wrong usage or nobody of that id, 3 a video or camera can't be used, 4 a network's weights can't be used,
5 the database can't be used, 6 an output can't be written, 7 a setting is wrong,
8 a data set can't be used or a training can't go on, 130 interrupted."""

CARRIED_OUT_BY = {
    "run": "app.commands:run",
    "watch": "app.commands:watch",
    "gui": "app.commands:gui",
    "demo": "app.demo.run:run_demo",
    "people": "app.commands:people",
    "find": "app.history.finding:find",
    "show": "app.commands:show",
    "review": "app.history.review:review",
    "report": "app.history.reporting:report",
    "export": "app.commands:export",
    "merge": "app.history.corrections:merge",
    "split": "app.history.corrections:split",
    "move": "app.history.corrections:move",
    "name": "app.history.corrections:name",
    "differ": "app.history.corrections:differ",
    "corrections": "app.history.corrections:corrections",
    "undo": "app.history.corrections:undo",
    "forget": "app.history.keeping:forget",
    "backup": "app.history.keeping:backup",
    "check-history": "app.history.keeping:check_history",
    "topology": "app.topology.command:topology",
    "refine": "app.history.refining:refine",
    "score": "app.scoring.command:score",
    "train": "app.weights.train:train",
    "evaluate-reid": "app.weights.evaluate:evaluate_reid",
    "export-model": "app.weights.export:export_model",
    "config": "app.checks.site:configure",
    "assets": "app.commands:assets",
    "check": "app.checks.inputs:check",
    "benchmark": "app.checks.benchmark:benchmark",
    "doctor": "app.commands:doctor",
}
"""Which function carries out a command: what was typed in, the exit code out. Loaded when it is typed."""

ANSWERED = {
    *("people", "find", "show", "review", "corrections"),
    *("merge", "split", "move", "name", "differ", "undo"),
}
"""Commands that end with an answer, some tenths of a second after they began."""

ONE_THREAD = {"find", "refine", "topology"}
"""Commands whose matrices are small: several threads of NumPy's BLAS would mostly wait for each other, which
they do by spinning.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code. Errors of the environment are one sentence each."""
    _say_anything()
    parsed = parser().parse_args(arguments)
    if parsed.command in ONE_THREAD:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is loaded
    if parsed.utc:
        os.environ["TZ"] = "UTC"
        time.tzset()
    try:
        with _carried_out(parsed.command, ends=arguments is None) as carry_out:
            return carry_out(parsed)
    except environment_errors() as error:
        from app.history.telling import plain
        from app.sources.passwords import redact_all

        print(f"sightline: {plain(redact_all(str(error)))}", file=sys.stderr)
        return exit_code(error)
    except BrokenPipeError:
        sys.stderr.close()
        return BUG
    except KeyboardInterrupt:
        print("sightline: interrupted.", file=sys.stderr)
        return INTERRUPTED


@contextmanager
def _carried_out(command: str, *, ends: bool) -> Iterator[Callable[[argparse.Namespace], int]]:
    """Loads who carries it out. What is loaded stays, so that it is not looked through for garbage meanwhile;
    nor is what a command holds that ends with its answer, which would take a fifth of its time.

    ends: the process does, too, so that nobody need look then.
    """
    module, function = CARRIED_OUT_BY[command].split(":")
    gc.disable()
    try:
        found = getattr(import_module(module), function)
        if command not in ANSWERED:
            gc.enable()
        yield found
    finally:
        if ends and command in ANSWERED:
            gc.freeze()
        else:
            gc.enable()


class Parser(argparse.ArgumentParser):
    """Takes options by their whole name: what ``--conf`` means today may be another thing tomorrow."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more, allow_abbrev=False)


class _Version(argparse.Action):
    """Says the version, which takes longer to look up than most of what is loaded for a question."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib.metadata import version

        print(f"sightline {version('sightline')}")
        parser.exit()


def _say_anything() -> None:
    """A name that is no text is shown with a substitute, on any screen, rather than not at all."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def parser() -> argparse.ArgumentParser:
    """Every command with its options."""
    top = Parser(
        prog="sightline",
        description="Follows people over many cameras: who was where, when, and how sure we are.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--utc", action="store_true", help=UTC_HELP)
    top.add_argument("--version", action=_Version, nargs=0, help="show program's version number and exit")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    add_commands(commands)
    return top


if __name__ == "__main__":
    sys.exit(main())
