"""Real processes through the real guardian: started, heard of, ended with all they started."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from pathlib import Path

import pytest

from kspec.errors import ProcessError, ToolMissingError, UsageError
from kspec.guardian.rundir import RECORD
from kspec.guardian.table import await_end, processes
from kspec.processes import Exit, Supervisor, child_env, find_program, tail
from kspec.processes.pipes import Capture

ENV = child_env([], {})
ROOT = Path("/")


@pytest.fixture(autouse=True)
def base(tmp_path, monkeypatch):
    """Keep the runs of a test to itself."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / f"kspec-{os.geteuid()}"


@pytest.fixture
def nap():
    """A sleep of about a day that no other process on this machine has."""
    return f"{random.randrange(80_000, 90_000)}.{random.randrange(10**9)}"


def alive(nap):
    """The processes that have this argument."""
    found = []
    for pid in processes():
        try:
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if nap.encode() in arguments:
            found.append(pid)
    return found


def supervised(scenario):
    async def whole():
        async with await Supervisor.open() as supervisor:
            await scenario(supervisor)

    asyncio.run(whole())


def test_exit_is_told_with_its_code_and_the_log_has_both_streams():
    async def scenario(supervisor):
        log = supervisor.directory / "out.log"
        process = await supervisor.start(
            ["sh", "-c", "echo one; echo two >&2; exit 3"], env=ENV, cwd=ROOT, log=log
        )
        assert process.pid > 0
        assert await process.wait() == Exit(3)
        assert str(await process.wait()) == "exit code 3"
        assert tail(log) == "one\ntwo"

    supervised(scenario)


def test_a_log_is_appended_to():
    async def scenario(supervisor):
        log = supervisor.directory / "out.log"
        for word in ("first", "second"):
            process = await supervisor.start(["echo", word], env=ENV, cwd=ROOT, log=log)
            await process.wait()
        assert tail(log, 1) == "second"
        assert tail(log) == "first\nsecond"

    supervised(scenario)


def test_stop_asks_first_and_kills_after_the_grace(nap):
    async def scenario(supervisor):
        polite = await supervisor.start(["sleep", nap], env=ENV, cwd=ROOT)
        assert await polite.stop(10) == Exit(None, signal.SIGTERM)
        script = f"trap '' TERM; echo; sleep {nap} & setsid sleep {nap} & wait"
        readable, writable = os.pipe()
        stubborn = await supervisor.start(
            ["sh", "-c", script], env=ENV, cwd=ROOT, pass_fds={1: writable}
        )
        os.close(writable)
        await asyncio.to_thread(os.read, readable, 1)
        assert str(await stubborn.stop(0.05)) == "killed by SIGKILL"
        assert alive(nap) == []
        os.close(readable)
        assert (await stubborn.stop(1)).signal == signal.SIGKILL, "stopping twice is allowed"

    supervised(scenario)


def test_run_gives_output_and_feeds_input():
    async def scenario(supervisor):
        done = await supervisor.run(
            ["sh", "-c", "cat; pwd >&2; exit 4"], env=ENV, cwd=ROOT, stdin=b"abc", timeout=10
        )
        assert (done.exit, done.stdout, done.stderr) == (Exit(4), "abc", "/\n")
        assert not done.timed_out
        assert 0 < done.duration < 5

    supervised(scenario)


def test_run_leaves_nothing_of_what_it_started(nap):
    async def scenario(supervisor):
        script = f"sleep {nap} & (setsid sleep {nap} >/dev/null 2>&1 &); echo done"
        done = await supervisor.run(["sh", "-c", script], env=ENV, cwd=ROOT, timeout=10)
        assert done.stdout == "done\n"
        assert not done.timed_out, "a background process that holds the pipe makes nobody wait"
        assert alive(nap) == []

    supervised(scenario)


def test_the_timeout_ends_the_group_and_its_descendants_and_keeps_the_output(nap):
    async def scenario(supervisor):
        script = f"trap '' TERM INT HUP; echo so far; (setsid sleep {nap} &) ; sleep {nap} & wait"
        done = await supervisor.run(["sh", "-c", script], env=ENV, cwd=ROOT, timeout=0.3)
        assert done.timed_out
        assert done.stdout == "so far\n"
        assert done.exit == Exit(None, signal.SIGKILL)
        assert alive(nap) == []

    supervised(scenario)


def test_cancelling_a_run_ends_it(nap):
    async def scenario(supervisor):
        script = f"(setsid sleep {nap} &); sleep {nap}"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await supervisor.run(["sh", "-c", script], env=ENV, cwd=ROOT, timeout=None)
        assert alive(nap) == []

    supervised(scenario)


def test_cancelling_a_start_leaves_nothing(nap):
    async def scenario(supervisor):
        guardian = int((supervisor.directory / RECORD).read_text().split()[0])
        os.kill(guardian, signal.SIGSTOP)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await supervisor.start(["sleep", nap], env=ENV, cwd=ROOT)
        os.kill(guardian, signal.SIGCONT)
        await supervisor.run(["true"], env=ENV, cwd=ROOT, timeout=10)
        assert alive(nap) == []

    async def whole():
        async with await Supervisor.open() as supervisor:
            await supervisor.run(["true"], env=ENV, cwd=ROOT, timeout=10)
            await scenario(supervisor)

    asyncio.run(whole())


def test_a_stopped_guardian_does_not_hang_the_end(nap, monkeypatch):
    monkeypatch.setattr("kspec.processes.supervisor._PATIENCE", 0.2)

    async def whole():
        supervisor = await Supervisor.open()
        await supervisor.start(["sh", "-c", f"setsid sleep {nap}"], env=ENV, cwd=ROOT)
        os.kill(int((supervisor.directory / RECORD).read_text().split()[0]), signal.SIGSTOP)
        await supervisor.close()
        assert alive(nap) == []
        assert not supervisor.directory.exists()

    asyncio.run(whole())


def test_close_ends_double_forked_processes_and_removes_the_directories(nap, base):
    async def whole():
        supervisor = await Supervisor.open("my-run")
        assert supervisor.directory == base / "my-run"
        assert base.stat().st_mode & 0o777 == 0o700
        assert supervisor.directory.stat().st_mode & 0o777 == 0o700
        script = f"(setsid env -i sleep {nap} &) ; (setsid nohup sleep {nap} >/dev/null 2>&1 &)"
        process = await supervisor.start(["sh", "-c", script], env=ENV, cwd=ROOT)
        await process.wait()
        assert len(alive(nap)) == 2, "a started process may leave others behind, until the end"
        await supervisor.close()
        await supervisor.close()
        assert alive(nap) == []
        assert not base.exists()
        with pytest.raises(ProcessError, match="the run has ended"):
            await supervisor.start(["true"], env=ENV, cwd=ROOT)

    asyncio.run(whole())


def test_closing_wakes_those_who_wait(nap):
    async def whole():
        supervisor = await Supervisor.open()
        process = await supervisor.start(["sleep", nap], env=ENV, cwd=ROOT)
        waiting = asyncio.create_task(process.wait())
        await supervisor.close()
        assert await waiting == Exit(None, signal.SIGKILL)

    asyncio.run(whole())


def test_two_runs_side_by_side_do_not_touch_each_other(nap):
    async def whole():
        async with await Supervisor.open() as one:
            other = await Supervisor.open()
            process = await one.start(["sleep", nap], env=ENV, cwd=ROOT)
            await other.close()
            assert one.directory.is_dir()
            assert alive(nap) == [process.pid]

    asyncio.run(whole())


def test_output_is_bounded_to_its_beginning_and_end():
    async def scenario(supervisor):
        script = "echo begin; yes | head -c 30000000; echo end; echo small >&2"
        done = await supervisor.run(["sh", "-c", script], env=ENV, cwd=ROOT, timeout=20, limit=1000)
        assert done.stdout.startswith("begin\ny\n")
        assert done.stdout.endswith("y\nend\n")
        assert "... 29999010 bytes left out ..." in done.stdout
        assert len(done.stdout) < 1100
        assert done.stderr == "small\n"

    supervised(scenario)


@pytest.mark.parametrize("size", [0, 9, 10, 11, 19, 20, 21, 40, 1000])
def test_a_capture_keeps_exactly_the_halves(size):
    capture = Capture(20)
    data = bytes(65 + n % 26 for n in range(size))
    readable, writable = os.pipe()
    os.write(writable, data)
    os.close(writable)
    capture._handle = readable
    while capture._take():
        pass
    os.close(readable)
    gap = f"\n... {size - 20} bytes left out ...\n" if size > 20 else ""
    kept = data.decode() if size <= 20 else data[:10].decode() + gap + data[-10:].decode()
    assert capture.text() == kept


def test_a_large_command_line_arrives_whole():
    async def scenario(supervisor):
        words = [str(n % 10) * 100_000 for n in range(10)]
        script = 'printf "%s\\n" "$@" | cksum; printf "%s\\n" "$@" | wc -c'
        done = await supervisor.run(
            ["sh", "-c", script, "sh", *words], env=ENV, cwd=ROOT, timeout=20
        )
        assert done.stdout.split()[-1] == str(10 * 100_001)

    supervised(scenario)


def test_arguments_are_never_joined_or_expanded():
    async def scenario(supervisor):
        odd = ["a b", "", "$HOME", "*", "; exit 1", "ü\udcff", "\n"]
        done = await supervisor.run(["printf", "<%s>", *odd], env=ENV, cwd=ROOT, timeout=10)
        assert done.stdout == "<a b><><$HOME><*><; exit 1><ü\N{REPLACEMENT CHARACTER}><\n>"

    supervised(scenario)


def test_descriptors_are_passed_and_no_others():
    async def scenario(supervisor):
        readable, writable = os.pipe()
        script = "echo through >&7; ls /proc/self/fd"
        process = await supervisor.start(
            ["sh", "-c", script], env=ENV, cwd=ROOT, pass_fds={7: writable, 1: writable}
        )
        os.close(writable)
        await process.wait()
        with os.fdopen(readable) as file:
            first, *numbers = file.read().split()
        assert first == "through"
        assert set(numbers) <= {"0", "1", "2", "3", "7"}, "3 is the listing itself"

    supervised(scenario)


def test_a_missing_tool_is_named_with_what_to_install():
    async def scenario(supervisor):
        with pytest.raises(ToolMissingError, match="helm: no such program") as caught:
            await supervisor.start(["helm"], env={"PATH": "/nowhere"}, cwd=ROOT)
        assert "kspec[embedded]" in (caught.value.hint or "")

    supervised(scenario)


def test_what_cannot_start_says_why(tmp_path):
    broken = tmp_path / "broken"
    broken.write_text("#!/no/such/interpreter\n")
    broken.chmod(0o755)

    async def scenario(supervisor):
        with pytest.raises(ProcessError, match="broken: cannot be executed: No such file"):
            await supervisor.start([str(broken)], env=ENV, cwd=ROOT)
        with pytest.raises(ProcessError, match="true: cannot work in /no/such: No such file"):
            await supervisor.start(["true"], env=ENV, cwd=Path("/no/such"))
        with pytest.raises(ProcessError, match="NUL"):
            await supervisor.start(["true", "a\0b"], env=ENV, cwd=ROOT)

    supervised(scenario)


def test_relative_programs_are_found_from_the_working_directory(tmp_path):
    (tmp_path / "tool").write_text("#!/bin/sh\necho here\n")
    (tmp_path / "tool").chmod(0o755)
    assert find_program("./tool", "", tmp_path).samefile(tmp_path / "tool")
    with pytest.raises(ToolMissingError):
        find_program("tool", "/usr/bin", tmp_path)

    async def scenario(supervisor):
        done = await supervisor.run(["./tool"], env=ENV, cwd=tmp_path, timeout=10)
        assert done.stdout == "here\n"

    supervised(scenario)


@pytest.mark.parametrize("run_id", ["../up", "A", "", "a/b", ".hidden", "x" * 41])
def test_ids_that_are_no_plain_names_are_refused(run_id):
    async def scenario():
        if run_id:
            with pytest.raises(UsageError):
                await Supervisor.open(run_id)

    asyncio.run(scenario())


def test_a_run_can_live_in_memory(base):
    async def scenario():
        async with await Supervisor.open(in_memory=True) as supervisor:
            space = os.statvfs("/dev/shm")
            enough = space.f_bavail * space.f_frsize >= 1 << 30
            expected = Path("/dev/shm") if enough else base.parent
            assert supervisor.directory.parent.parent == expected

    asyncio.run(scenario())


def test_many_at_once():
    async def scenario(supervisor):
        async def one(number):
            done = await supervisor.run(["echo", str(number)], env=ENV, cwd=ROOT, timeout=20)
            assert done.stdout == f"{number}\n"

        async with asyncio.TaskGroup() as group:
            for number in range(40):
                group.create_task(one(number))

    supervised(scenario)


def test_nothing_is_leaked_into_this_process():
    before = len(list(Path("/proc/self/fd").iterdir()))
    supervised(lambda s: s.run(["true"], env=ENV, cwd=ROOT, timeout=10))
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_tail_of_no_log_and_of_a_long_one(tmp_path):
    assert tail(tmp_path / "none") == ""
    log = tmp_path / "log"
    log.write_bytes(b"x" * 1_000_000 + b"\nlast \xff line\n")
    assert tail(log, 1) == "last \N{REPLACEMENT CHARACTER} line"
    assert len(tail(log)) < 70_000


def test_exits_read_as_people_say_them():
    assert Exit(0).ok
    assert str(Exit(None, 9)) == "killed by SIGKILL"
    assert str(Exit(None, 250)) == "killed by signal 250"


def test_await_end_is_an_event():
    assert await_end([2**22 + 1], 5), "what is not there has ended"
    assert not await_end([os.getpid()], 0.01)
