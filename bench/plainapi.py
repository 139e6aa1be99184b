"""A blocking API client of the standard library only: what it costs is not measured."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from kspec.controlplane import ControlPlane

LIMIT: Final = 60.0
STEP: Final = 0.005


class PlainApi:
    """One connection for requests; each watch has one of its own."""

    def __init__(self, address: str, context: ssl.SSLContext) -> None:
        self._address = address
        self._context = context
        self._connection = self._connect()

    @classmethod
    def of(cls, plane: ControlPlane) -> Self:
        """The administrator's way to a control plane."""
        context = ssl.create_default_context(cadata=plane.ca.decode())
        pair = plane.directory / "bench.pem"
        pair.touch(mode=0o600)
        pair.write_bytes(plane.certificate + plane.key)
        context.load_cert_chain(pair)
        return cls(urlsplit(plane.server).netloc, context)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    def request(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """The status and the object that came back."""
        text = None if body is None else json.dumps(body)
        headers = {"Content-Type": "application/json"}
        self._connection.request(method, path, body=text, headers=headers)
        answer = self._connection.getresponse()
        return answer.status, json.loads(answer.read())

    def expect(self, method: str, path: str, body: object = None) -> Any:
        """The object that came back from a request that must succeed."""
        status, answer = self.request(method, path, body)
        if status >= http.client.BAD_REQUEST:
            raise RuntimeError(f"{method} {path}: {status} {answer}")
        return answer

    def until_created(self, path: str, body: object) -> None:
        """Create an object as soon as admission lets it pass."""
        deadline = time.monotonic() + LIMIT
        while self.request("POST", path, body)[0] != http.client.CREATED:
            if time.monotonic() > deadline:
                raise RuntimeError(f"POST {path}: refused for {LIMIT} s")
            time.sleep(STEP)  # noqa: TID251 - a blocking client, which measures

    def watch(self, path: str) -> Iterator[dict[str, Any]]:
        """The events of a watch from the beginning: first what is there, then what changes."""
        connection = self._connect()
        try:
            sign = "&" if "?" in path else "?"
            connection.request("GET", f"{path}{sign}watch=1")
            answer = connection.getresponse()
            while line := answer.readline():
                yield json.loads(line)
        finally:
            connection.close()

    def _connect(self) -> http.client.HTTPSConnection:
        host, _, port = self._address.partition(":")
        return http.client.HTTPSConnection(host, int(port), context=self._context, timeout=LIMIT)
