"""How large each feature is, which shows whether the features were scaled."""

from collections.abc import Iterator
from typing import Any, NamedTuple, Self

import numpy as np

from .._core.kernels import Array
from .table import MEASURED_SAMPLES, Table, as_slice

TOGETHER = 256  # samples gathered at a time, so that a wide table costs little memory
LARGE = 100.0  # scaled features have a size of 1 or less
RATIO = 100.0  # with initial weights of equal size, features smaller than the largest by this factor hardly count


class Scale(NamedTuple):
    """The root mean square of each feature.

    Attributes
    ----------
    sizes : ndarray of shape (n_features,)
        The root mean square, over evenly spaced samples of positive weight.
    names : sequence of str, or None
        The names of the features.
    sparse : bool
        Whether X is sparse, so that a scaler must not subtract the mean.
    """

    sizes: Array
    names: Any
    sparse: bool

    @classmethod
    @np.errstate(over="ignore", under="ignore")
    def of(cls, table: Table, names: Any = None) -> Self:
        """Measure at most 2,048 samples."""
        n, squares = 0, np.zeros(table.X.shape[1])
        for X in parts(table):
            n += X.shape[0]
            if table.sparse:
                squares += np.bincount(X.indices, np.square(X.data, dtype=np.float64), minlength=len(squares))
            else:
                squares += np.einsum("ij,ij->j", X, X, dtype=np.float64)
        return cls(np.sqrt(squares / n), names, table.sparse)

    @property
    def largest(self) -> int:
        """The column of the largest feature."""
        return int(np.argmax(self.sizes))

    @property
    def smallest(self) -> int:
        """The column of the smallest feature that is not zero for all samples."""
        return int(np.argmin(np.where(self.sizes > 0, self.sizes, np.inf)))

    @property
    def is_large(self) -> bool:
        """Whether a feature is larger than any scaler leaves it."""
        return bool(self.sizes[self.largest] > LARGE)

    @property
    def is_uneven(self) -> bool:
        """Whether a feature is large, and the sizes differ so much that the small features hardly count."""
        return self.is_large and bool(self.sizes[self.largest] > RATIO * self.sizes[self.smallest])

    @property
    def evidence(self) -> str:
        """The largest and the smallest feature, with their sizes."""
        large, small = self.largest, self.smallest
        return (
            f"the root mean square of feature {feature(large, self.names)} is {self.sizes[large]:.4g}, "
            f"that of feature {feature(small, self.names)} {self.sizes[small]:.4g}"
        )

    @property
    def scaler(self) -> str:
        """The scaler to put in front; for sparse samples it must keep zeros."""
        return "MaxAbsScaler" if self.sparse else "StandardScaler"


@np.errstate(over="ignore", under="ignore")
def may_be_large(table: Table) -> bool:
    """Tell whether a feature can be large; if the mean squared norm of the samples is small, none is."""
    n, total = 0, 0.0
    for X in parts(table):
        numbers = X.data if table.sparse else X.ravel("K")
        n, total = n + X.shape[0], total + float(numbers.dot(numbers))
    return not total <= LARGE**2 * n


def parts(table: Table) -> Iterator[Any]:
    """Yield X of at most 2,048 evenly spaced samples, in parts, or at once if that needs no copy."""
    rows = table.sample(MEASURED_SAMPLES).rows
    if len(rows) == table.X.shape[0]:
        yield table.X
        return
    for start in range(0, len(rows), TOGETHER):
        yield table.X[as_slice(rows[start : start + TOGETHER])]


def feature(column: int, names: Any) -> str:
    """Return how messages refer to a feature: by its number, and by its name if there are names."""
    return str(column) if names is None else f"{names[column]!r} (column {column})"
