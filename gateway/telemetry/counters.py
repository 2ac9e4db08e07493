"""What is counted, and how Prometheus reads it. Source: Prometheus, "Metric and label naming".

Hot paths add to plain integers (`counters.events_in += 1`); the work of naming is done when somebody asks.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from itertools import accumulate
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from gateway import __version__

__all__ = ["LATENCY_BOUNDS_S", "MAX_COMMANDS", "Counters", "LatencyHistogram", "make_registry"]

LATENCY_BOUNDS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
MAX_COMMANDS = 100  # names counted each for itself; peers must not be able to make more of them
OTHER_COMMANDS = "other"


class LatencyHistogram:
    """Durations, counted by bucket."""

    __slots__ = ("_counts", "_sum_s")

    def __init__(self) -> None:
        self._counts = [0] * (len(LATENCY_BOUNDS_S) + 1)
        self._sum_s = 0.0

    def observe(self, seconds: float) -> None:
        """Count one duration; one on a bound belongs to the bucket that ends there."""
        self._counts[bisect_left(LATENCY_BOUNDS_S, seconds)] += 1
        self._sum_s += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """Pairs of an upper bound and the number of durations up to it, as Prometheus wants them."""
        return list(zip((*map(str, LATENCY_BOUNDS_S), "+Inf"), accumulate(self._counts), strict=True))

    @property
    def sum_s(self) -> float:
        """All durations added."""
        return self._sum_s


def _gauge(name: str, meaning: str) -> Any:
    return field(default=0, metadata={"metric": (GaugeMetricFamily, f"hubbub_{name}", meaning)})


def _counter(name: str, meaning: str) -> Any:
    return field(default=0, metadata={"metric": (CounterMetricFamily, f"hubbub_{name}", meaning)})


@dataclass(slots=True)
class Counters:
    """The figures of one gateway. The event loop writes them, the thread of the HTTP listener reads them."""

    connections: int = _gauge("connections", "Clients connected.")
    registered: int = _gauge("registered", "Clients connected that have registered.")
    rooms: int = _gauge("rooms", "Rooms with a member on this gateway.")
    connections_total: int = _counter("connections_accepted", "Clients that ever connected.")
    events_in: int = _counter("events_in", "Events received from the logs of rooms.")
    events_out: int = _counter("events_out", "Events appended to the logs of rooms.")
    deliveries: int = _counter("deliveries", "Lines given to members, one per line and member.")
    slow_closed: int = _counter("slow_closed", "Clients closed because they did not read.")
    catch_ups: int = _counter("catch_ups", "Gaps in a room's events that were filled from its log.")
    snapshots: int = _counter("snapshots", "Rooms loaded from a snapshot.")
    stale_retries: int = _counter("stale_retries", "Appends repeated because the room had moved on.")
    redis_reconnects: int = _counter("redis_reconnects", "Connections to Redis opened again after a loss.")
    redis_latency: LatencyHistogram = field(default_factory=LatencyHistogram)
    commands: dict[str, int] = field(default_factory=dict)
    """Commands by name; written through `count_command`."""
    send_queue_bytes: Callable[[], int] = lambda: 0
    """Bytes that wait for clients. Called in the listener's thread: it reads a number, and walks over nothing."""

    def count_command(self, name: str) -> None:
        """Count a command of a client; past `MAX_COMMANDS` names, new ones are counted together."""
        if name not in self.commands and len(self.commands) >= MAX_COMMANDS:
            name = OTHER_COMMANDS
        self.commands[name] = self.commands.get(name, 0) + 1


class _CountersCollector(Collector):
    def __init__(self, counters: Counters, gateway: str) -> None:
        self._counters = counters
        self._labels = [gateway]

    def collect(self) -> Iterator[Metric]:
        counters = self._counters
        for item in fields(counters):
            if "metric" in item.metadata:
                family, name, meaning = item.metadata["metric"]
                yield self._single(family, name, meaning, getattr(counters, item.name))
        yield self._single(
            GaugeMetricFamily, "hubbub_send_queue_bytes", "Bytes that wait for clients.", counters.send_queue_bytes()
        )
        commands = CounterMetricFamily("hubbub_commands", "Commands of clients.", labels=["gateway", "command"])
        for command, count in counters.commands.copy().items():
            commands.add_metric([*self._labels, command], count)
        yield commands
        latency = HistogramMetricFamily(
            "hubbub_redis_latency_seconds", "From a request to Redis to its answer.", labels=["gateway"]
        )
        latency.add_metric(self._labels, counters.redis_latency.buckets(), counters.redis_latency.sum_s)
        yield latency
        build = InfoMetricFamily("hubbub_build", "Version of the gateway.", labels=["gateway"])
        build.add_metric(self._labels, {"version": __version__})
        yield build

    def _single(
        self, family: type[GaugeMetricFamily | CounterMetricFamily], name: str, meaning: str, value: float
    ) -> Metric:
        metric = family(name, meaning, labels=["gateway"])
        metric.add_metric(self._labels, value)
        return metric


def make_registry(counters: Counters, gateway: str) -> CollectorRegistry:
    """What `/metrics` shows: the counters under the label `gateway`, and processor, memory and files of the process."""
    registry = CollectorRegistry()
    registry.register(_CountersCollector(counters, gateway))
    ProcessCollector(registry=registry)
    return registry
