"""The selected objects of a stream while its history is read back and forth."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING

from kspec.snapshots import Object, Selection, Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kspec.cluster.log import Change, Entry, Key


class Selected:
    """Objects by namespace and name, in this order."""

    def __init__(self, selection: Selection, objects: Iterable[Object]) -> None:
        self._selection = selection
        self._objects: dict[Key, Object] = {}
        for item in objects:
            if selection.matches(item):
                meta = item.get("metadata") or {}
                self._objects[str(meta.get("namespace") or ""), str(meta.get("name") or "")] = item
        self._order = sorted(self._objects)

    def snapshot(self, revision: int, at: float, *, complete: bool = True) -> Snapshot:
        """As it stands."""
        return Snapshot(tuple(self._objects[key] for key in self._order), revision, at, complete)

    def apply(self, entry: Entry) -> bool:
        """Go past an entry; True if it is about one of ours."""
        changed = [self._set(change.key, change.after) for change in self._ours(entry)]
        return any(changed)

    def undo(self, entry: Entry) -> None:
        """Go back before an entry."""
        for change in self._ours(entry):
            self._set(change.key, change.before)

    def _ours(self, entry: Entry) -> Iterable[Change]:
        return (change for change in entry.changes if _near(self._selection, change.key))

    def _set(self, key: Key, item: Object | None) -> bool:
        """Put an object in its place if it is selected; True if anything differs."""
        there = self._objects.get(key)
        if item is None or not self._selection.matches(item):
            if there is None:
                return False
            del self._objects[key]
            del self._order[bisect_left(self._order, key)]
            return True
        self._objects[key] = item
        if there is None:
            insort(self._order, key)
        return there is not item


def touches(selection: Selection, entry: Entry) -> bool:
    """Whether a selection's objects differ after this entry, or may (a gap)."""
    return entry.gap is not None or any(_about(selection, change) for change in entry.changes)


def _about(selection: Selection, change: Change) -> bool:
    return _near(selection, change.key) and (
        (change.after is not None and selection.matches(change.after))
        or (change.before is not None and selection.matches(change.before))
    )


def _near(selection: Selection, key: Key) -> bool:
    """The cheap part of the question."""
    return (selection.name is None or selection.name == key[1]) and (
        selection.namespace is None or selection.namespace == key[0]
    )
