"""A real server on a lab home of its own, and a real Chromium in front of it."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Error, Page, expect, sync_playwright

from tests.browser.actions import PATIENCE, SCREENSHOTS, settled

ROOT = Path(__file__).parents[2]
# The shell draws as Chromium does, without windows, for less processor time.
CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    # Where /dev/shm is small, as in a container, pages would crash for lack of shared memory.
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


expect.set_options(timeout=PATIENCE)


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason="Chromium is missing; .ci/run installs it"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Keep what the browser showed when a test failed."""
    report = yield
    arguments = getattr(item, "funcargs", {})
    page = arguments.get("page") or arguments.get("tab")
    if report.when == "call" and report.failed and isinstance(page, Page):
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        with suppress(Error):
            page.screenshot(path=SCREENSHOTS / f"failed-{item.name}.png", timeout=30_000)
        report.sections.append(("Browser", "\n".join(page.messages[-30:])))
        lab = arguments.get("lab")
        if lab is not None:
            report.sections.append(("Server", lab.log.read_text()[-3000:]))
    return report


class Lab:
    """A dashboard with a home and a port of its own, which outlast a restart."""

    def __init__(self, home: Path, script: Path = ROOT / "app.py") -> None:
        self.home = home
        self.script = script
        self.log = home / "server.log"
        with socket.socket() as free:
            free.bind(("localhost", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://localhost:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self, lab_home: Path | None = None, *, seconds: float = 300) -> None:
        """Start it, on its own home unless another is given, and wait until it answers."""
        options = ["--server.headless=true", f"--server.port={self.port}"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "streamlit", "run", self.script.name, *options],
                cwd=self.script.parent,
                env={**os.environ, "ATOMREF_LAB_HOME": str(lab_home or self.home)},
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.is_running:
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=10):
                    return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError(f"the dashboard did not start: {self.log.read_text()[-2000:]}")

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            # On a busy machine a computation for a page may take longer to end.
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="package")
def server(tmp_path_factory):
    """The dashboard of this test process."""
    server = Lab(tmp_path_factory.mktemp("home"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def lab(server):
    """The dashboard, started again if a test before left it stopped."""
    if not server.is_running:
        server.start()
    return server


@pytest.fixture(scope="package")
def chromium():
    """Return a function that returns a running browser, started again after a crash."""
    with sync_playwright() as playwright:
        browsers = []

        def running():
            if not browsers or not browsers[-1].is_connected():
                flags = {"executable_path": CHROMIUM, "args": FLAGS, "timeout": PATIENCE}
                browsers.append(playwright.chromium.launch(**flags))
            return browsers[-1]

        yield running
        if browsers and browsers[-1].is_connected():
            browsers[-1].close()


@pytest.fixture
def browser(chromium):
    return chromium()


THEMES = ["light", "dark"] if os.environ.get("SCREENSHOTS") else ["light"]


_STILL = """document.addEventListener("DOMContentLoaded", () => {
    const style = document.createElement("style");
    style.textContent = "*, ::before, ::after"
        + "{ animation: none !important; transition: none !important }";
    document.head.append(style);
})"""
"""What waits stands still: without a graphics card every picture of a spinner costs the processor,
and marks stay where they are found."""


def opened(browser, theme) -> Page:
    """Open a page, and note what it says and what goes wrong in it."""
    context = browser.new_context(
        color_scheme=theme, viewport={"width": 1400, "height": 1000}, accept_downloads=True
    )
    context.set_default_timeout(PATIENCE)
    context.add_init_script(_STILL)
    page = context.new_page()
    page.theme, page.messages, page.foreign, page.errors = theme, [], [], []

    def log(kind, text, *, is_error=False):
        page.messages.append(f"{kind}: {text}")
        if is_error:
            page.errors.append(text)

    def look(request):
        if re.match(r"(https?|wss?)://(?!localhost[:/])", request.url):
            page.foreign.append(request.url)

    def is_error(it):
        # plotly.js warns of what is no colour with a trace of its calls.
        return it.type == "error" or "Invalid color" in it.text

    page.on("console", lambda it: log(it.type, it.text, is_error=is_error(it)))
    page.on("pageerror", lambda it: log("error", str(it), is_error=True))
    page.on("request", look)
    page.on("requestfailed", lambda it: log("failed", f"{it.url} {it.failure}"))
    page.on(
        "response",
        lambda it: it.status >= 400 and log("response", f"{it.status} {it.url}", is_error=True),
    )
    page.on("crash", lambda _: log("crash", "the page crashed"))
    return page


def close(page) -> None:
    # A browser that crashed has closed its contexts.
    with suppress(Error):
        page.context.close()


@pytest.fixture(params=THEMES)
def page(browser, request):
    """An empty page of the browser, as another reader would open."""
    page = opened(browser, request.param)
    yield page
    close(page)


@pytest.fixture(scope="package")
def tabs():
    """Pages that stay open, by theme and the server's process."""
    tabs = {}
    yield tabs
    for tab in tabs.values():
        close(tab)


@pytest.fixture(params=THEMES)
def tab(lab, browser, tabs, request):
    """A page of the dashboard that tests share, each going on by the sidebar from the one before.

    Loading a page takes several times as long as going to it.
    """
    key = (request.param, lab.process.pid, id(browser))
    tab = tabs.get(key)
    if tab is None or tab.is_closed() or "crash: the page crashed" in tab.messages:
        tab = tabs[key] = opened(browser, request.param)
        tab.goto(lab.url)
        settled(tab)
    for kept in (tab.messages, tab.foreign, tab.errors):
        kept.clear()
    return tab
