"""Files that only their owner can read, each either as it was or wholly new. Standard library only."""

import contextlib
import os
from pathlib import Path

__all__ = ["write_whole"]


def _private(path: str, flags: int) -> int:
    """An `opener` for `open`: a file that it makes has mode 0600, and never had another."""
    return os.open(path, flags, 0o600)


def write_whole(path: Path, content: bytes) -> None:
    """Let the file be `content`; whoever is killed meanwhile leaves what was there before.

    Raises:
        OSError: it cannot be written; what was there before still is.
    """
    # Beside it, and nobody else's: other files here differ by their suffix alone, and some are shared by processes.
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        with open(fresh, "wb", opener=_private) as file:
            file.write(content)
        fresh.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise
