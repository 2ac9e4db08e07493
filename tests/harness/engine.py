"""The container engine, as the `docker` command gives it, and whether there is one."""

import functools
import subprocess

__all__ = ["docker", "why_no_engine"]

_ASK_S = 2.0
_COMMAND_S = 60.0


def docker(*args: str, env: dict[str, str] | None = None, stdin: str = "", deadline_s: float = _COMMAND_S) -> str:
    """Run `docker ARGS` and return its standard output.

    Blocking on purpose, in async tests too: one step of a scenario at a time.

    Raises:
        AssertionError: it failed; the text has what it printed.
        subprocess.TimeoutExpired: it took longer than `deadline_s`.
    """
    done = subprocess.run(
        ["docker", *args], env=env, input=stdin, capture_output=True, text=True, timeout=deadline_s, check=False
    )
    assert done.returncode == 0, f"docker {' '.join(args)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


@functools.cache
def why_no_engine() -> str | None:
    """Why containers cannot run here, or None where they can. Asked once, answered within a few seconds."""
    for question in (("info",), ("compose", "version")):
        try:
            docker(*question, deadline_s=_ASK_S)
        except (AssertionError, subprocess.TimeoutExpired, OSError) as error:
            reason = str(error).strip().splitlines()[-1]
            return f"no usable container engine: {reason}"
    return None
