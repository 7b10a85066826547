"""What comes from outside (names, numbers, addresses) does no harm; what is kept is its owner's alone."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console
from small_history import MODEL, name_footage, picture, small_history, unit, writer

from app import errors
from app.cli import main
from app.config import ConfigError, read_config
from app.history.answers import print_people, print_person
from app.history.telling import plain
from app.output.html_page import write_html
from app.output.place import write_own
from app.sources.passwords import PasswordError, holds_secret, read_password, redact, redact_all
from storage.database import open_database
from storage.errors import DatabaseError
from storage.export import export
from storage.history import History
from storage.repair import Repair
from tracker.types import Portrait, Sighting

ESCAPES = "Ann\x1b]0;owned\x07\x1b[2J\u202e\x9b31m"


@pytest.mark.parametrize(
    ("address", "secret"),
    [
        ("rtsp://me:S3cretPw@h/x", "S3cretPw"),
        ("rtsp://me:S3/cretPw@h/x", "cretPw"),
        ("rtsp://onlyuser@h/x", "onlyuser"),
        *((f"http://h/v?{key}=S3cretPw&fps=5", "S3cretPw") for key in (
            "password", "passwd", "pass", "pwd", "PWD", "usr_pass", "loginpas_password", "pw", "token",
            "access_token", "auth", "authkey", "authorization", "apikey", "api_key", "api-key", "key",
            "secret", "client_secret", "sig", "signature", "session", "sessionid", "sid", "ticket",
            "credentials", "jwt", "otp", "pin", "login",
        )),
        ("http://h/v?password%3DS3cretPw", "S3cretPw"),
        ("rtsp://h/user=me_password=S3cretPw_channel=1", "S3cretPw"),
        ("rtsps://h:7441/xB7kQ2mN9pR4sT6v", "xB7kQ2mN9pR4sT6v"),
        ("http://h/live/0123456789abcdef0123456789abcdef/1", "0123456789abcdef"),
        ("http://h/s/5f2b1c7e-1d2e-4a3b-8c9d-0e1f2a3b4c5d/x", "5f2b1c7e"),
        ("http://h/v?x=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcDEF123", "eyJhbGci"),
        ("http://h/v;sessionid=S3cretPw", "S3cretPw"),
    ],
)  # fmt: skip
def test_no_form_of_a_secret_is_shown(address: str, secret: str) -> None:
    assert secret not in redact(address)
    assert secret not in redact_all(f"can't open '{address}': refused")


@pytest.mark.parametrize(
    "address",
    [
        "rtsp://10.0.0.4:554/Streaming/Channels/101?transportmode=unicast",
        "rtsp://h/h264Preview_01_main",
        "rtsp://h/cam/realmonitor?channel=1&subtype=0",
        "http://h/axis-cgi/mjpg/video.cgi?resolution=640x480&fps=5",
        "rtsp://h/live/ch00_0",
        "/dev/video0",
    ],
)
def test_what_is_no_secret_stays_readable(address: str) -> None:
    assert redact(address) == address
    assert not holds_secret(address)


@pytest.mark.parametrize(
    ("source", "refused"),
    [
        ("rtsp://viewer:S3cretPw@10.0.0.4/main", True),
        ("rtsp://viewer:S3/cret@Pw@10.0.0.4/main", True),
        ("http://h/v?token=S3cretPw", True),
        ("rtsps://h:7441/xB7kQ2mN9pR4sT6v", True),
        ("rtsp://viewer:${HALL}@10.0.0.4/main", False),
        ("http://h/v?token=${HALL}&fps=5", False),
        ("rtsp://viewer@10.0.0.4/main", False),
        ("hall.mp4", False),
    ],
)
def test_a_configuration_with_a_password_that_everybody_can_read_is_refused(
    tmp_path: Path, source: str, refused: bool
) -> None:
    site = tmp_path / "site.toml"
    site.write_text(f'[[camera]]\nname = "hall"\nsource = "{source}"\n')
    site.chmod(0o644)
    if refused:
        with pytest.raises(ConfigError, match=f"chmod 600 {site}") as error:
            read_config(site, environment={})
        assert "S3" not in str(error.value)
    else:
        assert len(read_config(site, environment={"HALL": "x"}).cameras) == 1
    site.chmod(0o640)
    assert len(read_config(site, environment={"HALL": "x"}).cameras) == 1


def test_an_errors_address_is_redacted(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["show", "1", "--db", str(tmp_path / "rtsp:" / "x")]) == errors.DATABASE
    (tmp_path / "site.toml").write_text(
        '[[camera]]\nname = "a"\nsource = "http://h/v?token=S3cretPw"\nrecord = 3\n'
    )
    assert main(["config", "check", str(tmp_path / "site.toml")]) == errors.CONFIG
    assert "S3cretPw" not in "".join(capsys.readouterr())


def test_a_password_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "hall.password"
    file.write_text("secret\n")
    file.chmod(0o644)
    with pytest.raises(PasswordError, match="none but its owner may read; run: chmod 600"):
        read_password(file)
    file.chmod(0o600)
    assert read_password(file) == "secret"


def test_a_terminal_obeys_no_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    engine = open_database(tmp_path / "h.db", create=True)
    with writer(engine) as record:
        record.footage(f"hall{ESCAPES}", uri="x", start=0.0, width=1, height=1)
        record.sighting(Sighting(1, f"hall{ESCAPES}", 0.0, 1.0, 1, 0.9))
    Repair(engine).name(1, ESCAPES)
    history = History(engine)
    for show in (print_people, lambda history, **more: print_person(history, 1, **more)):
        console = Console(file=StringIO(), width=200)
        show(history, as_json=False, console=console)
        told = console.file.getvalue()  # type: ignore[attr-defined]
        assert "Ann\\x1B]0;owned\\x07" in told
        assert not any(mark in told for mark in "\x1b\x07\x9b\u202e")
    assert main(["corrections", "--db", str(tmp_path / "h.db")]) == errors.OK
    assert main(["name", "1", ESCAPES, "--db", str(tmp_path / "h.db")]) == errors.OK
    assert main(["people", "--db", f"{tmp_path}/{ESCAPES}"]) == errors.DATABASE
    said = "".join(capsys.readouterr())
    assert "\x1b" not in said
    assert "\\x1B" in said
    assert plain("Zoë 山田 🚶") == "Zoë 山田 🚶"


def test_a_page_stays_well_formed_whatever_a_camera_is_called(tmp_path: Path) -> None:
    from app.topology.picture import write_picture
    from tracker.types import Topology

    names = {f"a{ESCAPES}<script>alert(1)</script>&\x00\ud800": 3, "b]]>--": 2}
    out = tmp_path / "topology.svg"
    write_picture(Topology((), (), names, 0.0, 9.0), (), "", out)
    text = out.read_text(encoding="utf-8")
    ElementTree.fromstring(text)
    assert "<script>" not in text
    assert out.stat().st_mode & 0o777 == 0o600


def test_what_is_kept_is_its_owners_alone(tmp_path: Path) -> None:
    """Whatever the umask says."""
    before = os.umask(0)
    try:
        path = tmp_path / "new" / "deep" / "h.db"
        engine = open_database(path, create=True)
        with writer(engine) as record:
            name_footage(record)
            record.sighting(Sighting(1, "left", 10.0, 11.0, 1, 0.9))
            record.portrait(1, Portrait(10.0, 0.5, unit(1), picture(9)))
            record.flush()
            beside = sorted(file.name for file in path.parent.iterdir())
            assert {"h.db", "h.db-wal", "h.db.lock"} <= set(beside)
            assert {file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {0o600}
        export(History(engine), "csv", tmp_path / "out")
        assert (
            main(
                [
                    "show",
                    "1",
                    "--db",
                    str(path),
                    "--pictures",
                    str(tmp_path / "p"),
                    "--page",
                    str(tmp_path / "a.html"),
                ]
            )
            == 0
        )
        assert main(["backup", str(tmp_path / "copy.db"), "--db", str(path)]) == 0
    finally:
        os.umask(before)
    for file in tmp_path.rglob("*"):
        assert file.stat().st_mode & 0o077 == 0, file


def test_no_link_is_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    for name in ("page.html", "page.html.part", "h.db.lock"):
        (tmp_path / name).symlink_to(victim)
    write_own(tmp_path / "page.html", b"page")
    assert (tmp_path / "page.html").read_text() == "page"
    with pytest.raises(DatabaseError, match="cannot be locked"):
        open_database(tmp_path / "h.db", create=True)
    assert victim.read_text() == "mine"


BAD_TIMES: list[Callable[[sqlite3.Connection], object]] = [
    lambda file: file.execute(
        'UPDATE sighting SET start = 1764403200000, "end" = 1764403200009 WHERE id = 1'
    ),
    lambda file: file.execute('UPDATE sighting SET "end" = 9e999 WHERE id = 2'),
    lambda file: file.execute("UPDATE sighting SET start = -9e999 WHERE id = 3"),
    lambda file: file.execute("UPDATE footage SET start = 1e300"),
]


@pytest.mark.parametrize("spoil", BAD_TIMES)
def test_a_history_with_a_time_that_can_not_be_still_answers(
    tmp_path: Path, spoil: Callable[[sqlite3.Connection], object], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "h.db"
    small_history(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        spoil(file)
    db = ["--db", str(path)]
    for command in (
        ["people"],
        ["people", "--json"],
        ["people", "--since", "20", "--until", "22"],
        ["show", "1"],
        ["show", "2", "--json"],
        ["show", "1", "--page", str(tmp_path / "p.html")],
        ["export", "--out", str(tmp_path / "out")],
        ["export", "--out", str(tmp_path / "out"), "--format", "mot"],
    ):
        assert main([*command, *db]) == errors.OK, command
    told = capsys.readouterr().out
    assert "Ann" in told
    assert len(History(open_database(path, create=False)).identities(MODEL)) == 2


@pytest.mark.parametrize("time", [float("nan"), float("inf"), 1764403200000.0, -1e300])
def test_no_such_time_is_stored(tmp_path: Path, time: float) -> None:
    record = writer(open_database(tmp_path / "h.db", create=True))
    record.footage("left", uri="x", start=time, width=1, height=1)
    with pytest.raises(ValueError, match="is no time of footage"):
        record.flush()
    with pytest.raises(ValueError, match="is no time of footage"):
        record.close()


def test_a_foreign_history_runs_nothing(tmp_path: Path) -> None:
    """A view or trigger of a history from elsewhere can't call what it should not."""
    path = tmp_path / "h.db"
    engine = small_history(path)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA trusted_schema").scalar() == 0
        assert connection.exec_driver_sql("PRAGMA secure_delete").scalar() == 1
    view = "CREATE VIEW v AS SELECT load_extension('x')"
    code = f"import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute({view!r})"
    subprocess.run([sys.executable, "-c", code, str(path)], check=True, timeout=30)
    with engine.connect() as connection, pytest.raises(Exception, match=r"unsafe use|not authorized"):
        connection.exec_driver_sql("SELECT * FROM v").all()


def test_pages_hold_no_script(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="undefined"):
        write_html("page.html", {}, tmp_path / "x.html")
    assert not (tmp_path / "x.html").exists()
