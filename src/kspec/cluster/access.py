"""Ways to a cluster: a kubeconfig, in-cluster files, or a server and its credentials.

The Kubernetes client reads kubeconfigs and runs credential plugins. What it gets wrong is mended
here: a plugin that fails is an error (it would go on anonymously), a user that does not exist
too, `as` is honoured, and private keys are not written to temporary files.
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
import os
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from kubernetes.aio.client import Configuration
from kubernetes.aio.config import kube_config as _kube_config

from kspec import clock
from kspec.cluster.live import Identity, LiveTransport
from kspec.errors import ClusterError, KspecError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

kube_config: Any = _kube_config
"""The library's reader of kubeconfigs; it has no type hints."""
TOKEN_AGE: Final = 60.0
"""Seconds after which a token's file is read again; kubelets replace them (as client-go does)."""
SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True, slots=True)
class Access:
    """A way to a cluster, to be used with `connection.connect`."""

    server: str
    describes: str
    transport: LiveTransport

    async def close(self) -> None:
        """Close its connections."""
        await self.transport.close()


async def from_kubeconfig(paths: str, context: str | None = None) -> Access:
    """By a kubeconfig (or several, as in KUBECONFIG); by its current context if none is named.

    Raises ClusterError when it cannot be read, has no such context, or gives no credentials.
    """
    name, entry = _context(paths, context)

    async def load() -> Identity:
        return await entry.identity()

    identity = await load()
    describes = f"context {name} of {paths}, {identity.server}"
    return Access(identity.server, describes, LiveTransport(identity, load))


def context_file(paths: str, context: str | None = None) -> str:
    """A kubeconfig with one context only, as JSON: what children of a run are given.

    So they keep to this cluster and user, whatever becomes of the files. Raises ClusterError.
    """
    name, entry = _context(paths, context)
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": _absolute(entry.cluster, entry.cluster_base)}],
            "users": [{"name": name, "user": _absolute(entry.user, entry.user_base)}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "current-context": name,
        }
    )


_FILES: Final = ("certificate-authority", "client-certificate", "client-key", "tokenFile")


def _absolute(entry: Mapping[str, Any], base: Path) -> dict[str, Any]:
    files = {key: str(base / entry[key]) for key in _FILES if entry.get(key)}
    return {**entry, **files}


def in_cluster(folder: Path = SERVICE_ACCOUNT, environ: Mapping[str, str] = os.environ) -> Access:
    """As a pod's service account. Raises ClusterError outside of a pod."""
    host, port = environ.get("KUBERNETES_SERVICE_HOST"), environ.get("KUBERNETES_SERVICE_PORT")
    if not host or not port:
        raise ClusterError("this is no pod: KUBERNETES_SERVICE_HOST is not set")
    server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    token = _TokenFile(folder / "token")
    token()
    identity = Identity(server, _read(folder / "ca.crt"), proxy=_proxy(server), authorization=token)
    return Access(server, f"the cluster that this pod runs in, {server}", LiveTransport(identity))


def explicit(
    server: str,
    *,
    ca: bytes | None = None,
    certificate: bytes | None = None,
    key: bytes | None = None,
    token: str | None = None,
    describes: str = "",
) -> Access:
    """By a URL and credentials at hand; `ca`, `certificate` and `key` are PEM."""
    identity = Identity(
        server,
        ca,
        proxy=_proxy(server),
        certificate=certificate,
        key=key,
        authorization=lambda: f"Bearer {token}" if token else None,
    )
    return Access(server, describes or server, LiveTransport(identity))


@dataclass(frozen=True, slots=True)
class _Entry:
    """A context of a kubeconfig: its cluster and user, as written, and where from."""

    context: str
    cluster: Mapping[str, Any]
    cluster_base: Path
    user: Mapping[str, Any]
    user_base: Path

    async def identity(self) -> Identity:
        """Load the credentials; runs a credential plugin if there is one."""
        server = str(self.cluster.get("server") or "")
        if not server.startswith(("https://", "http://")):
            raise ClusterError(f"context {self.context}: its cluster names no server")
        identity = Identity(
            server.rstrip("/"),
            _pem(self.cluster, "certificate-authority", self.cluster_base),
            insecure=bool(self.cluster.get("insecure-skip-tls-verify")),
            server_name=self.cluster.get("tls-server-name"),
            proxy=self.cluster.get("proxy-url") or _proxy(server),
            certificate=_pem(self.user, "client-certificate", self.user_base),
            key=_pem(self.user, "client-key", self.user_base),
            impersonation=tuple(_impersonation(self.user)),
        )
        if self.user:
            await self._authenticate(identity)
        return identity

    async def _authenticate(self, identity: Identity) -> None:
        """Add what the client library makes of the user: tokens, plugins, OIDC."""
        file = self.user.get("tokenFile")
        if file and not self.user.get("token"):
            identity.authorization = _TokenFile(self.user_base / file)
            identity.authorization()
            return
        loaded = Configuration()
        with _errors_of(kube_config.logger) as complaints:
            try:
                loader = self._loader()
                await loader.load_and_set(loaded)
            except Exception as error:  # the library raises whatever its parts raise
                raise self._no_credentials(str(error)) from error
        authorization = loaded.api_key.get("BearerToken")
        if loaded.cert_file and loaded.key_file:  # from a plugin
            identity.certificate = _read(Path(loaded.cert_file))
            identity.key = _read(Path(loaded.key_file))
        if complaints and "exec" in self.user:
            raise self._no_credentials(complaints[-1])
        if not authorization and not identity.certificate and _claims(self.user):
            raise self._no_credentials(complaints[-1] if complaints else "they are empty")
        identity.authorization = lambda: authorization
        identity.expires = getattr(loader, "exec_plugin_expiry", None)

    def _loader(self) -> Any:
        """The library's reader, given only what it is to see: no keys, which it puts in files."""
        user = {key: value for key, value in self.user.items() if not key.startswith("client-")}
        return kube_config.KubeConfigLoader(
            {
                "current-context": "it",
                "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
                "clusters": [{"name": "it", "cluster": {"server": self.cluster["server"]}}],
                "users": [{"name": "it", "user": user}],
            },
            config_base_path=str(self.user_base),
        )

    def _no_credentials(self, reason: str) -> ClusterError:
        plugin = (self.user.get("exec") or {}).get("command")
        what = f"the credential plugin '{plugin}'" if plugin else "its user's credentials"
        return ClusterError(f"context {self.context}: {what} cannot be used: {reason}")


def _context(paths: str, context: str | None) -> tuple[str, _Entry]:
    config = _config(paths)
    name = context or config.safe_get("current-context")
    if not name:
        raise ClusterError(f"{paths} has no current context", hint="name one with --context")
    entry, _ = _named(config, "contexts", "context", name, paths)
    cluster, cluster_base = _named(config, "clusters", "cluster", entry.get("cluster"), paths)
    user: Mapping[str, Any] = {}
    user_base = cluster_base
    if entry.get("user"):
        user, user_base = _named(config, "users", "user", entry["user"], paths)
    return name, _Entry(name, cluster, cluster_base, user, user_base)


def _config(paths: str) -> Any:
    try:
        config = kube_config.KubeConfigMerger(paths).config
    except Exception as error:  # the library raises whatever its parts raise
        raise ClusterError(f"the kubeconfig {paths} cannot be read: {error}") from error
    if config is None:
        raise ClusterError(f"there is no kubeconfig {paths}")
    return config


def _named(
    config: Any, section: str, key: str, name: object, paths: str
) -> tuple[Mapping[str, Any], Path]:
    """One entry of a kubeconfig, and the folder that its paths are relative to."""
    nodes = config.value.get(section) or []
    for node in nodes:
        if node.value.get("name") == name:
            return node.value.get(key) or {}, Path(node.path).absolute().parent
    known = [str(node.value.get("name")) for node in nodes]
    raise ClusterError(f"{paths} has no {key} named '{name}'", hint=did_you_mean(str(name), known))


def _claims(user: Mapping[str, Any]) -> bool:
    """Whether a user is meant to be someone."""
    return any(key in user for key in ("exec", "token", "tokenFile", "auth-provider", "username"))


def _impersonation(user: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation."""
    if user.get("as"):
        yield "Impersonate-User", str(user["as"])
    if user.get("as-uid"):
        yield "Impersonate-Uid", str(user["as-uid"])
    for group in user.get("as-groups") or ():
        yield "Impersonate-Group", str(group)
    for key, values in (user.get("as-user-extra") or {}).items():
        for value in values:
            yield f"Impersonate-Extra-{key}", str(value)


def _pem(entry: Mapping[str, Any], key: str, base: Path) -> bytes | None:
    """A certificate or key: inline in base64, or in a file."""
    data = entry.get(f"{key}-data")
    if data:
        try:
            return base64.b64decode(data, validate=False)
        except (binascii.Error, ValueError) as error:
            raise ClusterError(f"{key}-data in the kubeconfig is no base64: {error}") from error
    return _read(base / entry[key]) if entry.get(key) else None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ClusterError(f"{path}: {error.strerror or error}") from error


class _TokenFile:
    """An Authorization header from a file that is replaced from time to time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_at = float("-inf")
        self._token = ""

    def __call__(self) -> str:
        now = clock.now()
        if now - self._read_at >= TOKEN_AGE:
            self._token = self._fresh()
            self._read_at = now
        return f"Bearer {self._token}"

    def _fresh(self) -> str:
        try:
            token = _read(self._path).decode().strip()
        except KspecError:
            if not self._token:
                raise
            return self._token
        if not token:
            raise ClusterError(f"{self._path}: the token is empty")
        return token


@contextmanager
def _errors_of(logger: logging.Logger) -> Iterator[list[str]]:
    """What the library only logs."""
    complaints: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: complaints.append(record.getMessage())  # type: ignore[method-assign]  # one method is all
    propagate = logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield complaints
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate


def _proxy(server: str) -> str | None:
    """The proxy that the environment names for a server; never for this machine."""
    parts = urlsplit(server)
    host = parts.hostname or ""
    if host == "localhost" or _is_loopback(host) or urllib.request.proxy_bypass(host):
        return None
    return urllib.request.getproxies().get(parts.scheme)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
