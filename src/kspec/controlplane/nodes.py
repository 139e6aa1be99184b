"""The fake nodes that a control plane starts with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from kspec.settings import EmbeddedSettings

SELECTOR: Final = "kwok.x-k8s.io/node=fake"
"""The annotation by which KWOK knows its nodes; users' own nodes with it are played too."""
CAPACITY: Final[Mapping[str, str]] = {
    "cpu": "64",
    "ephemeral-storage": "1Ti",
    "memory": "256Gi",
    "pods": "1000",
}
"""Of one node, where the settings say nothing else; the same is in stages.yaml."""


def fake_nodes(settings: EmbeddedSettings) -> list[dict[str, Any]]:
    """The Node objects, `node-0` and so on."""
    return [_node(f"node-{number}", settings) for number in range(settings.nodes)]


def _node(name: str, settings: EmbeddedSettings) -> dict[str, Any]:
    key, _, value = SELECTOR.partition("=")
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/os": "linux",
        **settings.labels,
    }
    capacity = {**CAPACITY, **settings.capacity}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels, "annotations": {key: value}},
        "spec": {"taints": [dict(taint) for taint in settings.taints]},
        "status": {"capacity": capacity, "allocatable": capacity},
    }
