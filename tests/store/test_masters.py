"""Connections to a server, as redis-py and the event loop give them."""

import pytest
import uvloop

from gateway.store.masters import CONNECT_ERRORS, ask, end, open_connection


def test_a_connection_lost_a_moment_ago_is_a_connection_error(store_url: str) -> None:
    """Under uvloop as under asyncio: whoever tries again must see an error that it tries again for."""

    async def lose() -> None:
        connection = await open_connection(store_url, 2.0)
        connection._writer.transport.abort()
        await connection._writer.wait_closed()
        with pytest.raises(CONNECT_ERRORS):
            await ask(connection, "PING")
        await end(connection)

    uvloop.run(lose())
