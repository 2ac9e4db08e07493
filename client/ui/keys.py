"""Keys of the full screen; `helptext.KEYS` tells them. What is not here is prompt_toolkit's: editing as in Emacs."""

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from prompt_toolkit.application.current import get_app
from prompt_toolkit.filters import Condition, is_searching
from prompt_toolkit.key_binding import KeyBindings, KeyBindingsBase, KeyPressEvent, merge_key_bindings
from prompt_toolkit.keys import Keys

from client.ui.choosing import join_dialog, room_switcher

if TYPE_CHECKING:
    from client.ui.fullscreen import FullScreen

__all__ = ["key_bindings"]

PASTE_GAP_S = 0.05  # an Enter so soon after a pasted line is the paste's last one


def key_bindings(ui: "FullScreen") -> KeyBindingsBase:
    """All of them."""
    return merge_key_bindings([_input_keys(ui), _room_keys(ui), _going_keys(ui), _picker_keys(ui)])


def _typing(ui: "FullScreen") -> Condition:
    return Condition(lambda: get_app().layout.has_focus(ui.buffer))


def _input_keys(ui: "FullScreen") -> KeyBindings:
    keys = KeyBindings()
    typing = _typing(ui)
    pasted_s = 0.0

    @keys.add("enter", filter=typing)
    def _(event: KeyPressEvent) -> None:
        """Send; but a terminal that does not mark pastes sends their lines as fast typing, and they are one text.

        One more Enter among the keys that are here already tells it; keys alone may be those of a slow connection.
        """
        nonlocal pasted_s
        more = any(press.key == Keys.ControlM for press in event.key_processor.input_queue)
        if (more or time.monotonic() - pasted_s < PASTE_GAP_S) and ui.may_paste:
            pasted_s = time.monotonic()
            ui.buffer.insert_text("\n")
        else:
            ui.enter()

    @keys.add("escape", "enter", filter=typing)
    @keys.add("c-j", filter=typing)
    def _(event: KeyPressEvent) -> None:
        ui.buffer.insert_text("\n")

    @keys.add("tab", filter=typing)
    def _(event: KeyPressEvent) -> None:
        if ui.buffer.complete_state:
            ui.buffer.complete_next()
        else:
            ui.buffer.start_completion(select_first=True)

    @keys.add("c-c", filter=typing)
    @keys.add("<sigint>")
    def _(event: KeyPressEvent) -> None:
        if ui.buffer.text:
            ui.clear()
        else:
            ui.leave()

    @keys.add("c-d", filter=typing)
    def _(event: KeyPressEvent) -> None:
        if ui.buffer.text:
            ui.buffer.delete()
        else:
            ui.leave()

    @keys.add("c-x", "c-e", filter=typing)
    async def _(event: KeyPressEvent) -> None:
        """What the editor leaves is there to be looked at, and not sent before Enter."""
        await ui.buffer.open_in_editor()

    @keys.add("c-z")
    def _(event: KeyPressEvent) -> None:
        event.app.suspend_to_background()

    return keys


def _room_keys(ui: "FullScreen") -> KeyBindings:
    keys = KeyBindings()
    view = ui.view
    chatting = ~is_searching & Condition(lambda: ui.picker is None)

    @keys.add("pageup", filter=chatting)
    def _(event: KeyPressEvent) -> None:
        ui.scroll(1)

    @keys.add("pagedown", filter=chatting)
    def _(event: KeyPressEvent) -> None:
        ui.scroll(-1)

    @keys.add("escape", filter=chatting)
    @keys.add("escape", "end", filter=chatting)
    def _(event: KeyPressEvent) -> None:
        with ui.lock:
            if ui.asked:
                ui.leave()
            ui.screen.chat.search.stop()
            view.to_end()
        ui.refresh()

    @keys.add("escape", "u", filter=chatting)
    def _(event: KeyPressEvent) -> None:
        with ui.lock:
            view.to_unread()

    @keys.add("escape", "p", filter=chatting)
    def _(event: KeyPressEvent) -> None:
        with ui.lock:
            view.walk_mentions(up=True)

    @keys.add("escape", "n", filter=chatting)
    def _(event: KeyPressEvent) -> None:
        with ui.lock:
            view.walk_mentions(up=False)

    @keys.add("c-f", filter=chatting & Condition(lambda: bool(ui.buffer.text)))
    def _(event: KeyPressEvent) -> None:
        with ui.lock:
            view.find(ui.buffer.text)

    @keys.add("escape", "c", filter=chatting)
    def _(event: KeyPressEvent) -> None:
        ui.command("/connect")

    @keys.add("f1")
    def _(event: KeyPressEvent) -> None:
        view.toggle_help()

    @keys.add("f2")
    def _(event: KeyPressEvent) -> None:
        with ui.lock:
            view.toggle_rooms()

    @keys.add("f3")
    def _(event: KeyPressEvent) -> None:
        with ui.lock:
            view.toggle_people()

    return keys


def _going_keys(ui: "FullScreen") -> KeyBindings:
    keys = KeyBindings()
    view = ui.view
    chatting = ~is_searching & Condition(lambda: ui.picker is None)

    def going(find: Callable[[], str]) -> Callable[[KeyPressEvent], None]:
        def go(event: KeyPressEvent) -> None:
            with ui.lock:
                room = find()
            ui.go(room)

        return go

    def entry(number: int) -> str:
        entries = view.entries()
        return entries[number - 1].name if number <= len(entries) else ""

    keys.add("c-n", filter=chatting)(going(lambda: view.neighbour(1)))
    keys.add("c-p", filter=chatting)(going(lambda: view.neighbour(-1)))
    keys.add("escape", "a", filter=chatting)(going(view.next_unread))
    for digit in "123456789":
        keys.add("escape", digit, filter=chatting)(going(partial(entry, int(digit))))

    @keys.add("escape", "k", filter=chatting)
    def _(event: KeyPressEvent) -> None:
        ui.pick(room_switcher(ui))

    @keys.add("escape", "j", filter=chatting)
    def _(event: KeyPressEvent) -> None:
        ui.pick(join_dialog(ui))

    return keys


def _picker_keys(ui: "FullScreen") -> KeyBindings:
    keys = KeyBindings()
    picking = Condition(lambda: ui.picker is not None)

    @keys.add("enter", filter=picking)
    def _(event: KeyPressEvent) -> None:
        ui.choose()

    @keys.add("escape", filter=picking)
    @keys.add("c-c", filter=picking)
    def _(event: KeyPressEvent) -> None:
        ui.pick(None)

    @keys.add("down", filter=picking)
    @keys.add("c-n", filter=picking)
    @keys.add("tab", filter=picking)
    def _(event: KeyPressEvent) -> None:
        with ui.lock:
            if ui.picker is not None:
                ui.picker.move(1, ui.query.text)

    @keys.add("up", filter=picking)
    @keys.add("c-p", filter=picking)
    def _(event: KeyPressEvent) -> None:
        with ui.lock:
            if ui.picker is not None:
                ui.picker.move(-1, ui.query.text)

    return keys
