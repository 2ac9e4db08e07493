"""ACCOUNT: look after an account. Ours, in the style of IRCv3 draft/account-registration: docs/protocol.md."""

from datetime import UTC, datetime

from gateway.commands.login import TooManyLoginsError, check_password, log_out
from gateway.commands.oversight import audit
from gateway.commands.services import Services
from gateway.commands.signup import problem_of_password
from gateway.people import Account, Attached
from gateway.session.fingerprints import as_fingerprint
from gateway.session.reply import Reply
from gateway.session.session import Session
from gateway.wire import numerics as n
from gateway.wire.message import Message
from gateway.wire.names import NickKey, casefold, nick_key

__all__ = ["account"]

MAX_NICKS = 5  # reserved for one account beside its name
MAX_CERTIFICATES = 10  # of one account

_PARAMETERS = {
    "INFO": 0, "PASSWORD": 2, "CERT": 1, "GROUP": 0, "UNGROUP": 1, "SESSIONS": 0, "SET": 2, "LOGOUT": 0, "DELETE": 1,
}  # fmt: skip
_CHOICES = {"on": True, "off": False, "default": None}
_SHARING = {
    True: "several connections share one nick",
    False: "a new connection takes the nick over",
}

SUBCOMMANDS = "INFO, PASSWORD, CERT ADD, CERT DEL, CERT LIST, GROUP, UNGROUP, SESSIONS, SET multiclient, LOGOUT, DELETE"


async def account(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """ACCOUNT INFO, PASSWORD, CERT, GROUP, UNGROUP, SESSIONS, SET, LOGOUT and DELETE, of the account the session is
    logged in to."""
    subcommand, *params = message.params or ("INFO",)
    subcommand = subcommand.upper()
    expected = _PARAMETERS.get(subcommand)
    if expected is None:
        reply.fail_only("ACCOUNT", "INVALID_PARAMS", subcommand, text=SUBCOMMANDS)
        return
    if len(params) < expected:
        reply.numeric(n.ERR_NEEDMOREPARAMS, "ACCOUNT", "Not enough parameters")
        return
    if not session.account:
        reply.fail_only("ACCOUNT", "ACCOUNT_REQUIRED", subcommand, text="You are not logged in to an account")
        return
    if subcommand == "LOGOUT":
        await log_out(services, session, reply)
        return
    key = NickKey(casefold(session.account))
    found, _ = await services.accounts.find(key)
    if found is None:
        await log_out(services, session, reply)  # it was deleted a moment ago, elsewhere
        return
    match subcommand:
        case "INFO":
            _inform(services, found, reply)
        case "CERT":
            await _certificates(services, session, found, params, reply)
        case "GROUP":
            await _group(services, session, key, found, reply)
        case "SESSIONS":
            await _list_sessions(services, session, reply)
        case "SET":
            await _set(services, key, params[0], params[1], reply)
        case "UNGROUP":
            await _ungroup(services, key, found, params[0], reply)
        case _:
            await _prove_and_do(services, session, found, (subcommand, *params), reply)


async def _set(services: Services, key: NickKey, name: str, value: str, reply: Reply) -> None:
    if name.lower() != "multiclient" or value.lower() not in _CHOICES:
        reply.fail_only("ACCOUNT", "INVALID_PARAMS", "SET", text="SET multiclient on, off or default")
        return
    choice = _CHOICES[value.lower()]
    if not await services.accounts.set_multiclient(key, choice):
        reply.fail_only("ACCOUNT", "ACCOUNT_REQUIRED", "SET", text="The account was deleted meanwhile")
        return
    text = _SHARING[services.network.multiclient if choice is None else choice]
    reply.note("ACCOUNT", "SET", "multiclient", value.lower(), text=text)


async def _list_sessions(services: Services, session: Session, reply: Reply) -> None:
    """The connections that share the peer's session: number, what it is, since when."""
    attached = await services.records.attached(session.uid)
    if not attached:
        attached = [Attached(session.attachment, connected=True, since_ms=0, away=session.away)]
    for number, one in enumerate(attached, 1):
        state = "this one" if one.attachment == session.attachment else "connected" if one.connected else "lost"
        since_s = one.since_ms // 1000 or session.signed_on_s
        text = f"{state}, since {datetime.fromtimestamp(since_s, UTC):%Y-%m-%d %H:%M:%S} UTC"
        reply.note("ACCOUNT", "SESSION", session.nick, str(number), text=text + (", away" if one.away else ""))


def _inform(services: Services, found: Account, reply: Reply) -> None:
    nicks = " ".join((found.name, *found.nicks))
    shares = services.network.multiclient if found.multiclient is None else found.multiclient
    registered = f"{datetime.fromtimestamp(found.created_s, UTC):%Y-%m-%d}"
    text = f"Registered {registered}; reserved nicks: {nicks}; {_SHARING[shares]}"
    reply.note("ACCOUNT", "INFO", found.name, text=text)


async def _group(services: Services, session: Session, key: NickKey, found: Account, reply: Reply) -> None:
    nick = session.key
    assert nick is not None
    if nick == key or nick in found.nicks:
        reply.note("ACCOUNT", "GROUPED", session.nick, text="The nick is reserved for your account already")
    elif len(found.nicks) >= MAX_NICKS:
        reply.fail_only(
            "ACCOUNT", "TOO_MANY_NICKS", session.nick, text=f"An account has at most {MAX_NICKS} more nicks"
        )
    elif not await services.accounts.group(key, found, nick, session.uid):
        reply.fail_only("ACCOUNT", "NICKNAME_RESERVED", session.nick, text="The nick is reserved for somebody else")
    else:
        reply.note("ACCOUNT", "GROUPED", session.nick, text="The nick is reserved for your account now")


async def _certificates(services: Services, session: Session, found: Account, params: list[str], reply: Reply) -> None:
    """CERT ADD, DEL and LIST: what SASL EXTERNAL logs in by; the one of this connection where none is named."""
    act, *named = params[0].upper(), *params[1:]
    key, listed = NickKey(casefold(found.name)), found.certificates
    certificate = as_fingerprint(named[0]) if named else session.certificate
    if act == "LIST":
        for each in listed:
            reply.note("ACCOUNT", "CERT", each, text="This certificate logs in to your account")
        reply.note("ACCOUNT", "CERT_LISTED", str(len(listed)), text=f"{len(listed)} certificates in all")
    elif act not in {"ADD", "DEL"}:
        reply.fail_only("ACCOUNT", "INVALID_PARAMS", "CERT", act, text="ADD, DEL or LIST")
    elif not certificate:
        text = "A fingerprint has 64 hexadecimal digits" if named else "You have shown no certificate; name one"
        reply.fail_only("ACCOUNT", "INVALID_CERT", act, text=text)
    elif act == "DEL" and certificate not in listed:
        reply.fail_only("ACCOUNT", "CERT_NOT_FOUND", certificate, text="It does not log in to your account")
    elif act == "DEL":
        await services.accounts.remove_certificate(key, found, certificate)
        reply.note("ACCOUNT", "CERT_DELETED", certificate, text="It logs in to your account no more")
    elif certificate not in listed and len(listed) >= MAX_CERTIFICATES:
        reply.fail_only("ACCOUNT", "TOO_MANY_CERTS", certificate, text=f"At most {MAX_CERTIFICATES}")
    elif await services.accounts.add_certificate(key, found, certificate):
        reply.note("ACCOUNT", "CERT_ADDED", certificate, text="Who shows it may log in to your account")
    else:
        reply.fail_only("ACCOUNT", "CERT_TAKEN", certificate, text="It logs in to somebody else's account")


async def _ungroup(services: Services, key: NickKey, found: Account, nick: str, reply: Reply) -> None:
    wanted = nick_key(nick)
    if wanted is None or wanted not in found.nicks:
        reply.fail_only("ACCOUNT", "NOT_GROUPED", nick, text="That is none of the nicks you have grouped")
        return
    await services.accounts.ungroup(key, found, wanted)
    reply.note("ACCOUNT", "UNGROUPED", nick, text="Anybody may use the nick now")


async def _prove_and_do(
    services: Services, session: Session, found: Account, wanted: tuple[str, ...], reply: Reply
) -> None:
    """PASSWORD and DELETE, which take the present password: an unwatched terminal must not cost the account."""
    subcommand, present, *rest = wanted
    key = NickKey(casefold(found.name))
    if rest and (problem := problem_of_password(rest[0], found.name, services.network.min_password)):
        reply.fail_only("ACCOUNT", problem[0], found.name, text=problem[1])
        return
    try:
        right = await check_password(services, session, found.name, found, present)
    except TooManyLoginsError as exc:
        reply.fail("ACCOUNT", "RATE_LIMITED", f"{exc.wait_s + 1:.0f}", text="Too many attempts; nothing was done")
        return
    if not right:
        reply.fail_only("ACCOUNT", "WRONG_PASSWORD", found.name, text="That is not the password; nothing was done")
        return
    if services.network.limits:
        services.allowances.logged_in(session.host, found.name)
    if subcommand == "DELETE":
        await services.accounts.delete(key, found)
        await services.conversations.forget(f"a:{key}")
        await services.markers.forget(f"a:{key}")
        audit(session, "account_deleted", account=key)
        reply.note("ACCOUNT", "DELETED", found.name, text="The account is gone; nobody can register its name again")
        await log_out(services, session, reply)
    elif await services.accounts.set_password(key, await services.passwords.make(rest[0])):
        reply.note("ACCOUNT", "PASSWORD_CHANGED", found.name, text="The password was changed")
    else:
        reply.fail_only("ACCOUNT", "ACCOUNT_REQUIRED", found.name, text="The account was deleted meanwhile")
