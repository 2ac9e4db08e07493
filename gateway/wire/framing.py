"""Cut a TCP byte stream into IRC lines. Standard library only. Source: RFC 1459 section 2.3; IRCv3 message-tags."""

from dataclasses import dataclass

__all__ = ["LineDecoder", "Overlong"]


@dataclass(frozen=True, slots=True)
class Overlong:
    """Stands in the stream where a line was longer than the decoder keeps; the line itself is gone."""

    limit_bytes: int


class LineDecoder:
    """Incremental: keeps at most `limit_bytes` of a line that has not ended yet."""

    __slots__ = ("_buffer", "_limit", "_skipping")

    def __init__(self, limit_bytes: int) -> None:
        self._buffer = b""
        self._limit = limit_bytes
        self._skipping = False

    def feed(self, chunk: bytes) -> list[bytes | Overlong]:
        """Add bytes from the network and return the lines they complete.

        Args:
            chunk: any number of bytes, zero included; borders carry no meaning.
        Returns:
            Lines without CR LF (a lone LF ends a line too), oldest first, empty ones left out. A line over the
            limit, ended or not, appears once as `Overlong`, and the stream goes on after its LF.
        Raises:
            Nothing: bad input is an event, never an exception.
        """
        pieces = (self._buffer + chunk).split(b"\n") if self._buffer else chunk.split(b"\n")
        rest = pieces.pop()
        lines: list[bytes | Overlong] = []
        for piece in pieces:
            if self._skipping:
                self._skipping = False
                continue
            line = piece.rstrip(b"\r")
            if len(line) > self._limit:
                lines.append(Overlong(self._limit))
            elif line:
                lines.append(line)
        if self._skipping:
            rest = b""
        elif len(rest.rstrip(b"\r")) > self._limit:
            lines.append(Overlong(self._limit))
            self._skipping = True
            rest = b""
        self._buffer = rest
        return lines
