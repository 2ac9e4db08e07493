"""Claims about health; the clock is ours."""

from gateway.telemetry import Health
from gateway.telemetry.health import MAX_TICK_AGE_S


def test_it_lives_as_long_as_the_loop_turns() -> None:
    """From the start and after each tick it lives for `MAX_TICK_AGE_S`, and a tick brings it back."""
    now_s = [100.0]
    health = Health(clock=lambda: now_s[0])
    assert health.is_live()
    now_s[0] += MAX_TICK_AGE_S
    assert health.is_live()
    now_s[0] += 0.01
    assert not health.is_live()
    health.tick()
    assert health.is_live()


def test_it_is_ready_with_redis_and_not_while_draining() -> None:
    """Each reason against new clients is told, all of them where there are several."""
    now_s = [100.0]
    health = Health(clock=lambda: now_s[0])
    assert health.why_not_ready() == "Redis is not reachable"
    health.redis_reachable = True
    assert health.why_not_ready() == ""
    health.draining = True
    assert health.why_not_ready() == "draining"
    now_s[0] += MAX_TICK_AGE_S + 1
    assert health.why_not_ready() == "the event loop is stuck; draining"
