"""JSON lines: every event as it comes, one JSON object on a line, for programs to follow a run.

The objects are `results.to_json`'s. Characters outside of ASCII are escaped, so no reader can be
fooled by what a line contains.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final, TextIO

from kspec.reports.target import start
from kspec.results import Event, to_json
from kspec.vocabulary import Reporter


class JsonLines:
    """Writes and flushes a line per event."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def handle(self, event: Event) -> None:
        self._stream.write(json.dumps(to_json(event), default=str) + "\n")
        self._stream.flush()

    def close(self) -> None:
        self._stream.close()


def open_jsonl(target: str | Path) -> JsonLines:
    """Start a file of JSON lines at `target`, in place of an older one. Raises ReportError."""
    return JsonLines(start(Path(target)))


JSONL: Final = Reporter("jsonl", "every event as a line of JSON", open_jsonl)
