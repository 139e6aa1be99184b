"""security.md, line 7: paths stay inside; removal follows no link and crosses no mount."""

from __future__ import annotations

import os
import pwd
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kspec import files
from kspec.errors import PathError


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "root"
    (folder / "sub").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("s")
    return folder


@pytest.mark.parametrize("text", ["a.yaml", "sub/../a.yaml", "./sub/new/file", "sub", "."])
def test_paths_inside(root, text):
    assert files.inside(root, root, text) == (root / text).resolve()


def test_paths_are_seen_from_their_file(root):
    assert files.inside(root, root / "sub", "../a.yaml") == root / "a.yaml"


@pytest.mark.parametrize(
    "text", ["..", "../outside/secret", "sub/../../outside", "/etc/passwd", "/", "sub/../.."]
)
def test_paths_that_lead_out_are_refused(root, text):
    with pytest.raises(PathError, match="leads out"):
        files.inside(root, root, text)


@pytest.mark.parametrize("text", ["", "a\0b"])
def test_paths_that_are_none(root, text):
    with pytest.raises(PathError):
        files.inside(root, root, text)


def test_links_that_lead_out_are_refused(root, tmp_path):
    (root / "link").symlink_to(tmp_path / "outside")
    (root / "indirect").symlink_to("link")
    (root / "dangling").symlink_to(tmp_path / "outside" / "none")
    for text in ("link/secret", "link", "indirect/secret", "dangling"):
        with pytest.raises(PathError, match="symbolic link"):
            files.inside(root, root, text)


def test_links_that_stay_inside_are_followed(root):
    (root / "link").symlink_to("sub")
    assert files.inside(root, root, "link/x") == root / "sub" / "x"


def test_loops_of_links_are_refused(root):
    (root / "loop").symlink_to("loop")
    with pytest.raises(PathError):
        files.inside(root, root, "loop/x")


def test_a_root_that_is_itself_a_link(root, tmp_path):
    (tmp_path / "alias").symlink_to(root)
    assert files.inside(tmp_path / "alias", tmp_path / "alias", "a") == root / "a"


def test_another_folder_can_be_allowed(root, tmp_path):
    outside = tmp_path / "outside"
    text = str(outside / "secret")
    with pytest.raises(PathError):
        files.inside(root, root, text)
    assert files.inside(root, root, text, also=[outside]) == outside / "secret"
    with pytest.raises(PathError):
        files.inside(root, root, str(outside / ".." / "x"), also=[outside])


def test_the_top_and_home_directories_are_no_roots(root, monkeypatch):
    with pytest.raises(PathError, match="cannot be the project root"):
        files.inside(Path("/"), Path("/"), "etc/passwd")
    with pytest.raises(PathError, match="cannot be the project root"):
        files.inside(root, root, "/etc/passwd", also=[Path("/")])
    monkeypatch.setenv("HOME", str(root))
    with pytest.raises(PathError, match="home directory"):
        files.inside(root, root, "a")
    assert files.inside(root / "sub", root / "sub", "a")


def test_the_home_directory_of_the_account_is_known_without_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(PathError, match="cannot be"):
        files.project_root(Path(pwd.getpwuid(os.getuid()).pw_dir))


@given(st.lists(st.sampled_from(["..", ".", "a", "sub", "link", "/", "etc", "out"]), max_size=8))
@settings(max_examples=200, deadline=None)
def test_whatever_is_given_back_is_inside(tmp_path_factory, parts):
    root = tmp_path_factory.getbasetemp() / "property"
    if not root.exists():
        (root / "sub").mkdir(parents=True)
        (root / "sub" / "link").symlink_to("/etc")
        (root / "out").symlink_to("..")
    try:
        found = files.inside(root, root / "sub", "/".join(parts))
    except PathError:
        return
    assert found.is_relative_to(root)


def test_reading_is_bounded_and_regular(root):
    (root / "big").write_bytes(b"x" * 11)
    with pytest.raises(PathError, match="larger than 10 bytes"):
        files.read_text(root / "big", limit=10)
    assert files.read_text(root / "big", limit=11) == "x" * 11
    os.mkfifo(root / "pipe")
    for name in ("pipe", "sub"):
        with pytest.raises(PathError):
            files.read_text(root / name)
    with pytest.raises(PathError, match="not a regular file"):
        files.read_bytes(Path("/dev/zero"))
    (root / "latin").write_bytes(b"\xe9")
    with pytest.raises(PathError, match="UTF-8"):
        files.read_text(root / "latin")
    with pytest.raises(PathError, match="no such file") as raised:
        files.read_text(root / "bigg")
    assert raised.value.hint == "did you mean 'big'?"


def test_writing_replaces_and_follows_no_link(root, tmp_path):
    secret = tmp_path / "outside" / "secret"
    (root / "report").symlink_to(secret)
    files.write_atomic(root / "report", "new", mode=0o600)
    assert secret.read_text() == "s"
    assert (root / "report").read_text() == "new"
    assert stat.S_IMODE((root / "report").stat().st_mode) == 0o600
    assert sorted(one.name for one in root.iterdir()) == ["report", "sub"]


def test_a_write_that_fails_leaves_the_old_content(root, monkeypatch):
    (root / "report").write_text("old")

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.write_atomic(root / "report", "new")
    assert [one.name for one in root.iterdir() if one.is_file()] == ["report"]
    assert (root / "report").read_text() == "old"


def test_private_directories(root):
    made = files.private_dir(root / "a" / "b")
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert files.private_dir(made) == made
    made.chmod(0o750)
    with pytest.raises(PathError, match="open to other users"):
        files.private_dir(made)
    (root / "link").symlink_to(root / "sub")
    with pytest.raises(PathError, match="symbolic link"):
        files.private_dir(root / "link")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a directory away")
def test_directories_of_others_are_refused(root):
    os.chown(root / "sub", 12345, 12345)
    (root / "sub").chmod(0o700)
    with pytest.raises(PathError, match="another user"):
        files.private_dir(root / "sub")


def test_removal_follows_no_link(root, tmp_path):
    doomed = root / "doomed"
    (doomed / "deep").mkdir(parents=True)
    (doomed / "deep" / "link").symlink_to(tmp_path / "outside")
    (doomed / "file").write_text("")
    os.mkfifo(doomed / "pipe")
    files.remove_tree(doomed)
    assert not doomed.exists()
    assert (tmp_path / "outside" / "secret").read_text() == "s"


def test_removal_of_a_link_removes_the_link(root, tmp_path):
    (root / "link").symlink_to(tmp_path / "outside")
    files.remove_tree(root / "link")
    assert not (root / "link").is_symlink()
    assert (tmp_path / "outside" / "secret").exists()
    files.remove_tree(root / "nothing")


def test_read_only_and_very_deep_trees_are_removed(root):
    doomed = root / "doomed"
    doomed.mkdir()
    place = os.open(doomed, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=place)
        inner = os.open("d", os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = inner
    os.close(place)
    cache = doomed / "mod"
    cache.mkdir()
    (cache / "go.mod").write_text("")
    cache.chmod(0o555)
    files.remove_tree(doomed)
    assert not doomed.exists()


def test_removal_crosses_no_mount(root, monkeypatch):
    """A bind mount has the same device number, so the table of mounts is what tells."""
    doomed = root / "doomed"
    (doomed / "a" / "mounted here").mkdir(parents=True)
    (doomed / "a" / "mounted here" / "precious").write_text("p")
    (doomed / "b").write_text("")
    table = root / "mountinfo"
    name = str(doomed / "a" / "mounted here").replace(" ", "\\040")
    table.write_text(f"36 35 98:0 / {name} rw,noatime - ext4 /dev/x rw\n")
    monkeypatch.setattr(files, "_MOUNTS", table)
    with pytest.raises(PathError, match="mounted here"):
        files.remove_tree(doomed)
    assert (doomed / "a" / "mounted here" / "precious").read_text() == "p"
    assert not (doomed / "b").exists()
    with pytest.raises(PathError, match="is a mount point"):
        files.remove_tree(doomed / "a" / "mounted here")
