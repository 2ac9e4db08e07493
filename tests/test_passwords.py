"""Claims about operators' passwords."""

import asyncio
import subprocess
import sys
import tomllib
from collections.abc import Iterator

import pexpect
import pytest

from gateway.passwords import (
    MAX_AT_ONCE,
    BusyError,
    PasswordVerifier,
    hash_password,
    is_operator_name,
    is_password_hash,
)

SECRET = "correct horse"
COMMAND = [sys.executable, "-c", "import gateway.passwords as p, sys; sys.exit(p.main_hash_password(sys.argv[1:]))"]


@pytest.fixture(scope="module")
def secret_hash() -> str:
    return hash_password(SECRET)


@pytest.fixture
def verifier() -> Iterator[PasswordVerifier]:
    verifier = PasswordVerifier(max_waiting=4)
    yield verifier
    verifier.close()


async def test_verify(verifier: PasswordVerifier, secret_hash: str) -> None:
    """The right password passes; a wrong one, an empty one and any for an unknown name do not."""
    assert await verifier.verify(secret_hash, SECRET)
    assert not await verifier.verify(secret_hash, SECRET + " ")
    assert not await verifier.verify(secret_hash, "")
    assert not await verifier.verify(None, SECRET)


def test_hashes_are_salted_argon2id(secret_hash: str) -> None:
    """The same password never has the same hash. Source: RFC 9106 section 4."""
    assert secret_hash.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert hash_password(SECRET) != secret_hash


async def test_full_is_refused_and_room_comes_back(verifier: PasswordVerifier, secret_hash: str) -> None:
    """One more than may wait raises at once; those that waited are all answered, and then there is room."""
    async with asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(verifier.verify(secret_hash, SECRET)) for _ in range(4)]
        await asyncio.sleep(0)  # one turn: all four have asked
        with pytest.raises(BusyError):
            await verifier.verify(secret_hash, SECRET)
    assert [task.result() for task in waiting] == [True] * 4
    assert await verifier.verify(secret_hash, SECRET)


async def test_a_peer_that_goes_gives_its_place_back(verifier: PasswordVerifier, secret_hash: str) -> None:
    """Cancelled verifications do not count as waiting."""
    waiting = [asyncio.ensure_future(verifier.verify(secret_hash, SECRET)) for _ in range(4)]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)
    assert await verifier.verify(secret_hash, SECRET)


async def test_the_event_loop_goes_on_meanwhile(verifier: PasswordVerifier, secret_hash: str) -> None:
    """Verifications leave the loop free: it turns many times before the first one ends."""
    turns = 0
    tasks = [asyncio.ensure_future(verifier.verify(secret_hash, SECRET)) for _ in range(MAX_AT_ONCE)]
    while not any(task.done() for task in tasks):
        turns += 1
        await asyncio.sleep(0.001)
    await asyncio.gather(*tasks)
    assert turns > 10


@pytest.mark.parametrize(
    "text", ["", "secret", "$argon2id$v=19$m=65536", "$2b$12$abc", "$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA"]
)
def test_no_hashes(text: str) -> None:
    """Plain text, other schemes and cut-off hashes are told apart from argon2id ones."""
    assert not is_password_hash(text)


@pytest.mark.parametrize("text", ["", "a b", 'a"b', "a.b", "é", "a\n", "a" * 33])
def test_no_operator_names(text: str) -> None:
    """A name is a key that TOML takes without quotes."""
    assert not is_operator_name(text)


def test_hash_password_command_from_a_pipe() -> None:
    """The printed line is TOML; its hash verifies; the password is nowhere in the output."""
    run = subprocess.run([*COMMAND, "ann"], input=SECRET + "\n", capture_output=True, text=True, timeout=20, check=True)
    (password_hash,) = tomllib.loads(run.stdout).values()
    assert is_password_hash(password_hash)
    assert SECRET not in run.stdout + run.stderr


@pytest.mark.parametrize(("again", "code"), [(SECRET, 0), ("other", 1)])
def test_hash_password_command_at_a_terminal(again: str, code: int) -> None:
    """It asks twice, shows nothing of what is typed, and refuses two that differ."""
    with pexpect.spawn(COMMAND[0], [*COMMAND[1:], "ann"], timeout=20, encoding="utf-8") as terminal:
        terminal.expect_exact("Password: ")
        terminal.sendline(SECRET)
        terminal.expect_exact("Once more: ")
        terminal.sendline(again)
        terminal.expect(pexpect.EOF)
        terminal.wait()
        assert terminal.exitstatus == code
        assert SECRET not in terminal.before
        assert ('ann = "$argon2id$' in terminal.before) == (code == 0)


@pytest.mark.parametrize(("arguments", "code"), [(["ann"], 1), (["a b"], 2), ([], 2)])
def test_hash_password_command_refuses(arguments: list[str], code: int) -> None:
    """No password is 1, a wrong usage is 2, and nothing is printed that could be taken for a hash."""
    run = subprocess.run([*COMMAND, *arguments], input="", capture_output=True, text=True, timeout=20, check=False)
    assert (run.returncode, run.stdout) == (code, "")
    assert "hash-password" in run.stderr
