"""kspec: a declarative test runner for Kubernetes, Helm and kubectl."""

from typing import Final

__version__: Final = "0.1.0"
