"""Passwords from everywhere but the command line."""

import os
import sys
from pathlib import Path

import pytest

from client.passwords import MAX_PASSWORD_BYTES, PasswordError, read_password
from tests.harness.terminal import ENTER, terminal


def test_a_file(tmp_path: Path) -> None:
    """Its first line, without the end of it."""
    (tmp_path / "secret").write_bytes("pässword with spaces\r\nrest".encode())
    assert read_password(f"file:{tmp_path}/secret", {}, whose="") == "pässword with spaces"


def test_a_descriptor() -> None:
    """Its first line; the descriptor stays as it was, and nothing behind the line is needed."""
    reading, writing = os.pipe()
    os.write(writing, b"hunter2\n")
    assert read_password(f"fd:{reading}", {}, whose="") == "hunter2"
    os.close(reading)
    os.close(writing)


def test_a_variable_and_a_command() -> None:
    """As they are given; a command is words, no line for a shell."""
    assert read_password("env:SECRET", {"SECRET": "hunter2"}, whose="") == "hunter2"
    script = f"{sys.executable} -c 'print(\"hunter2; $HOME\")'"
    assert read_password(f"command:{script}", {}, whose="") == "hunter2; $HOME"


@pytest.mark.parametrize(
    "source",
    [
        "hunter2",
        "hunter2:x",
        "prompt:x",
        "prompt",
        "file:/nowhere/hunter2",
        "file:",
        "fd:x",
        "fd:999",
        "env:NONE",
        "command:",
        "command:'hunter2",
        "command:/nowhere/hunter2",
        "command:false",
        "command:true",
    ],
)
def test_what_has_no_password_is_refused_and_not_repeated(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever stands there may be a password by mistake."""
    with open(os.devnull) as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        with pytest.raises(PasswordError) as caught:
            read_password(source, {}, whose="")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\n", b"x" * (MAX_PASSWORD_BYTES + 1), b"\xff\xfe", b"a\0b"])
def test_what_is_no_password_is_refused(tmp_path: Path, content: bytes) -> None:
    """Empty, too long for its line, not UTF-8, a NUL."""
    (tmp_path / "secret").write_bytes(content)
    with pytest.raises(PasswordError):
        read_password(f"file:{tmp_path}/secret", {}, whose="")


def test_a_person_is_asked_without_echo(tmp_path: Path) -> None:
    """--account alone asks; what is typed is not shown; then the chat begins."""
    with terminal(tmp_path, "--room=tea", "--nick=ann", "--account=ann", "--server=127.0.0.1:1") as person:
        person.sees("password of ann:")
        person.type("hunter2" + ENTER)
        person.sees("connecting to 127.0.0.1:1")
        assert b"hunter2" not in person.written
