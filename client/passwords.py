"""Where a password comes from; never from the command line, which everybody on the machine can read."""

import getpass
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

__all__ = ["MAX_PASSWORD_BYTES", "SOURCES", "PasswordError", "read_password"]

SOURCES = "file:PATH, fd:NUMBER, env:NAME, command:WORDS or prompt"
MAX_PASSWORD_BYTES = 300
COMMAND_LIMIT_S = 120.0  # it may ask its person something itself


class PasswordError(ValueError):
    """No password was had; the text says why, and never has what stood in its place."""


def read_password(source: str, environ: Mapping[str, str], *, whose: str) -> str:
    """The password that `source`, one of `SOURCES`, has: its first line.

    Args:
        whose: what a person is asked for, as "password of ann".
    Raises:
        PasswordError: the source is none, cannot be read, or has no password.
    """
    kind, _, rest = source.partition(":")
    read = _READERS.get(kind)
    if read is None or (kind == "prompt") is bool(rest):
        raise PasswordError(f"not {SOURCES}")
    try:
        line = read(rest, environ, whose)
    except (OSError, subprocess.SubprocessError) as exc:
        raise PasswordError(f"no password could be read ({type(exc).__name__})") from exc
    try:
        text = line.split(b"\n", 1)[0].rstrip(b"\r").decode()
    except UnicodeDecodeError as exc:
        raise PasswordError("what it has is not UTF-8") from exc
    if not text or len(text.encode()) > MAX_PASSWORD_BYTES or "\0" in text or "\r" in text:
        raise PasswordError(f"its first line is no password of at most {MAX_PASSWORD_BYTES} bytes")
    return text


def _file(path: str, _environ: Mapping[str, str], _whose: str) -> bytes:
    with Path(path).expanduser().open("rb") as file:
        return file.readline(MAX_PASSWORD_BYTES + 2)


def _descriptor(number: str, _environ: Mapping[str, str], _whose: str) -> bytes:
    if not (number.isascii() and number.isdigit()):
        raise PasswordError("not the number of a descriptor")
    with os.fdopen(os.dup(int(number)), "rb", buffering=0) as file:
        return file.readline(MAX_PASSWORD_BYTES + 2)


def _variable(name: str, environ: Mapping[str, str], _whose: str) -> bytes:
    return environ.get(name, "").encode(errors="surrogateescape")


def _command(words: str, _environ: Mapping[str, str], _whose: str) -> bytes:
    try:
        argv = shlex.split(words)
    except ValueError as exc:
        raise PasswordError("the quotes of the command do not match") from exc
    if not argv:
        raise PasswordError("there is no command")
    done = subprocess.run(argv, stdout=subprocess.PIPE, timeout=COMMAND_LIMIT_S, check=False)
    if done.returncode:
        raise PasswordError(f"the command ended with {done.returncode}")
    return done.stdout


def _prompt(_rest: str, _environ: Mapping[str, str], whose: str) -> bytes:
    if not sys.stdin.isatty():
        raise PasswordError("there is no terminal to ask at")
    try:
        return getpass.getpass(f"{whose}: ").encode()
    except EOFError as exc:
        raise PasswordError("no answer came") from exc


_READERS: Mapping[str, Callable[[str, Mapping[str, str], str], bytes]] = {
    "file": _file,
    "fd": _descriptor,
    "env": _variable,
    "command": _command,
    "prompt": _prompt,
}
