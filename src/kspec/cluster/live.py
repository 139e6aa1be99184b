"""The live transport: HTTP to a real API server, by the Kubernetes client's `ApiClient`.

Requests share a pool and a semaphore; watches and other streams have a client of their own, so
that many of them never starve requests. Proxies are resolved once, not for each request.
"""

from __future__ import annotations

import asyncio
import datetime
import os
import ssl
import tempfile
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import aiohttp
from kubernetes.aio.client import ApiClient, Configuration
from multidict import CIMultiDict
from yarl import URL

import kspec
from kspec import clock
from kspec.cluster.paths import encoded
from kspec.cluster.transport import NOTHING, Headers, Json, Query, Response, StreamResponse
from kspec.errors import ClusterError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

CONCURRENT: Final = 32
"""Requests under way at the same time."""
CONNECT: Final = 10.0
"""Seconds for a connection to be made."""
RELOAD_PAUSE: Final = 10.0
"""Seconds between two attempts to get new credentials after a 401."""
EARLY: Final = datetime.timedelta(seconds=15)
"""So much before their expiry credentials are renewed."""
_UNAUTHORIZED: Final = 401


@dataclass(slots=True)
class Identity:
    """Where the server is, how to trust it, and who we are. Certificates are PEM."""

    server: str
    ca: bytes | None = None
    """None: the system's authorities."""
    insecure: bool = False
    server_name: str | None = None
    proxy: str | None = None
    certificate: bytes | None = field(default=None, repr=False)
    key: bytes | None = field(default=None, repr=False)
    authorization: Callable[[], str | None] = lambda: None
    """The Authorization header's value now."""
    impersonation: tuple[tuple[str, str], ...] = ()
    expires: datetime.datetime | None = None


class LiveTransport:
    """See `Transport`. `reload` fetches new credentials when they expire or are refused."""

    def __init__(
        self, identity: Identity, reload: Callable[[], Awaitable[Identity]] | None = None
    ) -> None:
        self._identity = identity
        self._reload = reload
        self._slots = asyncio.Semaphore(CONCURRENT)
        self._reloading = asyncio.Lock()
        self._reloaded_at = float("-inf")
        self._generation = 0
        self._old: list[ApiClient] = []
        self._requests, self._streams = _clients(identity)

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        headers: Headers = NOTHING,
        body: Json = None,
        timeout: float,  # noqa: ASYNC109 - carried out by aiohttp, for its better errors
    ) -> Response:
        """See `Transport.request`."""
        limits = aiohttp.ClientTimeout(total=timeout, sock_connect=min(CONNECT, timeout))
        async with self._slots:
            with _translated(self._identity.server, timeout):
                return await self._answered(method, _url(path, query), headers, body, limits)

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        headers: Headers = NOTHING,
        connect_timeout: float,
    ) -> AsyncIterator[StreamResponse]:
        """See `Transport.stream`."""
        limits = aiohttp.ClientTimeout(total=None, sock_connect=connect_timeout)
        url, server = _url(path, query), self._identity.server
        with _translated(server, connect_timeout):
            await self._renew_if_expired()
            generation = self._generation
            answer = await self._sent(self._streams, method, url, headers, None, limits)
            if answer.status == _UNAUTHORIZED and await self._renewed(generation):
                answer.close()
                answer = await self._sent(self._streams, method, url, headers, None, limits)
        try:
            yield StreamResponse(answer.status, _lower(answer.headers), _lines(answer, server))
        finally:
            answer.close()

    async def close(self) -> None:
        """Close all connections."""
        for client in (self._requests, self._streams, *self._old):
            await client.close()  # type: ignore[no-untyped-call]  # half of the library is untyped

    async def _answered(
        self, method: str, url: str, headers: Headers, body: Json, limits: aiohttp.ClientTimeout
    ) -> Response:
        await self._renew_if_expired()
        generation = self._generation
        answer = await self._whole(method, url, headers, body, limits)
        if answer.status == _UNAUTHORIZED and await self._renewed(generation):
            answer = await self._whole(method, url, headers, body, limits)
        return answer

    async def _whole(
        self, method: str, url: str, headers: Headers, body: Json, limits: aiohttp.ClientTimeout
    ) -> Response:
        answer = await self._sent(self._requests, method, url, headers, body, limits)
        async with answer:
            return Response(answer.status, _lower(answer.headers), await answer.read())

    async def _sent(
        self,
        client: ApiClient,
        method: str,
        url: str,
        headers: Headers,
        body: Json,
        limits: aiohttp.ClientTimeout,
    ) -> aiohttp.ClientResponse:
        response = await client.call_api(
            method,
            URL(self._identity.server.rstrip("/") + url, encoded=True),
            header_params=self._headers(headers),
            body=body,
            _request_timeout=limits,
        )
        answer: aiohttp.ClientResponse = response.response
        return answer

    def _headers(self, headers: Headers) -> CIMultiDict[str]:
        """With who we are. One header may occur several times (groups)."""
        found = CIMultiDict(
            {"User-Agent": f"kspec/{kspec.__version__}", "Accept": "application/json"}
        )
        found.update(headers)
        authorization = self._identity.authorization()
        if authorization:
            found["Authorization"] = authorization
        for name, value in self._identity.impersonation:
            found.add(name, value)
        return found

    async def _renew_if_expired(self) -> None:
        expires = self._identity.expires
        if expires is not None and datetime.datetime.now(datetime.UTC) >= expires - EARLY:
            await self._renewed(self._generation)

    async def _renewed(self, generation: int) -> bool:
        """Get new credentials unless someone just did; False if there is no way to."""
        if self._reload is None:
            return False
        async with self._reloading:
            if self._generation != generation:
                return True
            if clock.now() - self._reloaded_at < RELOAD_PAUSE:
                return False
            self._reloaded_at = clock.now()
            self._identity = await self._reload()
            self._old += [self._requests, self._streams]
            self._requests, self._streams = _clients(self._identity)
            self._generation += 1
            return True


def _clients(identity: Identity) -> tuple[ApiClient, ApiClient]:
    """One for requests and one for streams. Raises ClusterError for bad certificates."""
    with _in_files(identity.certificate, identity.key) as (certificate, key):
        configuration = Configuration(host=identity.server, connection_pool_maxsize=0)
        configuration.client_session_kwargs = {"trust_env": False}
        configuration.proxy = identity.proxy
        configuration.tls_server_name = identity.server_name
        configuration.verify_ssl = not identity.insecure
        configuration.ca_cert_data = identity.ca.decode() if identity.ca else None
        configuration.cert_file, configuration.key_file = certificate, key
        try:
            return ApiClient(configuration), ApiClient(configuration)
        except (ssl.SSLError, ValueError) as error:
            raise ClusterError(
                f"the certificates for {identity.server} cannot be used: {error}"
            ) from error


@contextmanager
def _in_files(*contents: bytes | None) -> Iterator[list[str | None]]:
    """Paths to read secrets from, while it lasts: in memory where the system can."""
    names: list[str | None] = []
    descriptors: list[int] = []
    try:
        names += [
            None if content is None else _in_file(content, descriptors) for content in contents
        ]
        yield names
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _in_file(content: bytes, descriptors: list[int]) -> str:
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("kspec")
    else:  # pragma: no cover - macOS
        descriptor, name = tempfile.mkstemp()
        Path(name).unlink()
    descriptors.append(descriptor)
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return f"/dev/fd/{descriptor}"


async def _lines(answer: aiohttp.ClientResponse, server: str) -> AsyncIterator[bytes]:
    with _translated(server, 0):
        while line := await answer.content.readline():
            yield line.rstrip(b"\n")


def _url(path: str, query: Query) -> str:
    return f"{path}?{encoded(query)}" if query else path


def _lower(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


@contextmanager
def _translated(server: str, seconds: float) -> Iterator[None]:
    """Make errors of connections ours."""
    try:
        yield
    except aiohttp.ClientConnectorError as error:
        raise UnreachableError(f"{server}: {_reason(error.os_error)}", sent=False) from error
    except TimeoutError as error:
        raise UnreachableError(f"{server}: no answer in {seconds:.0f} s") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise UnreachableError(f"{server}: {error or type(error).__name__}") from error


def _reason(error: OSError) -> str:
    """The system's own words; asyncio hides `connection refused` behind its own."""
    number = error.errno or 0
    if number > 0 and not isinstance(error, ssl.SSLError):
        return os.strerror(number).lower()
    return str(error.strerror or error)
