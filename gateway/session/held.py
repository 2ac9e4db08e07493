"""Lines for a peer held back while it is told what came before them. Pure."""

from types import TracebackType
from typing import Self

from gateway.session.session import Session

__all__ = ["MAX_HELD_BYTES", "Held"]

MAX_HELD_BYTES = 1_048_576  # past it the connection is lost; the session comes back later


class Held:
    """Within the block what is written to the session waits; `write` goes out at once, and what waited at the end."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._out = session.write
        self._lines: list[bytes] = []
        self._bytes = 0

        def keep(data: bytes) -> None:
            self._bytes += len(data)
            if self._bytes <= MAX_HELD_BYTES:
                self._lines.append(data)
            else:
                session.close("SendQ exceeded", goes_on=True)

        self._keep = keep
        session.write = keep

    def write(self, data: bytes) -> None:
        """Write past what is held; nothing where the connection is gone."""
        if self._session.write is self._keep:
            self._out(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session.write is self._keep:
            self._session.write = self._out
            self._out(b"".join(self._lines))
