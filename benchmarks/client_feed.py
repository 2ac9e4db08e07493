"""A server that only feeds one client: it answers what a client must have answered, and says lines at a given rate.

A process of its own, so that what it costs is not measured with the client.
"""

import multiprocessing
import selectors
import socket
import time
from contextlib import AbstractContextManager
from multiprocessing.connection import Connection
from typing import Any, Self

__all__ = ["Feed"]

CAPS = "batch draft/chathistory echo-message labeled-response message-tags server-time"
NICKS = ("bob", "carol", "dave", "eve", "frank", "grace")
TEXTS = (
    "morning all",
    "deploy of api-gw is green",
    "anyone seen the flaky test in catch-up?",
    "yes, see https://example.test/t/4711?utm=irc",
    "a rather long line that should wrap across the window because it just keeps on going and going, to the very end",
    "thanks!",
)
STEP_S = 0.005
LOAD_LINES = 500  # at once
LIMIT_S = 120.0


class Feed(AbstractContextManager["Feed"]):
    """The feeding process, and how it is told what to do."""

    def __enter__(self) -> Self:
        context = multiprocessing.get_context("spawn")
        self._orders, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        self.port: int = self._answer()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.join()

    def wait_for_client(self) -> None:
        """A client is in the room."""
        self._order(("seated", 0))

    def begin_load(self, lines: int) -> None:
        """Say so many lines as fast as the client takes them."""
        self._orders.send(("load", lines))

    def loaded(self) -> bool:
        """Whether it has taken them; to be asked until it has."""
        return self._orders.poll() and self._answer() is not None

    def rate(self, lines_per_s: int) -> None:
        """Say so many lines a second from now on; 0: none."""
        self._order(("rate", lines_per_s))

    def _order(self, order: tuple[str, int]) -> None:
        self._orders.send(order)
        self._answer()

    def _answer(self) -> Any:
        if not self._orders.poll(LIMIT_S):
            raise RuntimeError("the feeding process does not answer")
        return self._orders.recv()


class _Client:
    """The one client."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._rest = b""
        self._number = 0
        self.seated = False
        self.loaded = False

    def hear(self) -> bool:
        """Answer what has come; False when the client is gone."""
        try:
            chunk = self._socket.recv(65_536)
        except ConnectionResetError:  # it left without reading everything
            return False
        *lines, self._rest = (self._rest + chunk).split(b"\r\n")
        for line in lines:
            self._answer(line.decode())
        return bool(chunk)

    def say_lines(self, count: int) -> None:
        """The next lines of the room."""
        now_s = time.time()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now_s)) + f".{int(now_s * 1000) % 1000:03}Z"
        lines = []
        for number in range(self._number + 1, self._number + count + 1):
            nick, text = NICKS[number % len(NICKS)], TEXTS[number % len(TEXTS)]
            tags = f"@time={stamp};msgid={number:024}"
            lines.append(f"{tags} :{nick}!user@host PRIVMSG #tea :{text} {number}\r\n")
        self._number += count
        self._socket.sendall("".join(lines).encode())

    def ask(self, token: str) -> None:
        """A PING: its PONG tells that all before it has been taken."""
        self._say(f"PING {token}")

    def _answer(self, line: str) -> None:
        command, _, rest = line[line.startswith("@") and line.index(" ") + 1 :].partition(" ")
        if command == "CAP" and rest.startswith("LS"):
            self._say(f":irc CAP * LS :{CAPS}")
        elif command == "CAP" and rest.startswith("REQ"):
            self._say(f":irc CAP ann ACK :{rest.partition(':')[2] or rest[4:]}")
        elif command == "CAP" and rest == "END":
            self._say(":irc 001 ann :Welcome")
        elif command == "JOIN":
            self._say(":ann!a@h JOIN #tea", ":irc 353 ann = #tea :ann bob", ":irc 366 ann #tea :End")
        elif command == "PING":
            self._say(f":irc PONG irc {rest}")
            self.seated = self.seated or rest.startswith("history")
        elif command == "PONG":
            self.loaded = True

    def _say(self, *lines: str) -> None:
        self._socket.sendall("".join(f"{line}\r\n" for line in lines).encode())


def _serve(orders: Connection) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, selectors.DefaultSelector() as ready:
        orders.send(listener.getsockname()[1])
        ready.register(listener, selectors.EVENT_READ)
        client: _Client | None = None
        order, to_load, rate, due_s = "", 0, 0, 0.0
        while True:
            for key, _ in ready.select(0 if to_load else STEP_S):
                if key.fileobj is listener:
                    connection, _ = listener.accept()
                    client = _Client(connection)
                    ready.register(connection, selectors.EVENT_READ)
                elif client is not None and not client.hear():
                    ready.unregister(key.fileobj)
                    client = None
            if orders.poll():
                order, number = orders.recv()
                to_load = number if order == "load" else 0
                rate, due_s = (number, time.monotonic()) if order == "rate" else (rate, due_s)
            if client is None:
                continue
            if to_load:
                step = min(to_load, LOAD_LINES)
                client.say_lines(step)
                to_load -= step
                client.loaded = False
                if not to_load:
                    client.ask("loaded")
            if rate and (count := int((time.monotonic() - due_s) * rate)):
                client.say_lines(count)
                due_s += count / rate
            done = {"seated": client.seated, "load": not to_load and client.loaded, "rate": True}
            if order and done[order]:
                order = ""
                orders.send("done")
