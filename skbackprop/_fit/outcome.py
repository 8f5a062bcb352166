"""Whether a fit has failed, and why, in words: training that diverged, and networks that are useless."""

from typing import Any

import numpy as np
import scipy.sparse as sp

from .._core.kernels import Array
from .._core.parameters import penalty
from .._core.predict import BLOCK_SAMPLES, block_size
from .._data.scale import LARGE, feature
from .._data.table import Table
from ..network import Network
from .recording import Columns

EXPLODED = 1e6  # training does not recover from an objective more than this many times that of the start
WORTHLESS = 10.0  # a fit has failed that ends worse than it began, and this many times worse than the best constant
SMALL_LOSS = 0.1  # losses below this are good, whatever that of the best constant
WEIGHTLESS = 1e-3  # weights that are all smaller than this have no effect on scaled features
SAME = "it gives every sample the same probabilities"
CAUSE = "Likely cause: unscaled features, or too high a learning_rate"
REMEDY = "Remedy: make_pipeline(StandardScaler(), ...), or a lower learning_rate"
START_SAMPLES = 512  # enough to compute J before training, which is close to that of equal probabilities


class DivergenceError(ValueError):
    """Raised when training diverges: the loss or a weight is NaN or infinite, or the loss has exploded.

    Parameters
    ----------
    message : str
        What happened, the likely cause and the remedy.
    epoch : int
        Epochs that were completed, the one that diverged included.
    history : dict of lists
        ``history_`` up to that epoch, so that the way there can be plotted.
    feature : str, default=None
        The feature that is to blame, by name and number, if it is one that was not scaled.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skbackprop import DivergenceError, TwoLayerClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> clf = TwoLayerClassifier(solver="sgd", learning_rate=1e12, early_stopping=False, random_state=0)
    >>> try:
    ...     clf.fit(StandardScaler().fit_transform(X), y)
    ... except DivergenceError as error:
    ...     print(error.epoch, len(error.history["loss"]) == error.epoch)
    1 True
    """

    def __init__(self, message: str, epoch: int, history: Columns, feature: str | None = None) -> None:
        super().__init__(message, epoch, history, feature)  # the arguments again, so that it can be pickled
        self.message, self.epoch, self.history, self.feature = message, epoch, history, feature

    def __str__(self) -> str:
        return self.message


def has_exploded(J: float, J_start: float) -> bool:
    """Tell whether an objective is not finite, or too large to recover from; J_start is that before training."""
    return not EXPLODED * max(1.0, J_start) > J  # true for NaN, too


class Outcome:
    """How good a network is after training, estimated on some of the training samples.

    Parameters
    ----------
    network : Network
        The trained network.
    table : Table
        The samples that it was trained on.
    alpha : float
        Strength of the penalty.
    n_samples : int, default=2048
        Maximum number of samples to use.
    """

    @np.errstate(all="ignore")
    def __init__(self, network: Network, table: Table, alpha: float, n_samples: int = BLOCK_SAMPLES) -> None:
        sample = table.sample(block_size(network.layer_sizes[1:], n_samples, fewest=128))
        self.network, self.table, self.w = network, table, sample.take_weights(sample.rows)
        self.cache = network.forward(sample.take(sample.rows, sample.buffer(len(sample))))
        self.Z = self.cache.Z[-1]
        self.Y = sample.take_targets(sample.rows, np.empty_like(self.Z))
        self.loss = self._mean_loss(self.Z)
        self.J = self.loss + penalty(network.weights, alpha)

    def _mean_loss(self, Z: Array) -> float:
        """Return Σ w ℓ / Σ w."""
        return float(np.average(self.network.loss_function.value(Z, self.Y, self.network.link), weights=self.w))

    @np.errstate(all="ignore")
    def constant_loss(self) -> float:
        """Return the loss of the best constant probabilities, the weighted mean of all targets."""
        eps, means = np.finfo(self.network.dtype).eps, self.table.mean_targets()
        Z = self.network.link.inverse(np.clip(means, eps, 1 - eps))
        return self._mean_loss(np.tile(Z, (len(self.Y), 1)).astype(self.network.dtype))

    def has_diverged(self, J_start: float, whole: bool) -> bool:
        """Tell whether training has diverged.

        Parameters
        ----------
        J_start : float
            J before training.
        whole : bool
            Whether training was a whole fit, after which a network should be better than a constant.
        """
        lost = has_exploded(self.J, J_start) or not np.isfinite(self.network.theta).all()
        return lost or (whole and J_start < self.J and WORTHLESS * max(self.constant_loss(), SMALL_LOSS) < self.J)

    def why_useless(self) -> str | None:
        """Return why the network is useless and what to do about it, or None if it is not.

        It is useless if it gives every sample the same probabilities, or worse ones than the best constant.
        """
        same_logits = np.all(np.ptp(self.Z, axis=0) <= 100 * np.finfo(self.Z.dtype).eps * np.abs(self.Z.max(axis=0)))
        decisions = self.network.link.decide(self.Z)
        limit = self.constant_loss() * (1.01 if np.all(decisions == decisions[0]) else EXPLODED)
        if not (same_logits or self.loss > max(SMALL_LOSS, limit)):
            return None
        # if Z1 is the same for every sample, so are the features, and no layer is to blame
        for l, A in enumerate(self.cache.A[1:-1] if np.ptp(self.cache.Z[0], axis=0).any() else (), start=1):
            if not np.ptp(A, axis=0).any():
                kind = "constant" if A.any() else "dead (zero for every sample)"
                return f"{SAME}, because all {A.shape[1]} hidden units of layer {l} are {kind}. {CAUSE}. {REMEDY}."
        if float(np.abs(self.network.weights).max()) < WEIGHTLESS:
            return f"{SAME}, because its weights have shrunk to almost zero. Likely cause: too strong an alpha."
        if same_logits:
            return f"{SAME}. Likely cause: features that are the same in every sample, or too strong an alpha."
        return f"it is worse than the best constant. {CAUSE}, or too few epochs. {REMEDY}, or a greater max_iter."


def divergence(history: Columns, final: Any, X: Any, learning_rate: float, names: Any) -> DivergenceError:
    """Return the error that says what happened, which column of X is the likely cause, if one is, and what to do."""
    epoch, shown = len(history["loss"]), ", ".join(f"{J:.4g}" for J in [*history["loss"], *final][-3:])
    sizes = abs(X).max(axis=0).toarray().ravel() if sp.issparse(X) else np.maximum(X.max(axis=0), -X.min(axis=0))
    column = int(np.argmax(sizes))
    name = feature(column, names) if sizes[column] > LARGE else None
    cause = f"unscaled features; feature {name} reaches {sizes[column]:.4g}. {REMEDY}"
    if name is None:
        cause = "too high a rate. Remedy: lower it tenfold, or bound the gradient, solver=SGD(max_grad_norm=1.0)"
    what = f"Training diverged in epoch {epoch} at learning_rate={learning_rate:g}: the last losses were {shown}"
    return DivergenceError(f"{what}. Likely cause: {cause}.", epoch, history, name)
