"""What the program is told, and the keys that come with it."""

from __future__ import annotations

import base64
import datetime
import json
import re
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from kspec import controlplane
from kspec.controlplane.certificates import Authority
from kspec.controlplane.config import plan
from kspec.controlplane.nodes import CAPACITY, fake_nodes
from kspec.settings import EmbeddedSettings

STAGES = Path(controlplane.__file__).with_name("stages.yaml")
NAMES = st.dictionaries(st.from_regex(r"[a-z]{1,9}", fullmatch=True), st.text(max_size=9))


@pytest.fixture(scope="module")
def document():
    return json.loads(plan(EmbeddedSettings(nodes=3)).document)


def test_all_files_that_are_named_are_there(document):
    named = {
        value
        for flag in (*document["apiServer"], *document["controllerManager"])
        for name, _, value in [flag.partition("=")]
        if name.endswith(("-file", "kubeconfig"))
    }
    named |= {*document["scheduler"].values(), document["kwok"]["stages"]}
    named.add(document["kwok"]["kubeconfig"])
    assert len(named) > 8
    assert named <= document["files"].keys()


def test_nothing_but_loopback_and_a_socket_is_listened_on(document):
    flags = document["apiServer"]
    assert "--bind-address=127.0.0.1" in flags
    assert "--anonymous-auth=false" in flags
    assert "--etcd-servers=unix://etcd.sock" in flags
    assert document["etcd"]["socket"] == "etcd.sock"
    assert "--secure-port=0" in document["controllerManager"]
    # A server of KWOK would be one more key here.
    assert document["kwok"].keys() == {
        "kubeconfig",
        "stages",
        "nodeSelector",
        "cidr",
        "leaseSeconds",
    }


def test_a_kubeconfig_holds_all_that_is_needed(document):
    written = json.loads(document["files"]["kubeconfig"])
    assert written["clusters"][0]["cluster"]["server"] == "${SERVER}"
    user = written["users"][0]["user"]
    certificate = x509.load_pem_x509_certificate(base64.b64decode(user["client-certificate-data"]))
    key = load_pem_private_key(base64.b64decode(user["client-key-data"]), None)
    assert certificate.public_key() == key.public_key()
    groups = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    assert [group.value for group in groups] == ["system:masters"]


def test_both_profiles_sort_the_queue_alike(document):
    """The scheduler refuses to start otherwise."""
    profiles = json.loads(document["files"]["scheduler-gang.yaml"])["profiles"]
    assert len({json.dumps(item["plugins"]["queueSort"]) for item in profiles}) == 1
    assert len({json.dumps(item["pluginConfig"]) for item in profiles}) == 1
    assert len({item["schedulerName"] for item in profiles}) == len(profiles) == 2


def test_two_control_planes_share_no_key():
    first, second = (plan(EmbeddedSettings(nodes=0)) for _ in range(2))
    assert first.ca != second.ca
    assert first.admin.key != second.admin.key


@given(st.integers(0, 20), NAMES, NAMES)
def test_nodes_have_what_the_settings_say_over_the_defaults(count, labels, capacity):
    nodes = fake_nodes(EmbeddedSettings(nodes=count, labels=labels, capacity=capacity))
    assert len({node["metadata"]["name"] for node in nodes}) == count
    for node in nodes:
        assert node["metadata"]["labels"].items() >= labels.items()
        assert node["status"]["capacity"] == {**CAPACITY, **capacity}
        assert node["status"]["allocatable"] == node["status"]["capacity"]


def stages():
    return {item["metadata"]["name"]: item["spec"] for item in YAML(typ="safe").load_all(STAGES)}


def test_stages_are_for_nodes_and_pods_and_their_defaults_are_ours():
    found = stages()
    assert {spec["resourceRef"]["kind"] for spec in found.values()} == {"Node", "Pod"}
    template = found["node-ready"]["next"]["statusTemplate"]
    defaults = re.search(r'\(dict ("cpu"[^)]*)\)', template)[1]
    words = re.findall(r'"([^"]*)"', defaults)
    assert dict(zip(words[::2], words[1::2], strict=True)) == CAPACITY


def test_every_duration_is_either_valid_or_said_to_be_wrong():
    """The two stages for pending pods ask the same question and want opposite answers."""

    def question(name):
        *_, last = stages()[name]["selector"]["matchExpressions"]
        return last["key"], last["operator"], last["values"]

    valid, invalid = question("pod-running"), question("pod-annotation-invalid")
    assert valid[:2] == invalid[:2]
    assert (valid[2], invalid[2]) == (["true"], ["false"])


class TestCertificates:
    authority = Authority("test")
    certificate = x509.load_pem_x509_certificate(authority.pair.certificate.encode())

    def issued(self, pair):
        certificate = x509.load_pem_x509_certificate(pair.certificate.encode())
        certificate.verify_directly_issued_by(self.certificate)
        key = load_pem_private_key(pair.key.encode(), None)
        assert key.public_key() == certificate.public_key()
        return certificate

    def test_a_server_is_known_by_its_names_and_addresses(self):
        certificate = self.issued(self.authority.server("s", ["localhost"], ["127.0.0.1"]))
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == ["localhost"]
        assert [str(item) for item in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]

    def test_a_client_cannot_pose_as_a_server(self):
        certificate = self.issued(self.authority.client("me", ["a", "b"]))
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
        subject = certificate.subject
        assert [item.value for item in subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == [
            "me"
        ]
        groups = subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
        assert [item.value for item in groups] == ["a", "b"]

    def test_it_is_valid_now_and_not_for_ever(self):
        now = datetime.datetime.now(datetime.UTC)
        certificate = self.issued(self.authority.client("me"))
        assert certificate.not_valid_before_utc < now
        assert now < certificate.not_valid_after_utc < now + datetime.timedelta(days=60)
