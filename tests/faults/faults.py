"""What strikes which site: each alone in the tests, any two together in a mix."""

from tests.faults.client_faults import Kicked, QueueOverflown, SlowReader
from tests.faults.fault import Fault
from tests.faults.gateway_faults import (
    ClockStepped,
    GatewayBuried,
    GatewayFrozen,
    GatewayKilled,
    GatewayStopped,
    RollingRestart,
    ScaledUpAndDown,
)
from tests.faults.redis_faults import (
    LossyFailover,
    RedisClockStepped,
    RedisFrozen,
    RedisKilled,
    RedisStopped,
    WireCut,
    WireDeaf,
    WireRefused,
    WireSlow,
    WireStalled,
)

__all__ = ["ALONE", "EVERYWHERE"]

EVERYWHERE: tuple[type[Fault], ...] = (
    GatewayKilled,
    GatewayFrozen,
    GatewayBuried,
    GatewayStopped,
    ClockStepped,
    RollingRestart,
    ScaledUpAndDown,
    WireCut,
    WireRefused,
    WireSlow,
    WireStalled,
    WireDeaf,
    SlowReader,
    QueueOverflown,
    Kicked,
)
"""Those of gateways, their wires and their clients: whatever Redis they share."""

ALONE: tuple[type[Fault], ...] = (
    *EVERYWHERE,
    RedisKilled,
    RedisStopped,
    RedisFrozen,
    LossyFailover,
    RedisClockStepped,
)
"""With those of one server, or of a replicated pair; what a deployment does by itself is in `deployments.py`."""
