"""A bracketed paste whose end mark was lost would swallow all keys for ever: when nothing more of it comes, it ends."""

from prompt_toolkit.application import Application

__all__ = ["LostPaste"]

END_OF_PASTE = "\x1b[201~"


class LostPaste:
    """Looks after the pastes of one application."""

    def __init__(self, app: "Application[None]") -> None:
        self._app = app
        self._pasted: int | None = None  # characters of a paste that has not ended, at the last look

    def look(self) -> None:
        """End a paste that has not grown since the last look; to be called now and then."""
        parser = getattr(self._app.input, "vt100_parser", None)
        pasted = len(parser._paste_buffer) if parser is not None and parser._in_bracketed_paste else None
        if parser is not None and pasted is not None and pasted == self._pasted:
            parser.feed(END_OF_PASTE)
            self._app.key_processor.feed_multiple(self._app.input.flush_keys())
            self._app.key_processor.process_keys()
        self._pasted = pasted
