"""Claims about what `/metrics` shows."""

import sys

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from gateway import __version__
from gateway.telemetry import Counters, LatencyHistogram, make_registry
from gateway.telemetry.counters import MAX_COMMANDS

GATEWAY = {"gateway": "g1"}


def sample(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(name, GATEWAY | labels)


def test_each_counter_is_shown_under_its_gateway() -> None:
    """Every plain integer has a metric, and a scrape shows its value at that moment."""
    counters = Counters()
    registry = make_registry(counters, "g1")
    names = {
        "connections": "hubbub_connections",
        "registered": "hubbub_registered",
        "rooms": "hubbub_rooms",
        "connections_total": "hubbub_connections_accepted_total",
        "events_in": "hubbub_events_in_total",
        "events_out": "hubbub_events_out_total",
        "deliveries": "hubbub_deliveries_total",
        "slow_closed": "hubbub_slow_closed_total",
        "catch_ups": "hubbub_catch_ups_total",
        "snapshots": "hubbub_snapshots_total",
        "stale_retries": "hubbub_stale_retries_total",
        "redis_reconnects": "hubbub_redis_reconnects_total",
    }
    assert set(names) == {name for name in Counters.__slots__ if isinstance(getattr(counters, name), int)}
    for value, (field, name) in enumerate(names.items(), start=1):
        assert sample(registry, name) == 0
        setattr(counters, field, value)
        assert sample(registry, name) == value


def test_the_send_queue_is_asked_when_scraped() -> None:
    """The gauge is the callable's answer at the time of the scrape."""
    queued = [0]
    registry = make_registry(Counters(send_queue_bytes=lambda: queued[0]), "g1")
    queued[0] = 77
    assert sample(registry, "hubbub_send_queue_bytes") == 77


def test_commands_by_name_are_bounded() -> None:
    """Peers cannot make metrics without end: past the limit new names share one."""
    counters = Counters()
    counters.count_command("JOIN")
    for number in range(2 * MAX_COMMANDS):
        counters.count_command(f"X{number}")
    counters.count_command("JOIN")
    registry = make_registry(counters, "g1")
    assert sample(registry, "hubbub_commands_total", command="JOIN") == 2
    assert sample(registry, "hubbub_commands_total", command="other") == MAX_COMMANDS + 1
    assert len(counters.commands) == MAX_COMMANDS + 1


def test_latency_buckets_count_all_up_to_their_bound() -> None:
    """Buckets are cumulative and a bound belongs to its bucket. Source: Prometheus, "Histograms and summaries"."""
    counters = Counters()
    for seconds in (0.0001, 0.001, 0.0011, 0.2, 30.0):
        counters.redis_latency.observe(seconds)
    registry = make_registry(counters, "g1")
    bounds = {"0.0005": 1, "0.001": 2, "0.0025": 3, "0.1": 3, "0.25": 4, "1.0": 4, "+Inf": 5}
    for bound, count in bounds.items():
        assert sample(registry, "hubbub_redis_latency_seconds_bucket", le=bound) == count
    assert sample(registry, "hubbub_redis_latency_seconds_count") == 5
    assert sample(registry, "hubbub_redis_latency_seconds_sum") == pytest.approx(30.2022)


def test_an_empty_histogram_is_complete() -> None:
    """Before the first answer of Redis all buckets are there, with nothing in them."""
    assert LatencyHistogram().buckets()[-1] == ("+Inf", 0)


def test_the_text_is_what_prometheus_reads() -> None:
    """The exposition parses, no name comes twice, each metric has a help text and all of ours the gateway's label."""
    families = list(text_string_to_metric_families(generate_latest(make_registry(Counters(), "g1")).decode()))
    names = [family.name for family in families]
    assert len(set(names)) == len(names)
    for family in families:
        assert family.documentation
        if family.name.startswith("hubbub_"):
            assert all(item.labels["gateway"] == "g1" for item in family.samples)
    assert sys.platform != "linux" or "process_resident_memory_bytes" in names
    assert sample(make_registry(Counters(), "g1"), "hubbub_build_info", version=__version__) == 1
