"""`rediss://`, to one server, to Sentinels and to a cluster: everything gateways say to Redis goes through TLS.

The servers are those of the image `redis:8`: the program of the private store has no TLS. Source: Redis documentation,
"TLS"; RFC 8446.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from testcontainers.core.container import DockerContainer

from tests.harness.certificates import Pems, certificate
from tests.harness.gateway_process import GatewayProcess, gateways
from tests.harness.irc_peer import IrcPeer
from tests.harness.ports import free_ports
from tests.harness.steps import join

pytestmark = [pytest.mark.containers, pytest.mark.timeout(120)]

TLS = (
    "--port 0 --tls-cert-file /tls/cert.pem --tls-key-file /tls/key.pem --tls-ca-cert-file /tls/ca.pem"
    " --tls-auth-clients no --tls-replication yes --tls-cluster yes --protected-mode no --save ''"
)


class Deployment(NamedTuple):
    """What runs in the container, and where gateways find it; `{0}` and `{1}` are its ports."""

    script: str
    url: str


SINGLE = Deployment(f"exec redis-server {TLS} --tls-port {{0}}", "rediss://127.0.0.1:{0}")
SENTINEL = Deployment(
    f"redis-server {TLS} --tls-port {{0}} &\n"
    "echo 'sentinel monitor hub 127.0.0.1 {0} 1' > /tmp/sentinel.conf\n"
    f"exec redis-server /tmp/sentinel.conf {TLS} --tls-port {{1}} --sentinel",
    "rediss+sentinel://127.0.0.1:{1}/hub",
)
CLUSTER = Deployment(
    f"redis-server {TLS} --tls-port {{0}} --cluster-enabled yes --cluster-announce-ip 127.0.0.1 &\n"
    "until redis-cli --tls --cacert /tls/ca.pem -p {0} CLUSTER ADDSLOTSRANGE 0 16383; do sleep 0.1; done\n"
    "wait",
    "rediss+cluster://127.0.0.1:{0}",
)


@contextmanager
def running(deployment: Deployment, pems: Pems) -> Iterator[str]:
    """Run it; yields the URL, without what a client has to trust."""
    ports = free_ports(2)
    for path in pems:
        path.chmod(0o644)  # the image's user is not ours
    container = DockerContainer("redis:8").with_volume_mapping(str(pems.ca.parent), "/tls", "ro")
    for port in ports:
        container.with_bind_ports(port, port)
    with container.with_kwargs(entrypoint="").with_command(["sh", "-c", deployment.script.format(*ports)]):
        yield deployment.url.format(*ports)


@pytest.mark.parametrize(
    "deployment",
    [
        pytest.param(SINGLE, id="one server"),
        pytest.param(SENTINEL, id="Sentinel"),
        pytest.param(CLUSTER, id="cluster"),
    ],
)
async def test_gateways_meet_over_tls(tmp_path: Path, deployment: Deployment) -> None:
    """Both lanes, and what finds the servers; there is no plain port. Who does not trust the authority stays away."""
    pems = certificate(tmp_path / "tls")
    with running(deployment, pems) as url:
        with gateways(tmp_path, f"{url}?ssl_ca_certs={pems.ca}") as (one, two):
            async with (
                await IrcPeer.connect(one.host, one.port, "ann") as ann,
                await IrcPeer.connect(two.host, two.port, "bob") as bob,
            ):
                await join("#tls", ann, bob)
                await ann.send("PRIVMSG #tls :over TLS")
                assert (await bob.expect("PRIVMSG")).params == ("#tls", "over TLS")
        stranger = GatewayProcess(state_dir=tmp_path / "stranger", redis_url=url, redis_wait_s=1)
        stranger.launch()
        assert stranger.wait() == 69
