"""What docs/guide.md says of the tests that do each task by hand."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_each_task_of_the_guide_names_a_test_that_works_in_a_window() -> None:
    guide = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
    told = re.findall(r"(?m)^\| .* \| .* \| `(test_\w+)` \|$", guide)
    windowed = {
        node.name
        for path in (ROOT / "tests").glob("test_app_gui*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and "qtbot" in {one.arg for one in node.args.args}
    }
    assert len(told) == len(set(told)) >= 21
    assert set(told) <= windowed, sorted(set(told) - windowed)


def test_each_picture_of_the_guide_is_there() -> None:
    guide = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", guide)
    assert pictures
    assert all((ROOT / "docs" / picture).is_file() for picture in pictures)
