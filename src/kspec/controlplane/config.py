"""What the program is told: the flags and files of each component, as one JSON document.

Flags: https://kubernetes.io/docs/reference/command-line-tools-reference/. The working directory is
the control plane's private one, so paths are relative; `SERVER` stands for the address of the API
server, which the program chooses itself and so without a race.
"""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kspec.controlplane.certificates import ADMINISTRATORS, Authority, Pair, private_key
from kspec.controlplane.nodes import SELECTOR, fake_nodes
from kspec.settings import EmbeddedSettings

SERVER: Final = "${SERVER}"
GANG_SCHEDULER: Final = "scheduler-plugins-scheduler"
"""The scheduler name of the coscheduling profile, as scheduler-plugins' own chart calls it."""
KUBECONFIG: Final = "kubeconfig"
_SERVICES: Final = "198.19.0.0/16"
_PODS: Final = "198.18.0.0/16"
"""Both are for benchmarks (RFC 2544) and routed nowhere: what dials a fake pod's or a service's
address finds nothing, and above all nobody else's machine."""
_FIRST_SERVICE: Final = "198.19.0.1"
_ADVERTISED: Final = "10.254.254.254"
"""Must not be a loopback address; nothing is told of it (`--endpoint-reconciler-type=none`)."""
_LEASE_SECONDS: Final = 40
"""As a kubelet's."""
_GC: Final = 75
"""GOGC once all has started: less memory for little more work (bench/controlplane.py)."""
_QPS: Final = ("--kube-api-qps=1000", "--kube-api-burst=2000")
_NAMES: Final = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)


@dataclass(frozen=True, slots=True)
class Plan:
    """The document for the program, and what the administrator needs to be let in."""

    document: bytes
    ca: str
    admin: Pair


def plan(settings: EmbeddedSettings) -> Plan:
    """A new control plane with keys of its own."""
    authority = Authority("kspec")
    proxies = Authority("kspec-front-proxy")
    server = authority.server("kube-apiserver", _NAMES, ["127.0.0.1", _FIRST_SERVICE])
    admin = authority.client("kspec-admin", [ADMINISTRATORS])
    files = {
        **_pairs("ca", authority.pair),
        **_pairs("server", server),
        **_pairs("proxy", proxies.client("front-proxy-client")),
        "proxy-ca.crt": proxies.pair.certificate,
        "service-accounts.key": private_key(),
        "stages.yaml": (Path(__file__).with_name("stages.yaml")).read_text(),
        "scheduler.yaml": json.dumps(_scheduler()),
        "scheduler-gang.yaml": json.dumps(_gang_scheduler()),
        KUBECONFIG: kubeconfig(SERVER, authority.pair.certificate, admin),
    }
    for component in ("kube-controller-manager", "kube-scheduler", "kwok"):
        holder = authority.client(f"system:{component}", [ADMINISTRATORS])
        files[f"{component}.kubeconfig"] = kubeconfig(SERVER, authority.pair.certificate, holder)
    document = {
        "files": files,
        "etcd": {"directory": "etcd", "socket": "etcd.sock", "durable": False},
        "apiServer": _api_server(),
        "controllerManager": _controller_manager(),
        "scheduler": {"plain": "scheduler.yaml", "gang": "scheduler-gang.yaml"},
        "kwok": {
            "kubeconfig": "kwok.kubeconfig",
            "stages": "stages.yaml",
            "nodeSelector": SELECTOR,
            "cidr": _PODS,
            "leaseSeconds": _LEASE_SECONDS,
        },
        "nodes": fake_nodes(settings),
        "gc": _GC,
    }
    return Plan(json.dumps(document).encode(), authority.pair.certificate, admin)


def _pairs(name: str, pair: Pair) -> dict[str, str]:
    return {f"{name}.crt": pair.certificate, f"{name}.key": pair.key}


def kubeconfig(server: str, ca: str, user: Pair) -> str:
    """A kubeconfig that needs no other file. JSON is YAML."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": "kspec",
                    "cluster": {"server": server, "certificate-authority-data": _base64(ca)},
                }
            ],
            "users": [
                {
                    "name": "kspec",
                    "user": {
                        "client-certificate-data": _base64(user.certificate),
                        "client-key-data": _base64(user.key),
                    },
                }
            ],
            "contexts": [{"name": "kspec", "context": {"cluster": "kspec", "user": "kspec"}}],
            "current-context": "kspec",
        }
    )


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()


def _api_server() -> list[str]:
    return [
        # etcd's only door is a socket in the private directory, so that nobody else gets in.
        "--etcd-servers=unix://etcd.sock",
        "--bind-address=127.0.0.1",
        f"--advertise-address={_ADVERTISED}",
        "--endpoint-reconciler-type=none",
        "--cert-dir=certificates",
        "--tls-cert-file=server.crt",
        "--tls-private-key-file=server.key",
        "--client-ca-file=ca.crt",
        "--anonymous-auth=false",
        "--authorization-mode=Node,RBAC",
        f"--service-cluster-ip-range={_SERVICES}",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        "--service-account-key-file=service-accounts.key",
        "--service-account-signing-key-file=service-accounts.key",
        "--allow-privileged=true",
        "--proxy-client-cert-file=proxy.crt",
        "--proxy-client-key-file=proxy.key",
        "--requestheader-client-ca-file=proxy-ca.crt",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--kubelet-preferred-address-types=InternalIP",
        "--profiling=false",
    ]


def _controller_manager() -> list[str]:
    return [
        "--kubeconfig=kube-controller-manager.kubeconfig",
        "--leader-elect=false",
        "--secure-port=0",
        # The program runs its own, which needs not 30 s to learn of a new definition.
        "--controllers=*,-garbage-collector-controller",
        "--service-account-private-key-file=service-accounts.key",
        "--root-ca-file=ca.crt",
        "--cluster-signing-cert-file=ca.crt",
        "--cluster-signing-key-file=ca.key",
        "--use-service-account-credentials=false",
        "--horizontal-pod-autoscaler-sync-period=1s",
        *_QPS,
    ]


def _scheduler() -> dict[str, Any]:
    return {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "leaderElection": {"leaderElect": False},
        "clientConnection": {
            "kubeconfig": "kube-scheduler.kubeconfig",
            "qps": 1000,
            "burst": 2000,
        },
        "podInitialBackoffSeconds": 1,
        "podMaxBackoffSeconds": 2,
    }


def _gang_scheduler() -> dict[str, Any]:
    """Two profiles, which must sort the one queue alike and so with the same plugin and arguments.

    https://scheduler-plugins.sigs.k8s.io/docs/plugins/coscheduling/
    """
    plugin = {"name": "Coscheduling"}
    arguments = [{**plugin, "args": {"permitWaitingTimeSeconds": 10}}]
    queue: dict[str, Any] = {"queueSort": {"enabled": [plugin], "disabled": [{"name": "*"}]}}
    whole = {**queue, "multiPoint": {"enabled": [plugin]}}
    profiles = [
        {"schedulerName": name, "plugins": plugins, "pluginConfig": arguments}
        for name, plugins in (("default-scheduler", queue), (GANG_SCHEDULER, whole))
    ]
    return {**_scheduler(), "profiles": profiles}
