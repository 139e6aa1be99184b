"""The embedded control plane, as it really is: started, used through its own kubectl, stopped."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import signal
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

from kspec import controlplane
from kspec.cluster.access import from_kubeconfig
from kspec.cluster.client import Client
from kspec.controlplane import config, crds
from kspec.controlplane.config import GANG_SCHEDULER
from kspec.errors import ProcessError
from kspec.processes import Supervisor, child_env
from kspec.settings import EmbeddedSettings

pytestmark = pytest.mark.embedded

SETTINGS = EmbeddedSettings(
    nodes=2,
    labels={"zone": "a"},
    taints=({"key": "gpu", "value": "yes", "effect": "PreferNoSchedule"},),
    capacity={"nvidia.com/gpu": "8"},
)
ROOT = Path(__file__).parents[2]
POD_GROUPS = "podgroups.scheduling.x-k8s.io"


class Cluster:
    """A control plane between the calls of an event loop."""

    def __init__(self, runner: asyncio.Runner, settings: EmbeddedSettings):
        self.runner = runner
        self.supervisor = runner.run(Supervisor.open())
        self.starting = runner.run(controlplane.start(self.supervisor, settings))
        self.plane = runner.run(self.starting.ready())

    def tool(self, *argv, stdin=None, ok=True):
        home = str(self.plane.directory)
        env = child_env((), {"KUBECONFIG": str(self.plane.kubeconfig), "HOME": home})
        done = self.runner.run(
            self.supervisor.run(
                [str(self.plane.program), *argv],
                env=env,
                cwd=self.plane.directory,
                stdin=stdin,
                timeout=60,
            )
        )
        assert done.exit.ok or not ok, done.stderr
        return done

    def kubectl(self, *argv, **options):
        return self.tool("kubectl", *argv, **options)

    def create(self, *items):
        for item in items:
            self.kubectl("create", "--validate=false", "-f", "-", stdin=json.dumps(item).encode())

    def get(self, *argv):
        return json.loads(self.kubectl("get", *argv, "-o", "json").stdout)

    def wait(self, what, condition):
        self.kubectl("wait", what, f"--for={condition}", "--timeout=30s")

    def close(self):
        self.runner.run(self.supervisor.close())


@pytest.fixture(scope="module")
def cluster():
    with asyncio.Runner() as runner:
        made = Cluster(runner, SETTINGS)
        made.wait("serviceaccount/default", "create")
        yield made
        made.close()


def pod(name, *, gpus=0, labels=None, annotations=None, **spec):
    resources = {"limits": {"nvidia.com/gpu": str(gpus)}} if gpus else {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels or {}, "annotations": annotations or {}},
        "spec": {
            "containers": [{"name": "main", "image": "none", "resources": resources}],
            **spec,
        },
    }


def test_it_is_the_version_that_it_says(cluster):
    version = json.loads(cluster.kubectl("version", "-o", "json").stdout)
    assert version["serverVersion"]["gitVersion"] == version["clientVersion"]["gitVersion"]
    assert f"k8s.io/kubernetes {version['serverVersion']['gitVersion']}\n" in (
        ROOT / "controlplane" / "go.mod"
    ).read_text(encoding="utf-8")


def test_it_takes_a_write_as_soon_as_it_is_ready(cluster):
    cluster.create(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"a": "b"}}
    )
    assert cluster.get("configmap", "x")["data"] == {"a": "b"}


def test_fake_nodes_are_as_configured(cluster):
    cluster.wait("node/node-1", "condition=Ready")
    node = cluster.get("node", "node-1")
    assert node["metadata"]["labels"]["zone"] == "a"
    assert SETTINGS.taints[0] in node["spec"]["taints"]
    assert node["status"]["capacity"] == node["status"]["allocatable"]
    assert node["status"]["capacity"]["nvidia.com/gpu"] == "8"
    assert node["status"]["capacity"]["cpu"] == "64"


def test_a_node_that_a_spec_adds_keeps_its_capacity(cluster):
    cluster.create(
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": "own", "annotations": {"kwok.x-k8s.io/node": "fake"}},
            "spec": {"unschedulable": True},
            "status": {"capacity": {"cpu": "3", "example.com/fpga": "2"}},
        }
    )
    cluster.wait("node/own", "condition=Ready")
    capacity = cluster.get("node", "own")["status"]["capacity"]
    assert (capacity["cpu"], capacity["example.com/fpga"]) == ("3", "2")
    assert capacity["memory"] == "256Gi"


def test_a_pod_is_bound_runs_and_goes(cluster):
    cluster.create(pod("gpu", gpus=8))
    cluster.wait("pod/gpu", "condition=Ready")
    status = cluster.get("pod", "gpu")["status"]
    assert status["phase"] == "Running"
    assert status["podIP"].startswith("198.18.")
    assert status["containerStatuses"][0]["state"]["running"]
    cluster.kubectl("delete", "pod", "gpu", "--timeout=20s")
    assert "NotFound" in cluster.kubectl("get", "pod", "gpu", ok=False).stderr


def job(name, annotations=None):
    template = pod(name, annotations=annotations, restartPolicy="Never")
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {
            "template": {"metadata": template["metadata"] | {"name": ""}, "spec": template["spec"]}
        },
    }


def test_a_job_is_seen_running_and_then_succeeds(cluster):
    cluster.create(job("short"))
    cluster.wait("job/short", "jsonpath={.status.ready}=1")
    began = time.monotonic()
    cluster.wait("job/short", "condition=Complete")
    assert 1.5 < time.monotonic() - began < 10
    done = cluster.get("pod", "-l", "job-name=short")["items"][0]["status"]
    assert done["phase"] == "Succeeded"
    assert done["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 0


def test_an_annotation_says_when_a_pod_succeeds(cluster):
    cluster.create(
        pod("soon", annotations={"kspec.dev/succeed-after": "200ms"}),
        job("endless", annotations={"kspec.dev/succeed-after": "never"}),
        pod("wrong", annotations={"kspec.dev/succeed-after": "a while"}),
    )
    cluster.wait("pod/soon", "jsonpath={.status.phase}=Succeeded")
    cluster.wait("pod/wrong", "jsonpath={.status.phase}=Failed")
    assert "'a while'" in cluster.get("pod", "wrong")["status"]["message"].replace('"', "'")
    cluster.create(job("after"))
    cluster.wait("job/after", "condition=Complete")  # longer than endless would have needed
    assert cluster.get("job", "endless")["status"]["active"] == 1


def test_helm_installs_a_chart(cluster):
    chart = cluster.plane.directory / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("{apiVersion: v2, name: tiny, version: 1.0.0}")
    (chart / "templates" / "map.yaml").write_text(
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: '{{ .Release.Name }}-map'}}"
    )
    cluster.tool("helm", "install", "demo", str(chart), "--wait")
    assert cluster.get("configmap", "demo-map")["metadata"]["labels"][
        "app.kubernetes.io/managed-by"
    ]


def definition(plural):
    kind = plural.capitalize()
    schema = {"openAPIV3Schema": {"type": "object"}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Cluster",
            "names": {"plural": plural, "kind": kind},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }


def test_a_custom_resource_need_not_wait_for_its_definition(cluster):
    """Upstream lets each first object of a new definition wait for 2 s."""

    async def define_and_create():
        access = await from_kubeconfig(str(cluster.plane.kubeconfig))
        try:
            client = Client(access.transport)
            await client.apply(definition("quick"))
            resource = await client.resolve("crd", "apiextensions.k8s.io/v1")
            crd = await client.get(resource, "quick.example.com")
            while not is_established(crd):
                crd = await client.get(resource, "quick.example.com")
            await crds.established(client, crd)
            began = time.monotonic()
            item = {"apiVersion": "example.com/v1", "kind": "Quick", "metadata": {"name": "one"}}
            await client.create(item)
            return time.monotonic() - began
        finally:
            await access.close()

    assert cluster.runner.run(define_and_create()) < 1


def is_established(crd):
    conditions = crd.get("status", {}).get("conditions") or []
    return any(item["type"] == "Established" and item["status"] == "True" for item in conditions)


def test_other_programs_need_not_wait_either_and_garbage_goes_at_once(cluster):
    """The controller manager's own collector would learn of the definition after up to 30 s."""
    cluster.create(definition("owners"))
    cluster.wait("crd/owners.example.com", "condition=Established")
    began = time.monotonic()
    owner = {"apiVersion": "example.com/v1", "kind": "Owners", "metadata": {"name": "one"}}
    cluster.create(owner)
    assert time.monotonic() - began < 1.5
    reference = {
        "apiVersion": "example.com/v1",
        "kind": "Owners",
        "name": "one",
        "uid": cluster.get("owners", "one")["metadata"]["uid"],
        "blockOwnerDeletion": True,
    }
    cluster.create(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "owned", "ownerReferences": [reference]},
        }
    )
    began = time.monotonic()
    cluster.kubectl("delete", "owners", "one")
    cluster.wait("configmap/owned", "delete")
    assert time.monotonic() - began < 10


@pytest.fixture(scope="module")
def pod_group_definition():
    go = build_script().find_go()
    found = json.loads(go.output("mod", "download", "-json", "sigs.k8s.io/scheduler-plugins"))
    return Path(found["Dir"]) / "config" / "crd" / "bases" / "scheduling.x-k8s.io_podgroups.yaml"


def build_script() -> ModuleType:
    path = ROOT / "controlplane" / "build.py"
    spec = importlib.util.spec_from_file_location("controlplane_build", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


def gang(name, members, gpus):
    group = {
        "apiVersion": "scheduling.x-k8s.io/v1alpha1",
        "kind": "PodGroup",
        "metadata": {"name": name},
        "spec": {"minMember": members},
    }
    pods = [
        pod(
            f"{name}-{number}",
            gpus=gpus,
            labels={"scheduling.x-k8s.io/pod-group": name},
            schedulerName=GANG_SCHEDULER,
        )
        for number in range(members)
    ]
    return [group, *pods]


def test_a_gang_is_bound_whole_or_not_at_all(cluster, pod_group_definition):
    cluster.kubectl("create", "--validate=false", "-f", str(pod_group_definition))
    cluster.wait(f"crd/{POD_GROUPS}", "condition=Established")
    cluster.create(*gang("fits", 2, 4), pod("single"))
    for name in ("fits-0", "fits-1", "single"):
        cluster.wait(f"pod/{name}", "condition=Ready")
    cluster.create(*gang("big", 3, 4))  # two of the three would find room
    for number in range(3):
        cluster.wait(f"pod/big-{number}", "condition=PodScheduled=False")
    bound = {
        item["metadata"]["name"]: item["spec"].get("nodeName")
        for item in cluster.get("pod")["items"]
    }
    assert [bound[f"big-{number}"] for number in range(3)] == [None] * 3
    cluster.kubectl("delete", "crd", POD_GROUPS)
    cluster.create(pod("later"))
    cluster.wait("pod/later", "condition=Ready")  # the scheduler is back to its plain profile
    told = [event["gang"] for event in cluster.starting.events if event["event"] == "scheduler"]
    assert told == [False, True, False]


def test_several_run_side_by_side_and_end_at_once():
    async def both():
        async with await Supervisor.open() as supervisor:
            starting = [await controlplane.start(supervisor, SETTINGS) for _ in range(2)]
            planes = [await item.ready() for item in starting]
            assert planes[0].server != planes[1].server
            began = time.monotonic()
            for plane in planes:
                await plane.stop()
            return time.monotonic() - began

    assert asyncio.run(both()) < 2


def test_it_ends_when_its_owner_is_killed():
    """The socket alone does it, also without the guardian."""

    async def orphan():
        async with await Supervisor.open() as supervisor:
            starting = await controlplane.start(supervisor, SETTINGS)
            plane = await starting.ready()
            starting._talk.cancel()
            return await plane.process.wait()

    assert asyncio.run(orphan()).ok


def test_a_component_that_fails_ends_it_with_one_clear_line(monkeypatch):
    monkeypatch.setattr(config, "_api_server", lambda: ["--no-such-flag"])

    async def fail():
        async with await Supervisor.open() as supervisor:
            await (await controlplane.start(supervisor, SETTINGS)).ready()

    with pytest.raises(ProcessError, match="kube-apiserver: unknown flag: --no-such-flag"):
        asyncio.run(fail())


def test_cluster_up_runs_a_command_and_passes_on_its_exit_code(capfd):
    async def command(*argv):
        async with await Supervisor.open() as supervisor:
            return await controlplane.run_command(argv, SETTINGS, supervisor)

    assert (
        asyncio.run(command("sh", "-c", 'test -r "$KUBECONFIG" && echo "$KUBECONFIG"; exit 3')) == 3
    )
    seen = capfd.readouterr()
    assert seen.out.startswith("/")
    assert "starting a control plane" in seen.err
    assert not Path(seen.out.strip()).exists()
    assert asyncio.run(command("sh", "-c", "kill -TERM $$")) == 128 + signal.SIGTERM
