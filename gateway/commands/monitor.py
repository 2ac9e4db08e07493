"""MONITOR. Source: https://ircv3.net/specs/extensions/monitor."""

from collections.abc import Coroutine, Iterable, Mapping
from typing import Any

from gateway.commands.services import Services
from gateway.commands.watching import MAX_WATCHED
from gateway.session.reply import Reply
from gateway.session.session import Session, State
from gateway.wire import numerics as n
from gateway.wire.limits import MAX_BODY_BYTES
from gateway.wire.message import Message
from gateway.wire.names import NickKey, nick_key

__all__ = ["monitor", "tell_watched"]

Answer = Coroutine[Any, Any, None] | None


def monitor(services: Services, session: Session, message: Message, reply: Reply) -> Answer:
    """MONITOR + and - with nicks, C, L and S."""
    subcommand, targets = message.params[0].upper(), [name for name in "".join(message.params[1:2]).split(",") if name]
    match subcommand:
        case "+" | "-" if not targets:
            reply.numeric(n.ERR_NEEDMOREPARAMS, "MONITOR", "Not enough parameters")
        case "+":
            return _add(services, session, targets, reply)
        case "-":
            return _remove(services, session, [key for name in targets if (key := nick_key(name)) is not None])
        case "C":
            return _remove(services, session, list(session.watches))
        case "L":
            _list(reply, n.RPL_MONLIST, session.watches.values())
            reply.numeric(n.RPL_ENDOFMONLIST, "End of MONITOR list")
        case "S":
            tell_watched(services, session.watches, reply)
        case _:
            reply.numeric(n.ERR_NEEDMOREPARAMS, "MONITOR", "One of + - C L S")
    return None


async def _add(services: Services, session: Session, targets: list[str], reply: Reply) -> None:
    wanted: dict[NickKey, str] = {}
    nobody, too_many = [], []
    for name in targets:
        key = nick_key(name)
        if key is None:
            nobody.append(name)  # what cannot be a nick is nobody's; a mask is not watched for
        elif key in session.watches or key in wanted:
            wanted.setdefault(key, session.watches.get(key, name))
        elif len(session.watches.keys() | wanted.keys()) >= MAX_WATCHED:
            too_many.append(name)
        else:
            wanted[key] = name
    if wanted:
        await services.records.watch(session.attachment, wanted.values())
        await services.watches.start(session, wanted)
        if session.state is State.CLOSED:
            await services.records.unwatch(session.attachment, wanted.values())
    tell_watched(services, wanted, reply, nobody)
    if too_many:
        reply.numeric(n.ERR_MONLISTFULL, str(MAX_WATCHED), *_joined(too_many, 80), "Monitor list is full")


async def _remove(services: Services, session: Session, nicks: list[NickKey]) -> None:
    spelt = [session.watches[nick] for nick in nicks if nick in session.watches]
    services.watches.stop(session, nicks)
    if spelt:
        await services.records.unwatch(session.attachment, spelt)


def tell_watched(services: Services, nicks: Mapping[NickKey, str], reply: Reply, nobody: Iterable[str] = ()) -> None:
    """730 and 731 of watched nicks, with their spelling; `nobody` are more that are offline."""
    here, gone = [], []
    for nick, spelt in nicks.items():
        holder = services.watches.holder(nick)
        if holder is not None:
            here.append(holder.source)
        else:
            gone.append(spelt)
    _list(reply, n.RPL_MONONLINE, here)
    _list(reply, n.RPL_MONOFFLINE, [*gone, *nobody])


def _list(reply: Reply, number: str, names: Iterable[str]) -> None:
    room_left = MAX_BODY_BYTES - len(f":{reply.server} {number} {reply.session.name} :")
    for part in _joined(names, room_left):
        reply.numeric(number, part)


def _joined(names: Iterable[str], limit_bytes: int) -> list[str]:
    """The names with commas between them, in as few pieces as fit."""
    parts: list[str] = []
    for name in names:
        if parts and len(f"{parts[-1]},{name}".encode()) <= limit_bytes:
            parts[-1] += f",{name}"
        else:
            parts.append(name)
    return parts
