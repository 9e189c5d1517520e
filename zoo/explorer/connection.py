"""One connection to the server: a request's head must come in time, and its answer be taken."""

import asyncio
import socket
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

# bytes of an answer that the system keeps until they are taken: few, so that it is seen whether a
# client takes any
SENT = 1 << 18


class Connection(H11Protocol):
    """HTTP/1.1 on one connection.

    uvicorn closes a connection on which no next request begins, and the guard bounds how long a
    body and an answer take. This closes a connection whose first or next request begins and never
    comes whole, and one whose client does not take what it asked for. The time for both is that
    between two requests, `timeout_keep_alive`.
    """

    _head: asyncio.TimerHandle | None = None
    _taking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        # head and body are written apart: Nagle's algorithm would hold the body back for 40 ms.
        # asyncio turns it off for sockets that name their protocol, which uvicorn's do not
        own = transport.get_extra_info("socket")
        own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SENT)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        """Take a part of a request."""
        super().data_received(data)
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if is_answering:
            self._stop_waiting_for_head()
        else:
            self._wait_for_head()

    def pause_writing(self) -> None:
        """The client takes an answer more slowly than it is written."""
        super().pause_writing()
        self._wait_for_reader(0)

    def resume_writing(self) -> None:
        """Nearly all that was written is taken."""
        super().resume_writing()
        self._stop_waiting_for_reader()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget what was waited for."""
        super().connection_lost(exc)
        self._stop_waiting_for_head()
        self._stop_waiting_for_reader()

    def _wait_for_head(self) -> None:
        if self._head is None and not self.transport.is_closing():
            self._head = self._later(self.transport.close)

    def _stop_waiting_for_head(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _wait_for_reader(self, before: int) -> None:
        """Look again whether the client has taken anything, and give it up when it has not."""
        left = self.transport.get_write_buffer_size()
        if left == before:
            self.transport.abort()
        else:
            self._taking = self._later(self._wait_for_reader, left)

    def _stop_waiting_for_reader(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None

    def _later(self, call: Any, *given: Any) -> asyncio.TimerHandle:
        return self.loop.call_later(self.timeout_keep_alive, call, *given)
