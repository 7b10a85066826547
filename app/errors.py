"""What may go wrong around us, and the exit code that says so. Anything else is our bug, and crashes."""

from __future__ import annotations

import sys

OK = 0
BUG = 1
USAGE = 2
SOURCE = 3
NETWORK = 4
DATABASE = 5
OUTPUT = 6
CONFIG = 7
TRAINING = 8
INTERRUPTED = 130

_ERRORS = {
    ("app.sources.ffmpeg", "SourceError"): SOURCE,
    ("app.weights.assets", "AssetError"): NETWORK,
    ("tracker.detector", "DetectorError"): NETWORK,
    ("reid.card", "ReidError"): NETWORK,
    ("storage.errors", "DatabaseError"): DATABASE,
    ("storage.errors", "UnknownPerson"): USAGE,
    ("storage.errors", "UnknownCamera"): USAGE,
    ("storage.repair", "CorrectionError"): USAGE,
    ("storage.errors", "ExportError"): OUTPUT,
    ("app.output.place", "OutputError"): OUTPUT,
    ("app.config", "ConfigError"): CONFIG,
    ("training.errors", "TrainingError"): TRAINING,
}


def environment_errors() -> tuple[type[Exception], ...]:
    """The error classes that tell of the environment. Only of rooms that are loaded."""
    return tuple(_classes())


def exit_code(error: BaseException) -> int:
    """The documented code for an environment error; BUG for any other."""
    codes = _classes()
    return next((codes[kind] for kind in type(error).__mro__ if kind in codes), BUG)


def _classes() -> dict[type, int]:
    loaded = {key: code for key, code in _ERRORS.items() if key[0] in sys.modules}
    return {getattr(sys.modules[module], name): code for (module, name), code in loaded.items()}
