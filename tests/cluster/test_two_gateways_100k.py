"""What two gateways over one store owe their users, on a scale where races show."""

import pytest

from benchmarks.servers import hubbub_pair
from benchmarks.two_gateways import exchange

MESSAGES = 100_000


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_100_000_messages_over_two_gateways_arrive_once_and_in_one_order() -> None:
    """Members of each room on both gateways: nothing acknowledged is lost, doubled or out of order for anyone."""
    async with hubbub_pair() as pair:
        report = (await exchange(pair.addresses, MESSAGES)).report
    assert report.clean, report.details
    assert report.acknowledged == report.sent == MESSAGES
