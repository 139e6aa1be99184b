"""The embedded control plane: found, started, and made to look like a cluster that is long up.

A real API server, controller manager and scheduler on a throw-away etcd, with fake nodes whose
pods KWOK plays. Everything lies in the private directory of the supervisor's run; only this user
gets in, and nothing outlives the run.
"""

from kspec.controlplane.command import run_command
from kspec.controlplane.up import ControlPlane, Starting, start

__all__ = ["ControlPlane", "Starting", "run_command", "start"]
