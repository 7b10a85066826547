"""``sightline report``: what a history has of somebody as a folder to hand on; of everybody as a sheet."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from rich.progress import Progress

from app import errors
from app.config import ConfigError
from app.history.opened import opened
from app.history.said import person_said, there_said

if TYPE_CHECKING:
    from rich.progress import TaskID


def report(arguments: argparse.Namespace) -> int:
    """Writes the folder, with a bar for each clip; says where its page is."""
    from app.headless.view import stop_on_signals, terminal
    from app.output.case import Wanted, write_case

    if arguments.clips and not arguments.people:
        raise ConfigError("--clips is of somebody: name one person at least.")
    if arguments.blur and not arguments.clips:
        raise ConfigError("--blur is of clips: say --clips, too.")
    with opened(arguments.db) as history, stop_on_signals() as stop:
        wanted = Wanted(
            **there_said(history, arguments),
            people=[person_said(history, text) for text in arguments.people],
            clips=arguments.clips,
            blur=arguments.blur,
        )
        with Progress(console=terminal(), transient=True) as bars:
            tasks: dict[str, TaskID] = {}

            def progress(name: str, share: float) -> None:
                if name not in tasks:
                    tasks[name] = bars.add_task(name, total=1.0)
                bars.update(tasks[name], completed=share)

            page = write_case(history, wanted, arguments.out, progress=progress, stop=stop)
    print(f"page: {page}")
    return errors.OK
