"""Time does not tell which names exist: an unknown name takes the same work as a wrong password, counted in hashes.

The work is what argon2 is asked to do; each call is written down with its cost, and carried out.
"""

import base64
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace

import argon2
import pytest
from redis import Redis

from gateway.commands.allowances import SharedLimits
from tests.harness.gateway_inside import GatewayInside
from tests.harness.irc_peer import IrcPeer
from tests.harness.sasl_client import authenticate_plain, authenticate_scram

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


async def test_the_store_is_asked_alike(inside: GatewayInside, store_url: str, nick: str) -> None:
    """The same commands of Redis for a wrong password and for an unknown name, by PLAIN and by SCRAM."""
    redis = Redis.from_url(store_url)
    async with await IrcPeer.connect(inside.host, inside.port, nick, caps=["sasl"]) as owner:
        await owner.send("REGISTER * * sesame-street")
        await owner.expect("900")
        for attempt in (authenticate_plain, authenticate_scram):
            asked = []
            for name in (nick, f"{nick}nobody"):
                redis.config_resetstat()
                assert (await attempt(owner, name, "wrong-word")).command == "904"
                counts = redis.info("commandstats")
                asked.append(
                    {command: figures["calls"] for command, figures in counts.items() if "config" not in command}
                )
            assert asked[0].get("cmdstat_hgetall"), asked
            assert asked[0] == asked[1]
    redis.close()


async def test_what_is_stopped_costs_no_hash(inside: GatewayInside, work: list[Work], nick: str) -> None:
    """Past the limit of failures nothing is hashed any more, and a name that exists is told from none by neither the
    number of answers before that nor their words."""
    inside.services.network = replace(inside.services.network, limits=True)
    allowed = SharedLimits().logins.burst
    async with await IrcPeer.connect(inside.host, inside.port, nick, caps=["sasl"]) as owner:
        await owner.send("REGISTER * * sesame-street")
        await owner.expect("900")
        seen = []
        for name in (nick, f"{nick}nobody"):
            work.clear()
            answers = [(await authenticate_plain(owner, name, "wrong-word")).params[1] for _ in range(allowed + 2)]
            seen.append(([answer.partition("try again in")[0] for answer in answers], list(work)))
        assert len(seen[0][1]) == allowed
        assert ["too many" in answer for answer in seen[0][0]] == [False] * allowed + [True] * 2
        assert seen[0] == seen[1]


async def test_who_looks_after_an_account_is_stopped_too(inside: GatewayInside, work: list[Work], nick: str) -> None:
    """A terminal that is logged in is no way to guess on: ACCOUNT PASSWORD and DELETE count as logins do."""
    inside.services.network = replace(inside.services.network, limits=True)
    async with await IrcPeer.connect(inside.host, inside.port, nick, caps=["standard-replies"]) as owner:
        await owner.send("REGISTER * * sesame-street")
        await owner.expect("900")
        work.clear()
        codes = []
        for line in ("ACCOUNT PASSWORD wrong-word new-word", "ACCOUNT DELETE wrong-word") * 6:
            await owner.send(line)
            codes.append((await owner.expect("FAIL")).params[1])
        assert codes == ["WRONG_PASSWORD"] * 10 + ["RATE_LIMITED"] * 2
        assert len(work) == 10


def encoded(text: str) -> str:
    """Base64, as AUTHENTICATE has it."""
    return base64.b64encode(text.encode()).decode()
