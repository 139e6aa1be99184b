"""For tests of kspec, of plugins and of verbs: virtual time, a scripted API server, whole specs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kspec.testing.faults import Request
from kspec.testing.server import ScriptedServer
from kspec.testing.virtual import VirtualTimeError, run

if TYPE_CHECKING:
    from kspec.testing.specs import Events, run_spec

__all__ = ["Events", "Request", "ScriptedServer", "VirtualTimeError", "run", "run_spec"]


def __getattr__(name: str) -> Any:
    """`run_spec` and `Events` when first asked for: they need the whole engine."""
    if name in {"Events", "run_spec"}:
        from kspec.testing import specs  # noqa: PLC0415 - most tests need no engine

        return getattr(specs, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
