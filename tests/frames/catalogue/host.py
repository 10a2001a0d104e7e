"""A small host on this machine that serves data sets as figshare and Hugging Face do, or badly."""

import hashlib
import json
import re
import threading
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, unquote, urlsplit

REVISION = "0123abcd" * 5


class Host:
    """What is served, how badly, and what was asked.

    Attributes:
        files: content by path of the file in its data set.
        breaks: bytes of each answer after which the connection breaks; one per answer.
        statuses: statuses to answer requests for files with, before serving them.
        ranges: whether parts of files are served.
        wrong: names of files whose stated checksum is not theirs.
        stated: whether checksums are stated.
        headers: more headers of a file's answer; None leaves one out.
        part_headers: the same for an answer with a part of a file.
        asked: number of requests by kind of path.
        begins: where each request for a file begins.
        gate: an event for which an answer waits in its middle.
        agents: what each request says of the one who asks.
    """

    def __init__(self, files):
        self.files = dict(files)
        self.breaks = []
        self.statuses = []
        self.ranges = True
        self.wrong = set()
        self.stated = True
        self.headers = {}
        self.part_headers = {}
        self.asked = Counter()
        self.begins = []
        self.gate = None
        self.agents = []

    def digest(self, name, algorithm):
        content = b"another file" if name in self.wrong else self.files[name]
        return hashlib.new(algorithm, content).hexdigest() if self.stated else None

    def article(self, url):
        return {
            "title": "A data set",
            "license": {"name": "CC BY 4.0"},
            "files": [
                {
                    "id": number,
                    "name": name,
                    "size": len(content),
                    "computed_md5": self.digest(name, "md5"),
                    "download_url": f"{url}/file/{quote(name)}",
                }
                for number, (name, content) in enumerate(self.files.items())
            ],
        }

    def repository(self):
        return {
            "id": "someone/data",
            "sha": REVISION,
            "tags": ["license:bsd-3-clause", "region:us"],
            "siblings": [
                {"rfilename": "README.md", "size": 3, "blobId": "0"},
                *(
                    {
                        "rfilename": name,
                        "size": len(content),
                        "blobId": "0",
                        "lfs": {
                            "sha256": self.digest(name, "sha256"),
                            "size": len(content),
                            "pointerSize": 134,
                        },
                    }
                    for name, content in self.files.items()
                ),
            ],
        }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    @property
    def host(self):
        return self.server.host

    def do_GET(self):
        path = unquote(urlsplit(self.path).path)
        self.host.agents.append(self.headers["User-Agent"])
        if path.startswith(("/articles/", "/api/datasets/")):
            self.host.asked["list"] += 1
            url = f"http://127.0.0.1:{self.server.server_port}"
            is_article = path.startswith("/articles/")
            answer = self.host.article(url) if is_article else self.host.repository()
            self.reply(200, json.dumps(answer).encode())
            return
        if path.startswith("/file/"):
            # figshare sends readers on to where its files are.
            self.send_response(302)
            self.send_header("Location", self.path.replace("/file/", "/store/"))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.serve(path.removeprefix("/store/").rpartition(f"/resolve/{REVISION}/")[2])

    def serve(self, name):
        self.host.asked["file"] += 1
        if self.host.statuses and (status := self.host.statuses.pop(0)) != 200:
            self.reply(status, b"not now")
            return
        content = self.host.files[name]
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        begin = int(asked[1]) if asked and self.host.ranges else 0
        self.host.begins.append(begin)
        if begin >= len(content) > 0:
            self.reply(416, b"")
            return
        rest = content[begin:]
        self.send_response(206 if asked and self.host.ranges else 200)
        headers = {"Content-Length": str(len(rest))}
        if asked and self.host.ranges:
            headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
            headers |= self.host.part_headers
        for header, value in (headers | self.host.headers).items():
            if value is not None:
                self.send_header(header, value)
        self.end_headers()
        if self.host.breaks:
            self.wfile.write(rest[: self.host.breaks.pop(0)])
            self.close_connection = True
            self.connection.shutdown(2)
            return
        if self.host.gate:
            # The first half, then nothing until the test opens the gate.
            self.wfile.write(rest[: len(rest) // 2])
            self.wfile.flush()
            self.host.gate.wait(20)
            rest = rest[len(rest) // 2 :]
        self.wfile.write(rest)

    def reply(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A client that goes away in the middle is part of the tests."""


@contextmanager
def serving(files):
    """Serve files on a free port of this machine; yield the host and its address."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.host = Host(files)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.host, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
