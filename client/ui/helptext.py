"""What /help and F1 show: the keys of the full screen and the commands. Pure; the commands come from their table."""

from client.commands import help_lines
from client.render import Fragment
from client.ui.cells import wrap

__all__ = ["KEYS", "help_rows"]

KEYS = (
    ("Enter", "send; Alt-Enter or Ctrl-J: a new line"),
    ("Tab", "complete a nick, a room, a command"),
    ("Up, Down", "lines typed before; Ctrl-R searches them"),
    ("PgUp, PgDn", "scroll; Esc or Alt-End: to the end"),
    ("Alt-u", "where you stopped reading"),
    ("Alt-p, Alt-n", "lines that name you, upwards and downwards"),
    ("Ctrl-F", "further up: what is typed in the input"),
    ("Ctrl-N, Ctrl-P", "next and previous room; Alt-1 to Alt-9: by number"),
    ("Alt-a", "next room with something unread"),
    ("Alt-k, Alt-j", "choose a room; join one"),
    ("F1, F2, F3", "this help, rooms, people"),
    ("Alt-c", "connect now"),
    ("Ctrl-X Ctrl-E", "write in your $EDITOR"),
    ("Ctrl-L, Ctrl-Z", "draw anew; suspend"),
    ("Ctrl-C", "clear the line; when it is empty, ask to leave, as Ctrl-D does"),
)


def help_rows(width: int) -> list[Fragment]:
    """All of it, wrapped."""
    keys_width = max(len(key) for key, _ in KEYS)
    lines = [
        ("class:panel.title", "Keys (Esc closes this)"),
        *(("", f"  {key:{keys_width}}  {words}") for key, words in KEYS),
        ("class:panel.title", "Commands (any beginning that fits no other will do)"),
        *(("", f"  {line}") for line in help_lines()),
    ]
    return [(style, text[start:end]) for style, text in lines for start, end in wrap(text, max(width, 1))]
