"""security.md, lines 11 and 17: only this user reaches the embedded control plane."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
import stat
import time
import traceback
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from kspec import controlplane
from kspec.controlplane.certificates import Authority
from kspec.processes import Supervisor, child_env
from kspec.settings import EmbeddedSettings

pytestmark = pytest.mark.embedded

NOBODY = 65534
root_only = pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")


class Cluster:
    """A control plane between the calls of an event loop."""

    def __init__(self, runner: asyncio.Runner):
        self.runner = runner
        self.supervisor = runner.run(Supervisor.open())
        starting = runner.run(controlplane.start(self.supervisor, EmbeddedSettings(nodes=1)))
        self.plane = runner.run(starting.ready())

    def kubectl(self, *argv, stdin=None):
        home = str(self.plane.directory)
        env = child_env((), {"KUBECONFIG": str(self.plane.kubeconfig), "HOME": home})
        argv = [str(self.plane.program), "kubectl", *argv]
        run = self.supervisor.run(argv, env=env, cwd=Path(home), stdin=stdin, timeout=60)
        return self.runner.run(run)

    def close(self):
        self.runner.run(self.supervisor.close())


@pytest.fixture(scope="module")
def cluster():
    with asyncio.Runner() as runner:
        made = Cluster(runner)
        yield made
        made.close()


def as_nobody(attempt):
    """What a function returns, as JSON, when another user calls it."""
    reader, writer = os.pipe()
    child = os.fork()  # noqa: TID251 - there is no other way to be somebody else for a moment
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            os.write(writer, json.dumps(attempt()).encode())
        except BaseException:  # noqa: BLE001 - the parent sees the text and fails
            os.write(writer, json.dumps(traceback.format_exc()).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as stream:
        answer = json.load(stream)
    os.waitpid(child, 0)
    return answer


def test_it_listens_on_loopback_and_on_one_port_only(cluster):
    program = psutil.Process(cluster.plane.process.pid)
    listening = [
        connection.laddr
        for connection in program.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert [(f"https://{host}:{port}") for host, port in listening] == [cluster.plane.server]
    assert cluster.plane.server.startswith("https://127.0.0.1:")


def test_what_it_writes_is_for_this_user_only(cluster):
    directory = cluster.plane.directory
    for path in (directory.parent, directory, *directory.rglob("*")):
        mode = path.stat()
        assert mode.st_uid == os.getuid(), path
        assert not stat.S_IMODE(mode.st_mode) & 0o077, path


def test_no_credential_is_among_the_arguments_or_in_the_environment(cluster):
    program = psutil.Process(cluster.plane.process.pid)
    assert program.cmdline() == [str(cluster.plane.program), "up"]
    allowed = {"PATH", "HOME", "LANG", "TMPDIR", "GODEBUG", "GOGC", "GOTRACEBACK"}
    ours = {name for name in program.environ() if name.startswith("KSPEC_")}
    assert set(program.environ()) <= allowed | ours
    assert all(len(program.environ()[name]) < 40 for name in ours)  # an id, no key


@pytest.mark.parametrize("path", ["/api/v1/secrets", "/version", "/livez", "/openapi/v3"])
def test_without_a_certificate_nothing_is_answered(cluster, path):
    context = ssl.create_default_context(cadata=cluster.plane.ca.decode())
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(cluster.plane.server + path, context=context, timeout=10)
    refusal.value.close()
    assert refusal.value.code == 401


def test_a_certificate_of_another_control_plane_is_refused(cluster):
    stranger = Authority("kspec").client("kspec-admin", ["system:masters"])
    pair = cluster.plane.directory / "stranger.pem"
    pair.touch(mode=0o600)
    pair.write_text(stranger.certificate + stranger.key, encoding="utf-8")
    context = ssl.create_default_context(cadata=cluster.plane.ca.decode())
    context.load_cert_chain(pair)
    with pytest.raises((urllib.error.HTTPError, ssl.SSLError, urllib.error.URLError)) as refusal:
        urllib.request.urlopen(cluster.plane.server + "/api", context=context, timeout=10)
    if isinstance(refusal.value, urllib.error.HTTPError):
        refusal.value.close()
        assert refusal.value.code == 401


@root_only
def test_another_user_gets_nothing_from_the_api_server(cluster):
    server = cluster.plane.server

    def ask():
        context = ssl._create_unverified_context()
        try:
            urllib.request.urlopen(server + "/api/v1/secrets", context=context, timeout=10)
        except urllib.error.HTTPError as refusal:
            return refusal.code
        return "let in"

    assert as_nobody(ask) == 401


@root_only
def test_another_user_gets_nothing_from_etcd_nor_from_the_files(cluster):
    directory = cluster.plane.directory
    assert stat.S_ISSOCK((directory / "etcd.sock").stat().st_mode)

    def connect():
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(str(directory / "etcd.sock"))
            except PermissionError:
                return "refused"
        return "let in"

    def read():
        try:
            return (directory / "kubeconfig").read_text()
        except PermissionError:
            return "refused"

    assert as_nobody(connect) == "refused"
    assert as_nobody(read) == "refused"


EXEC = {
    "apiVersion": "kwok.x-k8s.io/v1alpha1",
    "kind": "ClusterExec",
    "metadata": {"name": "all"},
    "spec": {"execs": [{"local": {}}]},
}


def kwok_definition(kind):
    plural = f"{kind.lower()}s"
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1alpha1", "served": True, "storage": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.kwok.x-k8s.io"},
        "spec": {
            "group": "kwok.x-k8s.io",
            "scope": "Cluster",
            "names": {"plural": plural, "kind": kind},
            "versions": [version | {"schema": {"openAPIV3Schema": anything}}],
        },
    }


def test_an_exec_object_of_kwok_has_no_effect(cluster, tmp_path):
    def create(item):
        text = json.dumps(item).encode()
        done = cluster.kubectl("create", "--validate=false", "-f", "-", stdin=text)
        assert done.exit.ok, done.stderr

    assert cluster.kubectl("wait", "sa/default", "--for=create", "--timeout=30s").exit.ok
    create(kwok_definition("ClusterExec"))
    name = "crd/clusterexecs.kwok.x-k8s.io"
    assert cluster.kubectl("wait", name, "--for=condition=Established").exit.ok
    create(EXEC)
    container = {"name": "main", "image": "none"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "victim"}}
    create(pod | {"spec": {"containers": [container]}})
    ready = cluster.kubectl("wait", "pod/victim", "--for=condition=Ready", "--timeout=30s")
    assert ready.exit.ok, ready.stderr
    proof = tmp_path / "proof"
    began = time.monotonic()
    for argv in (["exec", "victim", "--", "touch", str(proof)], ["logs", "victim"]):
        done = cluster.kubectl(*argv)
        assert not done.exit.ok
        assert "refused" in done.stderr
    assert time.monotonic() - began < 10
    assert not proof.exists()


def test_the_server_is_who_it_says(cluster):
    """Its certificate is of an authority that nobody else has."""
    host, _, port = urlsplit(cluster.plane.server).netloc.partition(":")
    context = ssl.create_default_context()
    with (
        socket.create_connection((host, int(port)), timeout=10) as raw,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        context.wrap_socket(raw, server_hostname=host)
