"""What dead gateways left in room state goes, but not before a frozen one has had its time to wake and be refused."""

from gateway.model import GatewayId, LogKey
from gateway.store import keys
from gateway.store.janitor import GONE_FOR_S, Janitor
from gateway.store.lanes import Lanes


async def test_only_long_gone_gateways_are_swept(lanes: Lanes, log: LogKey, unique: str) -> None:
    """Counters and fences of those without a lease, found gone for an hour; a living, a buried and the own one stay."""
    now_s = 0.0
    call, state = lanes.commands.call, keys.log_keys(log).state
    me, alive, buried, gone, fenced, back = (f"{unique}-{word}" for word in ("me", "a", "b", "g", "x", "back"))
    fields = {f"g:{name}": "X" if name == fenced else "7" for name in (me, alive, buried, gone, fenced, back)}
    await call("HSET", state, "last", "1-1", *(part for pair in fields.items() for part in pair))
    await call("ZADD", keys.HEARTBEATS, 1, alive)
    await call("HSET", keys.BURIED, buried, "me|1")
    janitor = Janitor(lanes, GatewayId(me), now_s=lambda: now_s, pause_s=0.0)

    async def left() -> set[bytes]:
        await janitor.sweep([log])
        return set(await call("HKEYS", state))

    everything = {b"last", *(name.encode() for name in fields)}
    assert await left() == everything
    now_s = GONE_FOR_S - 1
    await call("ZADD", keys.HEARTBEATS, 1, back)  # it was cut off, not dead
    assert await left() == everything
    now_s = GONE_FOR_S
    await call("ZREM", keys.HEARTBEATS, back)
    assert await left() == everything - {f"g:{gone}".encode(), f"g:{fenced}".encode()}
    await call("ZREM", keys.HEARTBEATS, alive)
    await call("HDEL", keys.BURIED, buried)
