"""Every fault the lab has."""

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

__all__ = ["ALONE"]

ALONE: tuple[type[Fault], ...] = (
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
    RedisKilled,
    RedisStopped,
    RedisFrozen,
    LossyFailover,
    RedisClockStepped,
    SlowReader,
    QueueOverflown,
    Kicked,
)
"""Each of them strikes alone in the tests, and any two together in a mix; one that the site cannot have does not."""
