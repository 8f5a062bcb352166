"""The two classifiers: the names and meanings of their parameters, and where the defaults come from."""

from collections.abc import Callable, Iterable, Sequence
from numbers import Integral
from typing import Any, Literal

import numpy as np

from ._sklearn.base import BaseBackprop
from ._sklearn.compat import COUNT
from ._sklearn.methods import in_our_words
from .activations import Activation
from .initializers import Initializer
from .losses import Loss
from .schedules import Schedule
from .solvers import LBFGS, Solver

Auto = Literal["auto"]
ClassWeight = dict[Any, float] | dict[Any, int] | Literal["balanced"] | None


def store(estimator: Any, parameters: dict[str, Any]) -> None:
    """Set a constructor's parameters as attributes of the same names, as scikit-learn requires."""
    vars(estimator).update({name: value for name, value in parameters.items() if name != "self"})


class TwoLayerClassifier(BaseBackprop):
    """A network of two layers: one of hidden units, one of outputs.

    Forward: Z1 = X W1 + b1, A1 = φ(Z1), Z2 = A1 W2 + b2, A2 = sigmoid or softmax of Z2. Training minimises
    J = Σ wᵢ ℓ(zᵢ, yᵢ) / Σ wᵢ + (alpha / 2) (‖W1‖² + ‖W2‖²), whose gradient is computed by backpropagation;
    :mod:`skbackprop._core.layers` has every equation. Scale the features first:
    ``make_pipeline(StandardScaler(), TwoLayerClassifier())``.

    Most defaults were chosen on a suite of real tables (docs/defaults.md). Plain gradient descent on all samples, as in
    a notebook, is ``solver="sgd", batch_size="full", alpha=0, early_stopping=False, n_iter_no_change=None``.

    Parameters
    ----------
    hidden_units : int, default=100
        Units of the hidden layer (MLPClassifier's default).
    activation : str or Activation, default="relu"
        φ: "relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "tanh", "sigmoid" (or "logistic"), "identity", or an
        object of :mod:`skbackprop.activations`.
    loss : {"log_loss", "squared_error"} or Loss, default="log_loss"
        ℓ, computed from the logits; ``LogLoss(label_smoothing=0.1)`` smooths the targets.
    weight_init : str, Initializer or callable (rng, fan_in, fan_out) -> array, default="auto"
        "auto", "he", "glorot", "lecun", ``Normal(scale)``, or a function. "auto" keeps the signal's size from layer to
        layer (variance 1 / fan_in for W1) and starts from nearly equal probabilities (0.09 / fan_in for the outputs).
        Biases start at zero.
    solver : {"adam", "adamw", "rmsprop", "sgd", "lbfgs"} or Solver, default="adam"
        A name stands for the solver with its defaults; "sgd" is plain gradient descent. For momentum, weight decay or
        gradient clipping give an object, ``SGD(momentum=0.9)``.
    learning_rate : float or "auto", default="auto"
        "auto" is 0.008 for adam, adamw and rmsprop (chosen on the suite), and for sgd 0.1 divided by the features' mean
        square where that exceeds 1, so that it is 0.1 on standardised features. No effect with "lbfgs".
    schedule : str, Schedule or callable progress -> factor, default="constant"
        What the learning rate is multiplied by: "constant", "invscaling", "adaptive", "cosine", "one_cycle", or a
        function of progress in [0, 1]. No effect with "lbfgs", and in partial_fit.
    batch_size : int, "auto" or "full", default="auto"
        Samples of a mini-batch. "auto" is 32 (chosen on the suite), or all samples if there are at most 64; "full", or
        a number larger than that of the samples, is all samples.
    max_iter : int, default=200
        Maximum number of epochs, or of iterations for "lbfgs"; with early_stopping="auto", of epochs of the search
        (MLPClassifier's default; the suite's tables need 10 to 100).
    alpha : float or "auto", default="auto"
        Strength of the penalty on the squared weights, relative to the mean loss, whatever the batch size:
        SGDClassifier's alpha, not MLPClassifier's. "auto" is 1 / (2 n) for n samples, which is a normal prior of
        variance 2 on every weight (chosen on the suite), and 1 / 60 for fewer than 30 samples.
    dropout : float in [0, 1), default=0.0
        Probability with which a hidden unit is left out of a training step.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class; "balanced" gives all classes the same total weight, computed anew in each call of fit and
        separately for X_val. Keys of classes that y does not hold are ignored. Not for multilabel targets.
    early_stopping : bool or "auto", default="auto"
        False ends training when the training loss stops improving. True ends it when the validation score does (on
        X_val, y_val, or on a stratified part of X), and restores the best weights; if fewer than 10 samples would be
        held out, it uses the training loss. "auto" trains on every sample in the end: it first holds some out to search
        for the best number of epochs T, by the score of the average of the weights over the epochs (decay 0.9). Then
        it continues from the best average, on all samples, for 0.75 T epochs, while the learning rate falls from
        that of epoch T to zero. With X_val, and with "lbfgs", "auto" means True. With fewer than 30 samples, or with
        ``n_iter_no_change=None``, it trains for max_iter epochs; for so few samples, 20 or so are enough.
    validation_fraction : float in (0, 1) or "auto", default="auto"
        Share of the samples to hold out. "auto" is 0.1; in the search of early_stopping="auto" it is 8 / √n, but at
        least 0.1 and at most 0.5. No effect with X_val, and without early stopping.
    scoring : "loss", str or callable, default="loss"
        What early stopping watches: the validation loss, or any scorer of scikit-learn.
    n_iter_no_change : int or None, default=5
        Epochs without improvement after which training stops (chosen on the suite); the search of
        early_stopping="auto" waits for at least 50 updates. None trains for max_iter epochs.
    tol : float, default=1e-3
        What is watched must improve by more than this for the improvement to count (chosen on the suite). No effect
        with ``n_iter_no_change=None``.
    warm_start : bool, default=False
        Whether fit continues from the fitted weights, with the solver's state and the random stream. Set it before the
        first fit, which otherwise keeps only the weights. With early_stopping=True each fit holds out new samples, on
        which an earlier fit may have trained; give X_val instead. With "auto" a continued fit holds nothing out.
    shuffle : bool, default=True
        Whether to shuffle the samples before each epoch; no effect if all samples are one mini-batch.
    random_state : int, RandomState or None, default=None
        Source of, in this order, W1, W2, the validation split, and each epoch's order and dropout masks. None takes a
        new random seed; NumPy's global generator is not used.
    verbose : int, default=0
        Print a line every ``verbose`` epochs; 0 prints nothing.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted; with multilabel targets the column numbers.
    coefs_ : list of ndarray of shape (fan_in, fan_out)
        W1, W2.
    intercepts_ : list of ndarray of shape (fan_out,)
        b1, b2.
    activations_ : list of str or Activation
        What the hidden layers were trained with; objects are copies.
    link_ : {"sigmoid", "softmax"}
        How logits become probabilities.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.
    n_iter_ : int
        Epochs of the last fit, those after the best one included; with a search, those up to the best one and those of
        the final phase.
    n_layers_, n_outputs_ : int
        Number of layers, the inputs counted as a layer, as in MLPClassifier: 3, though only two have weights; number of
        outputs (one for two classes).
    network_ : Network
        The fitted network, with a copy of the weights, to run step by step: ``clf.network_.forward(X)``. It predicts
        class numbers, ``np.searchsorted(clf.classes_, y)``.
    history_ : dict of lists
        One entry for each epoch since the last fit that started from new weights: "loss" (J), "penalty" (its second
        term), "accuracy" (the weighted share of the training samples that were predicted correctly, multilabel samples
        in every label), "learning_rate", "validation_loss", "validation_score", "seconds". Loss, penalty and accuracy
        are means over the mini-batches, each of them before its update. From the gradient of the last mini-batch (after
        max_grad_norm) come "gradient_norm_1", … for each layer, and "dead_units", the share of hidden units that this
        gradient does not reach. With early_stopping=True, the epochs after the best one are included.
    search_history_ : dict of lists
        The same for all epochs of the search of early_stopping="auto"; ``history_`` has those up to the best, and then
        the final training on all samples. Absent if there was no search.
    loss_curve_, loss_ : list of float, float
        ``history_["loss"]``, and its last entry.
    validation_scores_, best_validation_score_, best_iter_ : list of float, float, int
        With a validation set: the score after each epoch (greater is better; a loss is negated), the best one of the
        last fit, and the number of epochs after which it was reached; 0 if a resumed fit started from the best weights.

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

    _parameter_constraints = BaseBackprop._parameter_constraints | {"hidden_units": [COUNT]}

    @in_our_words
    def __init__(
        self,
        hidden_units: int = 100,
        *,
        activation: str | Activation = "relu",
        loss: str | Loss = "log_loss",
        weight_init: str | Initializer = "auto",
        solver: str | Solver | LBFGS = "adam",
        learning_rate: float | Auto = "auto",
        schedule: str | Schedule | Callable[[float], float] = "constant",
        batch_size: int | Auto | Literal["full"] = "auto",
        max_iter: int = 200,
        alpha: float | Auto = "auto",
        dropout: float = 0.0,
        class_weight: ClassWeight = None,
        early_stopping: bool | Auto = "auto",
        validation_fraction: float | Auto = "auto",
        scoring: str | Callable[..., float] = "loss",
        n_iter_no_change: int | None = 5,
        tol: float = 1e-3,
        warm_start: bool = False,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        store(self, locals())

    def _hidden_layers(self) -> list[int]:
        return [self.hidden_units]


class BackpropClassifier(BaseBackprop):
    """A network with any number of hidden layers; without any, it is logistic regression.

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
    activations_, network_, history_, search_history_, loss_curve_, loss_
        As in :class:`TwoLayerClassifier`.
    validation_scores_, best_validation_score_, best_iter_
        As in :class:`TwoLayerClassifier`.

    See Also
    --------
    TwoLayerClassifier : One hidden layer.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skbackprop import BackpropClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> X = StandardScaler().fit_transform(X)
    >>> clf = BackpropClassifier((8, 4), activation=["tanh", "relu"], solver="lbfgs", random_state=0).fit(X, y)
    >>> [W.shape for W in clf.coefs_], clf.score(X, y) > 0.9
    ([(4, 8), (8, 4), (4, 3)], True)
    """

    @in_our_words
    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] = (100,),
        *,
        activation: str | Activation | Sequence[str | Activation] = "relu",
        loss: str | Loss = "log_loss",
        weight_init: str | Initializer = "auto",
        solver: str | Solver | LBFGS = "adam",
        learning_rate: float | Auto = "auto",
        schedule: str | Schedule | Callable[[float], float] = "constant",
        batch_size: int | Auto | Literal["full"] = "auto",
        max_iter: int = 200,
        alpha: float | Auto = "auto",
        dropout: float = 0.0,
        class_weight: ClassWeight = None,
        early_stopping: bool | Auto = "auto",
        validation_fraction: float | Auto = "auto",
        scoring: str | Callable[..., float] = "loss",
        n_iter_no_change: int | None = 5,
        tol: float = 1e-3,
        warm_start: bool = False,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        store(self, locals())

    def _hidden_layers(self) -> list[int]:
        given: Any = self.hidden_layer_sizes
        sizes: list[Any] = [given] if not isinstance(given, Iterable) or isinstance(given, str) else list(given)
        if not all(isinstance(n, Integral) and int(n) >= 1 for n in sizes):
            raise ValueError(f"hidden_layer_sizes must be numbers of units, integers >= 1; got {given!r}.")
        return sizes
