"""Who may import whom, held against the code's own imports; and what stays out of the way at the start."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("app", "reid", "storage", "tracker", "training")

# A room's own modules aside, a module may import these of the project, by the start of its name.
MAY_IMPORT = {
    "tracker": (),
    "reid": (),
    "storage": ("tracker.types",),
    "training": ("reid",),
    "app": ("reid", "storage", "tracker", "training"),
}

# Only modules whose names start so may import these libraries.
ONLY = {
    "PyQt5": ("app.gui",),
    "ultralytics": ("tracker.detector",),
    "sqlalchemy": ("storage",),
    "alembic": ("storage",),
    "torch": (
        "reid",
        "training",
        "tracker.detector",
        "tracker.networks",
        "tracker.conversion",
        "app.checks.probes",
    ),
    "torchvision": ("reid", "training", "tracker.detector", "tracker.networks", "app.checks.probes"),
}

# These modules must not import these libraries, nor modules of the project that do, at any depth.
NEVER = {
    "app.pipeline": ("PyQt5", "sqlalchemy", "torch", "torchvision", "cv2", "ultralytics"),
    "app.cli": ("PyQt5", "torch", "cv2", "sqlalchemy", "ultralytics"),
    "app.weights.assets": ("PyQt5", "torch", "cv2", "sqlalchemy", "ultralytics"),
    "app.headless.view": ("PyQt5",),
    "app.headless.watching": ("PyQt5",),
    "tracker.types": ("PyQt5", "torch", "cv2", "sqlalchemy", "ultralytics"),
}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_name(path): path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in FILES.items()}


def imports(name: str, *, when_loaded: bool = False) -> set[str]:
    """What a module imports, by full name. when_loaded: not what its functions import when called."""
    return {target for node in _statements(TREES[name], when_loaded) for target in _targets(name, node)}


def _statements(tree: ast.AST, when_loaded: bool) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if when_loaded and (isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or _types_only(node)):
            continue
        yield node
        yield from _statements(node, when_loaded)


def _types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def _targets(name: str, node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        base = name if FILES[name].name == "__init__.py" else name.rpartition(".")[0]
        for _ in range(node.level - 1):
            base = base.rpartition(".")[0]
        module = ".".join(part for part in ((base if node.level else ""), node.module or "") if part)
        inner = [f"{module}.{alias.name}" for alias in node.names]
        yield from (target if target in FILES else module for target in inner)


def within(name: str, starts: tuple[str, ...]) -> bool:
    return any(name == start or name.startswith(f"{start}.") for start in starts)


def reached(name: str) -> dict[str, str]:
    """All that loading a module loads, of the project or not -> the module that imports it."""
    found: dict[str, str] = {}
    waiting = [name]
    while waiting:
        module = waiting.pop()
        for target in imports(module, when_loaded=True) - set(found):
            found[target] = module
            if target in FILES:
                waiting.append(target)
    return found


def test_there_is_code_to_hold_the_rules_against() -> None:
    assert {name.partition(".")[0] for name in FILES} == set(ROOMS)
    assert "tracker.types" in reached("tracker.camera_tracker")


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_the_rooms_it_may(room: str) -> None:
    wrong = [
        f"{name} imports {target}"
        for name in FILES
        if within(name, (room,))
        for target in sorted(imports(name))
        if within(target, ROOMS) and not within(target, (room, *MAY_IMPORT[room]))
    ]
    assert not wrong


@pytest.mark.parametrize("library", ONLY)
def test_a_library_is_imported_only_where_it_may(library: str) -> None:
    wrong = [
        f"{name} imports {target}"
        for name in FILES
        for target in sorted(imports(name))
        if within(target, (library,)) and not within(name, ONLY[library])
    ]
    assert not wrong


@pytest.mark.parametrize("name", NEVER)
def test_a_module_stays_clear_of_libraries(name: str) -> None:
    assert name in FILES
    found = reached(name)
    assert not [
        f"{found[target]} imports {target}" for target in sorted(found) if within(target, NEVER[name])
    ]
    named = [target for target in sorted(imports(name)) if within(target, NEVER[name])]
    assert not named, "not even inside a function"


def test_every_folder_of_app_is_explained() -> None:
    house = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    folders = {name.split(".")[1] for name in FILES if name.startswith("app.") and name.count(".") == 2}
    assert folders == set(re.findall(r"(?m)^\| `(\w+)` \|", house)) - set(ROOMS)


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Imports inside functions count; those for types alone do not."""
    needs = {name: _needs(name) for name in FILES}
    while free := [name for name, targets in needs.items() if not targets & set(needs)]:
        for name in free:
            del needs[name]
    assert not needs, "these are in a circle, or lead into one"


def _needs(name: str) -> set[str]:
    runs = [node for node in TREES[name].body if not _types_only(node)]
    nodes = [inner for node in runs for inner in ast.walk(node)]
    return {target for node in nodes for target in _targets(name, node)} - {name}


@pytest.mark.parametrize("name", FILES)
def test_modules_and_functions_fit_the_eye(name: str) -> None:
    assert len(FILES[name].read_text(encoding="utf-8").splitlines()) <= 600
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno + 1 <= 60, f"{name}.{node.name} is too long"


def loaded_by(code: str) -> set[str]:
    """The top-level modules a fresh Python has loaded after the code."""
    report = "\nimport sys; print(); print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code + report], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split())


HEAVY = {
    "torch",
    "torchvision",
    "PyQt5",
    "cv2",
    "ultralytics",
    "openvino",
    "onnxruntime",
    "sqlalchemy",
    "scipy",
}


def test_the_words_load_nothing_heavy() -> None:
    assert not loaded_by("import tracker.types") & HEAVY


def test_help_loads_nothing_heavy() -> None:
    code = "import app.cli, contextlib\nwith contextlib.suppress(SystemExit):\n    app.cli.main(['--help'])"
    assert not loaded_by(code) & HEAVY


def test_the_run_loads_no_qt() -> None:
    assert "PyQt5" not in loaded_by("import app.build, app.headless.watching, app.commands")


def test_help_comes_at_once() -> None:
    begun = time.perf_counter()
    done = subprocess.run(
        [Path(sys.executable).parent / "sightline", "--help"], capture_output=True, text=True
    )
    took = time.perf_counter() - begun
    assert done.returncode == 0
    assert "doctor" in done.stdout
    assert took < 2, "half a second on an idle machine"
