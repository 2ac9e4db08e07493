"""What /status tells, as lines. Pure: time comes with the chat."""

from client.chat import Chat
from client.linkstatus import LinkStatus
from client.render import day_of
from client.wording import people

__all__ = ["status_lines"]


def status_lines(chat: Chat, status: LinkStatus) -> list[str]:
    """How we stand with the server, in which rooms we are, and what waits."""
    now_ms = chat.now_ms()
    since = f"since {day_of(status.since_ms):%H:%M}"
    if status.online:
        lag = f", lag {chat.heard.lag_ms} ms" if chat.heard.lag_ms is not None else ""
        lines = [f"connected to {status.server} as {chat.nick} {since}{lag}"]
    else:
        why = f": {status.reason}" if status.reason else ""
        when = ""
        if status.next_try_ms is not None:
            when = f"; {status.next_server} is tried in {max(0, status.next_try_ms - now_ms) // 1000} s"
        lines = [f"no connection {since}{why}{when}"]
    if chat.away:
        lines.append(f"you are away: {chat.away}")
    if chat.heard.read_only:
        lines.append("the server can keep nothing just now")
    if status.count > 1:
        lines.append(f"servers: {', '.join(status.servers)}")
    lines.append("rooms: " + (", ".join(_room(chat, room) for room in chat.rooms) or "none"))
    if waiting := len(chat.own_lines):
        lines.append(f"{waiting} of yours {'waits' if waiting == 1 else 'wait'} for an acknowledgement")
    if ignored := chat.ignored.nicks:
        lines.append(f"ignored: {', '.join(ignored)}")
    return lines


def _room(chat: Chat, room: str) -> str:
    if not chat.is_known(room) or chat.session is None:
        return f"{room} (waits)"
    return f"{room} ({people(chat.session.member_count(room))})"
