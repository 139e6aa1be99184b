"""Starting one process: its own session, only the descriptors given, dead with its parent."""

from __future__ import annotations

import fcntl
import os
import signal

from kspec.guardian.table import KILL_ON_PARENT_DEATH, prctl


class Order:
    """What to start. `places` maps the child's descriptor numbers to ours."""

    __slots__ = ("argv", "cwd", "env", "exe", "places")

    def __init__(
        self,
        exe: bytes,
        argv: list[bytes],
        env: dict[bytes, bytes],
        cwd: bytes,
        places: dict[int, int],
    ) -> None:
        self.exe = exe
        self.argv = argv
        self.env = env
        self.cwd = cwd
        self.places = places


def spawn(order: Order) -> int:
    """Start a process in a session of its own; returns its id.

    Raises OSError, with `cwd` or `exec` as its text, if that failed.
    """
    parent = os.getpid()
    report, reporter = os.pipe()
    pid = os.fork()  # noqa: TID251 - this program is where processes are started
    if pid == 0:
        _become(order, parent, reporter)
    os.close(reporter)
    with os.fdopen(report, "rb") as file:
        answer = file.read()  # ends when the descriptor closes, at exec
    if answer:
        os.waitpid(pid, 0)
        stage, _, number = answer.decode().partition(" ")
        raise OSError(int(number), stage)
    return pid


def _become(order: Order, parent: int, reporter: int) -> None:
    """In the child: turn into the wanted program, or report why not. Never returns."""
    stage = "cwd"
    try:
        os.setsid()
        prctl(KILL_ON_PARENT_DEATH, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)
        above = max(order.places) + 1
        reporter = fcntl.fcntl(reporter, fcntl.F_DUPFD_CLOEXEC, above)
        os.chdir(order.cwd)
        stage = "exec"
        held = [
            (target, fcntl.fcntl(source, fcntl.F_DUPFD_CLOEXEC, above))
            for target, source in order.places.items()
        ]
        for target, source in held:
            os.dup2(source, target)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores these; exec keeps that
            signal.signal(number, signal.SIG_DFL)
        os.execve(order.exe, order.argv, order.env)  # noqa: S606 - no shell, on purpose
    except OSError as error:
        os.write(reporter, f"{stage} {error.errno}".encode())
    finally:
        os._exit(127)
