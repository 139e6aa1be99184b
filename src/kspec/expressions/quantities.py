"""Kubernetes quantities: `100m`, `1.5Gi`, `2e3`.

https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any, Final

_SUFFIXES: Final = {
    "": Fraction(1), "n": Fraction(1, 10**9), "u": Fraction(1, 10**6), "m": Fraction(1, 10**3),
    "k": Fraction(10**3), "M": Fraction(10**6), "G": Fraction(10**9),
    "T": Fraction(10**12), "P": Fraction(10**15), "E": Fraction(10**18),
    "Ki": Fraction(2**10), "Mi": Fraction(2**20), "Gi": Fraction(2**30),
    "Ti": Fraction(2**40), "Pi": Fraction(2**50), "Ei": Fraction(2**60),
}  # fmt: skip
_QUANTITY: Final = re.compile(
    r"(?P<number>[+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30}))"
    r"(?:[eE](?P<exponent>[+-]?\d{1,2})|(?P<suffix>[KMGTPE]i|[numkMGTPE])?)"
)


def quantity(value: Any) -> float:
    """The number that a quantity stands for, whole where it is whole.

    Raises ValueError with a reason that reads well.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("is no quantity: write 500m, 2 or 1.5Gi")  # noqa: TRY004 - one error for what is no quantity
    text = str(value).strip()
    found = _QUANTITY.fullmatch(text)
    if not found:
        raise ValueError(f"'{text[:64]}' is no quantity: write 500m, 2 or 1.5Gi")
    scale = Fraction(10) ** int(found["exponent"] or 0) * _SUFFIXES[found["suffix"] or ""]
    exact = Fraction(found["number"]) * scale
    return int(exact) if exact.denominator == 1 else float(exact)
