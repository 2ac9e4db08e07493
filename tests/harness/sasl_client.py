"""The client's side of SASL, written from the RFCs and not from the gateway. Source: RFC 4616, RFC 5802."""

import base64
import hashlib
import hmac
from itertools import count

from gateway.wire.message import Message
from tests.harness.irc_peer import IrcPeer

__all__ = ["authenticate_plain", "authenticate_scram", "log_in", "plain"]

_nonces = count(1)


def plain(name: str, password: str, authzid: str = "") -> list[str]:
    """The AUTHENTICATE lines of PLAIN, the mechanism's name not included."""
    text = base64.b64encode(f"{authzid}\0{name}\0{password}".encode()).decode()
    parts = [text[start : start + 400] for start in range(0, len(text), 400)]
    return [f"AUTHENTICATE {part}" for part in parts] + (["AUTHENTICATE +"] if len(parts[-1]) == 400 else [])


async def authenticate_plain(peer: IrcPeer, name: str, password: str) -> Message:
    """Try it; the last answer (903 or 904)."""
    await peer.send("AUTHENTICATE PLAIN")
    assert (await peer.expect("AUTHENTICATE")).params == ("+",)
    await peer.send(*plain(name, password))
    return await peer.expect(lambda m: m.command in {"903", "904"})


async def authenticate_scram(peer: IrcPeer, name: str, password: str) -> Message:
    """Try it, and check that the server knows the password's verifier as well; the last answer (903 or 904)."""
    await peer.send("AUTHENTICATE SCRAM-SHA-256")
    assert (await peer.expect("AUTHENTICATE")).params == ("+",)
    nonce = f"nonce{next(_nonces)}"
    bare = f"n={name},r={nonce}"
    await peer.send(_line(f"n,,{bare}"))
    answer = await peer.expect(lambda m: m.command in {"AUTHENTICATE", "904"})
    if answer.command == "904":
        return answer
    first = base64.b64decode(answer.params[0]).decode()
    fields = dict(part.split("=", 1) for part in first.split(","))
    assert fields["r"].startswith(nonce)
    assert len(fields["r"]) > len(nonce) + 15
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    unproven = f"c=biws,r={fields['r']}"
    said = f"{bare},{first},{unproven}".encode()
    signature = hmac.digest(hashlib.sha256(client_key).digest(), said, "sha256")
    proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
    await peer.send(_line(f"{unproven},p={base64.b64encode(proof).decode()}"))
    answer = await peer.expect(lambda m: m.command in {"AUTHENTICATE", "904"})
    if answer.command == "904":
        return answer
    server_signature = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), said, "sha256")
    assert base64.b64decode(answer.params[0]) == b"v=" + base64.b64encode(server_signature)
    await peer.send("AUTHENTICATE +")
    return await peer.expect(lambda m: m.command in {"903", "904"})


async def log_in(peer: IrcPeer, name: str, password: str) -> None:
    """Log a registered peer in."""
    await peer.send("CAP REQ sasl")
    assert (await authenticate_plain(peer, name, password)).command == "903"


def _line(text: str) -> str:
    return f"AUTHENTICATE {base64.b64encode(text.encode()).decode()}"
