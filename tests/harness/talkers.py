"""Members who talk on two gateways whatever happens to Redis, and the judgement: nothing acknowledged is lost, nothing
doubled, one order. An acknowledgement is the echo.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from gateway.wire.message import Message
from tests.harness.deadlines import DEADLINE_S
from tests.harness.gateway_process import GatewayProcess
from tests.harness.irc_peer import IrcPeer

__all__ = ["CAPS", "ROOM", "Talker", "Talkers"]

CAPS = ("message-tags", "server-time", "echo-message", "labeled-response", "batch", "standard-replies")
ROOM = "#faults"
PACE_S = 0.01  # between a talker's messages


class Talker:
    """A member who says numbered things whatever happens, and remembers what was acknowledged, refused and heard."""

    def __init__(self, peer: IrcPeer) -> None:
        self.peer = peer
        self.acknowledged: list[str] = []
        self.refused: list[str] = []
        self.heard: list[str] = []  # in the order of arrival, its own echoes included
        self.longest_silence_s = 0.0  # between two acknowledgements
        self._acknowledged_at_s = 0.0
        self.refusal = asyncio.Event()  # one was refused
        self.progress = asyncio.Event()  # one was acknowledged
        self._said: list[str] = []
        self._stop = False

    async def talk(self) -> None:
        """Say things until `finish`, and read until each was answered."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._say())
            await self._listen()

    def finish(self) -> None:
        """Say nothing more."""
        self._stop = True

    async def _say(self) -> None:
        while not self._stop:
            text = f"{self.peer.nick}-{len(self._said)}"
            self._said.append(text)
            await self.peer.send(f"@label={text} PRIVMSG {ROOM} :{text}")
            await asyncio.sleep(PACE_S)
        await self.peer.send("PING all-said")

    async def _listen(self) -> None:
        # A PING is answered at once while Redis is away: what was said before it may still be answered later.
        ponged = False
        while not ponged or len(self.acknowledged) + len(self.refused) < len(self._said):
            message = await self.peer.read(deadline_s=6 * DEADLINE_S)
            ponged = ponged or message.command == "PONG"
            self.take(message)
        assert sorted(self.acknowledged + self.refused) == sorted(self._said), "not everything was answered"

    def take(self, message: Message) -> None:
        """Note what came."""
        label = message.tags.get("label")
        if message.command == "FAIL":
            assert message.params[:2] == ("PRIVMSG", "TEMPORARILY_UNAVAILABLE")
            assert label is not None
            self.refused.append(label)
            self.refusal.set()
        elif message.command == "PRIVMSG":
            self.heard.append(message.params[1])
            if label is not None:
                assert label == message.params[1]
                self.acknowledged.append(label)
                now_s = asyncio.get_running_loop().time()
                self.longest_silence_s = max(self.longest_silence_s, now_s - (self._acknowledged_at_s or now_s))
                self._acknowledged_at_s = now_s
                self.progress.set()


class Talkers:
    """Gateways that share rooms, and talkers on all of them."""

    def __init__(self, gateways: Sequence[GatewayProcess]) -> None:
        self.gateways = gateways
        self.talkers: list[Talker] = []

    @asynccontextmanager
    async def talking(self, *, judged: bool = True) -> AsyncIterator[None]:
        """Four members talk while the block runs; afterwards everything is judged."""
        async with AsyncExitStack() as stack:
            for number in range(4):
                gateway = self.gateways[number % len(self.gateways)]
                peer = await IrcPeer.connect(gateway.host, gateway.port, f"t{number}", caps=CAPS)
                await stack.enter_async_context(peer)
                self.talkers.append(Talker(peer))
                await peer.send(f"JOIN {ROOM}")
                await peer.expect("366")
            for talker in self.talkers:
                await talker.peer.barrier()
            async with asyncio.TaskGroup() as tasks:
                for talker in self.talkers:
                    tasks.create_task(talker.talk())
                await self.everybody_goes_on()
                yield
                await self.everybody_goes_on()
                for talker in self.talkers:
                    talker.finish()
            if judged:
                await self._read_to_the_end()
                self.judge()

    async def everybody_goes_on(self) -> None:
        """Wait until each of them was acknowledged something after this call."""
        for talker in self.talkers:
            talker.progress.clear()
        for talker in self.talkers:
            async with asyncio.timeout(6 * DEADLINE_S):
                await talker.progress.wait()

    async def _read_to_the_end(self) -> None:
        """What the others said last may still be on its way."""
        longest = max(len(talker.heard) for talker in self.talkers)
        for talker in self.talkers:
            while len(talker.heard) < longest:
                talker.take(await talker.peer.read())
            for message in await talker.peer.barrier():
                talker.take(message)

    def judge(self) -> None:
        """The claim."""
        first = self.talkers[0].heard
        assert len(first) == len(set(first)), "something came twice"
        for talker in self.talkers:
            missing = sorted(set(first) ^ set(talker.heard))
            assert not missing, f"some heard what others did not: {missing[:10]}"
            assert talker.heard == first, "not one order"
            own = [text for text in first if text.startswith(f"{talker.peer.nick}-")]
            assert own == talker.acknowledged, "not what was acknowledged, in its author's order"
            numbers = [int(text.partition("-")[2]) for text in own]
            assert numbers == sorted(numbers), "not in the order of saying"
            assert not set(talker.refused) & set(first), "something refused was sent all the same"
