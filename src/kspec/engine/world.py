"""What a run's parts share: made once by `app`, passed down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kspec.results import Event
from kspec.settings import Settings
from kspec.snapshots import Object
from kspec.vocabulary import Vocabulary

if TYPE_CHECKING:
    from kspec.cluster.connection import Connection
    from kspec.processes import Supervisor


@dataclass(frozen=True, slots=True)
class World:
    """One run's surroundings."""

    run_id: str
    settings: Settings
    vocabulary: Vocabulary
    connection: Connection
    supervisor: Supervisor
    kubeconfig: Path
    """For children; 0600 in the run's directory."""
    cache: Path
    emit: Callable[[Event], None]
    learn: Callable[[Object], None]
    """Given every object that a step saw, so that the data of Secrets is masked in reports."""
    environment: Mapping[str, str]
    """What children see: PATH, HOME and the like, and the names that Config allows."""
    ephemeral: bool = False
    """The cluster goes with the run, so nothing of it can be left behind."""
