"""Accounts and the nicks reserved for them, over all gateways. Source: the headers of `account_*.lua`, `nick_*.lua`."""

import asyncio

import pytest

from gateway.errors import NickReservedError
from gateway.model import GatewayId, Uid
from gateway.people import Account, Credentials, ScramVerifier
from gateway.store import keys
from gateway.store.accounts import Accounts
from gateway.store.directory import Directory
from gateway.store.leases import Leases
from gateway.wire.names import NickKey
from tests.store.conftest import OpenLanes

ANN, BOB = Uid(b"uid-ann"), Uid(b"uid-bob")
SCRAM = ScramVerifier(b"\x00salt\xff", 4096, b"\x01" * 32, b"\xfe" * 32)


def account(name: str, *nicks: str) -> Account:
    """An account; its bytes are none of UTF-8."""
    return Account(name, Credentials("$argon2id$hash", SCRAM), "ann@example.org", 1_700_000_000, nicks)


async def test_an_account_is_found_as_it_was_registered(open_more: OpenLanes, unique: str) -> None:
    """Every field, on another gateway."""
    one, two = Accounts(await open_more()), Accounts(await open_more())
    name = NickKey(unique)
    assert (await one.find(name))[0] is None
    assert await one.create(name, account(unique.upper()), ANN)
    assert (await two.find(name))[0] == account(unique.upper())


async def test_of_many_who_want_a_name_one_gets_it(open_more: OpenLanes, unique: str) -> None:
    """Whatever gateways race; the others change nothing."""
    sites = [Accounts(await open_more()) for _ in range(3)]
    name = NickKey(unique)
    made = await asyncio.gather(
        *(site.create(name, account(f"{unique}-{n}"), Uid(b"u%d" % n)) for n, site in enumerate(sites * 10))
    )
    assert sum(made) == 1
    found, _ = await sites[0].find(name)
    assert found is not None
    assert found.name == f"{unique}-{made.index(True)}"


async def test_a_nick_in_use_is_registered_by_its_holder_alone(open_more: OpenLanes, unique: str) -> None:
    """And what failed leaves nothing behind."""
    lanes = await open_more()
    gateway = GatewayId(f"g-{unique}")
    await Leases(lanes, gateway, lambda: (1, 0, 0, 0)).begin()
    accounts, directory, name = Accounts(lanes), Directory(lanes, gateway), NickKey(unique)
    assert await directory.claim(name, ANN)
    assert not await accounts.create(name, account(unique), BOB)
    assert (await accounts.find(name))[0] is None
    assert await accounts.create(name, account(unique), ANN)


async def test_a_reserved_nick_is_claimed_by_its_account_alone(open_more: OpenLanes, unique: str) -> None:
    """However the account is spelt; also one that is grouped, until it is not any more."""
    lanes = await open_more()
    accounts, directory = Accounts(lanes), Directory(lanes, GatewayId("g"))
    name, second = NickKey(unique), NickKey(f"{unique}2")
    await accounts.create(name, account(unique), ANN)
    assert await accounts.group(name, account(unique), second, ANN)
    for nick in (name, second):
        with pytest.raises(NickReservedError):
            await directory.claim(nick, BOB, "another")
        with pytest.raises(NickReservedError):
            await directory.claim(nick, BOB)
        assert await accounts.is_reserved(nick, None)
        assert not await accounts.is_reserved(nick, name)
        assert await directory.claim(nick, ANN, unique.upper())
        await directory.free(nick, ANN)
    found, _ = await accounts.find(second)
    assert found == account(unique, second)
    await accounts.ungroup(name, found, second)
    assert await directory.claim(second, BOB)
    assert (await accounts.find(second))[0] is None


async def test_a_nick_is_grouped_once(open_more: OpenLanes, unique: str) -> None:
    """Not one that is another account's, nor one that somebody else uses."""
    lanes = await open_more()
    accounts, directory = Accounts(lanes), Directory(lanes, GatewayId("g"))
    names = [NickKey(f"{unique}{letter}") for letter in "abc"]
    for name in names[:2]:
        await accounts.create(name, account(name), ANN)
    assert not await accounts.group(names[0], account(names[0]), names[1], ANN)
    await directory.claim(names[2], BOB)
    assert not await accounts.group(names[0], account(names[0]), names[2], ANN)
    assert await accounts.group(names[1], account(names[1]), names[2], BOB)


async def test_a_deleted_account_leaves_its_name_behind(open_more: OpenLanes, unique: str) -> None:
    """Nobody registers it again, since rooms may be its; its nicks are free; secrets are gone; gateways are told."""
    lanes = await open_more()
    accounts, directory, name = Accounts(lanes), Directory(lanes, GatewayId("g")), NickKey(unique)
    await accounts.create(name, account(unique), ANN)
    assert await accounts.set_password(name, Credentials("$argon2id$other", SCRAM))
    await accounts.delete(name, account(unique))
    assert (await accounts.find(name))[0] is None
    assert unique in await accounts.deleted()
    assert not await accounts.set_password(name, Credentials("$argon2id$other", SCRAM))
    assert not await accounts.create(name, account(unique), ANN)
    assert await directory.claim(name, BOB)
    assert await lanes.commands.call("HKEYS", keys.account(name)) == [b"deleted"]


async def test_an_account_waits_for_its_code(open_more: OpenLanes, unique: str) -> None:
    """Nobody is logged in to it and nobody else gets its name, until the code makes it, on another gateway; once."""
    one, two, name = Accounts(await open_more()), Accounts(await open_more()), NickKey(unique)
    assert await one.propose(name, account(unique.upper()), ANN, "code")
    await one.await_code(name, "code")
    assert (await two.find(name))[0] is None
    assert not await two.create(name, account(unique), BOB)
    assert not await two.propose(name, account(unique), BOB, "other")
    assert await two.verify(name, "wrong") is None
    assert await two.verify(name, "code") == unique.upper()
    assert (await one.find(name))[0] == account(unique.upper())
    assert await one.verify(name, "code") is None
    assert not await one.propose(name, account(unique), ANN, "code")


async def test_while_it_waits_its_nick_is_used_and_not_reserved(open_more: OpenLanes, unique: str) -> None:
    """Whoever registers may come back under the nick without being logged in; nobody takes it for another account.
    Verified, it is the account's, whoever uses it then."""
    lanes = await open_more()
    accounts, directory = Accounts(lanes), Directory(lanes, GatewayId("g"))
    name, other = NickKey(unique), NickKey(f"{unique}other")
    await accounts.create(other, account(other), BOB)
    await accounts.propose(name, account(unique), ANN, "code")
    await accounts.await_code(name, "code")
    assert await directory.claim(name, BOB)
    assert not await accounts.is_reserved(name, None)
    assert not await accounts.group(other, account(other), name, BOB)
    assert await accounts.verify(name, "code")
    assert await accounts.is_reserved(name, None)
    await directory.free(name, BOB)
    with pytest.raises(NickReservedError):
        await directory.claim(name, BOB)
    assert await directory.claim(name, ANN, unique)


async def test_nothing_is_left_where_no_mail_was_sent(open_more: OpenLanes, unique: str) -> None:
    """Neither after it was withdrawn, nor where somebody else uses the nick, nor for long of a gateway that ends."""
    lanes = await open_more()
    accounts, directory, name = Accounts(lanes), Directory(lanes, GatewayId("g")), NickKey(unique)
    waiting = (keys.unverified_account(name), keys.nick_owner(name))
    await accounts.propose(name, account(unique), ANN, "code")
    for key in waiting:
        assert 0 < await lanes.commands.call("PTTL", key) <= 60_000
    await accounts.await_code(name, "code")
    for key in waiting:
        assert 86_000_000 < await lanes.commands.call("PTTL", key) <= 86_400_000
    await accounts.withdraw(name, "code")
    assert await lanes.commands.call("EXISTS", *waiting[:1]) == 0
    assert await lanes.commands.call("EXISTS", *waiting[1:]) == 0
    assert await directory.claim(name, BOB)
    assert not await accounts.propose(name, account(unique), ANN, "code")
    assert await lanes.commands.call("EXISTS", *waiting[:1]) == 0


async def test_who_proposed_it_may_do_so_again(open_more: OpenLanes, unique: str) -> None:
    """With an address that is spelt right: the first code is worth nothing, and taking that back harms nothing."""
    accounts, name = Accounts(await open_more()), NickKey(unique)
    for code in ("first", "second"):
        assert await accounts.propose(name, account(unique), ANN, code)
        await accounts.await_code(name, code)
    await accounts.withdraw(name, "first")
    assert await accounts.verify(name, "first") is None
    assert await accounts.verify(name, "second") == unique


async def test_codes_cannot_be_guessed(open_more: OpenLanes, unique: str) -> None:
    """The tenth wrong one ends the wait; what is kept of the right one does not tell it."""
    lanes = await open_more()
    accounts, name = Accounts(lanes), NickKey(unique)
    await accounts.propose(name, account(unique), ANN, "planted")
    await accounts.await_code(name, "planted")
    kept = await lanes.commands.call("HGETALL", keys.unverified_account(name))
    assert not any(b"planted" in part for part in (kept if isinstance(kept, list) else [*kept, *kept.values()]))
    for number in range(10):
        assert await accounts.verify(name, f"guess{number}") is None
    assert await accounts.verify(name, "planted") is None
    assert await accounts.create(name, account(unique), ANN)


async def test_the_salt_of_an_unknown_name(open_more: OpenLanes, unique: str) -> None:
    """The same on every gateway, another for every name."""
    one, two = Accounts(await open_more()), Accounts(await open_more())
    salts = [(await site.find(NickKey(name)))[1] for site in (one, two) for name in (unique, f"{unique}2")]
    assert salts[:2] == salts[2:]
    assert salts[0] != salts[1]


async def test_a_certificate_logs_in_to_one_account(open_more: OpenLanes, unique: str) -> None:
    """Whoever of several had it first; what was half done by a gateway that ended counts for nothing."""
    lanes = await open_more()
    accounts, ann, bob = Accounts(lanes), NickKey(f"ann{unique}"), NickKey(f"bob{unique}")
    fingerprint = unique.ljust(64, "0")
    for name, uid in ((ann, ANN), (bob, BOB)):
        assert await accounts.create(name, account(name), uid)
    await lanes.commands.call("SET", keys.certificate_owner(fingerprint), ann)
    assert await accounts.find_owner(fingerprint) is None
    assert await accounts.add_certificate(ann, account(ann), fingerprint)
    assert not await accounts.add_certificate(bob, account(bob), fingerprint)
    found = await accounts.find_owner(fingerprint)
    assert found is not None
    assert found.certificates == (fingerprint,)
    await accounts.remove_certificate(bob, account(bob), fingerprint)
    assert await accounts.find_owner(fingerprint) == found
    await accounts.delete(ann, found)
    assert await accounts.find_owner(fingerprint) is None
    assert await accounts.add_certificate(bob, account(bob), fingerprint)
