"""A session of the dashboard without a browser: what Streamlit's own front end sends and gets."""

import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

_PATIENCE = 120.0


@dataclass(kw_only=True, frozen=True, slots=True)
class Answer:
    """What one run of a page took.

    Attributes:
        first: seconds until the first element.
        settled: seconds until the page has run to its end.
        n_bytes: size of all messages.
        errors: exceptions that the page showed.
    """

    first: float
    settled: float
    n_bytes: int
    errors: list[str] = field(default_factory=list)


class Session:
    """One reader of one page.

    Args:
        url: address of the server.
        page: name of the page, empty for the first one.
        query: query of the page's address.
        **options: of the connection, as websockets' `connect` takes them.
    """

    def __init__(self, url: str, page: str = "", query: str = "", **options: Any) -> None:
        self._url = f"ws://{urlsplit(url).netloc}/_stcore/stream"
        self._page, self._query, self._options = page, query, options
        self._stack = ExitStack()
        self._connection: ClientConnection

    def __enter__(self) -> Self:
        """Connect."""
        self._connection = self._stack.enter_context(
            connect(
                self._url,
                subprotocols=["streamlit"],
                max_size=None,
                open_timeout=_PATIENCE,
                **self._options,
            )
        )
        return self

    def __exit__(self, *_: object) -> None:
        """End the session."""
        self._stack.close()

    def run(self) -> Answer:
        """Run the page from its top, as at a visit or a key that reruns it.

        Raises:
            TimeoutError: if it does not end in two minutes.
            websockets.ConnectionClosed: if the server ends.
        """
        asked = BackMsg()
        asked.rerun_script.page_name = self._page
        asked.rerun_script.query_string = self._query
        begin = time.monotonic()
        self._connection.send(asked.SerializeToString())
        first, n_bytes, errors = 0.0, 0, []
        while True:
            left = begin + _PATIENCE - time.monotonic()
            content = self._connection.recv(timeout=max(left, 0.0), decode=False)
            n_bytes += len(content)
            message = ForwardMsg.FromString(bytes(content))
            kind = message.WhichOneof("type")
            if kind == "delta":
                first = first or time.monotonic() - begin
                element = message.delta.new_element
                if element.WhichOneof("type") == "exception":
                    errors.append(f"{element.exception.type}: {element.exception.message}")
            ended = kind == "script_finished"
            if ended and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                break
            if ended and message.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                errors.append("the page does not compile")
                break
        settled = time.monotonic() - begin
        return Answer(first=first or settled, settled=settled, n_bytes=n_bytes, errors=errors)
