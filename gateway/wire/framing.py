"""Cut a TCP byte stream into IRC lines. Standard library only. Source: RFC 1459 section 2.3; IRCv3 message-tags."""

from dataclasses import dataclass

__all__ = ["LineDecoder", "Overlong"]


@dataclass(frozen=True, slots=True)
class Overlong:
    """Stands in the stream where a line was longer than the decoder keeps; the line itself is gone."""

    limit_bytes: int


class LineDecoder:
    """Incremental: keeps at most `limit_bytes` of a line that has not ended yet, and one CR."""

    __slots__ = ("_buffer", "_limit", "_skipping")

    def __init__(self, limit_bytes: int) -> None:
        self._buffer = bytearray()
        self._limit = limit_bytes
        self._skipping = False

    @property
    def idle(self) -> bool:
        """No line has begun: a new decoder would do as well."""
        return not (self._buffer or self._skipping)

    def feed(self, chunk: bytes) -> list[bytes | Overlong]:
        """Add bytes from the network and return the lines they complete. The cost is linear in the bytes.

        Args:
            chunk: any number of bytes, zero included; borders carry no meaning.
        Returns:
            Lines without the CRs and the LF that end them (a lone LF ends a line too), oldest first, empty ones left
            out. A line over the limit, ended or not, appears once as `Overlong`, and the stream goes on after its LF.
            All CRs but the last count towards the limit.
        Raises:
            Nothing: bad input is an event, never an exception.
        """
        pieces = chunk.split(b"\n")
        rest = pieces.pop()
        if pieces and self._buffer:
            pieces[0] = bytes(self._buffer) + pieces[0]
            self._buffer.clear()
        lines: list[bytes | Overlong] = []
        for piece in pieces:
            if self._skipping:
                self._skipping = False
            elif self._is_overlong(piece):
                lines.append(Overlong(self._limit))
            elif line := piece.rstrip(b"\r"):
                lines.append(line)
        if not self._skipping:
            # Growing in place, where joining would make a peer that sends single bytes cost their square.
            self._buffer += rest
            if self._is_overlong(self._buffer):
                lines.append(Overlong(self._limit))
                self._skipping = True
                self._buffer.clear()
        return lines

    def _is_overlong(self, line: bytes | bytearray) -> bool:
        return len(line) - line.endswith(b"\r") > self._limit
