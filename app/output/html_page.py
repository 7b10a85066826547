"""Pages: one HTML file each, without scripts, pictures inside; they share the look of page_base.html."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2

from app.output.place import OutputError, make_folder


def write_html(template: str, contents: Mapping[str, Any], out: Path) -> Path:
    """Fill the template, a file beside this one, and write it as ``out``: whole or not at all; its path.

    Raises OutputError where it cannot be written.
    """
    make_folder(out.parent)
    page = _environment().get_template(template).render(contents)
    part = out.with_name(out.name + ".part")
    try:
        part.write_text(page, encoding="utf-8")
        part.replace(out)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OutputError(
            f"The page {out} can't be written ({error.strerror}); make room or name another place."
        ) from error
    return out


def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FunctionLoader(_source),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _source(name: str) -> str:
    return (files("app.output") / name).read_text(encoding="utf-8")
