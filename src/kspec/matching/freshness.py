"""Which part of a status counts: not what a controller wrote about an older generation.

https://kubernetes.io/docs/reference/using-api/api-concepts/ and the API conventions' section
"Typical status properties": `status.observedGeneration` and that of a condition say which
`metadata.generation` they are about.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kspec.snapshots import Object


def fresh(item: Object) -> tuple[Object, str | None]:
    """The object without the status, or the conditions, that are behind its generation.

    The second part says what was left out and why; None if nothing was. A terminating object is
    taken as it is: its controller no longer follows its generation.
    """
    meta, status = item.get("metadata"), item.get("status")
    if not isinstance(meta, Mapping) or not isinstance(status, Mapping):
        return item, None
    generation = meta.get("generation")
    if not isinstance(generation, int) or meta.get("deletionTimestamp"):
        return item, None
    if _behind(status, generation):
        without = {key: value for key, value in item.items() if key != "status"}
        return without, (
            f".status does not count yet: it is about generation "
            f"{status['observedGeneration']}, and the object is at {generation}"
        )
    return _conditions(item, status, generation)


def _conditions(
    item: Object, status: Mapping[str, Any], generation: int
) -> tuple[Object, str | None]:
    conditions = status.get("conditions")
    if not isinstance(conditions, list | tuple):
        return item, None
    stale = [condition for condition in conditions if _behind(condition, generation)]
    if not stale:
        return item, None
    kept = [condition for condition in conditions if not _behind(condition, generation)]
    names = ", ".join(str(condition.get("type", "?")) for condition in stale)
    plural = "s" if len(stale) > 1 else ""
    reason = (
        f"condition{plural} {names} do{'' if plural else 'es'} not count yet: "
        f"about an older generation than {generation}"
    )
    return {**item, "status": {**status, "conditions": kept}}, reason


def _behind(part: Any, generation: int) -> bool:
    observed = part.get("observedGeneration") if isinstance(part, Mapping) else None
    return isinstance(observed, int) and observed < generation
