"""Processes of a run: started, watched and ended through the guardian, and nowhere else.

However this program ends, also by `kill -9`, nothing that was started here lives on: see
`kspec.guardian`, which does the work and has the protocol.
"""

from kspec.processes.process import Completed, Exit, Process
from kspec.processes.supervisor import Supervisor
from kspec.processes.surroundings import child_env, find_program, tail

__all__ = [
    "Completed",
    "Exit",
    "Process",
    "Supervisor",
    "child_env",
    "find_program",
    "tail",
]
