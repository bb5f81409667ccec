"""Somebody with a socket, for tests that read like conversations."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from types import TracebackType
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

Frame = dict[str, Any]

_PATIENCE = 20.0  # seconds to wait for what must come
_numbers = itertools.count(1)


class Caller:
    """A socket to Parley; each verb sends one frame, each `hears` takes the next one."""

    def __init__(self, url: str) -> None:
        self._opened = connect(url, max_size=None, compression=None, open_timeout=_PATIENCE)
        self._socket = self._opened.__enter__()
        self.since = 0
        self.client_id = ""
        self.room_id = ""
        self.resume_token = ""

    def __enter__(self) -> Caller:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def says(self, frame: Frame | str | bytes | Iterable[str]) -> None:
        self._socket.send(json.dumps(frame) if isinstance(frame, dict) else frame)

    def hears_text(self) -> str:
        """The next frame to the letter."""
        text = self._socket.recv(timeout=_PATIENCE)
        assert isinstance(text, str)
        return text

    def overhears(self) -> Frame | None:
        """The next frame, of any type; None if there is none right now."""
        try:
            return dict(json.loads(self._socket.recv(timeout=0.1)))
        except TimeoutError:
            return None

    def hears(self, kind: str) -> Frame:
        """The next frame, which must be of that type."""
        frame: Frame = json.loads(self.hears_text())
        assert frame["type"] == kind, frame
        return frame

    def hears_in_any_order(self, *kinds: str) -> dict[str, Frame]:
        """The next frames, one of each type."""
        frames = [json.loads(self.hears_text()) for _ in kinds]
        assert sorted(frame["type"] for frame in frames) == sorted(kinds), frames
        return {frame["type"]: frame for frame in frames}

    def is_refused(self, code: str) -> Frame:
        """The next frame, which must be an error of that code."""
        error = self.hears("error")
        assert error["code"] == code, error
        assert error["message"]
        return error

    def hears_nothing_more(self) -> None:
        """Nothing has come before the answer to a ping sent now; all we asked has been done."""
        fence = f"fence-{next(_numbers)}"
        self.says({"type": "ping", "id": fence})
        pong = self.hears("pong")
        assert pong["id"] == fence

    def closes_with(self) -> int | None:
        """Wait for the socket to be closed by the other side; the close code."""
        try:
            while True:
                self._socket.recv(timeout=_PATIENCE)
        except ConnectionClosed:
            return self._socket.close_code

    # -- the usual -------------------------------------------------------------------------------

    def joins(self, room_id: str | None = None, **more: Any) -> Frame:
        self.says({"type": "join", **({"roomId": room_id} if room_id else {}), **more})
        return self.has_joined()

    def has_joined(self) -> Frame:
        joined = self.hears("joined")
        self.room_id, self.client_id = joined["roomId"], joined["clientId"]
        self.since, self.resume_token = joined["since"], joined["resumeToken"]
        return joined

    def resumes(self, former: Caller) -> Frame:
        """Join with what another socket was given."""
        return self.joins(
            former.room_id, clientId=former.client_id, resumeToken=former.resume_token
        )

    def signals(self, to: Caller | str, data: Any, **more: Any) -> None:
        peer = to if isinstance(to, str) else to.client_id
        self.says({"type": "signal", "roomId": self.room_id, "to": peer, "data": data, **more})

    def broadcasts(self, data: Any, **more: Any) -> None:
        self.says({"type": "broadcast", "roomId": self.room_id, "data": data, **more})
