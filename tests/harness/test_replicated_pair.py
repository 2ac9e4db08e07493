"""A failover loses what it is told to lose, and nothing else."""

from pathlib import Path

import pytest

from tests.faults.stores import Replicated
from tests.harness.private_server import PrivateServer
from tests.harness.replicated_pair import ReplicatedPair


def put(server: PrivateServer, *names: str) -> None:
    """Write keys."""
    with server.client() as client:
        for name in names:
            client.set(name, "x")


def names(server: PrivateServer) -> set[str]:
    """The keys it has."""
    with server.client() as client:
        return {name.decode() for name in client.scan_iter()}


@pytest.mark.slow
async def test_only_what_the_link_swallowed_is_lost(tmp_path: Path) -> None:
    """Also after the master was started again, which moves it to another port; and again with changed places."""
    async with ReplicatedPair.running(tmp_path) as pair:
        store = Replicated(pair)
        put(pair.master, "first")
        await store.restart_master()
        put(pair.master, "second")
        await pair.follow()
        pair.lose_from_now()
        put(pair.master, "lost")
        await pair.fail_over()
        assert names(pair.master) == {"first", "second"}
        await pair.restore()
        assert names(pair.replica) == {"first", "second"}
        put(pair.master, "third")
        await pair.follow()
        await pair.fail_over()
        assert names(pair.master) == {"first", "second", "third"}
        await pair.restore()
