"""The container engine, as the `docker` command gives it, and whether there is one."""

import functools
import subprocess
from collections.abc import Mapping

__all__ = ["docker", "docker_bytes", "why_no_engine"]

_ASK_S = 15.0  # a loaded machine takes seconds to answer
_COMMAND_S = 60.0
_SHOWN_BYTES = 4000


def docker(*args: str, env: Mapping[str, str] | None = None, stdin: str = "", deadline_s: float = _COMMAND_S) -> str:
    """Run `docker ARGS` and return its standard output, as text. Otherwise as `docker_bytes`."""
    return docker_bytes(*args, env=env, stdin=stdin.encode(), deadline_s=deadline_s).decode()


def docker_bytes(
    *args: str, env: Mapping[str, str] | None = None, stdin: bytes = b"", deadline_s: float = _COMMAND_S
) -> bytes:
    """Run `docker ARGS` and return its standard output.

    Blocking on purpose, in async tests too: one step of a scenario at a time.

    Raises:
        AssertionError: it failed; the text has what it printed.
        subprocess.TimeoutExpired: it took longer than `deadline_s`.
    """
    done = subprocess.run(["docker", *args], env=env, input=stdin, capture_output=True, timeout=deadline_s, check=False)
    said = done.stdout[-_SHOWN_BYTES:] + done.stderr[-_SHOWN_BYTES:]
    assert done.returncode == 0, f"docker {' '.join(args)}: exit {done.returncode}\n{said.decode(errors='replace')}"
    return done.stdout


@functools.cache
def why_no_engine() -> str | None:
    """Why containers cannot run here, or None where they can. Asked once."""
    for question in (("info",), ("compose", "version")):
        try:
            docker(*question, deadline_s=_ASK_S)
        except (AssertionError, subprocess.TimeoutExpired, OSError) as error:
            reason = str(error).strip().splitlines()[-1]
            return f"no usable container engine: {reason}"
    return None
