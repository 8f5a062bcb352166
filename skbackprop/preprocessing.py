"""PiecewiseLinearEncoder: each column as its standardised value and ramps between its quantiles."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ._core.kernels import Array
from ._sklearn.compat import COUNT, StrOptions, _check_feature_names_in
from ._sklearn.inputs import check_sample_weight, validated
from ._sklearn.versions import completed, warn_of_version, with_version

__all__ = ["PiecewiseLinearEncoder"]

ROWS_PER_BIN = 200  # n_bins="auto": one bin for this many rows,
FEWEST_BINS, MOST_BINS = 4, 8  # within these limits
BLOCK = 2**16  # transform computes this many numbers at a time, which stay in the processor's cache
DENSE: dict[str, Any] = {"accept_sparse": False, "ensure_all_finite": "allow-nan"}
COLUMNS = 8  # fit copies this many columns at a time; copying one column reads the whole table


class PiecewiseLinearEncoder(TransformerMixin, BaseEstimator):
    """Encode each column as its standardised value and ramps between its quantiles.

    Use it in place of StandardScaler in front of a network: ``make_pipeline(PiecewiseLinearEncoder(),
    TwoLayerClassifier())``. The input of a hidden unit is a straight line in a standardised column. With a ramp for
    each bin, it is a line that can bend at every quantile.

    A column x becomes ::

        (x - mean) / scale                                     the standardised value
        clip((x - t_j) / (t_{j+1} - t_j), 0, 1) - ramp_mean_j  for each bin j
        1 where x is missing, else 0                           if it has gaps in training

    where t_0 < t_1 < … are quantiles of the training rows.

    A missing value, NaN, becomes zero in the first two; that is the mean of the column and of each ramp. Outside the
    training range the ramps stay at their last value. A column with two distinct values has no ramps. A column that has
    a single value in training, up to rounding, or only missing values, is always encoded as zero.

    Parameters
    ----------
    n_bins : int or "auto", default="auto"
        Number of bins of each column. The bins hold equally many training rows. Bins whose two quantiles are equal are
        merged, so a column can have fewer. "auto" makes one bin for every 200 rows in which the column is not missing,
        but at least 4 and at most 8.

    Attributes
    ----------
    mean_ : ndarray of shape (n_features,)
        Mean of each column.
    scale_ : ndarray of shape (n_features,)
        Standard deviation of each column; infinite for a column with a single value or none.
    bin_edges_ : list of ndarray of shape (n_bins + 1,)
        The quantiles t of each column, with its minimum and maximum; empty for a column without ramps.
    ramp_means_ : list of ndarray of shape (n_bins,)
        Mean of each ramp over the training rows in which the column is not missing.
    missing_features_ : ndarray of int
        Indices of the columns that have an indicator.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if all of them are strings.

    See Also
    --------
    sklearn.preprocessing.StandardScaler : The standardised values alone.
    sklearn.preprocessing.SplineTransformer : Smooth bumps instead of ramps.

    References
    ----------
    Yury Gorishniy, Ivan Rubachev and Artem Babenko. On Embeddings for Numerical Features in Tabular Deep Learning.
    NeurIPS 2022. https://arxiv.org/abs/2203.05556

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.preprocessing import PiecewiseLinearEncoder
    >>> X = np.array([[0.0], [1.0], [2.0], [5.0], [6.0]])
    >>> encoder = PiecewiseLinearEncoder(n_bins=2).fit(X)
    >>> encoder.bin_edges_
    [array([0., 2., 6.])]
    >>> encoder.transform([[1.0], [4.0], [np.nan], [9.0]]).round(2)
    array([[-0.78, -0.2 , -0.35],
           [ 0.52,  0.3 ,  0.15],
           [ 0.  ,  0.  ,  0.  ],
           [ 2.68,  0.3 ,  0.65]])
    >>> encoder.get_feature_names_out(["age"])
    array(['age', 'age_ramp_0', 'age_ramp_1'], dtype=object)
    """

    _parameter_constraints = {"n_bins": [COUNT, StrOptions({"auto"})]}

    def __init__(self, n_bins: int | str = "auto") -> None:
        self.n_bins = n_bins

    def fit(self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Find the means, the standard deviations and the quantiles of the columns.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Numbers, NaN where one is missing.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights, not all zero. If n_bins is an int, integer weights give the same result as repeated
            rows. "auto" counts each row of positive weight once.

        Returns
        -------
        self : PiecewiseLinearEncoder
            The fitted encoder.

        Raises
        ------
        ValueError
            If n_bins is invalid, or X holds text, dates, infinity, or numbers that are too far apart; the message names
            the column.
        TypeError
            If X is sparse.
        """
        self._validate_params()
        table: Array = validated(self, X, "X", **DENSE)
        w = check_sample_weight(sample_weight, table, "sample_weight")
        found = [Column.of(x, u, self.n_bins) for x, u in columns_with_weights(table, w)]
        names = getattr(self, "feature_names_in_", range(table.shape[1]))
        for name, column in zip(names, found, strict=True):
            if np.isnan(column.scale):
                raise ValueError(f"Column {name!r} spans more than {table.dtype} holds; divide it by a large number.")
        self.mean_ = np.array([column.mean for column in found], table.dtype)
        self.scale_ = np.array([column.scale for column in found], table.dtype)
        self.bin_edges_ = [column.edges for column in found]
        self.ramp_means_ = [column.ramp_means for column in found]
        self.missing_features_ = np.flatnonzero([column.has_gaps for column in found])
        return self

    def transform(self, X: ArrayLike) -> Any:
        """Encode samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Numbers, NaN where one is missing.

        Returns
        -------
        encoded : ndarray of shape (n_samples, n_features_out)
            For each column its standardised value and its ramps, then the indicators. float32 if X is, else float64.

        Raises
        ------
        ValueError
            If X holds text, dates or infinity, or has other columns than in fit; the message names them.
        """
        check_is_fitted(self)
        table: Array = validated(self, X, "X", reset=False, **DENSE)
        ramps = Ramps.of(self, table.dtype)
        n = len(ramps.source)
        encoded = np.empty((len(table), n + len(self.missing_features_)), table.dtype)
        step = max(1, BLOCK // encoded.shape[1])
        for start in range(0, len(table), step):
            rows = slice(start, start + step)
            ramps.write(table[rows], encoded[rows, :n])
            encoded[rows, n:] = np.isnan(table[rows, self.missing_features_])
        return encoded

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> Any:
        """Return the names of the encoded columns.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns; by default those seen in fit, or x0, x1, ….

        Returns
        -------
        names : ndarray of str
            For each column its own name and those of its ramps, ``x0_ramp_0`` and so on; then ``missingindicator_x0``
            for each indicator.
        """
        check_is_fitted(self)
        inputs = _check_feature_names_in(self, input_features)
        names = []
        for name, means in zip(inputs, self.ramp_means_, strict=True):
            names += [name, *(f"{name}_ramp_{j}" for j in range(len(means)))]
        names += [f"missingindicator_{inputs[i]}" for i in self.missing_features_]
        return np.array(names, dtype=object)

    def __getstate__(self) -> dict[str, Any]:
        return with_version(dict(super().__getstate__()))

    def __setstate__(self, state: dict[str, Any]) -> None:
        state, version = completed(self, state)
        warn_of_version(self, version)
        super().__setstate__(state)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


# ---------------------------------------------------------------------- transform


class Ramps(NamedTuple):
    """Every encoded column as a ramp: clip((x - start) / width, low, high) - centre, and zero where x is missing.

    A standardised value is a ramp as well: its start is the mean, its width the standard deviation, and its limits are
    those of the dtype. The arrays have one entry for each encoded column; source is the index of its column x.
    """

    source: Any
    start: Array
    width: Array
    low: Array
    high: Array
    centre: Array

    @classmethod
    def of(cls, encoder: PiecewiseLinearEncoder, dtype: Any) -> Self:
        """Return the ramps of a fitted encoder, for samples of a dtype."""
        rows: list[tuple[Any, ...]] = []
        end = np.finfo(dtype).max
        fitted = zip(encoder.mean_, encoder.scale_, encoder.bin_edges_, encoder.ramp_means_, strict=True)
        for i, (mean, scale, edges, means) in enumerate(fitted):
            rows.append((i, mean, scale, -end, end, 0))
            bins = zip(pairwise(edges), means, strict=True)
            rows += [(i, left, right - left, 0, 1, centre) for (left, right), centre in bins]
        source, *numbers = zip(*rows, strict=True)
        dtypes = [encoder.mean_.dtype] * 2 + [dtype] * 3
        return cls(np.array(source), *map(np.array, numbers, dtypes))

    def write(self, X: Array, out: Array) -> None:
        """Encode samples."""
        np.take(X, self.source, axis=1, out=out, mode="clip")  # this mode writes to out without a copy
        ramp(out, self.start, self.width, self.low, self.high)
        out -= self.centre
        np.copyto(out, 0, where=np.isnan(out))


@np.errstate(over="ignore", invalid="ignore")  # far outside the training range, where the result is low or high
def ramp(x: Array, start: Any, width: Any, low: Any, high: Any) -> None:
    """Replace x by clip((x - start) / width, low, high)."""
    x -= start
    x /= width
    np.maximum(x, low, out=x)
    np.minimum(x, high, out=x)


# ---------------------------------------------------------------------- fit


class Column(NamedTuple):
    """What fit computes for a column; scale is infinite for a single value, and NaN if it cannot be computed."""

    mean: float
    scale: float
    edges: Array
    ramp_means: Array
    has_gaps: bool

    @classmethod
    def of(cls, x: Array, w: Array | None, n_bins: int | str) -> Self:
        """Compute it for a column with weights, all of them positive."""
        known = ~np.isnan(x)
        n_known = int(np.count_nonzero(known))
        values, weights = distinct(x[known], None if w is None else w[known])
        has_gaps = 0 < n_known < len(x)
        none = np.empty(0, x.dtype)
        if is_constant(values):
            return cls(values[0] if len(values) else 0.0, np.inf, none, none, has_gaps)
        with np.errstate(over="ignore"):
            if not np.isfinite(values[-1] - values[0]):
                return cls(0.0, np.nan, none, none, has_gaps)
        exact, shares = values.astype(np.float64), weights / weights.sum()
        mean, scale = moments(exact, shares)
        edges = none
        if len(values) > 2:
            n_bins = n_bins_for(n_known) if isinstance(n_bins, str) else int(n_bins)
            edges = np.unique(quantiles(exact, weights, n_bins).astype(x.dtype))
        return cls(mean, scale, edges, ramp_means(exact, shares, edges), has_gaps)


def columns_with_weights(X: Array, w: Array | None) -> Iterator[tuple[Array, Array | None]]:
    """Yield each column and its weights, without the rows of weight zero."""
    rows: Any = slice(None)
    if w is not None:
        w = np.ldexp(w, -np.frexp(w.max())[1])  # so that sums stay finite; scaling by a power of two rounds nothing
        rows = w > 0
        w = w[rows]
    for start in range(0, X.shape[1], COLUMNS):
        for x in np.ascontiguousarray(X[:, start : start + COLUMNS].T):
            yield x[rows], w


def distinct(x: Array, w: Array | None) -> tuple[Array, Any]:
    """Return the sorted distinct values of a column, and the total weight of each."""
    if w is None:
        values, counts = np.unique(x, return_counts=True)
        return values, counts.astype(np.float64)
    values, places = np.unique(x, return_inverse=True)
    return values, np.bincount(places, w)


def is_constant(values: Array) -> bool:
    """Tell whether sorted values are none, or equal up to rounding."""
    if len(values) < 2:
        return True
    largest = max(abs(values[0]), abs(values[-1]))
    return bool(values[-1] / 2 - values[0] / 2 <= 4 * np.finfo(values.dtype).eps * largest)


def n_bins_for(n: int) -> int:
    """Return the number of bins that n_bins="auto" makes for n rows."""
    return int(np.clip(n // ROWS_PER_BIN, FEWEST_BINS, MOST_BINS))


def moments(values: Array, shares: Array) -> tuple[float, float]:
    """Return the weighted mean and standard deviation; the squares neither overflow nor underflow."""
    mean = values @ shares
    deviations = values - mean
    largest = np.abs(deviations).max()
    return float(mean), float(largest * np.sqrt((deviations / largest) ** 2 @ shares))


def quantiles(values: Array, weights: Array, n_bins: int) -> Array:
    """Return the weighted quantiles 0, 1/n_bins, …, 1 of sorted values, by the averaged inverted CDF.

    If the cumulated weights reach a quantile exactly, up to rounding, it is the mean of two neighbouring values.
    """
    cumulated = np.cumsum(weights)
    wanted = cumulated[-1] * np.arange(n_bins + 1) / n_bins
    at_least = np.searchsorted(cumulated, wanted * (1 - 1e-12))
    more = np.searchsorted(cumulated, wanted * (1 + 1e-12))
    return values[at_least] / 2 + values[np.minimum(more, len(values) - 1)] / 2


def ramp_means(values: Array, shares: Array, edges: Array) -> Array:
    """Return the weighted mean of each ramp."""
    means = np.empty(max(len(edges) - 1, 0), edges.dtype)
    for j, (left, right) in enumerate(pairwise(edges)):
        heights = values.copy()
        ramp(heights, left, right - left, 0, 1)
        means[j] = heights @ shares
    return means
