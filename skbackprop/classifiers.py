"""The two classifiers: what their parameters are called, what they mean, and where the defaults come from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from numbers import Integral
from typing import Any

from ._compat import Interval
from .estimator import BaseBackprop

RENAMED = {  # MLPClassifier's names that are other ones here
    "learning_rate_init": "learning_rate (a number)",
    "power_t": "schedule=InvScaling(power=...)",
    "momentum": "solver=SGD(momentum=...)",
    "nesterovs_momentum": "solver=SGD(momentum=..., nesterov=True)",
    "beta_1": "solver=Adam(beta_1=...)",
    "beta_2": "solver=Adam(beta_2=...)",
    "epsilon": "solver=Adam(epsilon=...)",
    "max_fun": "max_iter",
    "hidden_layer_sizes": "hidden_units, or BackpropClassifier(hidden_layer_sizes=...)",
}


def explains_renamed(init: Callable[..., None]) -> Callable[..., None]:
    """Make a constructor tell MLPClassifier's users the new name of a parameter that it does not have."""
    own = init.__code__.co_varnames

    @wraps(init)
    def explaining_init(self: Any, *args: Any, **params: Any) -> None:
        for name in params:
            if name in RENAMED and name not in own:
                raise TypeError(f"{type(self).__name__} has no parameter {name!r}; use {RENAMED[name]}.")
        init(self, *args, **params)

    return explaining_init


class TwoLayerClassifier(BaseBackprop):
    """A network of two layers: one of hidden units, one of outputs.

    Forward: Z1 = X W1 + b1, A1 = φ(Z1), Z2 = A1 W2 + b2, A2 = sigmoid or softmax of Z2. Trained on
    J = Σ wᵢ ℓ(zᵢ, yᵢ) / Σ wᵢ + (alpha / 2) (‖W1‖² + ‖W2‖²), the gradient by backpropagation; :mod:`skbackprop.network`
    has
    every equation. Scale the features first: ``make_pipeline(StandardScaler(), TwoLayerClassifier())``.

    The defaults were chosen by a suite over real tables (docs/defaults.md). Plain gradient descent on all rows, as in a
    notebook, is ``solver="sgd", batch_size="full", alpha=0, early_stopping=False, n_iter_no_change=None``.

    Parameters
    ----------
    hidden_units : int, default=100
        Units of the hidden layer (MLPClassifier's default).
    activation : str or Activation, default="relu"
        φ: "relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "tanh", "sigmoid" (or "logistic"), "identity", or an
        object of :mod:`skbackprop.activations`.
    loss : {"log_loss", "squared_error"} or Loss, default="log_loss"
        ℓ, computed from the logits; ``LogLoss(label_smoothing=0.1)`` spreads the targets.
    weight_init : str, Initializer or callable (rng, fan_in, fan_out) -> array, default="auto"
        "auto", "he", "glorot", "lecun", ``Normal(scale)``, or a function. "auto" keeps the signal's size from layer to
        layer (variance 1 / fan_in for W1) and starts from nearly equal probabilities (0.09 / fan_in for the outputs).
        Biases start at zero.
    solver : {"adam", "adamw", "rmsprop", "sgd", "lbfgs"} or Solver, default="adam"
        "sgd" is plain gradient descent; momentum, decay and clipping travel in the object, ``SGD(momentum=0.9)``.
    learning_rate : float or "auto", default="auto"
        "auto" is 0.006 for adam, adamw and rmsprop (by the suite), and for sgd 0.1 divided by the features' mean square
        where that exceeds 1, so that it is 0.1 on standardised features. No effect with "lbfgs".
    schedule : str, Schedule or callable progress -> factor, default="constant"
        What the rate is multiplied by: "constant", "invscaling", "adaptive", "cosine", "one_cycle", or a function of
        progress in [0, 1]. No effect with "lbfgs", and in partial_fit.
    batch_size : int, "auto" or "full", default="auto"
        Rows of a step. "auto" is 32 (by the suite), or all rows where there are at most 64; "full" is all rows, as is
        more than there are.
    max_iter : int, default=200
        Most epochs (iterations, for "lbfgs"), of early_stopping="auto" most of its search (MLPClassifier's default; the
        suite's tables need 10 to 100).
    alpha : float or "auto", default="auto"
        Strength of the penalty on the squared weights, relative to the mean loss, whatever the batch size:
        SGDClassifier's alpha, not MLPClassifier's. "auto" is 1 / (1.2 n), which is a normal prior of variance 1.2 on
        every weight (by the suite), and 1 / 120 for fewer than 100 rows.
    dropout : float in [0, 1), default=0.0
        Probability with which a hidden unit is left out of a training step.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class; "balanced" gives all classes the same total. Not for multilabel targets.
    early_stopping : bool or "auto", default="auto"
        True watches validation rows (X_val, y_val, or a stratified part of X) and restores the best weights; where no
        part can be split off (fewer than 10 rows, or a class of one), the training loss is watched. "auto" does more,
        so that no row is lost: it looks for the best number of epochs T of an average of the weights over the epochs,
        and then trains on all rows. Below 1,000 rows two networks look for T, each trained on one half and judged on
        the other; then the network itself is trained for T epochs, and the average is kept. From 1,000 rows on it is
        judged on held-out rows, and goes on from its best average for 0.4 T epochs while the rate falls to zero. With
        fewer than 100 rows "auto" just trains max_iter epochs; with X_val, and with "lbfgs", it is True.
    validation_fraction : float in (0, 1), default=0.1
        Share of the rows that is held out (MLPClassifier's default); inert where halves are, with X_val, and without
        early stopping.
    scoring : "loss", str or callable, default="loss"
        What early stopping watches: the validation loss, or any scorer of scikit-learn.
    n_iter_no_change : int or None, default=5
        Epochs without improvement after which training stops (by the suite); in the search of early_stopping="auto" no
        fewer than make 50 updates. None trains max_iter epochs.
    tol : float, default=1e-3
        An improvement is one by more than this (by the suite). Inert with ``n_iter_no_change=None``.
    warm_start : bool, default=False
        Let fit go on from the fitted weights, with the solver's state and the random stream. With early stopping each
        fit holds out rows anew, so that rows held out now may have been trained on before; give X_val instead.
    shuffle : bool, default=True
        Draw a new order of the rows for each epoch; inert where a batch is all rows.
    random_state : int, RandomState or None, default=None
        Source of, in this order, W1, W2, the validation split, and each epoch's order and dropout masks. None takes a
        fresh stream; NumPy's global one is left alone.
    verbose : int, default=0
        Print a line every so many epochs.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted; with multilabel targets the column numbers.
    coefs_ : list of ndarray of shape (fan_in, fan_out)
        W1, W2.
    intercepts_ : list of ndarray of shape (fan_out,)
        b1, b2.
    link_ : {"sigmoid", "softmax"}
        How logits become probabilities.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.
    n_iter_ : int
        Epochs of the last fit.
    n_layers_, n_outputs_ : int
        Layers, with the inputs counted as MLPClassifier does; output units (one for two classes).
    history_ : dict of lists
        Per epoch since the last fresh fit: "loss", "learning_rate", "validation_loss", "validation_score", "seconds",
        and of the gradient of its last batch "gradient_norm_1" … of each layer, and "dead_units", the share of hidden
        units that it does not reach.
    loss_curve_, loss_ : list of float, float
        ``history_["loss"]``, J as met during each epoch (before its updates, in the full-batch case), and its last
        entry.
    validation_scores_, best_validation_score_, best_iter_ : list of float, float, int
        With validation rows: the score after each epoch (greater is better, the loss negated), the best one of the
        last fit, and the epochs it took to reach it.

    See Also
    --------
    BackpropClassifier : Any number of hidden layers.
    skbackprop.Network : The same network, one step at a time.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skbackprop import TwoLayerClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> model = make_pipeline(StandardScaler(), TwoLayerClassifier(random_state=0)).fit(X_train, y_train)
    >>> model.score(X_test, y_test) > 0.95
    True
    """

    _parameter_constraints = BaseBackprop._parameter_constraints | {
        "hidden_units": [Interval(Integral, 1, None, closed="left")],
    }

    @explains_renamed
    def __init__(
        self,
        hidden_units: int = 100,
        *,
        activation: Any = "relu",
        loss: Any = "log_loss",
        weight_init: Any = "auto",
        solver: Any = "adam",
        learning_rate: float | str = "auto",
        schedule: Any = "constant",
        batch_size: int | str = "auto",
        max_iter: int = 200,
        alpha: float | str = "auto",
        dropout: float = 0.0,
        class_weight: dict[Any, float] | str | None = None,
        early_stopping: bool | str = "auto",
        validation_fraction: float = 0.1,
        scoring: Any = "loss",
        n_iter_no_change: int | None = 5,
        tol: float = 1e-3,
        warm_start: bool = False,
        shuffle: bool = True,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.hidden_units = hidden_units
        self.activation = activation
        self.loss = loss
        self.weight_init = weight_init
        self.solver = solver
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.alpha = alpha
        self.dropout = dropout
        self.class_weight = class_weight
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.scoring = scoring
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.shuffle = shuffle
        self.random_state = random_state
        self.verbose = verbose

    def _hidden_layers(self) -> list[int]:
        return [self.hidden_units]


class BackpropClassifier(BaseBackprop):
    """A network with any number of hidden layers, none included: that is logistic regression.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int, default=(100,)
        Units of each hidden layer (MLPClassifier's default); () for none.
    activation : str or Activation, or one for each hidden layer, default="relu"
        φ of every hidden layer, or a list of them.
    loss, weight_init, solver, learning_rate, schedule, batch_size, max_iter, alpha, dropout
        As in :class:`TwoLayerClassifier`, with the same defaults for the same reasons.
    class_weight, early_stopping, validation_fraction, scoring, n_iter_no_change, tol
        As in :class:`TwoLayerClassifier`.
    warm_start, shuffle, random_state, verbose
        As in :class:`TwoLayerClassifier`.

    Attributes
    ----------
    coefs_, intercepts_ : list of ndarray
        W1, W2, … and b1, b2, … of all layers.
    classes_, link_, n_features_in_, feature_names_in_, n_iter_, n_layers_, n_outputs_
        As in :class:`TwoLayerClassifier`.
    history_, loss_curve_, loss_, validation_scores_, best_validation_score_, best_iter_
        As in :class:`TwoLayerClassifier`.

    See Also
    --------
    TwoLayerClassifier : One hidden layer.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop import BackpropClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = BackpropClassifier((8, 4), activation=["tanh", "relu"], solver="lbfgs", random_state=0).fit(X, y)
    >>> [W.shape for W in clf.coefs_], clf.score(X, y) > 0.9
    ([(4, 8), (8, 4), (4, 3)], True)
    """

    @explains_renamed
    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] = (100,),
        *,
        activation: Any = "relu",
        loss: Any = "log_loss",
        weight_init: Any = "auto",
        solver: Any = "adam",
        learning_rate: float | str = "auto",
        schedule: Any = "constant",
        batch_size: int | str = "auto",
        max_iter: int = 200,
        alpha: float | str = "auto",
        dropout: float = 0.0,
        class_weight: dict[Any, float] | str | None = None,
        early_stopping: bool | str = "auto",
        validation_fraction: float = 0.1,
        scoring: Any = "loss",
        n_iter_no_change: int | None = 5,
        tol: float = 1e-3,
        warm_start: bool = False,
        shuffle: bool = True,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.loss = loss
        self.weight_init = weight_init
        self.solver = solver
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.alpha = alpha
        self.dropout = dropout
        self.class_weight = class_weight
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.scoring = scoring
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.shuffle = shuffle
        self.random_state = random_state
        self.verbose = verbose

    def _hidden_layers(self) -> list[int]:
        given: Any = self.hidden_layer_sizes
        sizes: list[Any] = [given] if not isinstance(given, Iterable) or isinstance(given, str) else list(given)
        if not all(isinstance(n, Integral) and int(n) >= 1 for n in sizes):
            raise ValueError(
                f"hidden_layer_sizes must be numbers of units, each >= 1; got {self.hidden_layer_sizes!r}."
            )
        return sizes
