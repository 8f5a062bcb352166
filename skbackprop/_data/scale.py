"""How large each feature is: what tells that they were not scaled."""

from typing import Any, NamedTuple, Self

import numpy as np

from .._core.kernels import Array
from .table import Table, as_slice

MEASURED_SAMPLES = 2048  # the size of a feature is known to some percent from far fewer
TOGETHER = 256  # samples gathered at a time, so that a wide table costs little memory
LARGE = 100.0  # scalers leave features of size 1 or less
RATIO = 100.0  # weights that start alike see only the largest of features that differ more than this


class Scale(NamedTuple):
    """The root mean square of each feature.

    Attributes
    ----------
    sizes : ndarray of shape (n_features,)
        Over evenly spaced samples of positive weight.
    names : ndarray of str, or None
        What the features are called.
    sparse : bool
        Whether X is sparse, so that a scaler must not shift it.
    """

    sizes: Array
    names: Any
    sparse: bool

    @classmethod
    def of(cls, table: Table, names: Any = None) -> Self:
        """Measure at most 2,048 samples."""
        rows = table.sample(MEASURED_SAMPLES).rows
        squares = np.zeros(table.X.shape[1])
        with np.errstate(over="ignore", under="ignore"):
            for start in range(0, len(rows), TOGETHER):
                X = table.X[as_slice(rows[start : start + TOGETHER])]
                if table.sparse:
                    squares += np.asarray(X.astype(np.float64).power(2).sum(axis=0)).ravel()
                else:
                    squares += np.einsum("ij,ij->j", X, X, dtype=np.float64)
        return cls(np.sqrt(squares / len(rows)), names, table.sparse)

    @property
    def largest(self) -> int:
        """The column of the largest feature."""
        return int(np.argmax(self.sizes))

    @property
    def smallest(self) -> int:
        """The column of the smallest feature that is not zero throughout."""
        return int(np.argmin(np.where(self.sizes > 0, self.sizes, np.inf)))

    @property
    def is_large(self) -> bool:
        """Whether a feature is of a size that no scaler leaves."""
        return bool(self.sizes[self.largest] > LARGE)

    @property
    def is_uneven(self) -> bool:
        """Whether, beside that, the sizes are so different that the small features hardly count."""
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
    def remedy(self) -> str:
        """The scaler to put in front; that of sparse samples must leave zeros as they are."""
        return f"make_pipeline({'MaxAbsScaler' if self.sparse else 'StandardScaler'}(), ...)"


def feature(column: int, names: Any) -> str:
    """Return what a feature is called: its name, if there are names, and its number."""
    return str(column) if names is None else f"{names[column]!r} (column {column})"
