"""docs/reference.md from the gateway's own tables: settings, capabilities, commands, numerics.

`python -m tests.docs.reference` writes it; `tests/docs/test_reference.py` compares.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from gateway.commands.registration import values
from gateway.commands.table import COMMANDS
from gateway.config import ENV_PREFIX, FLAGS, SETTINGS, read_config
from gateway.policy import network
from gateway.session import capabilities
from gateway.wire import numerics

__all__ = ["PATH", "REPOSITORY", "numbers", "reference", "senders"]

REPOSITORY = Path(__file__).parents[2]
PATH = REPOSITORY / "docs" / "reference.md"
_HEAD = """# Reference

Made from the gateway's own tables by `make reference`; `make check` compares. What it all means is in
[protocol.md](protocol.md).
"""


def reference() -> str:
    """The whole document."""
    return "\n".join([_HEAD, *_settings(), *_capabilities(), *_commands(), *_numerics()])


def numbers() -> dict[str, str]:
    """All numerics the gateway has a name for: name to number, by number."""
    found = {name: value for name, value in vars(numerics).items() if name.startswith(("RPL_", "ERR_"))}
    return dict(sorted(found.items(), key=lambda row: row[1]))


def senders() -> dict[str, list[str]]:
    """Which modules of the gateway use a numeric: name to modules; none for one that is never sent."""
    users: dict[str, set[str]] = {name: set() for name in numbers()}
    for path in sorted((REPOSITORY / "gateway").rglob("*.py")):
        if path.name != "numerics.py":
            for name in _names_in(ast.parse(path.read_text())):
                if name in users:
                    users[name].add(path.relative_to(REPOSITORY / "gateway").with_suffix("").as_posix())
    return {name: sorted(modules) for name, modules in users.items()}


def _names_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Name):
            yield node.id


def _settings() -> Iterator[str]:
    yield "## Settings of the gateway"
    yield f"Each is a variable, too: `--log-level` is `{ENV_PREFIX}LOG_LEVEL`. The flag wins."
    yield from _table(("flag", "value", "default", "meaning"))
    for name, setting in SETTINGS.items():
        value, meaning = (text.replace("|", "\\|") for text in (setting.metavar, setting.meaning))
        yield f"| `{FLAGS[name]}` | {value} | {f'`{setting.default}`' if setting.default else ''} | {meaning} |"
    yield ""


def _capabilities() -> Iterator[str]:
    yield "## Capabilities"
    yield "Values are those of the default settings, for who showed a TLS certificate; `sts` is added where it is set."
    yield "A client without `CAP LS 302` is told no names with a slash."
    yield from _table(("name", "value"))
    for word in capabilities.listed(0, values(network(read_config([], {})), certificate="any")).split():
        name, _, value = word.partition("=")
        yield f"| `{name}` | {f'`{value}`' if value else ''} |"
    yield ""


def _commands() -> Iterator[str]:
    yield "## Commands"
    yield "With fewer parameters the answer is 461; before registration those without a mark get 451."
    yield from _table(("command", "parameters at least", "before registration", "while Redis is away"))
    for name, row in sorted(COMMANDS.items()):
        early, away = "yes" if row.before_ready else "", "refused" if row.needs_store else ""
        yield f"| {name} | {row.min_params} | {early} | {away} |"
    yield ""


def _numerics() -> Iterator[str]:
    yield "## Numerics"
    yield from _table(("number", "name"))
    users = senders()
    for name, number in numbers().items():
        if users[name]:
            yield f"| {number} | {name} |"
    yield ""


def _table(heads: tuple[str, ...]) -> list[str]:
    return ["", f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]


if __name__ == "__main__":
    PATH.write_text(reference())
