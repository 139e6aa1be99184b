"""All commands and their options."""

from __future__ import annotations

import argparse
from pathlib import Path

from kspec import __version__
from kspec.cli import cluster, lint, listing, run, schema


def build() -> argparse.ArgumentParser:
    """The whole parser."""
    parser = argparse.ArgumentParser(
        prog="kspec",
        description="A declarative test runner for Kubernetes, Helm and kubectl.",
    )
    parser.add_argument("--version", action="version", version=f"kspec {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _run(commands)
    _selecting(commands.add_parser("list", help="list the cases"), listing.main)
    _lint(commands)
    _cluster(commands)
    schema_parser = commands.add_parser("schema", help="print the JSON Schema of spec files")
    schema_parser.set_defaults(command=schema.main)
    return parser


def _paths(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths", nargs="*", type=Path, metavar="PATH", help="files or folders (default: .)"
    )


def _selecting(parser: argparse.ArgumentParser, command: object) -> None:
    _paths(parser)
    parser.add_argument("-l", "--selector", metavar="LABELS", help="only specs with these labels")
    parser.add_argument(
        "--name", action="append", default=[], metavar="NAME", help="only this case (globs work)"
    )
    parser.set_defaults(command=command)


def _run(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("run", help="run specs")
    _selecting(parser, run.main)
    parser.add_argument("--parallel", type=_positive, metavar="N", help="cases side by side (8)")
    parser.add_argument("--cluster", metavar="NAME", help="`embedded` for the embedded one")
    parser.add_argument("--context", metavar="NAME", help="a context of the kubeconfig")
    parser.add_argument("--kubeconfig", metavar="FILE")
    parser.add_argument("--in-cluster", action="store_true", help="use the pod's credentials")
    parser.add_argument("--keep", action="store_true", help="leave everything as it is at the end")
    parser.add_argument(
        "--no-exec", action="store_true", help="run nothing on this machine for a spec"
    )
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML")
    parser.add_argument("--jsonl", type=Path, metavar="FILE", help="write events as JSON lines")
    loudness = parser.add_mutually_exclusive_group()
    loudness.add_argument("-v", "--verbose", action="store_true", help="show every step")
    loudness.add_argument("-q", "--quiet", action="store_true", help="show failures only")


def _lint(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("lint", help="check specs without a cluster")
    _paths(parser)
    parser.add_argument("--strict", action="store_true", help="warnings are errors")
    parser.set_defaults(command=lint.main)


def _cluster(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("cluster", help="the embedded control plane")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    up = actions.add_parser("up", help="run a command with KUBECONFIG set to a fresh cluster")
    up.add_argument("--nodes", type=_natural, default=2, metavar="N", help="fake nodes (2)")
    up.add_argument(
        "--capacity",
        action="append",
        default=[],
        metavar="NAME=QUANTITY",
        help="what each fake node has, as nvidia.com/gpu=8",
    )
    up.add_argument("argv", nargs=argparse.REMAINDER, metavar="-- COMMAND")
    up.set_defaults(command=cluster.up)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number


def _natural(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return number
