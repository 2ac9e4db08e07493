"""The real client and what the real gateway adds to RFC 2812: messages of several lines, who is away, certificates."""

import asyncio
import hashlib
import ssl
import subprocess
from pathlib import Path

import pytest

from tests.client.at_gateways import ann_at, witness
from tests.harness.certificates import certificate
from tests.harness.deadlines import DEADLINE_FACTOR
from tests.harness.gateway_process import GatewayProcess
from tests.harness.irc_peer import IrcPeer
from tests.harness.terminal import ENTER, client_command, client_environ, terminal

pytestmark = pytest.mark.slow


async def test_a_paste_arrives_as_one_message(gateway: GatewayProcess, tmp_path: Path) -> None:
    """Whoever knows such messages gets one batch, with one msgid; ann sees one row of three lines."""
    caps = ("batch", "draft/multiline", "message-tags")
    async with await IrcPeer.connect(gateway.host, gateway.port, "bob", caps=caps) as bob:
        await bob.send("JOIN #tea")
        await bob.expect("366")
        with terminal(tmp_path, *ann_at(gateway)) as ann:
            await asyncio.to_thread(ann.sees, "ann joined")
            await asyncio.to_thread(ann.prompts, "[ann #tea]")
            await asyncio.to_thread(ann.type, "\x1b[200~one\rtwo\rthree\x1b[201~" + ENTER)
            opening = await bob.expect("BATCH")
            assert opening.params[1:] == ("draft/multiline", "#tea")
            assert opening.tags["msgid"]
            texts = [(await bob.expect("PRIVMSG")).params[1] for _ in range(3)]
            assert texts == ["one", "two", "three"]
            await asyncio.to_thread(
                ann.until,
                lambda rows: [row.partition(" | ")[2] for row in rows if row.strip()][-5:-2] == texts,
                "the three lines, confirmed",
            )


async def test_who_is_away_is_seen(gateway: GatewayProcess, tmp_path: Path) -> None:
    """Already away on entering, back, and away again; what the person typed reaches the others as well."""
    async with witness(gateway) as bob:
        await bob.send("AWAY :lunch")
        await bob.expect("306")
        with terminal(tmp_path, *ann_at(gateway)) as ann:
            await asyncio.to_thread(ann.sees, "ann joined")
            await asyncio.to_thread(ann.type, "\x1bOR")  # F3: people
            await asyncio.to_thread(ann.sees, "bob (away)")
            await bob.send("AWAY")
            await asyncio.to_thread(ann.until, lambda rows: not any("(away)" in row for row in rows), "bob is back")
            await asyncio.to_thread(ann.type, "/away tea" + ENTER)
            await asyncio.to_thread(ann.sees, "marked as being away")
            await bob.send("WHOIS ann")
            assert (await bob.expect("301")).params[-1] == "tea"


async def test_a_certificate_logs_in(tmp_path: Path) -> None:
    """Bound to an account once, it is all that the client needs: nobody is asked for a password."""
    server, own = certificate(tmp_path / "server"), certificate(tmp_path / "own", "ann.example")
    fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(own.cert.read_text())).hexdigest()
    gateway = GatewayProcess(
        state_dir=tmp_path / "state", tls_port=0, tls_cert=str(server.cert), tls_key=str(server.key)
    ).start()
    try:
        async with await IrcPeer.connect(
            gateway.host, gateway.port, "certann", caps=("draft/account-registration", "standard-replies")
        ) as peer:
            await peer.send("REGISTER certann * correct-horse-battery")
            await peer.expect("REGISTER")
            await peer.send(f"ACCOUNT CERT ADD {fingerprint}")
            await peer.barrier()
            await peer.send("QUIT")
        arguments = ["--room=vault", "--nick=certann", f"--server={gateway.host}:{gateway.tls_port}", "-m", "hi"]
        tls = [f"--tls-ca={server.ca}", f"--tls-cert={own.cert}", f"--tls-key={own.key}"]
        done = await asyncio.to_thread(
            subprocess.run,
            client_command(*arguments, *tls),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=client_environ(tmp_path / "home"),
            timeout=30 * DEADLINE_FACTOR,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        async with await IrcPeer.connect(
            gateway.host, gateway.port, "looker", caps=("account-tag", "message-tags", "batch", "draft/chathistory")
        ) as peer:
            await peer.send("JOIN #vault", "CHATHISTORY LATEST #vault * 10")
            (line,) = [message for message in await peer.barrier() if message.command == "PRIVMSG"]
            assert (line.tags["account"], line.params[1]) == ("certann", "hi")
    finally:
        gateway.stop()


async def test_what_one_deletes_is_gone(gateway: GatewayProcess, tmp_path: Path) -> None:
    """/delete takes back the last line: it cannot be read any more, and that it was deleted can."""
    with terminal(tmp_path / "ann", *ann_at(gateway)) as ann:
        await asyncio.to_thread(ann.sees, "ann joined")
        await asyncio.to_thread(ann.type, "the secret" + ENTER)
        await asyncio.to_thread(ann.sees, "ann | the secret")
        await asyncio.to_thread(ann.until, lambda rows: not any("sending" in row for row in rows), "the echo")
        await asyncio.to_thread(ann.type, "/delete wrong room" + ENTER)
        await asyncio.to_thread(ann.sees, "ann deleted this line (wrong room)")
        await asyncio.to_thread(ann.until, lambda rows: not any("the secret" in row for row in rows), "no secret")


async def test_what_was_deleted_while_nobody_looked(gateway: GatewayProcess, tmp_path: Path) -> None:
    """The last line among them: the client started again shows who deleted what in place of what its disk had."""
    caps = ("draft/message-redaction", "echo-message", "message-tags")
    async with await IrcPeer.connect(gateway.host, gateway.port, "bob", caps=caps) as bob:
        await bob.send("JOIN #tea")
        await bob.expect("366")
        with terminal(tmp_path, *ann_at(gateway)) as ann:
            await asyncio.to_thread(ann.sees, "ann joined")
            msgids = []
            for text in ("the first secret", "said for all", "the last secret"):
                await bob.send(f"PRIVMSG #tea :{text}")
                msgids.append((await bob.expect("PRIVMSG")).tags["msgid"])
                await asyncio.to_thread(ann.sees, f"bob | {text}")
            await asyncio.to_thread(ann.type, "/quit" + ENTER)
            assert await asyncio.to_thread(ann.exit_code) == 0
        await bob.send(f"REDACT #tea {msgids[0]} :oops", f"REDACT #tea {msgids[2]}", "PRIVMSG #tea :and on")
        await bob.barrier()
        with terminal(tmp_path, *ann_at(gateway)) as ann:
            await asyncio.to_thread(ann.sees, "bob | and on")
            await asyncio.to_thread(ann.sees, "bob deleted this line (oops)")
            rows = ann.rows
            assert not any("secret" in row for row in rows)
            assert sum("bob deleted this line" in row for row in rows) == 2
            assert any("said for all" in row for row in rows)


async def test_answers(gateway: GatewayProcess, tmp_path: Path) -> None:
    """What bob answers is seen with what it answers; what ann answers reaches bob as an answer."""
    caps = ("echo-message", "message-tags")
    async with await IrcPeer.connect(gateway.host, gateway.port, "bob", caps=caps) as bob:
        await bob.send("JOIN #tea")
        await bob.expect("366")
        with terminal(tmp_path, *ann_at(gateway)) as ann:
            await asyncio.to_thread(ann.sees, "ann joined")
            await asyncio.to_thread(ann.prompts, "[ann #tea]")
            await asyncio.to_thread(ann.type, "who is in?" + ENTER)
            asked = await bob.expect("PRIVMSG")
            await bob.send(f"@+reply={asked.tags['msgid']} PRIVMSG #tea :me")
            said = await bob.expect("PRIVMSG")
            await asyncio.to_thread(ann.sees, "| \u21b3 ann: who is in?")
            await asyncio.to_thread(ann.type, "/reply bob good" + ENTER)
            answer = await bob.expect("PRIVMSG")
            assert (answer.params[1], answer.tags["+reply"]) == ("good", said.tags["msgid"])
            await asyncio.to_thread(ann.sees, "| \u21b3 bob: me")
