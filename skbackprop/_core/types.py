"""What annotations call the arrays that users hand in; what is computed with is an ``Array`` of kernels.py."""

from typing import Any, Protocol

from numpy.typing import ArrayLike


class SparseMatrix(Protocol):
    """A sparse matrix or array of SciPy, by what the package asks of it, since SciPy itself has no types."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The numbers of samples and features."""

    def tocsr(self) -> Any:
        """Return the same in compressed sparse rows."""


MatrixLike = ArrayLike | SparseMatrix  # lists, arrays, DataFrames of any library, sparse matrices
Weights = ArrayLike | None  # of the samples; None is one each
