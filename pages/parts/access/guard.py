"""Who is let in: the guard before every request, and the user in a run of a page.

A server that only its own machine reaches lets everybody in. One that others reach needs OpenID
Connect (the section [auth] of Streamlit's secrets), else the link that it prints at its start, or
the word of who starts it that it is open.
"""

import ipaddress
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from importlib.util import find_spec
from typing import Any, Final, Literal
from urllib.parse import quote, unquote, urlencode

import streamlit as st
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit.auth_util import get_cookie_with_chunks
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.starlette import App
from streamlit.web.server.server_util import AUTH_COOKIE_NAME, get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value

from core import access
from core.access import RANKS, Person, Role
from core.errors import LabError
from pages.parts.shared.page import plain
from pages.parts.shared.warm_up import libraries_loaded

Mode = Literal["local", "sign-in", "token", "open", "demo"]

_MODES: Final[dict[str, Mode]] = {
    "local": "local",
    "sign-in": "sign-in",
    "token": "token",
    "open": "open",
    "demo": "demo",
}

VARIABLE: Final = "ATOMREF_LAB_ACCESS"
"""Names the mode where it does not follow from the address and the secrets."""

COOKIE: Final = "atomref_lab"
_WEEK: Final = 7 * 86400
_LONGEST_NAME: Final = 60
_HEALTH: Final = "/_stcore/health"
_UPLOAD: Final = "/_stcore/upload_file/"
_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-real-ip")

_PAGE: Final = """<!doctype html><meta charset="utf-8"><title>AtomRef Lab</title>
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<body style="font: 1rem/1.5 sans-serif; max-width: 36rem; margin: 4rem auto; padding: 0 1rem">
<h1>AtomRef Lab</h1>{}</body>"""

_NAME_FORM: Final = """<form><input type="hidden" name="token" value="{}">
<label>Your name, which others see beside what you launch:
<input name="name" required maxlength="60" autofocus style="font: inherit"></label>
<button style="font: inherit">Enter</button></form>"""


@cache
def mode() -> Mode:
    """Return who is let in, as the server was started.

    Raises:
        LabError: if it was started with something that does not exist.
    """
    if "--open" in sys.argv[1:]:
        return "open"
    if chosen := os.environ.get(VARIABLE, "").strip():
        if chosen not in _MODES:
            raise LabError(f"{VARIABLE} is {chosen!r}; unset it or give {', '.join(_MODES)}.")
        return _MODES[chosen]
    if st.secrets.load_if_toml_exists() and "auth" in st.secrets:
        return "sign-in"
    return "local" if _is_here(st.get_option("server.address") or "") else "token"


@asynccontextmanager
async def guarded(app: App) -> AsyncIterator[None]:
    """Say who is let in, and do what comes before the first reader.

    Raises:
        SystemExit: if nobody could be let in, or the lab has no home.
    """
    try:
        begin()
    except LabError as error:
        raise SystemExit(f"error: {error}") from None
    async with libraries_loaded(app):
        yield


def begin() -> None:
    """Check how the server is started, and print the links that let people in.

    Raises:
        LabError: if nobody could be let in.
    """
    access.identify(asking)
    access.rules()
    if mode() == "sign-in" and find_spec("authlib") is None:
        raise LabError("Sign-in needs Authlib; install it with pip install 'streamlit[auth]'.")
    if mode() != "token":
        return
    sys.stdout.write("\n  Only these links let people in; who has one may do what it says:\n")
    for role in (role for role in RANKS if role != "none"):
        link = f"{_address()}?{urlencode({'token': access.token_of(role)})}"
        sys.stdout.write(f"  {role:7}{link}\n")
    sys.stdout.flush()


def asking() -> Person:
    """Return on whose behalf this thread works: the reader whose page it runs, else the server."""
    if mode() == "local" or get_script_run_ctx(suppress_warning=True) is None:
        return access.user_of_machine()
    if mode() == "sign-in":
        return _member(st.user.to_dict())
    if mode() == "token":
        return _person_of(st.context.cookies.get(COOKIE, ""))
    guest = f"guest {st.context.ip_address or ''}".strip()
    return Person(guest, "delete" if mode() == "open" else "look")


def admit() -> None:
    """Stop a page unless its reader is let in, and say who they are."""
    if mode() in {"local", "open"}:
        return
    person = asking()
    if mode() == "sign-in" and not st.user.is_logged_in:
        st.title("AtomRef Lab")
        st.button(
            "Sign in",
            type="primary",
            icon=":material/login:",
            on_click=st.login,
            help="Goes to the sign-in page that this server uses.",
        )
        st.stop()
    if person.role == "none":
        st.error(plain(f"{person.name} may not use this lab; ask the person who runs this server."))
    with st.sidebar:
        what = {"look": "may look", "launch": "may launch", "delete": "may launch and delete"}
        st.caption(plain(f"{person.name}, {what.get(person.role, 'may not use this lab')}"))
        if mode() == "sign-in":
            st.button(
                "Sign out",
                icon=":material/logout:",
                on_click=st.logout,
                help="Ends your session in this browser.",
            )
    if person.role == "none":
        st.stop()


class Guard:
    """ASGI middleware that answers the requests of those who are let in."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] not in {"http", "websocket"} or scope["path"].endswith(_HEALTH):
            await self._app(scope, receive, send)
            return
        answer = _answer(scope)
        if answer is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await answer(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": "not let in"})


def _answer(scope: Scope) -> Response | None:
    """Return the answer to somebody who is not let in, or on the way in; None for others."""
    request = HTTPConnection(scope)
    if mode() in {"local", "open"}:
        is_direct = not any(name in request.headers for name in _FORWARDED)
        # A page of another host whose name leads here would ask with that name.
        addresses = (request.client.host if request.client else "localhost", request.url.hostname)
        if mode() == "open" or (is_direct and all(_is_here(one or "") for one in addresses)):
            return None
        return _refusal(
            "This server was started for its own machine alone. Start it with "
            f"{VARIABLE}=token for links that let people in; see docs/security.md."
        )
    asked = request.query_params
    if mode() == "token" and scope["type"] == "http" and "token" in asked:
        return _entry(scope, asked["token"], asked.get("name", "").strip())
    role = _role_of(request.cookies)
    if mode() == "token" and role == "none":
        return _refusal(
            "Open the link that the server printed when it was started; ask the person who runs it."
        )
    if _UPLOAD in scope["path"] and RANKS[role] < RANKS["launch"]:
        return _refusal(
            "Nothing can be uploaded here with your role; ask the person who runs this server."
        )
    return None


def _entry(scope: Scope, token: str, name: str) -> Response:
    """Let in who has a token, once they have given their name."""
    if access.role_of_token(token) == "none":
        return _refusal(
            "This link is not, or no longer, valid; ask the person who runs this server."
        )
    if not name:
        return HTMLResponse(_PAGE.format(_NAME_FORM.format(token)))
    # A path that begins with two slashes would lead to another host.
    answer = RedirectResponse("/" + scope["path"].lstrip("/"), status_code=303)
    value = f"{token}.{quote(name[:_LONGEST_NAME], safe='')}"
    answer.set_cookie(COOKIE, value, max_age=_WEEK, httponly=True, samesite="lax")
    return answer


def _person_of(cookie: str) -> Person:
    token, _, name = cookie.partition(".")
    return Person(unquote(name) or "guest", access.role_of_token(token))


def _role_of(cookies: dict[str, str]) -> Role:
    """Return the role of the user, by the cookie of the guard or the one that Streamlit signed."""
    if mode() != "sign-in":
        return _person_of(cookies.get(COOKIE, "")).role if mode() == "token" else "look"

    def decoded(name: str) -> bytes | None:
        value = cookies.get(name, "").encode("latin-1", "replace")
        return decode_signed_value(get_cookie_secret(), name, value)

    signed = get_cookie_with_chunks(decoded, AUTH_COOKIE_NAME)
    return "none" if signed is None else _member(json.loads(signed)).role


def _member(claims: Mapping[str, Any]) -> Person:
    """Return a person by what the provider of the sign-in says of them."""
    email = str(claims.get("email") or "")
    if not email or claims.get("email_verified", True) is False:
        return Person(email or "guest", "none")
    return Person(email, access.rules().role_of(email))


def _refusal(sentence: str) -> Response:
    return HTMLResponse(_PAGE.format(f"<p>{sentence}</p>"), status_code=403)


def _is_here(address: str) -> bool:
    """Return whether an address is this machine's own, which no other machine reaches."""
    if address == "localhost" or address.startswith("unix://"):
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _address() -> str:
    host = st.get_option("server.address") or ""
    if host in {"", "0.0.0.0", "::"}:  # noqa: S104  compared, not bound
        host = socket.gethostname()
    path = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"http://{host}:{st.get_option('server.port')}/{path and path + '/'}"
