"""`python -m client.demo`: a gateway with a store of its own, and the client in #lobby; for a first look.

The gateway runs as a process beside us and ends with the client. What was said is gone then; arguments go to the
client, so a second person may join with `chat-client --room lobby --server` and the address shown.
"""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

READY = "hubbub gateway listening on "
STOP_LIMIT_S = 15.0  # a gateway drains for ten seconds at most
EX_UNAVAILABLE = 69


def main() -> NoReturn:
    """Run both; the exit code is the client's."""
    with TemporaryDirectory(prefix="hubbub-") as folder, (Path(folder) / "gateway.log").open("wb") as log:
        settings = ["--host=127.0.0.1", "--port=0", "--http-port=0", f"--state-dir={folder}"]
        gateway = subprocess.Popen(
            [sys.executable, "-m", "gateway", *settings],
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
                code = EX_UNAVAILABLE
        finally:
            gateway.terminate()
            try:
                gateway.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                gateway.kill()
                gateway.wait()
            if gateway.stdout is not None:
                gateway.stdout.close()
    sys.exit(code if code >= 0 else os.EX_SOFTWARE)


if __name__ == "__main__":
    main()
