"""What a gateway takes from the shared buckets, second by second; the buckets are in memory, time is the test's."""

from ipaddress import ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.commands.allowances import CHUNK, FREE, FREE_EVERY_S, Allowances, SharedLimits
from gateway.errors import StoreError
from gateway.model import Uid
from gateway.people import Rate
from gateway.session.session import Session


class Bank:
    """`store.rates.Rates` in memory, and the clock; `tests/store/test_rates.py` is about the script."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.away = False
        self.asked = 0
        self._full_s: dict[tuple[str, str], float] = {}

    async def take(self, kind: str, who: str, rate: Rate, want: int, need: int = 1) -> tuple[int, float]:
        """As in the port."""
        self.asked += 1
        if self.away:
            raise StoreError("away")
        per_s, full_s = 60 / rate.per_minute, max(self._full_s.get((kind, who), 0.0), self.now_s)
        taken = min(want, int((self.now_s + rate.burst * per_s - full_s) / per_s + 1e-9))
        if taken < need:
            return 0, full_s + (need - rate.burst) * per_s - self.now_s
        self._full_s[kind, who] = full_s + taken * per_s
        return taken, 0.0

    def give_back(self, kind: str, who: str, rate: Rate, tokens: int) -> None:
        """As in the port."""
        self._full_s[kind, who] -= tokens * 60 / rate.per_minute


LIMITS = SharedLimits(
    connections=Rate(3, 60),
    logins=Rate(3, 6),
    messages=Rate(60, 480),
    address_messages=Rate(240, 1920),
    joins=Rate(20, 60),
    trusted=(ip_network("127.0.0.0/8"),),
)


def gateway(bank: Bank) -> Allowances:
    """One more gateway."""
    return Allowances(bank, LIMITS, lambda: bank.now_s)


def session(account: str = "", host: str = "192.0.2.1") -> Session:
    """Somebody."""
    made = Session(Uid(b"u"), host, lambda data: None)
    made.account = account
    return made


async def speak(allowances: Allowances, who: Session) -> bool:
    """One message, as the command table does it."""
    return allowances.may_speak(who) or not await allowances.wait_to_speak(who)


async def flood(gateways: list[Allowances], who: Session, messages: int) -> int:
    """So many from each; how many went."""
    return sum([await speak(allowances, who) for allowances in gateways for _ in range(messages)])


async def test_an_ordinary_talker_asks_nobody() -> None:
    """A few messages a minute, for hours, alone or among others: no question to Redis."""
    bank = Bank()
    allowances, who = gateway(bank), session("ann")
    for minute in range(100):
        assert await flood([allowances], who, FREE) == FREE
        bank.now_s += FREE_EVERY_S
        if minute > 50:
            assert await flood([allowances], session(f"other{minute}"), FREE) == FREE
    assert bank.asked == 0


async def test_more_gateways_give_no_more() -> None:
    """The burst of the account, once, and what each gateway gives away."""
    bank = Bank()
    assert await flood([gateway(bank) for _ in range(4)], session("ann"), 200) == 60 + 4 * FREE
    bank.now_s += 1
    assert bank.asked <= 4 * (60 // CHUNK + 3)


async def test_sessions_of_one_account_share() -> None:
    """Whatever their addresses; guests of one address too, and of one IPv6 network."""
    bank = Bank()
    one = gateway(bank)
    assert sum([await flood([one], session("ann", f"192.0.2.{n}"), 50) for n in range(10)]) == 60 + FREE
    assert sum([await flood([one], session("", "2001:db8::1:" + str(n)), 100) for n in range(10)]) == 240 + FREE
    assert await flood([one], session("", "2001:db8:0:1::1"), 100) == 100


async def test_a_refusal_says_how_long_to_wait() -> None:
    """And then it works."""
    bank = Bank()
    one, who = gateway(bank), session("ann")
    await flood([one], who, 100)
    wait_s = await one.wait_to_speak(who)
    assert 0 < wait_s <= 60 / 480
    bank.now_s += wait_s
    assert await one.wait_to_speak(who) == 0.0


async def test_refusals_ask_nobody() -> None:
    """A flooder that goes on does not make Redis work for it."""
    bank = Bank()
    one, who = gateway(bank), session("ann")
    await flood([one], who, 100)
    asked = bank.asked
    await flood([one], who, 1000)
    assert bank.asked == asked


async def test_while_redis_is_away_nobody_is_refused() -> None:
    """Each session's own budget decides alone."""
    bank = Bank()
    bank.away = True
    one, who = gateway(bank), session("ann")
    assert await flood([one], who, 500) == 500
    assert await one.wait_to_join(who, 15) == await one.wait_to_join(who, 15) == 0.0
    assert await one.wait_to_connect("192.0.2.1") == await one.wait_to_log_in("192.0.2.1", "ann") == 0.0


async def test_trusted_addresses_have_no_limit_of_their_own() -> None:
    """Their accounts have."""
    bank = Bank()
    one = gateway(bank)
    assert one.exempts("127.0.0.9")
    assert one.exempts("localhost")
    assert await flood([one], session("", "127.0.0.9"), 1000) == 1000
    assert await flood([one], session("ann", "127.0.0.9"), 1000) == 60 + FREE


async def test_joins_are_counted_by_rooms() -> None:
    """At once so many, over all gateways; one command for more than that needs a full bucket."""
    bank = Bank()
    one, two, who = gateway(bank), gateway(bank), session("ann")
    assert await one.wait_to_join(who, 15) == 0.0
    assert await two.wait_to_join(who, 6) == pytest.approx(1.0)
    bank.now_s += 100
    assert await two.wait_to_join(who, 1000) == 0.0


async def test_logins_that_succeed_cost_nothing() -> None:
    """All clients of a lost gateway log in at once, from one address perhaps."""
    bank = Bank()
    one = gateway(bank)
    for _ in range(50):
        assert await one.wait_to_log_in("192.0.2.1", "ann") == 0.0
        one.logged_in("192.0.2.1", "ann")


async def test_logins_that_fail_are_limited_by_address_and_by_account() -> None:
    """Guessing at one account from everywhere, or at every account from one address."""
    bank = Bank()
    one, two = gateway(bank), gateway(bank)
    assert [await one.wait_to_log_in(f"192.0.2.{n}", "Ann") for n in range(3)] == [0.0] * 3
    assert await two.wait_to_log_in("192.0.2.99", "ann") > 0
    assert [await one.wait_to_log_in("198.51.100.1", f"bob{n}") for n in range(3)] == [0.0] * 3
    assert await two.wait_to_log_in("198.51.100.1", "bob9") > 0
    # What was refused for the address is not taken from the account.
    assert [await one.wait_to_log_in(f"203.0.113.{n}", "bob9") for n in range(3)] == [0.0] * 3


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 90), st.floats(0, 20)), max_size=40))
async def test_no_pattern_gets_more(steps: list[tuple[int, int, float]]) -> None:
    """Over three gateways, in any turns and with any pauses: burst, rate, and what each gateway gives by the minute."""
    bank = Bank()
    gateways, who, went = [gateway(bank) for _ in range(3)], session("ann"), 0
    start_s = bank.now_s
    for index, messages, pause_s in steps:
        went += await flood([gateways[index]], who, messages)
        bank.now_s += pause_s
    elapsed_s = bank.now_s - start_s
    assert went <= 60 + elapsed_s * 8 + 3 * FREE * (1 + elapsed_s // FREE_EVERY_S) + 1e-6
