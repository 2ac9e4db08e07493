"""What a gateway tells about itself: counters, health, an HTTP listener for both, and its log."""

from gateway.telemetry.counters import Counters, LatencyHistogram, make_registry
from gateway.telemetry.health import Health
from gateway.telemetry.listener import HttpListener
from gateway.telemetry.logs import set_up_logging

__all__ = ["Counters", "Health", "HttpListener", "LatencyHistogram", "make_registry", "set_up_logging"]
