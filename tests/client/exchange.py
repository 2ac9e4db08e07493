"""A session and the lines it exchanges with a server that the test plays, in memory."""

from client.events import Event
from client.line import RoomLine
from client.registration import WANTED_CAPABILITIES
from client.resumption import Ticket
from client.sasl import Login
from client.session import Session, Wishes

__all__ = ["NOW_MS", "STANDARD_CAPABILITIES", "Exchange", "texts"]

NOW_MS = 1_000_000
STANDARD_CAPABILITIES = tuple(name for name in WANTED_CAPABILITIES if not name.startswith("hubbub.chat/"))


class Exchange:
    """`hear` what the server says, look at `said` by the client."""

    def __init__(
        self,
        *,
        rooms: dict[str, str] | None = None,
        password: str = "",
        own_nicks: tuple[str, ...] = (),
        ticket: Ticket | None = None,
        login: Login | None = None,
    ) -> None:
        self.session = Session(
            Wishes(
                nick="ann",
                user="ann",
                realname="Ann",
                rooms=rooms or {},
                password=password,
                own_nicks=frozenset(own_nicks),
                ticket=ticket,
                login=login,
            )
        )
        self.session.start()

    def hear(self, *lines: str) -> list[Event]:
        """Events of lines from the server, given without CR LF."""
        return self.session.receive("".join(f"{line}\r\n" for line in lines).encode(), now_ms=NOW_MS)

    def said(self) -> list[str]:
        """What the client has sent since the last call."""
        return self.session.data_to_send().decode().splitlines()

    def register(self, *caps: str) -> None:
        """All the way to 001 with `caps`, or with every standard one that the client knows."""
        caps = caps or STANDARD_CAPABILITIES
        self.said()
        self.hear(f":irc CAP * LS :{' '.join(caps)}", f":irc CAP ann ACK :{' '.join(caps)}", ":irc 001 ann :Welcome")
        self.hear(":irc 005 ann CHATHISTORY=100 CHANTYPES=# :are supported by this server")
        assert "CAP END" in self.said()

    def enter(self, room: str = "#tea") -> None:
        """Be in `room`, with an empty history."""
        self.session.join(room)
        self.said()
        self.hear(f":ann!a@h JOIN {room}")
        self.answer_history(room)
        self.said()

    def answer_history(self, room: str, *lines: str) -> list[Event]:
        """Answer the request for history that the client has just made, and its barrier."""
        sent = self.said()
        token = next(line for line in reversed(sent) if line.startswith("PING ")).removeprefix("PING ")
        label = f"@label={token} " if any(line.startswith("@label=history") for line in sent) else ""
        batch = [f"{label}:irc BATCH +h chathistory {room}", *(in_batch(line, "h") for line in lines), ":irc BATCH -h"]
        return self.hear(*batch, f":irc PONG irc {token}")


def in_batch(line: str, ref: str) -> str:
    """The line as a member of a batch."""
    return f"@batch={ref};{line[1:]}" if line.startswith("@") else f"@batch={ref} {line}"


def texts(events: list[Event]) -> list[str]:
    """What the room lines among events say."""
    return [event.text for event in events if isinstance(event, RoomLine)]
