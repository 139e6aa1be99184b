"""`kspec schema`."""

from __future__ import annotations

import argparse
import json
import sys


def main(_arguments: argparse.Namespace) -> int:
    """Print the JSON Schema of all kinds of documents."""
    from kspec.app import plugins  # noqa: PLC0415 - keeps --version and --help light
    from kspec.language.schema import schema  # noqa: PLC0415 - as above

    document = schema(plugins.vocabulary(plugins.load()))
    sys.stdout.write(json.dumps(document, indent=2) + "\n")
    return 0
