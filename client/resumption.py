"""What proves to any gateway that we are the session of before: the token, on disk so that a crash does not cost it.

The file stands beside the outbox and under its lock, readable by its owner only: who has the token can take the
session over. Source: docs/protocol.md, `hubbub.chat/resume`.
"""

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from client.disk import Disk
from client.private_files import write_whole

__all__ = ["Resumption", "Ticket"]

MAX_TOKEN_BYTES = 100
MAX_FILE_BYTES = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What is said to come back as the same session.

    Attributes:
        token: opaque; never shown, never logged.
        capabilities: what was agreed on with the server; asked for again without waiting for its offer.
        direct: msgid of the last direct message seen, or empty.
        former: the token before, or empty: good where the server has lost that it gave us a newer one.
    """

    token: str = field(repr=False)
    capabilities: tuple[str, ...] = ()
    direct: str = ""
    former: str = field(default="", repr=False)


class Resumption:
    """The newest ticket, in memory and, with a path, on disk."""

    def __init__(self, path: Path | None = None, disk: Disk | None = None) -> None:
        """Take up what an earlier run left; a file that cannot be read or understood is as good as none."""
        self._path = path
        self._disk = disk if disk is not None else Disk()
        self.ticket = _read(path) if path is not None else None
        self._saved = self.ticket

    def granted(self, token: str, capabilities: frozenset[str]) -> None:
        """The server gave us a new token; it is on disk before anything more is said, for that voids the old one."""
        if not _is_word(token, MAX_TOKEN_BYTES):
            return
        before = self.ticket or Ticket(token="")
        self.ticket = Ticket(
            token=token, capabilities=tuple(sorted(capabilities)), direct=before.direct, former=before.token
        )
        self.save()

    def seen(self, msgid: str) -> None:
        """A direct message came; `save` writes it down in its time: an older position only gives it twice."""
        if self.ticket is not None and _is_word(msgid, MAX_FILE_BYTES // 4):
            self.ticket = replace(self.ticket, direct=msgid)

    def forget(self) -> None:
        """The session is over, or is not ours any more."""
        self.ticket = None
        self.save()

    def save(self) -> None:
        """Write down what has changed. A disk that refuses costs a restarted client its session, nothing else."""
        if self._path is None or self.ticket == self._saved:
            return
        with self._disk.keeping("how to come back as the same session"):
            if self.ticket is None:
                self._path.unlink(missing_ok=True)
            else:
                write_whole(self._path, json.dumps(asdict(self.ticket)).encode())
            self._saved = self.ticket


def _read(path: Path) -> Ticket | None:
    try:
        with path.open("rb") as file:
            fields = json.loads(file.read(MAX_FILE_BYTES))
        ticket = Ticket(
            token=fields["token"],
            capabilities=tuple(fields["capabilities"]),
            direct=fields["direct"],
            former=fields["former"],
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    words = [ticket.token, *ticket.capabilities, *(word for word in (ticket.direct, ticket.former) if word)]
    return ticket if all(_is_word(word, MAX_FILE_BYTES) for word in words) else None


def _is_word(text: object, limit_bytes: int) -> bool:
    """Whether `text` can stand as one parameter on the wire: the file is ours, but a person may have edited it."""
    return (
        isinstance(text, str)
        and 0 < len(text.encode(errors="replace")) <= limit_bytes
        and text.isascii()
        and text.isprintable()
        and " " not in text
        and not text.startswith(":")
    )
