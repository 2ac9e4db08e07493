"""Time does not tell which names exist: an unknown name takes the same work as a wrong password, counted in hashes.

The work is what argon2 is asked to do; each call is written down with its cost, and carried out.
"""

import base64
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace

import argon2
import pytest

from tests.harness.gateway_inside import GatewayInside
from tests.harness.irc_peer import IrcPeer
from tests.harness.sasl_client import authenticate_plain

Work = tuple[int, int, int, int, int]


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[Work]:
    """Each hash that is computed from now on: memory, passes, lanes, and the sizes of salt and digest."""
    done: list[Work] = []
    verify = argon2.PasswordHasher.verify

    def noted(self: argon2.PasswordHasher, hash: str | bytes, password: str | bytes) -> bool:
        cost = argon2.extract_parameters(str(hash))
        done.append((cost.memory_cost, cost.time_cost, cost.parallelism, cost.salt_len, cost.hash_len))
        return verify(self, hash, password)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", noted)
    return done


@pytest.fixture
async def inside(store_url: str) -> AsyncIterator[GatewayInside]:
    """A gateway in this process, with an operator."""
    async with GatewayInside.running(store_url) as inside:
        # As dear as this gateway's own hashes, as in a real one the hashes of `hash-password` are.
        hashed = argon2.PasswordHasher(time_cost=2, parallelism=1, memory_cost=1024).hash("right")
        inside.services.network = replace(inside.services.network, opers={"root": hashed})
        yield inside


async def test_a_login(inside: GatewayInside, work: list[Work], nick: str) -> None:
    """SASL PLAIN: a wrong password, an unknown name, and a name that can be no account's; one hash each."""
    async with AsyncExitStack() as stack:
        owner = await stack.enter_async_context(await IrcPeer.connect(inside.host, inside.port, nick, caps=["sasl"]))
        await owner.send("REGISTER * * sesame-street")
        await owner.expect("900")
        seen = []
        for name in (nick, f"{nick}nobody", "no name at all", "n" * 90):
            work.clear()
            assert (await authenticate_plain(owner, name, "wrong-word")).command == "904"
            seen.append(list(work))
        assert len(seen[0]) == 1
        assert seen == [seen[0]] * 4


async def test_oper(inside: GatewayInside, work: list[Work], nick: str) -> None:
    """OPER: a wrong password and an unknown name."""
    async with await IrcPeer.connect(inside.host, inside.port, nick) as peer:
        seen = []
        for name in ("root", "nobody"):
            work.clear()
            await peer.send(f"OPER {name} wrong")
            await peer.expect("464")
            seen.append(list(work))
        assert len(seen[0]) == 1
        assert seen == [seen[0]] * 2


async def test_scram(inside: GatewayInside, work: list[Work], nick: str) -> None:
    """SCRAM leaves the hashing to the client: no hash for a name that exists, nor for one that does not, and both fail
    at the same step."""
    async with await IrcPeer.connect(inside.host, inside.port, nick, caps=["sasl"]) as owner:
        await owner.send("REGISTER * * sesame-street")
        await owner.expect("900")
        work.clear()
        for name in (nick, f"{nick}nobody"):
            await owner.send("AUTHENTICATE SCRAM-SHA-256", f"AUTHENTICATE {encoded(f'n,,n={name},r=abc')}")
            first = base64.b64decode((await owner.collect("AUTHENTICATE", 2))[1].params[0]).decode()
            nonce = first.partition(",")[0].removeprefix("r=")
            proof = encoded("x" * 32)
            await owner.send(f"AUTHENTICATE {encoded(f'c=biws,r={nonce},p={proof}')}")
            assert (await owner.read()).command == "904"
        assert work == []


def encoded(text: str) -> str:
    """Base64, as AUTHENTICATE has it."""
    return base64.b64encode(text.encode()).decode()
