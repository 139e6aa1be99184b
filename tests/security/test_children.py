"""Nothing that we start outlives us, nothing else is ever touched, and nothing leaks into it."""

from __future__ import annotations

import asyncio
import os
import random
import select
import shutil
import signal
import subprocess  # noqa: TID251 - the owner must be a process that can be killed
import sys
from pathlib import Path

import pytest

import kspec
from kspec.errors import ProcessError
from kspec.guardian.rundir import RECORD, make_run, sweep
from kspec.guardian.table import (
    RUN_MARK,
    Seen,
    await_end,
    descendants,
    end,
    look,
    processes,
    send_signal,
)
from kspec.processes import Supervisor, child_env

ENV = child_env([], {})
ROOT = Path("/")
SOURCES = str(Path(kspec.__file__).parent.parent)
ALLOWED = 2.0
"""Seconds after which nothing may be left."""

# Forks twice, leaves the session, ignores signals, clears its environment: all in one.
ESCAPES = (
    "trap '' TERM HUP INT; (setsid sleep {nap} &); (setsid env -i sleep {nap} &);"
    "(setsid sh -c 'trap \"\" TERM; sleep {nap} & sleep {nap}' &); sleep {nap} & sleep {nap}"
)
OWNER = """
import asyncio, sys
from pathlib import Path
from kspec.processes import Supervisor, child_env

async def main():
    supervisor = await Supervisor.open()
    (supervisor.directory / "deep/er").mkdir(parents=True)
    print(supervisor.run_id, flush=True)
    for number in range(6):
        process = await supervisor.start(
            ["sh", "-c", sys.argv[1]], env=child_env([], {}), cwd=Path("/")
        )
        print(process.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture(autouse=True)
def base(tmp_path, monkeypatch):
    """Keep the runs of a test to itself."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / f"kspec-{os.geteuid()}"


@pytest.fixture
def nap():
    """A sleep of about a day that no other process on this machine has."""
    word = f"{random.randrange(80_000, 90_000)}.{random.randrange(10**9)}"
    yield word
    end(lambda _: with_argument(word))


def with_argument(word):
    """The processes that have this text in their arguments."""
    found = []
    for pid in processes():
        try:
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if word.encode() in arguments and pid != os.getpid():
            found.append(pid)
    return found


def start_owner(nap, cwd=ROOT):
    return subprocess.Popen(
        [sys.executable, "-P", "-c", OWNER, ESCAPES.format(nap=nap)],
        env=child_env(
            [], {"PYTHONPATH": SOURCES, "XDG_RUNTIME_DIR": os.environ["XDG_RUNTIME_DIR"]}
        ),
        stdout=subprocess.PIPE,
        text=True,
        cwd=cwd,
    )


def await_lines(owner, count):
    return [owner.stdout.readline() for _ in range(count)]


def kill(owner):
    owner.kill()
    owner.wait()
    owner.stdout.close()


def recorded(supervisor):
    """The process id of the guardian, as it wrote it down."""
    return int((supervisor.directory / RECORD).read_text().split()[0])


def surroundings(pid):
    return Path(f"/proc/{pid}/environ").read_bytes(), Path(f"/proc/{pid}/cwd").readlink()


def guardians(base):
    """The guardians below this directory, which they have as an argument."""
    return with_argument(f"{base}/")


def test_everything_ends_when_the_owner_is_killed_at_any_moment(nap, base):
    seen = 0
    for moment in range(10):
        owner = start_owner(nap)
        if moment % 2:
            await_lines(owner, random.randrange(8))  # the id, then each start
        with pytest.raises(subprocess.TimeoutExpired):
            owner.wait(random.random() * 0.1)
        seen += bool(with_argument(nap))
        kill(owner)
        for guardian in guardians(base):
            assert await_end([guardian], ALLOWED), "the guardian takes too long"
        assert with_argument(nap) == []
        assert not base.exists()
    assert seen, "no round had anything to kill: the test shows nothing"


def test_everything_ends_when_the_guardian_is_killed(nap, base):
    async def scenario():
        supervisor = await Supervisor.open()
        process = await supervisor.start(["sh", "-c", ESCAPES.format(nap=nap)], env=ENV, cwd=ROOT)
        await supervisor.run(["true"], env=ENV, cwd=ROOT, timeout=10)
        assert with_argument(nap)
        os.kill(recorded(supervisor), signal.SIGKILL)
        with pytest.raises(ProcessError, match="the guardian of this run was killed"):
            await process.wait()
        with pytest.raises(ProcessError, match="the guardian of this run was killed"):
            await supervisor.start(["true"], env=ENV, cwd=ROOT)
        async with asyncio.timeout(ALLOWED):
            await supervisor.close()
        assert with_argument(nap) == []
        assert not base.exists()
        assert list(descendants(processes(), {os.getpid()})) == []

    asyncio.run(scenario())


def test_a_guardian_that_is_asked_to_end_leaves_nothing(nap, base):
    async def scenario():
        supervisor = await Supervisor.open()
        await supervisor.start(["sh", "-c", ESCAPES.format(nap=nap)], env=ENV, cwd=ROOT)
        os.kill(recorded(supervisor), signal.SIGTERM)
        async with asyncio.timeout(ALLOWED):
            await supervisor._finished.wait()
        assert with_argument(nap) == []
        assert not base.exists()
        await supervisor.close()

    asyncio.run(scenario())


def test_when_both_are_killed_the_next_run_finishes_the_job(nap, base):
    owner = start_owner(nap)
    await_lines(owner, 7)
    [guardian] = guardians(base)
    os.kill(owner.pid, signal.SIGSTOP)
    os.kill(guardian, signal.SIGKILL)
    kill(owner)
    assert with_argument(nap), "an escaped process lives on, else this test shows nothing"
    assert len(list(base.iterdir())) == 1

    async def next_run():
        async with await Supervisor.open():
            pass

    asyncio.run(next_run())
    left = [pid for pid in with_argument(nap) if Path(f"/proc/{pid}/environ").read_bytes()]
    assert left == [], "whatever still carries our mark is ended"
    assert not base.exists()


def test_a_live_run_is_no_dead_run(nap, base):
    owner = start_owner(nap)
    run_id, *pids = (line.strip() for line in await_lines(owner, 7))
    sweep([str(base)])
    assert all(look(int(pid)) for pid in pids)
    assert (base / run_id).is_dir()
    kill(owner)
    for guardian in guardians(base):
        await_end([guardian], ALLOWED)


def test_a_recorded_process_id_that_somebody_else_has_now_is_left_alone(nap, base):
    bystander = subprocess.Popen(["sleep", nap])
    os.close(make_run(str(base), "stale"))
    (base / "stale" / RECORD).write_text(f"{bystander.pid} 1\n")
    sweep([str(base)])
    assert not base.exists()
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


def test_a_recycled_process_id_is_never_signalled(nap):
    bystander = subprocess.Popen(["sleep", nap])
    now = look(bystander.pid)
    earlier = Seen(now.pid, now.parent, now.session, now.start - 1)
    assert not send_signal(earlier, signal.SIGKILL)
    assert bystander.poll() is None
    assert send_signal(now, signal.SIGKILL)
    assert bystander.wait() == -signal.SIGKILL
    assert not send_signal(now, signal.SIGKILL)


def test_what_ended_is_not_signalled_any_more(nap):
    async def scenario():
        async with await Supervisor.open() as supervisor:
            process = await supervisor.start(["true"], env=ENV, cwd=ROOT)
            await process.wait()
            bystander = await supervisor.start(["sleep", nap], env=ENV, cwd=ROOT)
            supervisor._channel.send(["signal", 1, int(signal.SIGKILL)])
            process.kill()
            await process.wait_gone()
            await supervisor.run(["true"], env=ENV, cwd=ROOT, timeout=10)
            assert with_argument(nap) == [bystander.pid]

    asyncio.run(scenario())


def test_processes_of_others_are_left_alone(nap):
    def bystander():
        return subprocess.Popen(["sleep", nap], env=ENV)

    others = [
        subprocess.Popen(["sleep", nap], env=ENV, start_new_session=True),
        subprocess.Popen(["sleep", nap], env=ENV | {RUN_MARK: "mine-2"}),
    ]

    async def whole():
        killed = await Supervisor.open("mine")
        others.append(bystander())
        async with await Supervisor.open("yours") as other:
            process = await other.start(["sleep", nap], env=ENV, cwd=ROOT)
            os.kill(killed._guardian.pid, signal.SIGKILL)
            await killed._finished.wait()
            await killed.close()
            assert look(process.pid), "of another run in the same program"

    asyncio.run(whole())
    assert [process.poll() for process in others] == [None] * 3
    for process in others:
        process.kill()
        process.wait()


def test_removal_never_follows_links_and_manages_odd_trees(tmp_path, base):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("x")

    async def scenario():
        async with await Supervisor.open() as supervisor:
            top = supervisor.directory
            (top / "link").symlink_to(outside)
            (top / "file-link").symlink_to(outside / "precious")
            (top / "sub").mkdir()
            (top / "sub" / "up").symlink_to("../../..")
            (top / "locked").mkdir()
            (top / "locked" / "file").write_text("x")
            (top / "locked" / "folder").mkdir()
            (top / "locked").chmod(0)
            deep = os.open(top, os.O_RDONLY)
            for _ in range(1500):
                os.mkdir("deep-" + "x" * 40, dir_fd=deep)
                below = os.open("deep-" + "x" * 40, os.O_RDONLY, dir_fd=deep)
                os.close(deep)
                deep = below
            os.close(deep)

    asyncio.run(scenario())
    assert not base.exists()
    assert (outside / "precious").read_text() == "x"
    assert (outside.stat().st_mode & 0o777) != 0


def test_removal_never_crosses_mounts(tmp_path, base):
    precious = tmp_path / "precious"
    (precious / "folder").mkdir(parents=True)
    (precious / "file").write_text("x")
    handle = make_run(str(base), "dead")
    os.close(handle)
    places = [base / "dead" / "mounted", base / "dead" / "deep" / "er"]
    for place in places:
        place.mkdir(parents=True)
    code = "import sys; from kspec.guardian.rundir import sweep; sweep(sys.argv[1:])"
    mounts = " && ".join(f"mount --bind '{precious}' '{place}'" for place in places)
    unshare = shutil.which("unshare")
    if not unshare:
        pytest.skip("needs unshare")
    done = subprocess.run(
        [
            *(unshare, "-rm", "sh", "-c", f'{mounts} && echo mounted && exec "$@"', "sh"),
            *(sys.executable, "-P", "-c", code, str(base)),
        ],
        env=ENV | {"PYTHONPATH": SOURCES},
        capture_output=True,
        text=True,
        check=False,
    )
    if "mounted" not in done.stdout:
        pytest.skip(f"may not mount: {done.stderr}")
    assert done.returncode == 0, done.stderr
    assert (precious / "file").read_text() == "x"
    assert (precious / "folder").is_dir()
    sweep([str(base)])
    assert not base.exists(), "without the mounts there is nothing to keep"


@pytest.mark.parametrize("kind", ["open", "link", "file"])
def test_a_directory_that_is_not_private_is_refused(kind, tmp_path, base):
    target = tmp_path / "elsewhere"
    target.mkdir(mode=0o700)
    if kind == "open":
        base.mkdir()
        base.chmod(0o755)
    elif kind == "link":
        base.symlink_to(target)
    else:
        base.write_text("")

    async def scenario():
        with pytest.raises(ProcessError, match="no private directory"):
            await Supervisor.open()

    asyncio.run(scenario())
    assert list(target.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_directory_of_somebody_else_is_refused(base):
    base.mkdir(mode=0o700)
    os.chown(base, 12345, 12345)

    async def scenario():
        with pytest.raises(ProcessError, match="no private directory"):
            await Supervisor.open()

    asyncio.run(scenario())


def test_a_canary_reaches_no_child_and_not_the_guardian(monkeypatch):
    monkeypatch.setenv("GITHUB_TOKEN", "canary-1")
    monkeypatch.setenv("CI_CANARY", "canary-2")

    async def scenario():
        async with await Supervisor.open() as supervisor:
            env = child_env([], {"NAMESPACE": "x"})
            done = await supervisor.run(["env"], env=env, cwd=ROOT, timeout=10)
            names = {line.split("=")[0] for line in done.stdout.splitlines()}
            assert names <= {
                *("PATH", "HOME", "LANG", "TMPDIR", "NAMESPACE"),
                *("KSPEC_RUN_ID", "KSPEC_PROCESS"),
            }
            assert "canary" not in done.stdout
            assert surroundings(recorded(supervisor)) == (b"", ROOT)
            allowed = child_env(["CI_CANARY"], {})
            done = await supervisor.run(["env"], env=allowed, cwd=ROOT, timeout=10)
            assert "CI_CANARY=canary-2" in done.stdout
            assert "canary-1" not in done.stdout

    asyncio.run(scenario())


def test_nothing_planted_is_loaded_by_the_guardian(tmp_path, monkeypatch):
    planted = tmp_path / "workspace"
    planted.mkdir()
    names = [
        "yaml",
        "sitecustomize",
        "usercustomize",
        "signal",
        "select",
        "fcntl",
        "kspec",
        "ctypes",
    ]
    for name in names:
        (planted / f"{name}.py").write_text(
            f"open({str(tmp_path / 'loaded')!r}, 'a').write({name!r})\n"
        )
    monkeypatch.chdir(planted)
    monkeypatch.setenv("PYTHONPATH", str(planted))
    monkeypatch.setenv("PYTHONSTARTUP", str(planted / "yaml.py"))

    async def scenario():
        async with await Supervisor.open() as supervisor:
            await supervisor.run(["true"], env=ENV, cwd=planted, timeout=10)

    asyncio.run(scenario())
    assert not (tmp_path / "loaded").exists()


def test_a_log_is_not_written_through_a_link(tmp_path):
    (tmp_path / "precious").write_text("x")
    (tmp_path / "log").symlink_to(tmp_path / "precious")

    async def scenario():
        async with await Supervisor.open() as supervisor:
            with pytest.raises(OSError, match="symbolic links"):
                await supervisor.start(["echo"], env=ENV, cwd=ROOT, log=tmp_path / "log")

    asyncio.run(scenario())
    assert (tmp_path / "precious").read_text() == "x"


def test_children_die_with_the_guardian_even_without_an_owner(nap):
    async def scenario():
        async with await Supervisor.open() as supervisor:
            process = await supervisor.start(["sleep", nap], env=ENV, cwd=ROOT)
            watched = os.pidfd_open(process.pid)
            os.kill(recorded(supervisor), signal.SIGKILL)
            # Our event loop does nothing meanwhile: this is the kernel's doing.
            assert select.select([watched], [], [], ALLOWED)[0]
            os.close(watched)

    asyncio.run(scenario())


def test_a_run_with_the_id_of_a_live_one_is_refused_and_harms_it_not(nap):
    async def scenario():
        async with await Supervisor.open("twin") as supervisor:
            process = await supervisor.start(["sleep", nap], env=ENV, cwd=ROOT)
            with pytest.raises(ProcessError, match="File exists"):
                await Supervisor.open("twin")
            assert look(process.pid)
            assert supervisor.directory.is_dir()

    asyncio.run(scenario())
