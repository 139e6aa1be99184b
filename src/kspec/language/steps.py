"""Steps as declared: one verb, its body as written, and the options around it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Final, Self

from kspec.errors import LoadError, did_you_mean
from kspec.expressions.durations import Duration
from kspec.language import wants
from kspec.language.describe import STEP
from kspec.language.reader import Reader as NodeReader
from kspec.language.scope import Scope
from kspec.language.shapes import shape_of
from kspec.language.templates import OPEN
from kspec.marks import EMPTY, Mark, Node
from kspec.vocabulary import Reader, Verb, Vocabulary, key

PLANNED_OPTIONS: Final = frozenset({"as", "cluster", "retry", "knownGap"})
PLANNED_VERBS: Final = frozenset({
    "replace", "patch", "scale", "label", "annotate", "get", "logs", "exec", "command", "http",
    "metrics", "canI", "audit", "helm", "measure", "simulate", "disrupt", "parallel", "forEach",
    "use", "sleep",
})  # fmt: skip
_ID: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


class StepId(str):
    """A name that expressions can use: `steps.ID`."""

    __slots__ = ()

    @classmethod
    def __read__(cls, node: Node, reader: Reader) -> Self | None:
        """Letters, digits, `-` and `_`, beginning with a letter."""
        text = reader.read(str, node)
        if text is None:
            return None
        if not _ID.fullmatch(text):
            message = f"an id has letters, digits, '-' and '_' only, got {wants.shorten(text)}"
            reader.problem(node.mark, message, width=wants.width_of(node))
        return cls(text)

    @classmethod
    def __json_schema__(cls, _vocabulary: Vocabulary) -> dict[str, Any]:
        """A string."""
        return {"type": "string", "pattern": f"^{_ID.pattern}$"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOptions:
    """What may stand beside a step's verb."""

    name: str | None = key("what reports call the step", default=None)
    id: StepId | None = key("gives its outputs a name: steps.ID.outputs.NAME", default=None)
    timeout: Duration | None = key("how long it may take, as 30s", default=None)
    if_: Node | None = key("an expression; when it is not true the step is skipped", default=None)
    continue_on_error: bool = key("the spec goes on after a failure of this step", default=False)
    fail_fast: bool = key("end a wait when it cannot come true any more", default=True)
    expect: Node | None = key(
        "what its results must be, or the refusal that must come", default=None
    )
    outputs: Mapping[str, Node] = key(
        "names for expressions over its results", default_factory=dict
    )


_LATER: Final = {"name": str, "timeout": Duration, "continueOnError": bool, "failFast": bool}
"""Options that may be expressions."""
_NAMES: Final = {"name": "name", "timeout": "timeout", "continueOnError": "continue_on_error",
                 "failFast": "fail_fast"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class StepDecl:
    """A step as declared. `mark` is where it begins, `verb_mark` where its verb stands."""

    verb: str
    body: Node
    options: StepOptions
    mark: Mark
    verb_mark: Mark
    later: Mapping[str, Node] = field(default_factory=lambda: EMPTY)
    """Options with expressions, until `resolved`."""

    @property
    def id(self) -> str | None:
        """Its id, if it has one."""
        return self.options.id

    def resolved(self, scope: Scope) -> StepDecl:
        """With the options' expressions evaluated. Raises ExpressionError and LoadError."""
        if not self.later:
            return self
        reader = NodeReader(Vocabulary())
        values = {
            _NAMES[name]: reader.read(_LATER[name], scope.resolve(node))
            for name, node in self.later.items()
        }
        if reader.problems:
            raise LoadError(reader.problems)
        return replace(self, options=replace(self.options, **values), later=EMPTY)

    @classmethod
    def __read__(cls, node: Node, reader: Reader) -> Self | None:
        """Check everything about it, and the body as the verb's model."""
        if not isinstance(node.value, Mapping):
            reader.problem(node.mark, f"a step is a map with a verb, got {wants.found(node)}")
            return None
        verbs = _verbs(node, reader)
        options, later = _options(node, reader)
        for verb in verbs:
            _check_body(node.map[verb.name], verb, reader)
            reader.previous = (verb.name, node.map[verb.name])
        if len(verbs) != 1 or options is None:
            return None
        name = verbs[0].name
        return cls(name, node.map[name], options, node.mark, node.key_marks[name], later)

    @classmethod
    def __json_schema__(cls, _vocabulary: Vocabulary) -> dict[str, Any]:
        """Defined once, since verbs may hold steps."""
        return dict(STEP)


def _verbs(node: Node, reader: Reader) -> list[Verb]:
    """The verbs of a step, which should be one."""
    verbs, options = reader.vocabulary.all(Verb), shape_of(StepOptions).names
    found = [name for name in node.map if name in verbs]
    unknown = [name for name in node.map if name not in verbs and name not in options]
    for name in unknown:
        _unknown(name, node, reader, has_verb=bool(found))
    if len(found) > 1:
        names = " and ".join(f"'{name}'" for name in found)
        place = node.key_marks[found[1]]
        reader.problem(place, f"a step has one verb, this one has {names}", None, len(found[1]))
    if not found and not unknown:
        hint = f"one of {', '.join(sorted(verbs))}"
        reader.problem(node.mark, "the step has no verb", hint)
    return [verbs[name] for name in found]


def _unknown(name: str, node: Node, reader: Reader, *, has_verb: bool) -> None:
    verbs, options = reader.vocabulary.all(Verb), shape_of(StepOptions).names
    place = node.key_marks[name]
    if name in PLANNED_OPTIONS | PLANNED_VERBS:
        reader.problem(place, f"'{name}' is not supported yet", None, len(name))
        return
    hint = did_you_mean(name, (*verbs, *options))
    if hint is None:
        hint = f"known keys: {', '.join(sorted(options))}" if has_verb else (
            f"verbs: {', '.join(sorted(verbs))}"
        )  # fmt: skip
    what = f"unknown key '{name}' beside the verb" if has_verb else f"unknown verb '{name}'"
    reader.problem(place, what, hint, len(name))


def _options(node: Node, reader: Reader) -> tuple[StepOptions | None, Mapping[str, Node]]:
    known = shape_of(StepOptions).names
    present = {name: value for name, value in node.map.items() if name in known}
    later = {
        name: value
        for name, value in present.items()
        if name in _LATER and isinstance(value.value, str) and OPEN in value.value
    }
    now = {name: value for name, value in present.items() if name not in later}
    options: StepOptions | None = reader.read(StepOptions, Node(now, node.mark, node.key_marks))
    if options is not None and "name" in later:
        options = replace(options, name=str(later["name"].value))
    return options, later


def _check_body(body: Node, verb: Verb, reader: Reader) -> None:
    # Annotated: an expression in the body does not make the step unknown.
    reader.read(Annotated[Node, verb.model], body)
    if verb.check is not None and body.value is not None:
        verb.check(body, reader)
