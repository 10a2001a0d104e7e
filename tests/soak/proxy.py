"""Two servers over one home behind nginx: `python -m tests.soak.proxy`.

nginx gets the configuration of docs/how-to/shared-server.md, but for ports and encryption. Readers
of several addresses come in with a link; each stays on one server, both servers have some, and a
tab of Chromium draws a page and uploads a file. Then one server is killed: its readers go on with
the other one, without a new link. Prints one line of JSON; fails where something is not so.
"""

import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import sync_playwright

from benchmarks.harness.session import Session
from core import access
from tests.browser.conftest import CHROMIUM, FLAGS, ROOT, Lab

READERS = [f"127.0.{number}.1" for number in range(1, 9)]
"""Addresses of this machine, which nginx tells apart by their first three numbers."""

_DOCS = ROOT / "docs/how-to/shared-server.md"
_FRAME = """
daemon off;
pid {folder}/pid;
user root;
events {{ }}
http {{
    log_format where "$remote_addr $status $upstream_addr";
    access_log {folder}/access.log where;
    {blocks}
}}
"""


def configuration(folder: Path, port: int, servers: list[int]) -> str:
    """Return nginx's configuration as the documentation has it."""
    blocks = re.findall(r"```\n(upstream .*?)```", _DOCS.read_text(), re.DOTALL)[0]
    for ours, theirs in zip(servers, ("8601", "8602"), strict=True):
        blocks = blocks.replace(theirs, str(ours))
    return _FRAME.format(folder=folder, blocks=blocks.replace("443 ssl", str(port)))


def cookie_of(port: int, reader: str, name: str) -> str:
    """Come in with a link, and return the cookie; nobody comes in without."""
    for path, status in (
        ("/", 403),
        ("/?token=wrong&name=x", 403),
        (f"/?token={access.token_of('delete')}&name={name}", 303),
    ):
        asked = http.client.HTTPConnection("127.0.0.1", port, source_address=(reader, 0))
        asked.request("GET", path)
        answer = asked.getresponse()
        assert answer.status == status, (path, answer.status)
    return answer.getheader("Set-Cookie", "").partition(";")[0]


def visit(port: int, reader: str, cookie: str) -> float:
    """Read the page of runs, and return the seconds that it took."""
    connection = {"source_address": (reader, 0), "additional_headers": {"Cookie": cookie}}
    with Session(f"http://127.0.0.1:{port}", "runs", **connection) as session:
        answer = session.run()
    assert not answer.errors, answer.errors
    return answer.settled


def places(folder: Path) -> dict[str, set[str]]:
    """Return the servers on which the sessions of each reader were."""
    found: dict[str, set[str]] = {}
    for line in (folder / "access.log").read_text().splitlines():
        reader, status, server = line.split(" ", 2)
        if status == "101" and reader in READERS:
            found.setdefault(reader, set()).add(server.rpartition(" ")[2])
    return found


def upload(url: str, cookie: str) -> None:
    """Let a browser draw the page of data sets and give it a file."""
    name, _, value = cookie.partition("=")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = chromium.new_context()
        context.add_cookies([{"name": name, "value": value, "url": url}])
        page = context.new_page()
        page.set_default_timeout(180_000)
        page.goto(f"{url}/data")
        table = b"formula,energy_gga,energy_r2scan\nLiF,-4.8,-7.1\nFe2O3,-6.7,-15.0\n"
        page.set_input_files(
            "input[type=file]", {"name": "pairs.csv", "mimeType": "text/csv", "buffer": table}
        )
        page.get_by_role("button", name="Import", exact=True).click()
        page.get_by_text("Imported pairs").wait_for()
        chromium.close()


def main() -> int:
    """Try it, and print a line of JSON."""
    if shutil.which("nginx") is None:
        sys.stdout.write("nginx is not installed; nothing was tried.\n")
        return 0
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, ExitStack() as stack:
        folder, home = Path(name), Path(name) / "home"
        os.environ.update(ATOMREF_LAB_HOME=str(home), ATOMREF_LAB_ACCESS="token")
        labs = [Lab(folder / one) for one in ("one", "other")]
        for lab in labs:
            lab.home.mkdir()
            lab.start(lab_home=home)
            stack.callback(lab.stop)
        with socket.socket() as free:
            free.bind(("localhost", 0))
            port = free.getsockname()[1]
        (folder / "nginx.conf").write_text(configuration(folder, port, [one.port for one in labs]))
        nginx = subprocess.Popen(
            ["nginx", "-p", name, "-c", f"{name}/nginx.conf", "-e", "stderr"],  # noqa: S607
            stderr=(folder / "nginx.log").open("wb"),
        )
        stack.callback(nginx.wait)
        stack.callback(nginx.terminate)
        time.sleep(1)
        cookies = {reader: cookie_of(port, reader, f"r{reader}") for reader in READERS}
        seconds = [visit(port, reader, cookies[reader]) for reader in READERS * 2]
        before = places(folder)
        assert all(len(one) == 1 for one in before.values()), before
        assert len(set.union(*before.values())) == 2, before
        if CHROMIUM is not None:
            upload(f"http://127.0.0.1:{port}", cookies[READERS[0]])
        assert labs[0].process is not None
        labs[0].process.kill()
        labs[0].process.wait()
        after = [visit(port, reader, cookies[reader]) for reader in READERS]
        line = {
            "name": "proxy",
            "readers": [sum(str(one.port) in min(at) for at in before.values()) for one in labs],
            "slowest_s": round(max(seconds), 2),
            "slowest_after_kill_s": round(max(after), 2),
        }
    sys.stdout.write(f"{json.dumps(line)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
