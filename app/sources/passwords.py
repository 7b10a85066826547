"""Passwords of cameras: from the environment or a file into an address that memory alone holds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

_KEY = r"pass|pwd|psw|\bpw\b|token|secret|auth|login|key|sig|sess|\bsid|ticket|cred|jwt|otp|\bpin\b|code"
_SECRET = re.compile(rf"(?i)((?:{_KEY})[a-z0-9-]*(?:=|%3d))[^&;/?#]*?(?=_\w+=|[&;/?#]|$)")
_PART = re.compile(r"(?<=[/=?&;:])[^/=?&;:#]+")
_TOKEN = re.compile(r"[0-9a-fA-F]{16,}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|eyJ[\w.-]{10,}")
_MIXED = re.compile(r"[A-Za-z0-9+]{12,}={0,2}")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"<>]+")
_NAME = r"(?:[\w-]+\.)+[\w-]+|localhost|\[[0-9a-fA-F:.]+\]"
_CLEAR_NAME = re.compile(rf"(?:{_NAME})(?::\d+)?")
_CLEAR_HOST = re.compile(rf"(?:{_NAME})(?::\d+)?|[\w-]+:\d+")
_HOST_ON = re.compile(rf"(?:(?:{_NAME})(?::\d+)?|[\w-]+:\d+|[\w-]+)(?:[/?]|$)")
_SURE_HOST_ON = re.compile(r"(?:(?:\d+\.){3}\d+(?::\d+)?|localhost|\[[^\]]+\]|[\w.-]+:\d+)(?:[/?]|$)")
_ENCODED = re.compile(r"(?:[\w.~!$&'()*+,;=-]|%[0-9a-fA-F]{2})*", re.ASCII)
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class PasswordError(Exception):
    """What was expected where a password, or a variable that may hold one, can't be had."""


def redact(uri: str) -> str:
    """The address without user and password, and with stars for what looks like a secret in its path and
    query: by its key (password=, token=, ...) or by its form (long and mixed, as nobody names a camera). Fit
    for logs and screens.
    """
    scheme, separator, rest = uri.partition("://")
    if not separator:
        return uri
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    login = rest if _is_cut_short(authority) else authority
    host_on = rest[login.rfind("@") + 1 :]
    host = re.split(r"[/?#]", host_on, maxsplit=1)[0]
    asked = _SECRET.sub(r"\1***", host_on[len(host) :])
    return f"{scheme}://{host}" + _PART.sub(lambda found: "***" if _is_token(found[0]) else found[0], asked)


def _is_cut_short(authority: str) -> bool:
    """Whether a login, of which a part may lie behind the first /, is in what should be a host: what looks
    like a port is no number, or stands behind a name without a dot, as users have.
    """
    after = authority.rpartition("]")[2]
    return bool(re.search(r":(?!\d+$)", after)) or (
        "@" not in authority and ":" in after and not _CLEAR_NAME.fullmatch(authority)
    )


def holds_secret(text: str) -> bool:
    """Whether an address has a password, or what looks like a key, written out in it: not as ${NAME}."""
    bare = with_login_encoded(_VARIABLE.sub("", text))
    scheme, separator, rest = bare.partition("://")
    if not separator:
        return False
    password = bare[: _login_end(bare)].removeprefix(scheme + separator).partition(":")[2]
    keyed = any(found.end() > found.end(1) for found in _SECRET.finditer(rest))
    return bool(password) or keyed or any(map(_is_token, _PART.findall(rest)))


def redact_all(text: str) -> str:
    """A text, such as an error's, with every address in it redacted."""
    return _ADDRESS.sub(lambda found: redact(found[0]), text)


def _is_token(part: str) -> bool:
    """Whether a part of a path or query is made by a machine: long, and letters and digits in turns."""
    if _TOKEN.fullmatch(part):
        return True
    if not _MIXED.fullmatch(part):
        return False
    kinds = [0 if letter.isdigit() else 1 if letter.islower() else 2 for letter in part]
    return len(set(kinds)) == 3 and sum(a != b for a, b in pairwise(kinds)) >= 4


def with_login_encoded(address: str) -> str:
    """The address with its user and password percent-encoded, which may hold any letter then.

    Where the login ends is told by what looks like a host behind an @; what is encoded already stays.
    """
    scheme, separator, rest = address.partition("://")
    end = _raw_login_end(rest) if separator else -1
    if end < 0:
        return address
    user, colon, password = rest[:end].partition(":")
    return f"{scheme}://{_encoded(user)}{colon}{_encoded(password)}@{rest[end + 1 :]}"


def _raw_login_end(rest: str) -> int:
    """Where the @ behind the login is; -1 where there is none."""
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    first = authority.rfind("@")
    host = authority[first + 1 :]
    if first >= 0 and _CLEAR_HOST.fullmatch(host):
        return first
    if first < 0 and not _is_cut_short(authority):
        return -1
    port_like = first < 0 and bool(re.search(r":\d+$", authority))
    wanted = _SURE_HOST_ON if port_like or (first >= 0 and "#" not in rest) else _HOST_ON
    later = [m.start() for m in re.finditer("@", rest) if wanted.match(rest, m.start() + 1)]
    return later[-1] if later else first


def _encoded(text: str) -> str:
    return text if _ENCODED.fullmatch(text) else quote(text, safe="")


def fill(text: str, environment: Mapping[str, str]) -> str:
    """The text with the value of the variable in place of each ${NAME}.

    In the `user:password@` of an address values are percent-encoded, so a password may hold any character;
    elsewhere they are taken as they are. Raises PasswordError.
    """
    if "${" in _VARIABLE.sub("", text):
        raise PasswordError("a variable to be written as ${NAME}, of letters, digits and _")
    cut = _login_end(text)
    login = _VARIABLE.sub(lambda found: quote(_value(found[1], environment), safe=""), text[:cut])
    return login + _VARIABLE.sub(lambda found: _value(found[1], environment), text[cut:])


def _value(name: str, environment: Mapping[str, str]) -> str:
    value = environment.get(name, "")
    if not value:
        raise PasswordError(f"the environment variable {name} to be set, and not empty")
    return value


def _login_end(text: str) -> int:
    """Where `scheme://user:password` ends; 0 where the text has no such thing."""
    scheme, separator, rest = text.partition("://")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    return len(scheme + separator) + authority.rfind("@") if "@" in authority else 0


def read_password(path: Path) -> str:
    """The first line of the file, which nobody else may read. Raises PasswordError."""
    try:
        if path.stat().st_mode & 0o077:
            raise PasswordError(f"a file that none but its owner may read; run: chmod 600 {path}")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise PasswordError(f"a file that holds the password, but there is no {path}") from None
    except OSError as error:
        raise PasswordError(f"a file that can be read, but {path} can't: {error.strerror}") from None
    except UnicodeDecodeError:
        raise PasswordError(f"a text file that holds the password, but {path} is none") from None
    password = text.partition("\n")[0].rstrip("\r")
    if not password:
        raise PasswordError(f"the password in the first line of {path}, but that is empty")
    return password


def with_login(address: str, *, username: str, password: str) -> str:
    """The address with both in it. username: "" where the address names the user. Raises PasswordError."""
    scheme, separator, rest = address.partition("://")
    if not separator:
        raise PasswordError("no password for a source that is no address such as rtsp://10.0.0.4/main")
    end = _login_end(address)
    login = address[len(scheme + separator) : end]
    if ":" in login:
        raise PasswordError("the password either in the address or in a file, not in both")
    if bool(login) == bool(username):
        raise PasswordError("the user's name, either as username or in the address")
    host_on = address[end + 1 :] if end else rest
    return f"{scheme}://{login or quote(username, safe='')}:{quote(password, safe='')}@{host_on}"
