"""Network-wide bans: which there can be, and whom they fit."""

import pytest

from gateway.model import Uid
from gateway.people import NetworkBan
from gateway.session.netbans import find_account_ban, find_ban, normalise_ban
from gateway.session.session import Session


def session(user: str = "~ann", host: str = "192.0.2.7", account: str = "") -> Session:
    """Somebody."""
    made = Session(Uid(b"u"), host, lambda data: None)
    made.nick, made.user, made.account = "ann", user, account
    return made


@pytest.mark.parametrize(
    ("given_as", "full"),
    [
        ("192.0.2.7", "*@192.0.2.7"),
        ("192.0.2.9/24", "*@192.0.2.0/24"),
        ("~ann@192.0.2.*", "~ann@192.0.2.*"),
        ("ann@", "ann@*"),
        ("2001:db8::/32", "*@2001:db8::/32"),
        ("a:Ann", "a:Ann"),
    ],
)
def test_a_ban_is_completed(given_as: str, full: str) -> None:
    """A bare address or block is any user there."""
    assert normalise_ban(given_as) == full


@pytest.mark.parametrize(
    "text", ["", "*", "*@*", "?*@*.*", "*@*:*", "0.0.0.0/0", "::/0", "1.2.3.4/99", "x/y", "n!u@h", "a:*", "a b", ":x"]
)
def test_what_is_no_ban(text: str) -> None:
    """Nothing that would fit everybody: an operator's slip must not empty the network."""
    assert normalise_ban(text) is None


@pytest.mark.parametrize(
    ("mask", "fits"),
    [
        ("*@192.0.2.7", True),
        ("*@192.0.2.0/24", True),
        ("~ann@192.0.2.0/24", True),
        ("bob@192.0.2.0/24", False),
        ("*@192.0.3.0/24", False),
        ("~ANN@*", True),
        ("*@192.0.*", True),
        ("*@2001:db8::/32", False),
        ("a:acc", True),
        ("a:other", False),
    ],
)
def test_whom_a_ban_fits(mask: str, fits: bool) -> None:
    """User and host, an address in a block, or the account."""
    ban = NetworkBan(mask, "op!o@h", "spam", 1, 0)
    assert (find_ban([ban], session(account="Acc")) is ban) is fits


def test_a_host_without_an_address_is_in_no_block() -> None:
    """`localhost`, say."""
    ban = NetworkBan("*@127.0.0.0/8", "op!o@h", "spam", 1, 0)
    assert find_ban([ban], session(host="localhost")) is None


def test_a_ban_of_an_account() -> None:
    """Is told apart from those of masks and addresses, which say nothing of an account."""
    everywhere, acc = (NetworkBan(mask, "op!o@h", "spam", 1, 0) for mask in ("*@192.0.2.0/24", "a:ac?"))
    assert find_account_ban([everywhere, acc], "Acc") is acc
    assert find_account_ban([everywhere, acc], "other") is None
