"""Load-time checks of expressions: each parses, and every name that it uses exists."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from kspec.errors import ExpressionError, did_you_mean
from kspec.expressions import jmespath
from kspec.language import templates
from kspec.language.scope import NOTHING
from kspec.language.templates import OPEN, Part
from kspec.marks import Node
from kspec.vocabulary import Reader

Tree: TypeAlias = Mapping[str, Any] | None
"""Names below a name, or None where anything may be."""

_ELSEWHERE: Final = {
    "item": "'item' exists in loops only",
    "index": "'index' exists in loops only",
    "inputs": "'inputs' exists in Steps documents only",
    "release": "'release' exists inside of a Helm test hook only",
    "fixture": "'fixture' exists in Fixture documents only; in a spec it is fixtures.NAME",
    "vars": "a fixture is shared by specs, so it has no 'vars'",
    "matrix": "'matrix' exists in specs only, and not for what is shared",
    "spec": "a fixture is shared by specs, so it has no 'spec'",
}
_STRINGS: Final = re.compile(r"'(?:[^'\\]|\\.)*(?:'|\\?\Z)|`(?:[^`\\]|\\.)*(?:`|\\?\Z)", re.DOTALL)
_PATH: Final = re.compile(
    r"""(?<![\w.\-\])}"@&])[A-Za-z_][\w-]*(?:\.(?:[A-Za-z_][\w-]*|"[^"]*")(?![\w-]|\s*\())+"""
)
_FEW: Final = 12
_SHELLS: Final = frozenset({"sh", "ash", "bash", "busybox", "dash", "fish", "ksh", "zsh"})
_SHELL_COMMAND: Final = re.compile(r"-[A-Za-z]*c[A-Za-z]*")


@dataclass(frozen=True, slots=True)
class Names:
    """What expressions may use at one place: the roots and what is known below them."""

    roots: Mapping[str, Tree] = field(default_factory=dict)
    ids: frozenset[str] = frozenset()
    """Ids of steps that come later, for a better message."""

    def with_roots(self, **roots: Tree) -> Names:
        """With more roots, or other ones."""
        return replace(self, roots={**self.roots, **roots})

    def check(self, node: Node, reader: Reader, *, literal: frozenset[str] = NOTHING) -> None:
        """Check every `${{ }}` in the texts of a node; `literal` as in `Scope.resolve`."""
        if isinstance(node.value, str):
            self._check_text(node, reader, literal="" in literal)
        for item in node.items:
            self.check(item, reader)
        for name, item in node.map.items():
            if OPEN in name:
                reader.problem(
                    node.key_marks.get(name, node.mark),
                    "keys take no expressions",
                    width=len(name),
                )
            self.check(item, reader, literal=frozenset({""}) if name in literal else NOTHING)

    def check_bare(self, node: Node, reader: Reader, results: Mapping[str, Any]) -> None:
        """Check an expression without `${{ }}`, as in `if` and `outputs`."""
        if not isinstance(node.value, str):
            return
        if node.value.lstrip().startswith(OPEN):
            hint = "write the expression without ${{ }}"
            reader.problem(node.mark, "this is an expression already", hint, len(node.value))
            return
        roots = {**dict.fromkeys(results), **self.roots}
        replace(self, roots=roots).check_part(node, Part(node.value, 0), reader)

    def _check_text(self, node: Node, reader: Reader, *, literal: bool) -> None:
        text = str(node.value)
        if OPEN not in text:
            return
        if literal:
            hint = "give the value a name under 'env' and use it as $NAME"
            reader.warning(node.mark, "${{ }} is not evaluated in this text", hint)
            return
        try:
            pieces = templates.split(text)
        except ExpressionError as error:
            self._syntax(node, error, 0, reader)
            return
        for piece in pieces:
            if isinstance(piece, Part):
                self.check_part(node, piece, reader)

    def check_part(self, node: Node, part: Part, reader: Reader) -> None:
        """Check one expression, which stands in the text of `node`."""
        try:
            expression = jmespath.compile(part.text)
        except ExpressionError as error:
            self._syntax(node, error, part.offset, reader)
            return
        for warning in expression.warnings:
            reader.warning(templates.place(node, part.offset), warning)
        for name in sorted(expression.roots):
            if name not in self.roots:
                self._unknown_root(node, part, name, reader)
        for path, offset in paths(part.text):
            if path[0] in expression.roots and path[0] in self.roots:
                self._check_path(node, path, part.offset + offset, reader)

    def _syntax(self, node: Node, error: ExpressionError, offset: int, reader: Reader) -> None:
        mark = templates.place(node, offset + (error.offset or 0))
        reader.problem(mark, f"the expression does not parse: {error.message}", error.hint)

    def _unknown_root(self, node: Node, part: Part, name: str, reader: Reader) -> None:
        offset = max(0, part.text.find(name))
        mark = templates.place(node, part.offset + offset)
        hint = _ELSEWHERE.get(name) or _hint(name, self.roots)
        reader.problem(mark, f"expressions here know no '{name}'", hint, len(name))

    def _check_path(self, node: Node, path: list[str], offset: int, reader: Reader) -> None:
        tree: Tree = self.roots
        for depth, name in enumerate(path):
            if tree is None:
                return
            if name not in tree:
                before = ".".join(path[:depth])
                mark = templates.place(node, offset + len(before) + 1)
                why = self._why(path, depth, tree)
                reader.problem(mark, f"{before} has no '{name}'", why, len(name))
                return
            tree = tree[name]

    def _why(self, path: list[str], depth: int, tree: Mapping[str, Any]) -> str | None:
        if path[0] == "steps" and depth == 1 and path[1] in self.ids:
            return f"the step '{path[1]}' does not come before"
        return _hint(path[depth], tree)


def _hint(name: str, known: Mapping[str, Any]) -> str | None:
    near = did_you_mean(name, known)
    if near or len(known) > _FEW:
        return near
    return f"it has {', '.join(sorted(known))}" if known else "it has nothing"


def paths(text: str) -> Iterator[tuple[list[str], int]]:
    """Dotted paths in an expression, with the character where each begins."""
    blanked = _STRINGS.sub(lambda found: " " * len(found[0]), text)
    for found in _PATH.finditer(blanked):
        yield [part.strip('"') for part in _split(found[0])], found.start()


def _split(path: str) -> list[str]:
    return re.findall(r'"[^"]*"|[^.]+', path)


def check_argv(node: Node, reader: Reader) -> None:
    """Refuse expressions in the text after a shell's `-c`: data would become shell."""
    texts = [item.value if isinstance(item.value, str) else "" for item in node.items]
    shell = False
    for index, text in enumerate(texts[:-1]):
        shell = shell or text.rpartition("/")[2] in _SHELLS or OPEN in text
        if shell and _SHELL_COMMAND.fullmatch(text) and OPEN in texts[index + 1]:
            hint = "give the value a name under 'env' and use it as $NAME"
            item = node.items[index + 1]
            reader.problem(item.mark, "a shell's -c takes no expressions", hint)
            return
