"""A disk on which no file can grow: the kernel's limit on the size of files, of this process or of one it starts."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["full_disk", "without_room"]


@contextmanager
def full_disk(limit_bytes: int = 0) -> Iterator[None]:
    """Within the block no file of this process grows beyond `limit_bytes`: writing fails (EFBIG), or is cut short."""
    before, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, hard))


def without_room(command: list[str]) -> list[str]:
    """The same command, for a process that can write no byte to any file; sockets and terminals are no files."""
    return ["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", *command]
