"""The history of one stream: its present objects, and a bounded ring of what changed.

Every entry keeps its objects before and after, so that any retained state is found by undoing
entries from the present. Nothing else is stored: the ring shares its objects with the present.
"""

from __future__ import annotations

import json
from collections import OrderedDict, deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from kspec.cluster.selected import Selected, touches
from kspec.snapshots import Gap, Moment, Object, Selection, Snapshot, revision_of, uid_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LIMIT: Final = 16 * 2**20
"""Bytes of JSON that a stream's history may hold."""
REMEMBERED: Final = 65_536
"""Removed uids that are remembered, so that a late question about one is answered."""

Key: TypeAlias = tuple[str, str]
"""Namespace (empty for cluster-scoped kinds) and name."""


@dataclass(frozen=True, slots=True)
class Change:
    """One object before and after; None where it is absent."""

    key: Key
    before: Object | None
    after: Object | None


@dataclass(frozen=True, slots=True)
class Entry:
    """What came at one moment: changes that became visible together, or a gap."""

    position: int
    revision: int
    at: float
    changes: tuple[Change, ...] = ()
    gap: Gap | None = None
    complete: bool = True
    size: int = 0


class Log:
    """See the module. `position` grows by one with each entry; 0 is before the first list."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.position = 0
        self.revision = 0
        self.at = 0.0
        """When the last news came."""
        self.began: float | None = None
        """When the first list came."""
        self._limit = limit
        self._size = 0
        self._entries: deque[Entry] = deque()
        self._floor: Entry | None = None
        """The entry after which the ring begins: the first list, or the last that it let go."""
        self._was_cut = False
        self._objects: dict[str, dict[str, Object]] = {}
        self._removed: OrderedDict[str, int] = OrderedDict()

    # What comes in

    def listing(self, items: Iterable[Object], revision: int, at: float) -> tuple[Entry, ...]:
        """All objects at a revision. What was there before and is no more was removed.

        An object that has another uid than before was absent in between, and that is told first.
        """
        there = {key_of(item): item for item in items}
        gone = [key for key in self._keys() if key not in there]
        reborn = [key for key, item in there.items() if self._reborn(key, item)]
        entries: list[Entry] = []
        if reborn:
            entries.append(self._enter([(key, None) for key in reborn], revision, at, whole=False))
        news = [(key, item) for key, item in there.items() if self._is_news(key, item)]
        everything = [*((key, None) for key in gone), *news]
        if self.began is None:
            return (self._begin(everything, revision, at),)
        if everything:
            entries.append(self._enter(everything, revision, at))
        self.progress(revision, at)
        return tuple(entries)

    def change(
        self, item: Object, revision: int, at: float, *, deleted: bool, size: int = 0
    ) -> tuple[Entry, ...]:
        """One event of a watch."""
        key = key_of(item)
        self.progress(revision, at)
        if deleted:
            self._remove_uid(uid_of(item), revision)
            known = self.get(key)
            if known is None or uid_of(known) != uid_of(item):
                return ()
            return (self._enter([(key, None)], revision, at, size=size),)
        entries: list[Entry] = []
        if self._reborn(key, item):
            entries.append(self._enter([(key, None)], revision, at, whole=False))
        entries.append(self._enter([(key, item)], revision, at, size=size))
        return tuple(entries)

    def gap(self, gap: Gap) -> tuple[Entry, ...]:
        """Something may have gone unobserved."""
        self.position += 1
        entry = Entry(self.position, self.revision, gap.until, gap=gap)
        self._keep(entry)
        return (entry,)

    def progress(self, revision: int, at: float) -> None:
        """Everything up to this revision has come."""
        self.revision = max(self.revision, revision)
        self.at = at

    # What can be asked

    def get(self, key: Key) -> Object | None:
        """The present object of that name."""
        return self._objects.get(key[0], {}).get(key[1])

    def objects(self, namespace: str | None = None) -> Iterator[Object]:
        """The present objects, of one namespace if one is given."""
        if namespace is not None:
            yield from self._objects.get(namespace, {}).values()
            return
        for names in self._objects.values():
            yield from names.values()

    def removed(self, uid: str) -> int | None:
        """The revision at which a uid was removed, if it was seen."""
        return self._removed.get(uid)

    def now(self, selection: Selection) -> Snapshot:
        """The present."""
        return self._selected(selection).snapshot(self.revision, self.at)

    def touched(self, selection: Selection, position: int) -> bool:
        """Whether anything after the position is about the selection."""
        return any(touches(selection, entry) for entry in self._after(position))

    def since(self, selection: Selection, position: int) -> tuple[Moment, ...]:
        """The moments after a position; first a Gap and the state if the ring was cut later."""
        return tuple(self._replay(selection, position, with_state=False))

    def replay(self, selection: Selection, since: int) -> tuple[Moment, ...]:
        """The state at a position, then the moments after it."""
        return tuple(self._replay(selection, since, with_state=True))

    def _replay(self, selection: Selection, since: int, *, with_state: bool) -> Iterator[Moment]:
        floor = self._floor
        if self._was_cut and floor is not None and since < floor.position:
            reason = f"the history before was cut at {self._limit} bytes"
            yield Gap(self.began or 0.0, floor.at, reason)
            since, with_state = floor.position, True
        later = self._after(since)
        selected = self._selected(selection)
        for entry in reversed(later):
            selected.undo(entry)
        if with_state:
            revision, at = self._moment_before(later)
            yield selected.snapshot(revision, at)
        for entry in later:
            if entry.gap is not None:
                yield entry.gap
            elif selected.apply(entry):
                yield selected.snapshot(entry.revision, entry.at, complete=entry.complete)

    def _moment_before(self, later: list[Entry]) -> tuple[int, float]:
        """Revision and time of the state before the ring's last entries."""
        if not later:
            return self.revision, self.at
        index = len(self._entries) - len(later) - 1
        before = self._entries[index] if index >= 0 else self._floor
        return (before.revision, before.at) if before is not None else (0, 0.0)

    def _after(self, position: int) -> list[Entry]:
        """The entries after a position. Positions have no holes, so it is the ring's end."""
        count = min(len(self._entries), self.position - position)
        entries = [entry for entry, _ in zip(reversed(self._entries), range(count), strict=False)]
        entries.reverse()
        return entries

    def _selected(self, selection: Selection) -> Selected:
        if selection.name is not None and selection.namespace is not None:
            found = self.get((selection.namespace, selection.name))
            return Selected(selection, () if found is None else (found,))
        return Selected(selection, self.objects(selection.namespace))

    # How it is kept

    def _enter(
        self,
        news: Iterable[tuple[Key, Object | None]],
        revision: int,
        at: float,
        *,
        size: int = 0,
        whole: bool = True,
    ) -> Entry:
        changes = tuple(Change(key, self._put(key, item, revision), item) for key, item in news)
        self.position += 1
        entry = Entry(self.position, revision, at, changes, complete=whole)
        self._keep(replace(entry, size=size or _size_of(entry)))
        return entry

    def _put(self, key: Key, item: Object | None, revision: int) -> Object | None:
        """Change the present; gives what was there."""
        names = self._objects.setdefault(key[0], {})
        before = names.pop(key[1], None)
        if item is not None:
            names[key[1]] = item
        elif before is not None:
            self._remove_uid(uid_of(before), revision)
        if not names:
            del self._objects[key[0]]
        return before

    def _keep(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._size += entry.size
        while self._size > self._limit and len(self._entries) > 1:
            self._floor = self._entries.popleft()
            self._was_cut = True
            self._size -= self._floor.size

    def _begin(self, news: Iterable[tuple[Key, Object | None]], revision: int, at: float) -> Entry:
        """The first list: nothing is known of the time before, so history begins after it."""
        entry = self._enter(news, revision, at, size=1)
        self.began = at
        self.progress(revision, at)
        self._floor = entry
        self._size = 0
        self._entries.clear()
        return entry

    def _remove_uid(self, uid: str, revision: int) -> None:
        self._removed.setdefault(uid, revision)
        while len(self._removed) > REMEMBERED:
            self._removed.popitem(last=False)

    def _keys(self) -> Iterator[Key]:
        return ((place, name) for place, names in self._objects.items() for name in names)

    def _reborn(self, key: Key, item: Object) -> bool:
        known = self.get(key)
        return known is not None and uid_of(known) != uid_of(item)

    def _is_news(self, key: Key, item: Object) -> bool:
        known = self.get(key)
        return known is None or revision_of(known) < revision_of(item)


def key_of(item: Object) -> Key:
    """An object's place in its stream."""
    meta = item.get("metadata") or {}
    return str(meta.get("namespace") or ""), str(meta.get("name") or "")


def _size_of(entry: Entry) -> int:
    return sum(len(json.dumps(change.after)) for change in entry.changes)
