"""The lists of the full screen that one chooses from: where to go, and what to join."""

from functools import partial
from typing import TYPE_CHECKING

from client.ui.completer import ask_for_rooms
from client.ui.completion import match
from client.ui.picker import Choice, Picker

if TYPE_CHECKING:
    from client.ui.fullscreen import FullScreen

__all__ = ["join_dialog", "room_switcher"]


def room_switcher(ui: "FullScreen") -> Picker:
    """Rooms and private talks of ours."""
    return Picker("Go to a room", partial(_places, ui), ui.go, "go")


def join_dialog(ui: "FullScreen") -> Picker:
    """Rooms of the server, which is asked for them when what we know is old."""
    ask_for_rooms(ui.screen)
    return Picker("Join a room", partial(_listed, ui), lambda name: ui.command(f"/join {name}"), "join")


def _places(ui: "FullScreen", query: str) -> list[Choice]:
    entries = {entry.name: entry for entry in ui.view.entries()}
    return [Choice(name, name, f"{entries[name].count:>5}") for name in match(query, entries)]


def _listed(ui: "FullScreen", query: str) -> list[Choice]:
    chat = ui.screen.chat
    rooms = {room: (people, topic) for room, people, topic in chat.listed}
    wanted = query.strip().removeprefix("#").replace(" ", "-")
    choices = [Choice(name, name, f"{rooms[name][0]:>4}  {rooms[name][1]}") for name in match(query, rooms)]
    if wanted and f"#{wanted}" not in rooms:
        choices.append(Choice(f"#{wanted}", f"+ create #{wanted}"))
    return choices
