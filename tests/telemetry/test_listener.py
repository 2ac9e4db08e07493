"""Claims about the HTTP listener, over real sockets."""

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from gateway.telemetry import Counters, Health, HttpListener, make_registry
from gateway.telemetry.health import MAX_TICK_AGE_S
from gateway.telemetry.listener import MAX_CLIENTS, MAX_REQUEST_BYTES
from tests.harness.facts import wait_for

TIMEOUT_S = 10.0


class Gateway:
    """What the listener tells about: a clock that we move, counters, health."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.health = Health(clock=lambda: self.now_s)
        self.counters = Counters()
        self.listener = self.listen()

    def listen(self, host: str = "127.0.0.1", port: int = 0, request_timeout_s: float = TIMEOUT_S) -> HttpListener:
        registry = make_registry(self.counters, "g1")
        return HttpListener.start(host, port, self.health, registry, request_timeout_s=request_timeout_s)

    def get(self, path: str, method: str = "GET") -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.listener.port, timeout=TIMEOUT_S)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.listener.port), TIMEOUT_S)


def is_closed(client: socket.socket) -> bool:
    """Wait for the other end to close, and tell whether that is what it did."""
    try:
        return client.recv(1) == b""
    except ConnectionError:
        return True


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    gateway = Gateway()
    yield gateway
    gateway.listener.close()


def test_healthz_follows_the_event_loop(gateway: Gateway) -> None:
    """200 while the loop turns, 503 once it has not for too long, and 200 again."""
    assert gateway.get("/healthz") == (200, "ok\n")
    gateway.now_s += MAX_TICK_AGE_S + 1
    assert gateway.get("/healthz") == (503, "the event loop is stuck\n")
    gateway.health.tick()
    assert gateway.get("/healthz") == (200, "ok\n")


def test_readyz_says_why_not(gateway: Gateway) -> None:
    """200 with Redis and without draining; otherwise 503 and the reason."""
    assert gateway.get("/readyz") == (503, "Redis is not reachable\n")
    gateway.health.redis_reachable = True
    assert gateway.get("/readyz") == (200, "ok\n")
    gateway.health.draining = True
    assert gateway.get("/readyz") == (503, "draining\n")


def test_metrics_are_those_of_now(gateway: Gateway) -> None:
    """A scrape shows what the counters hold, as text that Prometheus asks for."""
    gateway.counters.connections = 3
    with urlopen(f"http://127.0.0.1:{gateway.listener.port}/metrics", timeout=TIMEOUT_S) as response:
        assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert 'hubbub_connections{gateway="g1"} 3.0\n' in response.read().decode()


def test_a_broken_metric_leaves_healthz_alone(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    """What cannot be counted is a 500 and a line in the log; the listener goes on."""
    gateway.counters.send_queue_bytes = lambda: 1 // 0
    assert gateway.get("/metrics") == (500, "")
    assert caplog.messages == ["metrics_failed"]
    assert gateway.get("/healthz") == (200, "ok\n")


@pytest.mark.parametrize("path", ["/", "/health", "/metrics/", "//metrics", "/healthz%00"])
def test_other_paths_are_404(gateway: Gateway, path: str) -> None:
    """Three paths are known, exactly as written."""
    with pytest.raises(HTTPError, match="404") as caught:
        urlopen(f"http://127.0.0.1:{gateway.listener.port}{path}", timeout=TIMEOUT_S)
    caught.value.close()


def test_methods_and_queries(gateway: Gateway) -> None:
    """HEAD has no body, a query is ignored, other methods are refused."""
    assert gateway.get("/healthz", "HEAD") == (200, "")
    assert gateway.get("/healthz?verbose") == (200, "ok\n")
    assert gateway.get("/healthz", "POST")[0] == 405


@pytest.mark.parametrize(
    "request_bytes", [b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9\r\n\r\n", b"\x16\x03\x01\r\n\r\n"]
)
def test_what_is_no_request_is_400(gateway: Gateway, request_bytes: bytes) -> None:
    """Garbage that ends like a request is answered like one."""
    with gateway.connect() as client:
        client.sendall(request_bytes)
        assert client.recv(1000).startswith(b"HTTP/1.1 400 ")


def test_a_request_without_end_is_cut(gateway: Gateway) -> None:
    """Headers over the limit close the connection; nothing of them is kept."""
    with gateway.connect() as client:
        with suppress(ConnectionError):  # closed before all of it was sent
            client.sendall(b"GET / HTTP/1.1\r\n" + b"x" * 4 * MAX_REQUEST_BYTES)
        assert is_closed(client)
    assert gateway.get("/healthz")[0] == 200


def test_silent_clients_block_nobody_and_are_bounded(gateway: Gateway) -> None:
    """With all places but one taken by clients that say nothing, a probe is answered; one too many is closed."""
    with ExitStack() as stack:
        silent = [stack.enter_context(gateway.connect()) for _ in range(MAX_CLIENTS - 1)]
        assert gateway.get("/healthz")[0] == 200
        wait_for(lambda: len(gateway.listener._clients) == MAX_CLIENTS - 1)
        silent.append(stack.enter_context(gateway.connect()))
        wait_for(lambda: len(gateway.listener._clients) == MAX_CLIENTS)
        extra = stack.enter_context(gateway.connect())
        assert is_closed(extra)
    wait_for(lambda: gateway.get("/healthz")[0] == 200)


def test_silent_and_dripping_clients_are_closed(gateway: Gateway) -> None:
    """The deadline is for the whole request: bytes now and then do not buy more time."""
    gateway.listener.close()
    gateway.listener = gateway.listen(request_timeout_s=0.3)
    with gateway.connect() as silent, gateway.connect() as dripping:
        dripping.settimeout(0.05)

        def drip() -> bool:
            try:
                dripping.sendall(b"G")
                return is_closed(dripping)
            except TimeoutError:
                return False
            except ConnectionError:
                return True

        wait_for(drip)
        assert is_closed(silent)


def test_close_ends_all_of_it(gateway: Gateway) -> None:
    """After a close nobody listens, the thread is gone, and waiting clients are dropped at once."""
    with gateway.connect() as silent:
        wait_for(lambda: len(gateway.listener._clients) == 1)
        gateway.listener.close()
        assert is_closed(silent)
    with pytest.raises(ConnectionRefusedError):
        gateway.connect()
    assert "http-listener" not in [thread.name for thread in threading.enumerate()]
    gateway.listener.close()


def test_a_taken_port_is_told_at_the_start(gateway: Gateway) -> None:
    """A port in use is an error for who starts the listener, not for its thread."""
    with pytest.raises(OSError, match="in use"):
        gateway.listen(port=gateway.listener.port)


def test_ipv6(gateway: Gateway) -> None:
    """An IPv6 address is bound as one."""
    gateway.listener.close()
    gateway.listener = gateway.listen("::1")
    with socket.create_connection(("::1", gateway.listener.port), TIMEOUT_S) as client:
        client.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")
