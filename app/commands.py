"""What each command does. Heavy parts are imported by the command that needs them."""

from __future__ import annotations

import argparse

from app import config, errors
from app.config import Settings
from app.headless.execution import execute, overridden, placed, report, settings_of, write_videos
from app.history.opened import opened
from app.history.said import person_said, there_said


def run(arguments: argparse.Namespace) -> int:
    """``sightline run``: files to the end, then the table, and videos where asked for."""
    from app.output.place import make_folder

    settings = settings_of(arguments, live=False)
    if arguments.annotate is not None:
        make_folder(arguments.annotate)
    with execute(settings) as (history, status, finished):
        report(history, status)
        if arguments.annotate is not None:
            write_videos(history, arguments.annotate)
        print(f"history: {settings.database}")
    return errors.OK if finished else errors.INTERRUPTED


def watch(arguments: argparse.Namespace) -> int:
    """``sightline watch``: streams until Ctrl-C, SIGTERM or the time given."""
    from app.headless.watching import watch

    return watch(arguments)


def gui(arguments: argparse.Namespace) -> int:
    """``sightline gui``: the window. Without files it opens with nothing running."""
    from app.gui.main import main

    arguments = placed(arguments)
    if not arguments.files and arguments.config is None:
        return main(overridden(Settings(()), arguments))
    live = any(config.is_live(name) for name in arguments.files)
    return main(settings_of(arguments, live=live), arguments.config)


def people(arguments: argparse.Namespace) -> int:
    """``sightline people``: everyone known, or those of a camera or a time."""
    from app.history.answers import print_people, print_unidentified

    with opened(arguments.db) as history:
        there, told = there_said(history, arguments), {"as_json": arguments.json}
        if arguments.among == "unidentified":
            print_unidentified(history, there, most=arguments.limit or None, **told)
        else:
            print_people(history, there, most=arguments.limit or None, among=arguments.among, **told)
    return errors.OK


def show(arguments: argparse.Namespace) -> int:
    """``sightline show ID``: one person's sightings."""
    from app.history.answers import print_person

    with opened(arguments.db) as history:
        there = there_said(history, arguments)
        who = person_said(history, arguments.id)
        if arguments.page is not None:
            from app.output.person_page import write_person_page

            write_person_page(history, who, arguments.page)
        print_person(
            history,
            who,
            as_json=arguments.json,
            pictures=arguments.pictures,
            there=there,
            most=arguments.limit or None,
        )
    return errors.OK


def export(arguments: argparse.Namespace) -> int:
    """``sightline export``: the history for other programs."""
    from storage.export import export as write

    with opened(arguments.db) as history:
        for path in write(history, arguments.format, arguments.out):
            print(path)
    return errors.OK


def assets(arguments: argparse.Namespace) -> int:
    """``sightline assets``: what is known by name, what is here."""
    from app.weights.assets import print_assets

    print_assets(arguments.json)
    return errors.OK


def doctor(arguments: argparse.Namespace) -> int:
    """``sightline doctor``: what works here."""
    from app.checks.doctor import print_checks

    return print_checks(arguments.json)
