"""Files to a project: which files are read, and what is resolved across them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kspec.errors import LoadError, UsageError
from kspec.language.discover import discover, find_root, load_project

SPEC = """\
apiVersion: kspec.dev/v1
kind: Spec
metadata: {{name: {name}}}
spec:
  fixtures: [{fixtures}]
  steps:
    - send: {{manifest: {{a: b}}}}
"""
FIXTURE = """\
apiVersion: kspec.dev/v1
kind: Fixture
metadata: {{name: {name}}}
spec: {{fixtures: [{fixtures}], process: {{command: [run], ports: [web]}}}}
"""
CONFIG = "apiVersion: kspec.dev/v1\nkind: Config\nspec: {parallel: 3, env: [TAG]}\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def write(folder, **texts):
    for name, text in texts.items():
        path = folder / name.replace("__", "/").replace("_yaml", ".yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def spec(name, fixtures=""):
    return SPEC.format(name=name, fixtures=fixtures)


def fixture(name, fixtures=""):
    return FIXTURE.format(name=name, fixtures=fixtures)


def messages(error):
    return [problem.message for problem in error.value.problems]


def test_folders_are_walked_in_order_and_others_are_left_out(project):
    write(
        project,
        b_yaml="", a_yaml="", sub__c_yaml="", sub__d_yml="", **{".hidden__x_yaml": ""},
        _venv__y_yaml="", node_modules__z_yaml="", notes="",
    )  # fmt: skip
    (project / "sub" / "d_yml").rename(project / "sub" / "d.yml")
    (project / "_venv" / "pyvenv.cfg").write_text("")
    found = [str(path.relative_to(project)) for path in discover([Path()], project)]
    assert found == ["a.yaml", "b.yaml", "sub/c.yaml", "sub/d.yml"]


def test_a_path_that_is_named_twice_is_read_once(project):
    write(project, a_yaml="")
    assert len(discover([Path("a.yaml"), Path(), project / "a.yaml"], project)) == 1


def test_links_that_lead_out_are_skipped_and_refused_when_named(project, tmp_path):
    (tmp_path / "outside.yaml").write_text("")
    (project / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    (project / "up").symlink_to(tmp_path)
    assert discover([Path()], project) == []
    with pytest.raises(UsageError, match="symbolic link"):
        discover([Path("link.yaml")], project)


@pytest.mark.parametrize(
    ("path", "message"),
    [("specz", "does not exist"), ("notes.txt", "no YAML file"), ("..", "leads out")],
)
def test_wrong_paths(project, path, message):
    (project / "specs").mkdir()
    (project / "notes.txt").write_text("")
    with pytest.raises(UsageError, match=message) as raised:
        discover([Path(path)], project)
    if path == "specz":
        assert raised.value.hint == "did you mean 'specs'?"


def test_the_root_is_the_folder_of_kspec_yaml_else_the_current_one(project, tmp_path):
    (project / "a" / "b").mkdir(parents=True)
    assert find_root(Path("a/b")) == project
    (project / "a" / "kspec.yaml").write_text("")
    assert find_root(Path("a/b")) == project / "a"
    assert find_root(Path("a/b/x.yaml")) == project / "a"
    other = tmp_path / "other"
    other.mkdir()
    assert find_root(other) == other


def test_home_and_the_top_are_no_roots(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="home directory"):
        find_root(Path())
    monkeypatch.chdir("/")
    with pytest.raises(UsageError, match="cannot be the project root"):
        find_root(Path())


def test_a_project(project, words):
    write(
        project,
        kspec_yaml=CONFIG,
        specs__one_yaml=spec("one", "top") + "---\n" + spec("two"),
        fixtures__all_yaml=fixture("base") + "---\n" + fixture("top", "base"),
        fixtures__other_yaml=fixture("unused"),
    )
    found = load_project([Path("specs")], project, words)
    assert [one.name for one in found.specs] == ["one", "two"]
    assert set(found.fixtures) == {"base", "top"}
    assert found.config.parallel == 3
    assert found.root == project
    assert str(found.specs[1].mark) == "specs/one.yaml:11:18"
    assert found.files == (project / "specs" / "one.yaml",)


def test_marks_are_absolute_outside_of_the_current_directory(project, tmp_path, words, monkeypatch):
    write(project, one_yaml=spec("one"))
    other = tmp_path / "elsewhere"
    other.mkdir()
    monkeypatch.chdir(other)
    found = load_project([project], project, words)
    assert found.specs[0].mark.file == str(project / "one.yaml")


def test_data_is_not_parsed(project, words):
    write(
        project,
        one_yaml=spec("one"),
        broken_yaml="a: {{ .Values.x }}",
        chart_yaml="metadata: {labels: {kspec.dev/run-id: x}}\nspec: {{ .Values }}",
        manifest_yaml="apiVersion: v1\nkind: ConfigMap\nmetadata: {labels: {kspec.dev/x: y}}\n",
    )
    assert len(load_project([Path()], project, words).specs) == 1
    with pytest.raises(UsageError, match="no document of kspec"):
        load_project([Path("manifest.yaml")], project, words)


def test_mistakes_of_all_files_at_once(project, words):
    write(
        project,
        a_yaml=spec("one").replace("send", "sned"),
        b_yaml=spec("two").replace("kind: Spec", "kind: Spek"),
        c_yaml="apiVersion: kspec.dev/v1\nkind: Spec\nmetadata: {name: x",
        d_yaml=spec("one"),
    )
    with pytest.raises(LoadError) as raised:
        load_project([Path()], project, words)
    found = [(problem.mark.file, problem.message) for problem in raised.value.problems]
    assert [file for file, _ in found] == ["a.yaml", "b.yaml", "c.yaml", "d.yaml"]
    assert found[0][1] == "unknown verb 'sned'"
    assert found[1][1] == "there is no kind 'Spek'"
    assert found[3][1] == "the spec 'one' is there twice, first at a.yaml:3:18"


def test_a_document_of_another_kind_beside_ours_is_an_error(project, words):
    write(project, a_yaml=spec("one") + "---\napiVersion: v1\nkind: ConfigMap\n")
    with pytest.raises(LoadError, match="apiVersion is v1;"):
        load_project([Path()], project, words)


def test_fixtures_of_files_not_chosen_matter_only_when_needed(project, words):
    write(
        project,
        specs__a_yaml=spec("one", "good"),
        fixtures__good_yaml=fixture("good"),
        fixtures__bad_yaml=fixture("bad").replace("process", "proces"),
        fixtures__broken_yaml=fixture("broken") + "---\nx: [",
    )
    assert load_project([Path("specs")], project, words).fixtures.keys() == {"good"}
    write(project, specs__b_yaml=spec("two", "bad"))
    with pytest.raises(LoadError) as raised:
        load_project([Path("specs")], project, words)
    assert messages(raised) == ["unknown key 'proces' in spec"]
    write(project, specs__b_yaml=spec("two", "broken"))
    with pytest.raises(LoadError) as raised:
        load_project([Path("specs")], project, words)
    assert any("broken YAML" in message for message in messages(raised))


def test_fixture_names_are_unique_and_known_and_without_circles(project, words):
    write(
        project,
        a_yaml=spec("one", "tpo, a"),
        b_yaml=fixture("top") + "---\n" + fixture("top"),
        c_yaml=fixture("a", "b") + "---\n" + fixture("b", "a"),
    )
    with pytest.raises(LoadError) as raised:
        load_project([Path()], project, words)
    assert messages(raised) == [
        "there is no fixture 'tpo'",
        "the fixture 'top' is there twice, first at b.yaml:3:18",
        "fixtures need each other in a circle: a, b",
    ]


def test_a_config_belongs_in_kspec_yaml(project, words):
    write(project, other_yaml=CONFIG, kspec_yaml=CONFIG + "---\n" + CONFIG, one_yaml=spec("one"))
    with pytest.raises(LoadError) as raised:
        load_project([Path()], project, words)
    assert messages(raised) == [
        "a second Config; the first is at kspec.yaml:1:1",
        "a Config belongs in kspec.yaml",
    ]


def test_only_listed_environment_variables_have_names(project, words):
    text = spec("one").replace("a: b", "a: '${{ env.TAG }}', c: '${{ env.HOME }}'")
    write(project, kspec_yaml=CONFIG, one_yaml=text)
    with pytest.raises(LoadError) as raised:
        load_project([Path("one.yaml")], project, words)
    assert messages(raised) == ["env has no 'HOME'"]


def test_files_that_steps_name_are_read_for_mistakes(project, words):
    write(
        project,
        one_yaml=spec("one").replace("manifest: {a: b}", "file: objects.yaml")
        + "    - send: {file: objects.yaml, raw: true}\n    - send: {file: missing.yaml}\n"
        "    - send: {file: ../up.yaml}\n    - send: {file: broken.yaml}\n",
        objects_yaml="kind: X\nname: ${{ vars.zzz }}\n",
        broken_yaml="a: [\n",
    )
    with pytest.raises(LoadError) as raised:
        load_project([Path("one.yaml")], project, words)
    found = [
        (str(one.mark).rpartition("/")[2], one.message.split(",")[0])
        for one in raised.value.problems
    ]
    assert ("objects.yaml:2:16", "vars has no 'zzz'") in found
    assert ("one.yaml:9:20", "no such file: missing.yaml") in found
    assert any(mark == "one.yaml:10:20" and "leads out" in text for mark, text in found)
    assert any(mark.startswith("broken.yaml:2:1") for mark, _ in found)
    assert len(found) == 4


def test_unreadable_and_strange_files(project, words):
    write(project, one_yaml=spec("one"))
    (project / "latin.yaml").write_bytes(b"# kspec.dev/\xe9")
    with pytest.raises(LoadError, match="not UTF-8"):
        load_project([Path()], project, words)
    (project / "latin.yaml").unlink()
    os.mkfifo(project / "pipe.yaml")
    assert len(load_project([Path()], project, words).specs) == 1


def test_a_folder_with_its_own_kspec_yaml_is_another_project(project, words):
    write(project, one_yaml=spec("one"), inner__kspec_yaml=CONFIG, inner__two_yaml=spec("one"))
    found = load_project([Path()], project, words)
    assert [one.mark.file for one in found.specs] == ["one.yaml"]
    (warning,) = found.warnings
    assert (warning.mark.file, warning.hint) == ("inner/kspec.yaml", "name it: inner")
    assert find_root(Path("inner")) == project / "inner"
    assert len(load_project([Path("inner")], project / "inner", words).specs) == 1
