"""`python -m client.demo`: a gateway with a store of its own, and the client in #lobby; for a first look.

The gateway runs as a process beside us, on its usual port and with its usual store, and ends with the client. So a
second person joins with `chat-client --room lobby`, and what was said is there the next time. Arguments go to the
client; the gateway reads its own environment.
"""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

from client.exits import ExitCode

READY = "hubbub gateway listening on "
STOP_LIMIT_S = 15.0  # a gateway drains for ten seconds at most


def main() -> NoReturn:
    """Run both; the exit code is the client's."""
    with TemporaryDirectory(prefix="hubbub-") as folder, (Path(folder) / "gateway.log").open("wb") as log:
        gateway = subprocess.Popen(
            [sys.executable, "-m", "gateway"],
            # Nobody asks a first look for its metrics, and their port is often taken.
            env={"CHAT_GATEWAY_HTTP_PORT": "0", **os.environ},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,  # a Ctrl-C is the client's alone
        )
        try:
            line = gateway.stdout.readline() if gateway.stdout is not None else ""
            if line.startswith(READY):
                server = line.removeprefix(READY).strip()
                client = [sys.executable, "-m", "client", "--room=lobby", f"--server={server}", *sys.argv[1:]]
                code = subprocess.run(client, check=False).returncode
            else:
                sys.stderr.write(Path(log.name).read_text(errors="replace"))
                code = ExitCode.UNAVAILABLE
        finally:
            gateway.terminate()
            try:
                gateway.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                gateway.kill()
                gateway.wait()
            if gateway.stdout is not None:
                gateway.stdout.close()
    sys.exit(code if code >= 0 else ExitCode.CRASH)


if __name__ == "__main__":
    main()
