"""A bot written with a plain IRC library works here unchanged. Source: https://pypi.org/project/irc/."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import irc.client
import pytest

from tests.harness.gateway_process import GatewayProcess
from tests.harness.irc_peer import IrcPeer

pytestmark = pytest.mark.slow
TICK_S = 0.05


class Repeater:
    """Joins a room, and answers who talks to it there or alone."""

    def __init__(self, host: str, port: int, nick: str, room: str) -> None:
        self._reactor = irc.client.Reactor()
        self._stop = threading.Event()
        self._connection = self._reactor.server().connect(host, port, nick)
        self._connection.add_global_handler("welcome", lambda connection, event: connection.join(room))
        self._connection.add_global_handler("pubmsg", self._answer_room)
        self._connection.add_global_handler("privmsg", self._answer_alone)

    def run(self) -> None:
        """Work until stopped."""
        while not self._stop.is_set():
            self._reactor.process_once(TICK_S)
        self._connection.disconnect("done")

    def stop(self) -> None:
        """End `run`."""
        self._stop.set()

    @staticmethod
    def _answer_room(connection: irc.client.ServerConnection, event: irc.client.Event) -> None:
        connection.privmsg(event.target, f"{event.source.nick} said {event.arguments[0]}")

    @staticmethod
    def _answer_alone(connection: irc.client.ServerConnection, event: irc.client.Event) -> None:
        connection.notice(event.source.nick, f"you said {event.arguments[0]}")


@contextmanager
def repeater(host: str, port: int, nick: str, room: str) -> Iterator[None]:
    """A bot at work."""
    bot = Repeater(host, port, nick, room)
    thread = threading.Thread(target=bot.run)
    thread.start()
    try:
        yield
    finally:
        bot.stop()
        thread.join()


async def test_a_bot_answers_from_another_gateway(two_gateways: tuple[GatewayProcess, GatewayProcess]) -> None:
    """In the room and alone; it leaves with its own words."""
    one, two = two_gateways
    async with await IrcPeer.connect(one.host, one.port, "ann") as ann:
        await ann.send("JOIN #lobby")
        await ann.expect("366")
        with repeater(two.host, two.port, "bot", "#lobby"):
            await ann.expect("JOIN")
            await ann.send("PRIVMSG #lobby :good evening", "PRIVMSG bot :psst")
            assert (await ann.expect("PRIVMSG")).params == ("#lobby", "ann said good evening")
            assert (await ann.expect("NOTICE")).params == ("ann", "you said psst")
        assert (await ann.expect("QUIT")).params == ("Quit: done",)
