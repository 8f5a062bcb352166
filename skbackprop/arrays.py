"""What Network's forward and backward return."""

from ._core.layers import Cache
from ._core.parameters import Parameters

__all__ = ["Cache", "Parameters"]
