"""Pages: one HTML file each, without scripts, pictures inside; they share the look of page_base.html."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2

from app.output.place import OutputError, make_folder, write_own

_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def write_html(template: str, contents: Mapping[str, Any], out: Path) -> Path:
    """Fill the template, a file beside this one, and write it as ``out``: whole or not at all; its path.

    Raises OutputError where it cannot be written.
    """
    make_folder(out.parent)
    page = _environment().get_template(template).render(contents)
    try:
        write_own(out, page.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise OutputError(
            f"The page {out} can't be written ({error.strerror}); make room or name another place."
        ) from error
    return out


def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FunctionLoader(_source),
        autoescape=True,
        finalize=_printable,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _printable(value: Any) -> Any:
    """What no XML may hold, written out: pages and drawings stay well formed, whatever a camera is called."""
    return _FORBIDDEN.sub(lambda found: f"\\x{ord(found[0]):02X}", value) if type(value) is str else value


def _source(name: str) -> str:
    return (files("app.output") / name).read_text(encoding="utf-8")
