"""For tests of kspec, of plugins and of verbs: virtual time and a scripted API server."""

from __future__ import annotations

from kspec.testing.faults import Request
from kspec.testing.server import ScriptedServer
from kspec.testing.virtual import VirtualTimeError, run

__all__ = ["Request", "ScriptedServer", "VirtualTimeError", "run"]
