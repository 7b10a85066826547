from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from app.sources.passwords import PasswordError, fill, read_password, with_login

NASTY = "p@ss:/?#%&wörd [x]"


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("hall.mp4", "hall.mp4"),
        ("${A}", "rtsp://10.0.0.4/main"),  # a whole address
        ("rtsp://${HOST}/main", "rtsp://10.0.0.4:554/main"),  # elsewhere than in the login: as it is
        ("rtsp://me:${P}@${HOST}/a@b", "rtsp://me:a%40b%2Fc@10.0.0.4:554/a@b"),
        ("rtsp://${P}:${P}@h", "rtsp://a%40b%2Fc:a%40b%2Fc@h"),
        ("http://h/x?user=me@home&token=${P}", "http://h/x?user=me@home&token=a@b/c"),
        ("$A {A} $", "$A {A} $"),
    ],
)
def test_variables_are_filled_in(text: str, filled: str) -> None:
    environment = {"A": "rtsp://10.0.0.4/main", "P": "a@b/c", "HOST": "10.0.0.4:554"}
    assert fill(text, environment) == filled


def test_a_variable_may_hold_anything_and_is_not_looked_into() -> None:
    assert fill("rtsp://me:${P}@h/x", {"P": "${Q}"}) == "rtsp://me:%24%7BQ%7D@h/x"
    assert fill("${P}", {"P": "\\1 ${Q}"}) == "\\1 ${Q}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rtsp://me:${GONE}@h/x", "environment variable GONE to be set"),
        ("rtsp://me:${EMPTY}@h/x", "environment variable EMPTY to be set, and not empty"),
        ("rtsp://me:${P@h/x", "written as ${NAME}"),
        ("rtsp://me:${P-x}@h/x", "written as ${NAME}"),
    ],
)
def test_what_can_not_be_filled_in_is_told(text: str, words: str) -> None:
    with pytest.raises(PasswordError) as caught:
        fill(text, {"EMPTY": "", "P": "secret"})
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("address", ["rtsp://10.0.0.4:554/a?b=c@d", "rtsp://10.0.0.4", "rtsp://[::1]:554/x"])
def test_a_login_comes_back_as_it_went_in(address: str) -> None:
    parts = urlsplit(with_login(address, username="me@home", password=NASTY))
    assert unquote(parts.username or "") == "me@home"
    assert unquote(parts.password or "") == NASTY
    bare = urlsplit(address)
    assert (parts.hostname, parts.port, parts.path, parts.query) == (
        bare.hostname,
        bare.port,
        bare.path,
        bare.query,
    )


def test_the_user_may_stand_in_the_address() -> None:
    assert with_login("rtsp://me@h/x", username="", password="a b") == "rtsp://me:a%20b@h/x"


@pytest.mark.parametrize(
    ("address", "username", "words"),
    [
        ("/dev/video0", "me", "a source that is no address"),
        ("rtsp://h/x", "", "the user's name"),
        ("rtsp://me@h/x", "me", "the user's name, either"),
        ("rtsp://me:other@h/x", "", "not in both"),
    ],
)
def test_a_login_that_makes_no_sense(address: str, username: str, words: str) -> None:
    with pytest.raises(PasswordError) as caught:
        with_login(address, username=username, password="secret")
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "other" not in str(caught.value)


def test_the_first_line_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "password"
    for content, password in {b"a b\n": "a b", b"a\r\nb\n": "a", b"a": "a", " ä ".encode(): " ä "}.items():
        path.write_bytes(content)
        assert read_password(path) == password
    for content, words in {b"": "empty", b"\nx": "empty", b"\xff\xfe": "a text file"}.items():
        path.write_bytes(content)
        with pytest.raises(PasswordError, match=words):
            read_password(path)
    with pytest.raises(PasswordError, match="there is no"):
        read_password(tmp_path / "gone")
    with pytest.raises(PasswordError, match="can't: Is a directory"):
        read_password(tmp_path)
