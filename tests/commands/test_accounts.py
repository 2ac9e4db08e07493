"""What an account gives: its nicks, its name beside its lines, its rooms. Source: docs/protocol.md, "Accounts";
IRCv3 account-notify, account-tag, extended-join, WHOX."""

import pytest

from gateway.store.keys import log_keys, room_log
from gateway.wire.names import RoomKey
from tests.harness.deadlines import DEADLINE_S, eventually
from tests.harness.irc_peer import IrcPeer
from tests.harness.network import Connect, Network
from tests.harness.sasl_client import authenticate_plain, log_in, plain

PASSWORD = "sesame-street"
CAPS = ["sasl", "standard-replies", "account-notify", "account-tag", "extended-join", "message-tags"]
pytestmark = pytest.mark.slow


async def registered(dial: Connect, nick: str, caps: list[str] | None = None) -> IrcPeer:
    """Somebody with an account."""
    peer = await dial(nick, caps=CAPS if caps is None else caps)
    await peer.send(f"REGISTER * * {PASSWORD}")
    await peer.expect("900")
    return peer


async def noted(peer: IrcPeer, line: str) -> tuple[str, ...]:
    """The NOTE or FAIL that answers, the text left out."""
    await peer.send(line)
    message = await peer.expect(lambda m: m.command in {"NOTE", "FAIL"})
    return (message.command, *message.params[:-1])


# -- nicks ------------------------------------------------------------------------------------------------------------


async def test_a_reserved_nick_is_for_its_account(dial: Connect, nick: str) -> None:
    """Who is not logged in gets 433, before and after registration, and FAIL NICK NICKNAME_RESERVED where it knows
    standard replies; who logs in has the nick."""
    owner = await registered(dial, nick)
    await owner.send("QUIT")
    await owner.wait_closed()
    early = await dial(nick, register=False)
    await early.send(f"NICK {nick}", "USER u 0 * :U")
    assert (await early.expect("433")).params[:2] == ("*", nick)
    await early.send(f"NICK {nick}guest")
    await early.expect("001")
    late = await dial(f"{nick}late", caps=CAPS)
    await late.send(f"NICK {nick.upper()}")
    assert (await late.expect("FAIL")).params[:3] == ("NICK", "NICKNAME_RESERVED", nick.upper())
    assert (await late.expect("433")).params[:2] == (f"{nick}late", nick.upper())
    await log_in(late, nick, PASSWORD)
    await late.send(f"NICK {nick}")
    assert (await late.expect("NICK")).params == (nick,)


async def test_several_nicks_of_one_account(dial: Connect, nick: str) -> None:
    """GROUP reserves the nick in use, with which one may log in as well; UNGROUP frees it; there is a limit."""
    owner = await registered(dial, nick)
    for letter in "abcde":
        await owner.send(f"NICK {nick}{letter}")
        assert await noted(owner, "ACCOUNT GROUP") == ("NOTE", "ACCOUNT", "GROUPED", f"{nick}{letter}")
    await owner.send(f"NICK {nick}f")
    assert (await noted(owner, "ACCOUNT GROUP"))[2] == "TOO_MANY_NICKS"
    other = await dial(f"{nick}other", caps=CAPS)
    await other.send(f"NICK {nick}a")
    await other.expect("433")
    assert (await authenticate_plain(other, f"{nick}A", PASSWORD)).command == "903"
    await other.send(f"WHOIS {nick}other")
    assert (await other.expect("330")).params[2] == nick
    assert await noted(owner, f"ACCOUNT UNGROUP {nick}a") == ("NOTE", "ACCOUNT", "UNGROUPED", f"{nick}a")
    assert (await noted(owner, f"ACCOUNT UNGROUP {nick}a"))[2] == "NOT_GROUPED"
    await dial(f"{nick}a")


async def test_a_reserved_nick_is_not_kept(dial: Connect, nick: str) -> None:
    """Who logs out, or in to another account, gets a guest's nick in place of one that is reserved."""
    await registered(dial, nick)
    other = await dial(f"{nick}b", caps=CAPS)
    await other.send(f"REGISTER {nick}c * {PASSWORD}")
    await other.expect("900")
    assert await noted(other, "ACCOUNT GROUP") == ("NOTE", "ACCOUNT", "GROUPED", f"{nick}b")
    await log_in(other, nick, PASSWORD)
    assert (await other.expect("NICK")).params[0].startswith("guest-")
    await log_in(other, f"{nick}c", PASSWORD)
    await other.send(f"NICK {nick}b")
    assert (await other.expect("NICK")).params == (f"{nick}b",)
    await other.send("ACCOUNT LOGOUT")
    assert (await other.expect("NICK")).params[0].startswith("guest-")


# -- who is logged in -------------------------------------------------------------------------------------------------


async def test_others_hear_of_a_login(dial: Connect, nick: str, room: str) -> None:
    """ "clients will get the ACCOUNT message ... for clients on common channels with them, including themselves"; once,
    however many rooms are shared. Source: account-notify."""
    room = f"{room}-{nick}"
    await registered(dial, nick)
    watcher, plain, late = await dial(f"{nick}w", caps=CAPS), await dial(f"{nick}p"), await dial(f"{nick}l", caps=CAPS)
    for peer in (watcher, plain, late):
        await peer.send(f"JOIN {room},{room}b")
        await peer.collect("366", 2)
    await log_in(late, nick, PASSWORD)
    own = await late.expect("ACCOUNT")
    assert (own.source.partition("!")[0], own.params) == (f"{nick}l", (nick,))
    await late.send(f"PRIVMSG {room} :logged in", "ACCOUNT LOGOUT", f"PRIVMSG {room} :and out")
    assert (await late.expect("901")).params[0] == f"{nick}l"
    heard = [
        m for m in await watcher.collect(lambda m: m.command in {"ACCOUNT", "PRIVMSG"}, 4) if f"{nick}l!" in m.source
    ]
    assert [(m.command, m.params[-1], m.tags.get("account")) for m in heard] == [
        ("ACCOUNT", nick, None),
        ("PRIVMSG", "logged in", nick),
        ("ACCOUNT", "*", nick),
        ("PRIVMSG", "and out", None),
    ]
    assert [m.params[1] for m in await plain.collect("PRIVMSG", 2)] == ["logged in", "and out"]


async def test_newcomers_see_the_account(dial: Connect, nick: str, room: str) -> None:
    """JOIN with extended-join, WHO with `a`, WHOIS 330: all from the member's present value, on any gateway."""
    room = f"{room}-{nick}"
    owner, watcher = await registered(dial, nick), await dial(f"{nick}w", caps=CAPS)
    await watcher.send(f"JOIN {room}")
    await watcher.expect("366")
    await owner.send(f"JOIN {room}")
    joined = await watcher.expect("JOIN")
    assert joined.params[:2] == (room, nick)
    for mask in (room, nick):
        await watcher.send(f"WHO {mask} %tna,7")
        found = await watcher.expect(lambda m: m.command == "354" and m.params[2] == nick)
        assert found.params[1:] == ("7", nick, nick)
    await watcher.send(f"WHO {nick}w %na")
    assert (await watcher.expect("354")).params[1:] == (f"{nick}w", "0")


async def test_a_login_before_joining_is_not_announced(dial: Connect, nick: str, room: str) -> None:
    """Who shares no room hears nothing; the account comes with the JOIN."""
    room = f"{room}-{nick}"
    watcher, late = await dial(f"{nick}w", caps=CAPS), await dial(f"{nick}l", caps=CAPS)
    await watcher.send(f"JOIN {room}")
    await watcher.expect("366")
    await registered(dial, nick)
    await log_in(late, nick, PASSWORD)
    await late.send(f"JOIN {room}")
    assert [m.command for m in [await watcher.read()]] == ["JOIN"]


# -- rooms ------------------------------------------------------------------------------------------------------------


async def test_a_founder_comes_back_to_its_rights(dial: Connect, nick: str, room: str) -> None:
    """The room was empty; a stranger who came first is no operator; the founder's account is, whatever its nick."""
    room = f"{room}-{nick}"
    owner = await registered(dial, nick)
    await owner.send(f"JOIN {room}", f"PART {room}")
    await owner.expect("PART")
    stranger = await dial(f"{nick}s")
    await stranger.send(f"JOIN {room}")
    assert (await stranger.expect("353")).params[-1] == f"{nick}s"
    await owner.send(f"NICK {nick}other", f"JOIN {room}", f"TOPIC {room} :mine")
    assert (await owner.expect("TOPIC")).params == (room, "mine")
    assert sorted((await names_of(stranger, room)).split()) == sorted([f"{nick}s", f"@{nick}other"])


async def test_a_founder_without_an_account_has_no_more_than_others(dial: Connect, nick: str, room: str) -> None:
    """Whoever finds the room empty is its operator, and if logged in its founder from then on."""
    room = f"{room}-{nick}"
    guest = await dial(f"{nick}g")
    await guest.send(f"JOIN {room}", f"PART {room}")
    await guest.expect("PART")
    owner = await registered(dial, nick)
    await owner.send(f"JOIN {room}")
    assert (await owner.expect("353")).params[-1] == f"@{nick}"
    await owner.send(f"PART {room}")
    await owner.expect("PART")
    await guest.send(f"JOIN {room}")
    assert (await guest.expect("353")).params[-1] == f"{nick}g"


async def test_an_owned_room_is_kept_longer(dial: Connect, network: Network, nick: str, room: str) -> None:
    """30 days after the last one left, any other for one; and for ever while somebody is in it."""
    room = f"{room}-{nick}"
    owner, guest = await registered(dial, nick), await dial(f"{nick}g")
    with network.store.client() as redis:
        for peer, name, days in ((owner, room, 30), (guest, f"{room}g", 1)):
            keys = log_keys(room_log(RoomKey(name)))
            await peer.send(f"JOIN {name}")
            await peer.expect("366")
            assert redis.ttl(keys.state) == redis.ttl(keys.log) == -1
            await peer.send(f"PART {name}")
            await peer.expect("PART")
            for key in (keys.state, keys.log):
                assert (days - 1) * 86_400 < int(redis.ttl(key)) <= days * 86_400


async def names_of(peer: IrcPeer, room: str) -> str:
    """NAMES as the peer gets them now."""
    await peer.barrier()
    await peer.send(f"NAMES {room}")
    return (await peer.expect("353")).params[-1]


# -- looking after it -------------------------------------------------------------------------------------------------


async def test_the_password_can_be_changed(dial: Connect, nick: str) -> None:
    """With the present one alone; the old one is worth nothing any more."""
    owner = await registered(dial, nick)
    assert (await noted(owner, "ACCOUNT PASSWORD wrong-one new-word"))[2] == "WRONG_PASSWORD"
    assert (await noted(owner, f"ACCOUNT PASSWORD {PASSWORD} :ab"))[2] == "WEAK_PASSWORD"
    assert await noted(owner, f"ACCOUNT PASSWORD {PASSWORD} new-word") == ("NOTE", "ACCOUNT", "PASSWORD_CHANGED", nick)
    other = await dial(f"{nick}b", caps=["sasl"])
    assert (await authenticate_plain(other, nick, PASSWORD)).command == "904"
    assert (await authenticate_plain(other, nick, "new-word")).command == "903"


async def test_an_account_can_be_deleted(dial: Connect, nick: str) -> None:
    """All its sessions are logged out, on every gateway; its nicks are free, its name is nobody else's account."""
    owner, phone = await registered(dial, nick), await dial(f"{nick}p", caps=CAPS)
    await log_in(phone, nick, PASSWORD)
    assert (await noted(owner, "ACCOUNT DELETE wrong-one"))[2] == "WRONG_PASSWORD"
    assert await noted(owner, f"ACCOUNT DELETE {PASSWORD}") == ("NOTE", "ACCOUNT", "DELETED", nick)
    await owner.expect("901")
    await phone.expect("901")
    assert (await authenticate_plain(phone, nick, PASSWORD)).command == "904"
    await owner.send("QUIT")
    await owner.wait_closed()
    guest = await dial(nick, caps=CAPS)
    await guest.send("REGISTER * * other-word")
    assert (await guest.expect("FAIL")).params[:3] == ("REGISTER", "ACCOUNT_EXISTS", nick)


async def test_information(dial: Connect, nick: str) -> None:
    """INFO is what ACCOUNT alone means; a client without standard replies gets notices."""
    owner = await registered(dial, nick, caps=["sasl"])
    await owner.send("ACCOUNT", "ACCOUNT info")
    for notice in await owner.collect("NOTICE", 2):
        assert f"reserved nicks: {nick}" in notice.params[1]


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("ACCOUNT NONSENSE", ("FAIL", "ACCOUNT", "INVALID_PARAMS", "NONSENSE")),
        ("ACCOUNT INFO", ("FAIL", "ACCOUNT", "ACCOUNT_REQUIRED", "INFO")),
        ("ACCOUNT DELETE x", ("FAIL", "ACCOUNT", "ACCOUNT_REQUIRED", "DELETE")),
    ],
)
async def test_what_is_refused(dial: Connect, nick: str, line: str, answer: tuple[str, ...]) -> None:
    """Who is not logged in has nothing to look after."""
    assert await noted(await dial(nick, caps=CAPS), line) == answer


async def test_too_few_parameters(dial: Connect, nick: str) -> None:
    """461."""
    peer = await dial(nick)
    await peer.send("ACCOUNT PASSWORD old", "ACCOUNT UNGROUP", "ACCOUNT DELETE")
    assert [m.command for m in await peer.barrier()] == ["461"] * 3


async def test_who_goes_while_it_logs_in_leaves_no_record(
    network: Network, dial: Connect, nick: str, room: str
) -> None:
    """The connection ends between a login, or a nick change, and its last step: nothing of the session is left, unless
    it had logged in by then; it is kept for its grace, and no gateway takes it for connected."""
    room = f"{room}-{nick}"
    await registered(dial, nick)
    with network.store.client() as redis:

        async def left() -> list[str] | None:
            records = [redis.hmget(key, "nick", "state") for key in redis.scan_iter("c1:{u:*}") if b":rooms" not in key]
            connected = [nick for nick, state in records if nick and nick.startswith(b"gone") and state != b"detached"]
            return None if connected else []

        for number in range(30):
            peer = await network.connect(f"gone{number}", caps=["sasl"])
            await peer.send(f"JOIN {room}")
            await peer.expect("366")
            await peer.send("AUTHENTICATE PLAIN", *plain(nick, PASSWORD), f"NICK gonetoo{number}")
            await peer.expect("903" if number % 2 else "AUTHENTICATE")
            await peer.close()
        await eventually(left, what="all records of those who went are gone", deadline_s=4 * DEADLINE_S)
