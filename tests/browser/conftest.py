"""A real server on a lab home of its own, and a real Chromium in front of it."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / ".cache" / "screenshots"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


# A busy machine is slow, and slowness is not what these tests look for.
expect.set_options(timeout=60_000)


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
    page = getattr(item, "funcargs", {}).get("page")
    if report.when == "call" and report.failed and isinstance(page, Page):
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"failed-{item.name}.png")
        report.sections.append(("Browser", "\n".join(page.told[-30:])))
        lab = item.funcargs.get("lab")
        if lab is not None:
            report.sections.append(("Server", lab.log.read_text()[-3000:]))
    return report


class Lab:
    """A running dashboard; `stop` and `start` keep its home and its port."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.log = home / "server.log"
        with socket.socket() as free:
            free.bind(("localhost", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://localhost:{self.port}"
        self.environment = {**os.environ, "ATOMREF_LAB_HOME": str(home)}

    def start(self) -> None:
        options = ["--server.headless=true", f"--server.port={self.port}"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "streamlit", "run", "app.py", *options],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        for _ in range(1200):
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=1):
                    return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError("the dashboard did not start within two minutes")

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            # On a busy machine a computation for a page may take longer to come to its end.
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    lab = Lab(tmp_path_factory.mktemp("home"))
    lab.start()
    yield lab
    lab.stop()


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(params=["light", "dark"])
def page(browser, request) -> Page:
    context = browser.new_context(
        color_scheme=request.param,
        viewport={"width": 1400, "height": 1000},
        accept_downloads=True,
    )
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.theme = request.param
    page.told = []
    page.on("console", lambda message: page.told.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: page.told.append(f"error: {error}"))
    page.on("requestfailed", lambda one: page.told.append(f"failed: {one.url} {one.failure}"))
    page.on("crash", lambda _: page.told.append("the page crashed"))
    yield page
    context.close()
