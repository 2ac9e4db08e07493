"""What a run came to, as the exit code its caller gets. Pure."""

from client.chat import Chat
from client.exits import ExitCode

__all__ = ["outcome"]


def outcome(chat: Chat, *, interactive: bool, left: bool) -> int:
    """The exit code of a run that no signal has ended; what is left in the outbox is told, or kept for the next run.

    Args:
        left: by `exit` or /quit; else the input has ended.
    """
    lines = chat.own_lines
    waiting = len(lines)
    refused = chat.heard.login_refused
    if refused:
        chat.transcripts.note(f"the server refuses us: {refused}")
    elif interactive and waiting:
        chat.transcripts.note(f"not confirmed: {waiting}; kept, and sent when you come back")
    if not interactive:
        # The exit code tells the caller; a line kept as well would be said twice when the caller tries again.
        lines.forget()
    if refused:
        return ExitCode.LOGIN_REFUSED
    if interactive:
        return ExitCode.OK
    if not chat.heard.welcomed and (waiting or not left):
        return ExitCode.UNAVAILABLE
    if waiting or lines.unconfirmed:
        return ExitCode.NOT_CONFIRMED
    return ExitCode.REFUSED if lines.refused_for_good else ExitCode.OK
