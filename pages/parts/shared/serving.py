"""How the server hands out the pages of the dashboard."""

from functools import cache
from pathlib import Path
from typing import Final

import streamlit as st
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_PAGES: Final = frozenset(path.stem for path in Path(__file__).parents[2].glob("*.py"))

_SCRIPT: Final = """<script>
window.__streamlit = {
    BACKEND_BASE_URL: location.origin + location.pathname.replace(/[^/]*\\/?$/, ""),
};
</script>"""


class PageAddresses:
    """ASGI middleware that tells the browser where the server is, on the address of every page.

    Streamlit's script cannot tell a page from a server below a path, so it would first ask for a
    server at the page's own address, and be refused twice.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request for a page; leave all others to Streamlit."""
        if scope["type"] == "http" and scope["method"] == "GET":
            name = scope["path"].removesuffix("/").rpartition("/")[2]
            if name in _PAGES:
                response = HTMLResponse(_page(), headers={"Cache-Control": "no-cache"})
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)


@cache
def _page() -> str:
    index = Path(st.__file__).with_name("static") / "index.html"
    return index.read_text(encoding="utf-8").replace("<head>", f"<head>{_SCRIPT}", 1)
