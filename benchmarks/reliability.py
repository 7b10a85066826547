"""What becomes of a camera's stream when its network, server or clock fails, with the settings people use.

    python benchmarks/reliability.py [--write]

A real RTSP server (GStreamer's) on loopback, a TCP proxy that breaks its stream, and the line over it and
over a second camera that is left in peace; people are painted, and found by their paint, so that no network
slows the measurement. --write puts the table into docs/reliability.md. Takes about four minutes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from fault_run import FaultRun, Outcome, write_people, write_resized  # noqa: E402

BEGIN, END = "<!-- measured -->\n", "<!-- /measured -->\n"
HEAD = (
    "| fault | noticed | back | frames lost | ids kept | other camera: p95 before, during; gap | said |",
    "|---|---|---|---|---|---|---|",
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args().write
    print(f"netem: {netem()}")
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder))
    text = "\n".join([*HEAD, *rows]) + "\n"
    print(text)
    if write:
        page = ROOT / "docs" / "reliability.md"
        before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
        page.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


def netem() -> str:
    """Whether this machine can make a bad network of its own; the proxy stands in where it can't."""
    command = "ip link set lo up && tc qdisc add dev lo root netem delay 50ms 20ms loss 2%"
    try:
        done = subprocess.run(["unshare", "-rn", "sh", "-c", command], capture_output=True, text=True)
    except FileNotFoundError as error:
        return f"no ({error})"
    return "there" if done.returncode == 0 else f"no ({done.stderr.strip()}); the proxy delays instead"


def measure(folder: Path) -> list[str]:
    hall = write_people(folder / "hall.mp4", grey=10, seconds=90)
    yard = write_people(folder / "yard.mp4", grey=200, seconds=90)
    rows = []
    for name, fault in FAULTS.items():
        with FaultRun(hall, yard) as run:
            rows.append(row(name, fault(run)))
        print(rows[-1], flush=True)
    sizes = write_resized(folder / "sizes.ts", grey=10, seconds=16)
    with FaultRun(sizes, yard) as run:
        changed = run.suffer(lambda: None, lambda: None, noticed=lambda s: s.size == (480, 360))
        rows.append(row("resolution change", changed, dated=False))
    still = write_people(folder / "still.mp4", grey=10, seconds=60, still_s=34.0)
    with FaultRun(still, yard) as run:
        frozen = run.suffer(lambda: None, lambda: None, noticed=lambda s: s.state == "frozen", patience_s=90)
        rows.append(row("frozen picture", frozen, dated=False))
    h265 = write_people(folder / "hall.h265.mp4", grey=10, seconds=90)
    with FaultRun(hall, yard) as run:
        again = run.suffer(lambda: run.restarted(film=h265), lambda: None)
        rows.append(row("restarted as an H.265 camera", again))
    short = write_people(folder / "short.mp4", grey=10, seconds=8)
    with FaultRun(short, yard) as run:
        rows.append(row("end of the stream", run.suffer(lambda: None, lambda: None), dated=False))
    return rows


def row(name: str, o: Outcome, *, dated: bool = True) -> str:
    """dated: whether it is known when the fault began."""
    others = f"{o.others_before_s:.2f} s, {o.others_during_s:.2f} s; {o.others_gap_s:.2f} s"
    kept = "yes" if o.ids_kept else "no"
    times = f"{o.noticed_s:.1f} s | {o.recovered_s:.1f} s" if dated else f" | {o.recovered_s:.1f} s"
    return f"| {name} | {times} | {o.frames_lost} | {kept} | {others} | {o.said} |"


def killed(run: FaultRun) -> Outcome:
    def restart() -> None:
        run.server.restart()
        run.proxy.target = run.server.port

    return run.suffer(run.server.kill, restart, hold_s=3)


def refused(run: FaultRun) -> Outcome:
    def refuse() -> None:
        run.proxy.refusing = True
        run.proxy.cut()

    return run.suffer(refuse, lambda: setattr(run.proxy, "refusing", False), hold_s=3)


def setting(name: str, value: float, *, hold_s: float) -> Callable[[FaultRun], Outcome]:
    """A fault of the proxy. What is bad for a while, and not lost, is taken as noticed at once."""

    def fault(run: FaultRun) -> Outcome:
        run.until(lambda: run.hall.clock == "camera")
        jumps, damaged, late = run.hall.times.jumps, run.hall.damaged, time.monotonic() + hold_s
        noticed = {
            "clock_s": lambda s: s.clock_jumps > jumps,
            "damage": lambda s: s.damaged > damaged,
            "loss": lambda s: time.monotonic() > late,
            "silent": lambda s: s.state != "playing",
        }[name]
        if name == "loss":
            run.proxy.jitter_s = 0.05
        return run.suffer(
            lambda: setattr(run.proxy, name, value),
            lambda: vars(run.proxy).update({name: type(value)(0), "jitter_s": 0.0}),
            noticed=noticed,
            hold_s=hold_s,
        )

    return fault


FAULTS: dict[str, Callable[[FaultRun], Outcome]] = {
    "connection cut": lambda run: run.suffer(run.proxy.cut, lambda: None),
    "server killed, restarted 3 s later": killed,
    "server stalled (SIGSTOP), resumed 6 s after it was noticed": lambda run: run.suffer(
        run.server.stall, run.server.resume, hold_s=6
    ),
    "packets into a black hole for 6 s more": setting("silent", True, hold_s=6),
    "connections refused for 3 s": refused,
    "password changed, changed back 3 s later": lambda run: run.suffer(
        lambda: run.restarted(login=("me", "secret")),
        run.restarted,
        noticed=lambda _: "password" in run.hall.problem,
        hold_s=3,
    ),
    "2 % of packets lost and sent again 0.2 s later, jitter up to 50 ms (10 s)": setting(
        "loss", 0.02, hold_s=10
    ),
    "clock set by 3 s": setting("clock_s", 3.0, hold_s=3),
    "clock set by an hour": setting("clock_s", 3600.0, hold_s=3),
    "30 % of packets damaged (3 s)": setting("damage", 0.3, hold_s=3),
}


if __name__ == "__main__":
    main()
