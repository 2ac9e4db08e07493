"""A chat and a console; the test plays server, clock and person."""

from itertools import count

from client.cache import Cache
from client.chat import Chat, Identity
from client.console import Console
from client.linkstatus import LinkStatus
from client.outbox import Outbox
from client.render import plain, render
from client.resumption import Resumption
from client.sasl import Login

__all__ = ["CAPS", "Play"]

CAPS = "batch draft/chathistory echo-message labeled-response message-tags server-time"


class Play:
    """A chat and a console; the test plays server, clock and person."""

    def __init__(
        self,
        *rooms: str,
        outbox: Outbox | None = None,
        resumption: Resumption | None = None,
        login: Login | None = None,
        cache: Cache | None = None,
    ) -> None:
        numbers = count(1)
        self.now_ms = 0
        self.chat = Chat(
            Identity(nick="ann", user="ann", realname="Ann", login=login),
            list(rooms or ("#tea",)),
            Outbox() if outbox is None else outbox,
            new_key=lambda: f"k{next(numbers)}",
            now_ms=lambda: self.now_ms,
            resumption=resumption,
            cache=cache,
        )
        self.status = LinkStatus(["irc:6667", "other:6667"], 0)
        self.console = Console(self.chat, self.status)
        self._msgids = count(1)

    def hear(self, *lines: str) -> None:
        """Lines from the server."""
        self.chat.received("".join(f"{line}\r\n" for line in lines).encode())

    def said(self) -> list[str]:
        """What goes to the server now."""
        return self.chat.data_to_send().decode().splitlines()

    def seen(self) -> list[str]:
        """Rows that are new on the screen, without their times."""
        shown = self.chat.transcripts.fresh()
        return [plain(render(item.row, own_nick=self.chat.nick)).partition(" ")[2] for item in shown]

    def connect(self, *more_caps: str, token: str = "") -> None:
        """A server welcomes us, and gives us `token`; rooms are not entered yet."""
        self.chat.opened("irc:6667")
        caps = " ".join([CAPS, *more_caps])
        self.hear(f":irc CAP * LS :{caps}", f":irc CAP ann ACK :{caps}", ":irc 001 ann :Welcome")
        if token:
            self.hear(f":irc RESUME TOKEN {token}")
        self.said()

    def enter(self, room: str = "#tea", *history: str, token: str = "history-1-1") -> None:
        """The server lets us into `room` and answers the request for history."""
        self.hear(f":ann!a@h JOIN {room}", f"@label={token} :irc BATCH +h chathistory {room}")
        self.hear(*(f"@batch=h;{line.removeprefix('@')}" for line in history))
        self.hear(":irc BATCH -h", f":irc PONG irc {token}")

    def echo(self, sent: str) -> None:
        """The server takes the line `sent` and echoes it."""
        tags, _, rest = sent.partition(" ")
        self.hear(f"{tags};msgid=m{next(self._msgids)} :ann!a@h {rest}")
