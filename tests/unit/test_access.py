"""Ways to a cluster, and the live transport, against a small HTTP server on this machine."""

from __future__ import annotations

import asyncio
import base64
import datetime
import json
import ssl
import stat
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import yaml
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kspec.cluster import access
from kspec.cluster.client import Client
from kspec.cluster.connection import connect
from kspec.errors import ApiError, ClusterError, UnreachableError
from kspec.snapshots import Resource

PODS = Resource("", "v1", "Pod", "pods", namespaced=True)


class Server:
    """Answers everything, and keeps what came."""

    def __init__(self) -> None:
        self.requests: list[web.BaseRequest] = []
        self.refuse = 0
        """So many requests get a 401."""
        self.url = ""
        self.closing = asyncio.Event()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        self.requests.append(request)
        if self.refuse:
            self.refuse -= 1
            return web.json_response({"kind": "Status", "message": "who are you"}, status=401)
        if "watch" in request.query:
            return await self.watch(request)
        if "hang" in request.path:
            await self.closing.wait()
        body = {"kind": "Pod", "metadata": {"name": "p", "managedFields": []}}
        return web.json_response(body)

    async def watch(self, request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"a": 1}\n{"b"')
        await response.write(b": 2}\n")
        if request.query["watch"] == "reset":
            request.transport.abort()
        if request.query["watch"] == "stay":
            await self.closing.wait()
        return response

    @property
    def last(self):
        return self.requests[-1]


@asynccontextmanager
async def serving(tls: ssl.SSLContext | None = None):
    server = Server()
    runner = web.ServerRunner(web.Server(server.handle))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    port = runner.addresses[0][1]
    server.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    try:
        yield server
    finally:
        server.closing.set()
        await runner.cleanup()


def kubeconfig(folder, server: str, user: dict | None, **cluster) -> str:
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
        "users": [] if user is None else [{"name": "u", "user": user}],
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(content))
    return str(path)


def asking(folder, user: dict | None, scenario=None):
    """Get a pod with such a user; gives the server's last request."""

    async def main():
        async with serving() as server:
            way = await access.from_kubeconfig(kubeconfig(folder, server.url, user))
            async with connect(way) as connection:
                if scenario:
                    await scenario(server, connection)
                else:
                    await connection.client.get(PODS, "p", "n")
            return server

    return asyncio.run(main())


def plugin(folder, script: str) -> dict:
    path = folder / "plugin"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(path)}}


def credential(**status) -> str:
    body = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": status,
    }
    return f"echo '{json.dumps(body)}'"


# Who we are


def test_a_token(tmp_path):
    server = asking(tmp_path, {"token": "secret"})
    assert server.last.headers["authorization"] == "Bearer secret"
    assert server.last.headers["user-agent"].startswith("kspec/")
    assert server.last.path == "/api/v1/namespaces/n/pods/p"


def test_a_password(tmp_path):
    server = asking(tmp_path, {"username": "me", "password": "pw"})
    assert server.last.headers["authorization"] == "Basic " + base64.b64encode(b"me:pw").decode()


def test_nobody(tmp_path):
    assert "authorization" not in asking(tmp_path, {}).last.headers


def test_a_plugin(tmp_path):
    server = asking(tmp_path, plugin(tmp_path, credential(token="from-plugin")))
    assert server.last.headers["authorization"] == "Bearer from-plugin"


@pytest.mark.parametrize(
    "script", ["exit 1", "echo nonsense", credential(), "echo broken >&2; exit 3"]
)
def test_a_plugin_that_fails_is_an_error(tmp_path, script):
    """The library goes on anonymously (python.md, trap 1)."""
    with pytest.raises(ClusterError, match="credential plugin") as caught:
        asking(tmp_path, plugin(tmp_path, script))
    assert str(tmp_path / "plugin") in caught.value.message


def test_a_plugin_that_is_missing_is_an_error(tmp_path):
    user = plugin(tmp_path, "")
    user["exec"]["command"] = "no-such-plugin-anywhere"
    with pytest.raises(ClusterError, match="no-such-plugin-anywhere"):
        asking(tmp_path, user)


def test_credentials_that_are_empty_are_an_error(tmp_path):
    with pytest.raises(ClusterError, match="credentials"):
        asking(tmp_path, {"token": ""})


def test_a_user_that_does_not_exist_is_an_error(tmp_path):
    with pytest.raises(ClusterError, match="no user named 'u'"):
        asking(tmp_path, None)


def test_a_refused_plugin_is_run_once_more_for_all(tmp_path):
    count = tmp_path / "count"
    script = f"echo x >> {count}; n=$(wc -l < {count})\n" + credential(token="t$n").replace(
        "t$n", "t'$n'"
    )

    async def scenario(server, connection):
        server.refuse = 10
        gets = (connection.client.get(PODS, f"p{number}", "n") for number in range(10))
        await asyncio.gather(*gets)
        server.refuse = 1
        with pytest.raises(ApiError) as caught:
            await connection.client.get(PODS, "p", "n")
        assert caught.value.code == 401

    server = asking(tmp_path, plugin(tmp_path, script), scenario)
    assert count.read_text() == "x\nx\n"
    tokens = [request.headers["authorization"] for request in server.requests]
    assert tokens == ["Bearer t1"] * 10 + ["Bearer t2"] * 11


def test_a_refused_watch_gets_new_credentials_too(tmp_path):
    async def scenario(server, connection):
        server.refuse = 1
        stream = connection.client.transport.stream(
            "GET", "/api", query=[("watch", "1")], connect_timeout=5
        )
        async with stream as response:
            assert response.status == 200

    asking(tmp_path, plugin(tmp_path, credential(token="t")), scenario)


def test_credentials_are_renewed_before_they_expire(tmp_path):
    count = tmp_path / "count"
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=5)
    expiry = soon.strftime("%Y-%m-%dT%H:%M:%SZ")
    script = f"echo x >> {count}; {credential(token='t', expirationTimestamp=expiry)}"
    asking(tmp_path, plugin(tmp_path, script))
    assert count.read_text() == "x\nx\n"


def test_a_token_file_is_read_again(tmp_path, monkeypatch):
    (tmp_path / "token").write_text("one\n")

    async def scenario(server, connection):
        await connection.client.get(PODS, "p", "n")
        (tmp_path / "token").write_text("two\n")
        await connection.client.get(PODS, "p", "n")
        assert server.last.headers["authorization"] == "Bearer one"
        monkeypatch.setattr(access, "TOKEN_AGE", 0)
        await connection.client.get(PODS, "p", "n")
        assert server.last.headers["authorization"] == "Bearer two"
        (tmp_path / "token").unlink()
        await connection.client.get(PODS, "p", "n")
        assert server.last.headers["authorization"] == "Bearer two"

    asking(tmp_path, {"tokenFile": "token"}, scenario)


def test_impersonation_of_the_kubeconfig_is_honoured(tmp_path):
    """The library ignores it silently (python.md, A1)."""
    user = {
        "token": "t",
        "as": "alice",
        "as-uid": "7",
        "as-groups": ["g1", "g2"],
        "as-user-extra": {"scopes": ["a", "b"]},
    }
    headers = asking(tmp_path, user).last.headers
    assert headers["impersonate-user"] == "alice"
    assert headers["impersonate-uid"] == "7"
    assert headers.getall("impersonate-group") == ["g1", "g2"]
    assert headers.getall("impersonate-extra-scopes") == ["a", "b"]


# Where


def test_contexts(tmp_path):
    async def main():
        path = kubeconfig(tmp_path, "https://x:1", {"token": "t"})
        way = await access.from_kubeconfig(path)
        assert way.server == "https://x:1"
        assert way.describes == f"context here of {path}, https://x:1"
        await way.close()
        with pytest.raises(ClusterError, match="no context named 'heer'") as caught:
            await access.from_kubeconfig(path, "heer")
        assert caught.value.hint == "did you mean 'here'?"

    asyncio.run(main())


@pytest.mark.parametrize("content", [None, "a: [", "just text", "", "contexts: 5"])
def test_a_kubeconfig_that_cannot_be_read(tmp_path, content):
    path = tmp_path / "config"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ClusterError):
        asyncio.run(access.from_kubeconfig(str(path)))


def test_a_pods_own_service_account(tmp_path):
    environ = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}
    (tmp_path / "ca.crt").write_bytes(authority()[2])

    async def main():
        with pytest.raises(ClusterError, match="no pod"):
            access.in_cluster(tmp_path, {})
        with pytest.raises(ClusterError, match="token"):
            access.in_cluster(tmp_path, environ)
        (tmp_path / "token").write_text("t")
        way = access.in_cluster(tmp_path, environ)
        assert way.server == "https://10.0.0.1:443"
        await way.close()

    asyncio.run(main())


def test_proxies_of_the_environment(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", "inside.example")
    assert access._proxy("https://outside.example") == "http://proxy:3128"
    for server in ("inside.example", "127.0.0.1:6443", "localhost", "[::1]:6443"):
        assert access._proxy(f"https://{server}") is None


# TLS


def authority():
    key = ec.generate_private_key(ec.SECP256R1())
    cert = certificate("ca", key, None)
    return key, cert, cert.public_bytes(serialization.Encoding.PEM)


def certificate(name: str, key, issuer) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    by, signer = (subject, key) if issuer is None else (issuer[1].subject, issuer[0])
    alternative = x509.SubjectAlternativeName([x509.DNSName("named.example")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(alternative, critical=False)
    )
    return builder.sign(signer, hashes.SHA256())


def pair(name: str, issuer) -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = certificate(name, key, issuer).public_bytes(serialization.Encoding.PEM)
    return public, private


def mutual(folder, ca) -> ssl.SSLContext:
    public, private = pair("server", ca)
    (folder / "server.pem").write_bytes(public + private)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=ca[2].decode())
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(folder / "server.pem")
    return context


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_client_certificates_are_used_and_leave_no_file(tmp_path, monkeypatch):
    ca = authority()
    public, private = pair("me", ca)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr("tempfile.tempdir", None)

    async def main():
        async with serving(mutual(tmp_path, ca)) as server:
            user = {
                "client-certificate-data": base64.b64encode(public).decode(),
                "client-key-data": base64.b64encode(private).decode(),
            }
            path = kubeconfig(
                tmp_path,
                server.url,
                user,
                **{
                    "certificate-authority-data": base64.b64encode(ca[2]).decode(),
                    "tls-server-name": "named.example",
                },
            )
            async with connect(await access.from_kubeconfig(path)) as connection:
                pod = await connection.client.get(PODS, "p", "n")
                assert "managedFields" not in pod["metadata"]
            way = access.explicit(server.url, ca=ca[2], certificate=public, key=private)
            async with connect(way) as connection:
                with pytest.raises(UnreachableError, match="certificate verify failed"):
                    await connection.client.calls.transport.request("GET", "/", timeout=5)

    before = open_files()
    asyncio.run(main())
    assert list(temporary.iterdir()) == []
    assert open_files() <= before


def test_certificates_that_are_none():
    async def main():
        with pytest.raises(ClusterError, match="certificates"):
            access.explicit("https://x", ca=b"nonsense")

    asyncio.run(main())


# The transport


def live(scenario):
    async def main():
        async with serving() as server:
            way = access.explicit(server.url)
            try:
                await scenario(server, way.transport)
            finally:
                await way.close()

    asyncio.run(main())


def test_queries_are_encoded_once():
    async def scenario(server, transport):
        query = [("labelSelector", "a in (b,c),d=é&f"), ("continue", "a+/=%20")]
        await transport.request("GET", "/api/v1/pods/a%20b%3Fc", query=query, timeout=5)
        assert list(server.last.query.items()) == query
        assert server.last.path == "/api/v1/pods/a b?c"

    live(scenario)


def test_bodies_are_json_whatever_the_content_type():
    async def scenario(server, transport):
        for kind in (
            "application/apply-patch+yaml",
            "application/json-patch+json",
            "application/merge-patch+json",
        ):
            body = [{"op": "test"}] if "json-patch" in kind else {"a": "é"}
            await transport.request(
                "PATCH", "/api", headers={"content-type": kind}, body=body, timeout=5
            )
            assert server.last.headers.getall("content-type") == [kind]
            assert json.loads(await server.last.read()) == body

    live(scenario)


def test_nobody_there():
    async def main():
        way = access.explicit("http://127.0.0.1:1")
        with pytest.raises(UnreachableError, match="refused") as caught:
            await way.transport.request("GET", "/", timeout=5)
        assert not caught.value.sent
        with pytest.raises(UnreachableError):
            async with way.transport.stream("GET", "/", connect_timeout=5):
                pass
        await way.close()

    asyncio.run(main())


def test_no_answer_in_time():
    async def scenario(_server, transport):
        with pytest.raises(UnreachableError, match="no answer") as caught:
            await transport.request("GET", "/hang", timeout=0.2)
        assert caught.value.sent

    live(scenario)


def test_lines_of_a_stream():
    async def scenario(_server, transport):
        async with transport.stream(
            "GET", "/", query=[("watch", "1")], connect_timeout=5
        ) as response:
            assert [line async for line in response.lines] == [b'{"a": 1}', b'{"b": 2}']
        with pytest.raises(UnreachableError):
            async with transport.stream(
                "GET", "/", query=[("watch", "reset")], connect_timeout=5
            ) as response:
                _ = [line async for line in response.lines]

    live(scenario)


def test_watches_do_not_starve_requests():
    """With the library's own pool they do: open watches hold its slots (python.md, A1)."""

    async def scenario(_server, transport):
        ready = []

        async def hold():
            query = [("watch", "stay")]
            async with transport.stream("GET", "/", query=query, connect_timeout=5) as response:
                ready.extend([await anext(response.lines), await anext(response.lines)])
                await asyncio.Event().wait()

        watches = [asyncio.create_task(hold()) for _ in range(150)]
        while len(ready) < 300:
            await transport.request("GET", "/api/v1/pods/p", timeout=10)
        gets = (transport.request("GET", "/api/v1/pods/p", timeout=10) for _ in range(100))
        await asyncio.gather(*gets)
        for watch in watches:
            watch.cancel()
        await asyncio.wait(watches)

    live(scenario)


def test_the_client_works_on_it():
    async def scenario(_server, transport):
        assert (await Client(transport).get(PODS, "p", "n"))["kind"] == "Pod"

    live(scenario)


def test_children_get_one_context_with_absolute_paths(tmp_path):
    (tmp_path / "ca.crt").write_text("CA")
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "other",
        "clusters": [
            {
                "name": n,
                "cluster": {"server": f"https://{n}:6443", "certificate-authority": "ca.crt"},
            }
            for n in ("mine", "theirs")
        ],
        "users": [{"name": "me", "user": {"token": "secret"}}],
        "contexts": [
            {"name": "wanted", "context": {"cluster": "mine", "user": "me"}},
            {"name": "other", "context": {"cluster": "theirs", "user": "me"}},
        ],
    }
    file = tmp_path / "config"
    file.write_text(json.dumps(config))
    seen = json.loads(access.context_file(str(file), "wanted"))
    assert seen["current-context"] == "wanted"
    assert [one["cluster"] for one in seen["clusters"]] == [
        {"server": "https://mine:6443", "certificate-authority": str(tmp_path / "ca.crt")}
    ]
    assert seen["users"][0]["user"] == {"token": "secret"}
    assert len(seen["contexts"]) == 1
