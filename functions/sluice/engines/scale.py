"""Numbers as statistics count them: in whole units, and as 64-bit ordinals.

Units are cents of a decimal(12,2), multiples of 2**-1074 of a float. So sums, means and distances are whole numbers of
any size, exact in Python. Engines count ordinals, which have the order of the values: the units themselves, or the
number of a float from zero on, which is the bits of its size (IEEE 754).
"""

import struct
import sys
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self

import polars as pl

_LOW_BITS = 52
"""Within ordinals that share their higher bits, units are linear in the lower ones: the bits of a float's fraction."""
LOW = 1 << _LOW_BITS
HALF = 1 << _LOW_BITS // 2
_UNITS_OF_ONE = 1 << 1074
_LARGEST_FLOAT = struct.unpack("<q", struct.pack("<d", sys.float_info.max))[0]


@dataclass(frozen=True)
class Scale:
    """The units and the ordinals of a type. decimals of a unit (None: a float's units); lowest, highest: ordinals."""

    decimals: int | None
    lowest: int
    highest: int

    @classmethod
    def of(cls, dtype: pl.DataType) -> Self:
        """Return the scale of a type that has statistics (contract.column_types)."""
        if dtype == pl.Float64():
            return cls(None, -_LARGEST_FLOAT, _LARGEST_FLOAT)
        if isinstance(dtype, pl.Decimal):
            return cls(dtype.scale, 1 - 10**dtype.precision, 10**dtype.precision - 1)
        half = 1 << int(str(dtype).removeprefix("Int")) - 1
        return cls(0, -half, half - 1)

    def units(self, ordinal: int) -> int:
        """Return a value in units."""
        if self.decimals is not None:
            return ordinal
        exponent, fraction = divmod(abs(ordinal), LOW)
        size = (LOW | fraction) << (exponent - 1) if exponent else fraction
        return size if ordinal >= 0 else -size

    def at_most(self, units: int) -> int:
        """Return the ordinal of the largest value of the type that is at most so many units."""
        if self.decimals is None:
            units = -self._size(-units, up=True) if units < 0 else self._size(units, up=False)
        return min(max(units, self.lowest), self.highest)

    def at_least(self, units: int) -> int:
        """Return the ordinal of the smallest value of the type that is at least so many units."""
        return -self.at_most(-units) if self.decimals is None else min(max(units, self.lowest), self.highest)

    def _size(self, units: int, *, up: bool) -> int:
        shift = max(0, units.bit_length() - _LOW_BITS - 1)
        exact = (units >> shift) << shift == units
        # A float of exponent 1 follows the last of exponent 0, and any other the last of the exponent before.
        return shift * LOW + (units >> shift) + (1 if up and not exact else 0)

    def value(self, ordinal: int) -> Any:
        """Return the Python value of an ordinal."""
        if self.decimals is not None:
            return Decimal(ordinal).scaleb(-self.decimals) if self.decimals else ordinal
        size = struct.unpack("<d", struct.pack("<q", abs(ordinal)))[0]
        return size if ordinal >= 0 else -size

    def nearest(self, units: int) -> Any:
        """Return the Python value that is nearest to so many units."""
        return units / _UNITS_OF_ONE if self.decimals is None else self.value(units)


def ordinals(name: str, dtype: pl.DataType) -> pl.Expr:
    """Return the ordinals of a numeric column (Int64)."""
    column = pl.col(name)
    if isinstance(dtype, pl.Decimal):
        return column.to_physical().cast(pl.Int64)
    if not dtype.is_float():
        return column.cast(pl.Int64)
    bits = column.reinterpret(dtype=pl.Int64)
    return pl.when(bits < 0).then(-(bits & _SIZE)).otherwise(bits)


_SIZE = (1 << 63) - 1
