"""What we are called, and were. Pure."""

from gateway.wire.names import casefold

__all__ = ["OwnNicks"]


class OwnNicks:
    """The nick we have, the one we want, and all we have had: lines from those in history are ours."""

    def __init__(self, nick: str) -> None:
        self.current = self.wanted = nick
        self.all = frozenset({casefold(nick)})
        self._asked = ""

    @property
    def asked(self) -> str:
        """The nick a person has asked the server for, while there is no answer; else empty."""
        return self._asked

    def want(self, nick: str) -> None:
        """Be called `nick` on the next connection."""
        self.wanted = nick
        self.given(nick)

    def ask(self, nick: str) -> None:
        """The server has been asked for `nick`."""
        self._asked = nick

    def refused(self) -> None:
        """It cannot be had."""
        self._asked = ""

    def given(self, nick: str) -> None:
        """The server calls us `nick`; one we asked for is the one we want from now on."""
        self.current = nick
        self.all |= {casefold(nick)}
        if self._asked and casefold(nick) == casefold(self._asked):
            self.wanted, self._asked = nick, ""
