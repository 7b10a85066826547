"""What is in deploy/: that systemd takes the unit, and that its command and the image's are ones we know."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from app.cli import parser

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"


def lines(name: str) -> list[str]:
    """Of the file, without comments, those that go on joined."""
    text = (DEPLOY / name).read_text(encoding="utf-8").replace("\\\n", "")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_the_units_command_is_one() -> None:
    (command,) = [
        line.removeprefix("ExecStart=") for line in lines("sightline.service") if "ExecStart=" in line
    ]
    program, *arguments = shlex.split(command)
    parsed = parser().parse_args(arguments)
    assert Path(program).name == "sightline"
    assert (parsed.command, parsed.log, parsed.metrics) == ("watch", "json", "127.0.0.1:9464")


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    """Where systemd is. The command is one that is on this machine: systemd looks whether it is."""
    text = (DEPLOY / "sightline.service").read_text(encoding="utf-8")
    unit = tmp_path / "sightline.service"
    unit.write_text(text.replace("/opt/sightline/bin/sightline", sys.executable), encoding="utf-8")
    assert unit.read_text(encoding="utf-8") != text
    if shutil.which("systemd-analyze") is not None:
        done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_unit_waits_longer_than_a_clean_stop_takes_and_comes_back() -> None:
    settings = dict(line.split("=", 1) for line in lines("sightline.service") if "=" in line)
    assert settings["KillSignal"] == "SIGTERM"
    assert int(settings["TimeoutStopSec"]) >= 10
    assert settings["Restart"] == "always"


def test_the_images_command_is_one_and_what_it_copies_is_there() -> None:
    steps = [line.split(maxsplit=1) for line in lines("Containerfile")]
    (entry,), (rest,) = (
        [json.loads(text) for word, text in steps if word == name] for name in ("ENTRYPOINT", "CMD")
    )
    parsed = parser().parse_args([*entry, *rest][1:])
    assert (parsed.command, parsed.db) == ("watch", Path("/data/history.db"))
    copied = {name for word, text in steps if word == "COPY" for name in text.split()[:-1]}
    assert all((ROOT / name).exists() for name in copied)
    kept = {line[1:] for line in lines("Containerfile.dockerignore") if line.startswith("!")}
    assert copied == kept
    rooms = {folder.name for folder in ROOT.iterdir() if (folder / "__init__.py").exists()} - {"tests"}
    assert rooms <= copied


def test_the_guide_names_every_metric_event_and_key() -> None:
    guide = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    files = ("metrics.py", "json_log.py", "watching.py")
    code = "".join((ROOT / "app" / "headless" / name).read_text(encoding="utf-8") for name in files)
    metrics = re.findall(r'(Counter|Gauge)MetricFamily\(\s*"(sightline_\w+)"', code)
    assert len(metrics) >= 11
    names = {f"{name}_total" if kind == "Counter" else name for kind, name in metrics}
    names |= set(re.findall(r'write\(\s*"(\w+)"', code)) | {"camera_lost", "camera_absent"}
    names |= set(re.findall(r'(?m)^ {12}"(\w+)": ', code))
    assert not [name for name in sorted(names) if f"`{name}`" not in guide and f"`{name}{{" not in guide]


def test_the_image_and_the_unit_run_as_nobody_in_particular() -> None:
    assert "USER sightline" in lines("Containerfile")
    assert "DynamicUser=yes" in lines("sightline.service")
