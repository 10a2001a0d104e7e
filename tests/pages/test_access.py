"""Requests reach the dashboard's server as far as the way it was started allows."""

import json

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from core import access
from pages.parts.access import guard

HERE, AWAY = ("127.0.0.1", 5), ("192.0.2.7", 5)
EVERYWHERE = "0.0.0.0"  # noqa: S104  a name, nothing is bound
UPLOAD = "/_stcore/upload_file/s/f"


@pytest.fixture
def started(home, monkeypatch):
    """Return a client of a server that was started in a mode."""

    def client(mode, address=AWAY):
        monkeypatch.setattr(guard, "mode", lambda: mode)
        url = "http://localhost:8501" if mode == "local" else "http://testserver"
        return TestClient(SERVER, base_url=url, client=address, follow_redirects=False)

    return client


async def page(request):
    return PlainTextResponse("inside")


async def socket(websocket):
    await websocket.accept()
    await websocket.send_text("inside")
    await websocket.close()


SERVER = Starlette(
    routes=[
        WebSocketRoute("/_stcore/stream", socket),
        Route("/{rest:path}", page, methods=["GET", "PUT"]),
    ],
    middleware=[Middleware(guard.Guard)],
)


def enters(client, path="/_stcore/stream"):
    try:
        with client.websocket_connect(path) as connection:
            return connection.receive_text() == "inside"
    except (WebSocketDisconnect, WebSocketDenialResponse):
        return False


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        (HERE, {}, 200),
        (("::1", 5), {}, 200),
        (AWAY, {}, 403),
        (HERE, {"X-Forwarded-For": "192.0.2.7"}, 403),
        (HERE, {"Host": "127.0.0.1:8501"}, 200),
        (HERE, {"Host": "[::1]:8501"}, 200),
        (HERE, {"Host": "elsewhere.example.org:8501"}, 403),
    ],
)
def test_a_local_server_answers_its_own_machine_alone(started, address, headers, status):
    client = started("local", address)
    answer = client.get("/runs", headers=headers)
    assert answer.status_code == status
    assert ("ATOMREF_LAB_ACCESS=token" in answer.text) == (status == 403)
    assert client.get("/_stcore/health", headers=headers).status_code == 200


def test_a_link_lets_in_with_a_name(started):
    client = started("token")
    assert client.get("/").status_code == 403
    assert not enters(client)
    assert client.get("/?token=wrong").status_code == 403
    token = access.token_of("launch")
    asked = client.get(f"/runs?token={token}")
    assert 'name="name"' in asked.text
    entered = client.get(f"/runs?token={token}&name=Zoë;<b>")
    assert (entered.status_code, entered.headers["location"]) == (303, "/runs")
    elsewhere = client.get(f"http://testserver//example.org?token={token}&name=Zoë;<b>")
    assert elsewhere.headers["location"] == "/example.org"
    assert "httponly" in entered.headers["set-cookie"].lower()
    assert client.get("/runs").text == "inside"
    assert enters(client)
    assert client.put(UPLOAD).text == "inside"
    person = guard._person_of(client.cookies[guard.COOKIE])
    assert person == access.Person("Zoë;<b>", "launch")


def test_who_may_only_look_cannot_upload(started):
    client = started("token")
    client.get(f"/?token={access.token_of('look')}&name=a")
    assert client.get("/").text == "inside"
    assert client.put(UPLOAD).status_code == 403
    assert started("demo").get("/").text == "inside"
    assert started("demo").put(UPLOAD).status_code == 403
    assert started("open").put(UPLOAD).text == "inside"


def test_uploads_wait_for_the_sign_in(started, home, monkeypatch):
    monkeypatch.setattr(guard, "get_cookie_secret", lambda: "secret")
    (home / access.RULES).write_text('[people]\n"ann@example.org" = "launch"')
    client = started("sign-in")
    assert client.get("/").text == "inside"  # where the button is
    assert client.put(UPLOAD).status_code == 403
    from streamlit.web.server.starlette.starlette_app_utils import (  # noqa: PLC0415
        create_signed_value,
    )

    for email, status in (("eve@example.org", 403), ("ann@example.org", 200)):
        claims = json.dumps({"email": email})
        signed = create_signed_value("secret", guard.AUTH_COOKIE_NAME, claims)
        client.cookies.set(guard.AUTH_COOKIE_NAME, signed.decode())
        assert client.put(UPLOAD).status_code == status


def test_addresses_that_do_not_verify_are_not_let_in(home):
    (home / access.RULES).write_text('others = "delete"')
    assert guard._member({"email": "a@b.org"}).role == "delete"
    assert guard._member({"email": "a@b.org", "email_verified": False}).role == "none"
    assert guard._member({}).role == "none"


@pytest.mark.parametrize(
    ("address", "arguments", "variable", "expected"),
    [
        ("localhost", [], "", "local"),
        ("127.0.0.1", [], "", "local"),
        ("::1", [], "", "local"),
        (EVERYWHERE, [], "", "token"),
        ("192.0.2.1", [], "", "token"),
        ("", [], "", "token"),
        ("lab.example.org", [], "", "token"),
        (EVERYWHERE, ["--open"], "", "open"),
        ("localhost", [], "token", "token"),
        (EVERYWHERE, [], "demo", "demo"),
    ],
)
def test_the_mode_follows_from_how_the_server_is_started(
    monkeypatch, address, arguments, variable, expected
):
    monkeypatch.setattr(guard.sys, "argv", ["app.py", *arguments])
    monkeypatch.setenv(guard.VARIABLE, variable)
    monkeypatch.setattr(guard.st, "get_option", lambda _: address)
    guard.mode.cache_clear()
    assert guard.mode() == expected
    guard.mode.cache_clear()


def test_links_are_printed_where_others_reach_the_server(started, capsys):
    started("token")
    guard.begin()
    access.identify(access.user_of_machine)
    printed = capsys.readouterr().out
    for role in ("look", "launch", "delete"):
        assert access.token_of(role) in printed
    started("local")
    guard.begin()
    access.identify(access.user_of_machine)
    assert not capsys.readouterr().out
