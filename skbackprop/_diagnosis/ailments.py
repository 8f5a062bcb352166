"""What may be wrong with a fit: a function for each ailment, causes before consequences.

Each function takes an :class:`~skbackprop._diagnosis.evidence.Evidence` and returns a Finding, or None if nothing is
wrong. To add one, write the function and put it into AILMENTS at the end of the file, before its consequences.

The limits are round numbers, and the comment at each says why. Losses are compared with the loss of guessing, which is
that of equal probabilities: log 2 for two classes. So the limits hold for any number of classes and for any loss.
"""

from collections.abc import Callable
from dataclasses import dataclass
from textwrap import fill

import numpy as np

from .evidence import Evidence
from .remedies import default_start, either, lower_rates, stronger_penalty, units
from .view import NEIGHBOURS

WIDTH = 100  # of the printed text, in characters

LARGE_GRADIENT = 100.0  # norm before training; about 1 for scaled features and weights that keep the signal's size
LARGE_LOSS = 10.0  # loss before training / loss of guessing; about 1 for such weights
VANISHED = 1e-2  # gradient norm of an early layer / that of the last; a tenth or more in networks that learn
LEAP = 2.0  # loss of an epoch / loss of guessing; no step downhill leads there
ROUGH = 0.05  # mean rise of the loss in an epoch / loss, or / loss of guessing; in a good training rises are rare
TIMID = 1e-4  # size of a step / size of the weights; the rule of thumb is 1e-3 (Karpathy, cs231n, "babysitting")
MOST = 0.5  # share of the units of a layer; half of the layer would be enough
NEARLY_ALL = 0.9  # share of the activations of a layer; in a healthy layer about half are not saturated
GAP = 0.25  # (validation loss - training loss) / loss of guessing: a quarter of the most that training can gain
PAYS = 0.1  # gain of the second half of the epochs / loss, or / total gain; with more, further epochs will gain too
MATTERS = 0.02  # a smaller gain / loss of guessing does not count
RARE = 0.25  # samples of a rare class / samples of the most frequent class, at most
ENOUGH = 5  # fewest samples of a class; a network that finds half of them misses all five once in 32 times
OVERLOOKED = 0.1  # share of the samples of a class that are found
BEATEN = 0.05  # accuracy of nearest neighbours - that of the network; twice the sampling error of 400 samples
TIMOROUS = 0.2  # accuracy - confidence; the probabilities are far too close to equal
TOO_SURE = 0.1  # confidence - accuracy; of predictions with a probability of 95 %, 85 % are right
NOTHING = 0.95  # loss / loss of a constant prediction; the network has learned almost nothing


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a fit.

    Parameters
    ----------
    name : str
        The name of the ailment, for use in programs: ``"unscaled_features"``.
    what : str
        What is wrong.
    evidence : str
        The numbers that show it.
    remedy : str
        Which parameters to change, and to what. Alternatives are joined by ", or ", with the likeliest first.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop import TwoLayerClassifier, diagnose
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = TwoLayerClassifier(solver="sgd", learning_rate=1e-5, early_stopping=False, random_state=0).fit(X, y)
    >>> for finding in diagnose(clf, X, y).findings:
    ...     print(finding.name, "->", finding.remedy)
    rate_too_low -> learning_rate='auto', or learning_rate=0.001
    underfitting -> max_iter=1000, n_iter_no_change=20, tol=1e-4, or better features
    """

    name: str
    what: str
    evidence: str
    remedy: str

    def __str__(self) -> str:
        lines = (f"{self.what} ({self.name})", f"Evidence: {self.evidence}.", f"Remedy: {self.remedy}.")
        return "\n   ".join(fill(line, WIDTH, subsequent_indent="   ", break_on_hyphens=False) for line in lines)


def unscaled_features(fit: Evidence) -> Finding | None:
    """Find features larger than any scaler leaves them; the warning of fit also needs a small feature beside them."""
    evidence, scaler = "", "StandardScaler"
    if fit.scale is not None and fit.scale.is_large:
        evidence, scaler = fit.scale.evidence, fit.scale.scaler
    elif fit.error is not None and fit.error.feature is not None:
        evidence = f"the error blames feature {fit.error.feature}"
    if not evidence:
        return None
    what = "The features are not scaled, so the large ones drown the others and the steps are too long."
    return Finding("unscaled_features", what, evidence, f"make_pipeline({scaler}(), ...)")


def diverged(fit: Evidence) -> Finding | None:
    """Report training that ended in a DivergenceError, whatever the cause."""
    losses = fit.history["loss"]
    evidence = f"the last losses, up to epoch {len(losses)}, were {', '.join(f'{J:.4g}' for J in losses[-3:])}"
    remedy = either(*lower_rates(fit), "solver=SGD(max_grad_norm=1.0)")
    return Finding("diverged", "Training diverged: its steps led uphill, further with each one.", evidence, remedy)


def exploding_gradients(fit: Evidence) -> Finding | None:
    """Find a loss or gradients that are huge before training, because the initial weights are too large."""
    norms = np.empty(0) if fit.start is None else fit.start.gradient_norms
    if not (norms.max(initial=0.0) > LARGE_GRADIENT or fit.loss_at_start > LARGE_LOSS * fit.guessing):
        return None
    evidence = f"at the start the loss is {fit.loss_at_start:.4g}, where equal probabilities have {fit.guessing:.4g}"
    evidence += f", and the gradient norms of the layers are {numbers(norms)}" if norms.size else ""
    remedy = either("scaled features", "fewer layers") if fit.starts_by_default else "weight_init='auto'"
    what = "The gradients explode: the network starts with weights that make the signal grow from layer to layer."
    return Finding("exploding_gradients", what, evidence, remedy)


def rate_too_high(fit: Evidence) -> Finding | None:
    """Find a loss that goes up and down, or that rises far above the loss of guessing and did not begin there."""
    curve, guessing = fit.curve, fit.guessing
    if fit.learning_rate is None or len(curve) < 2:
        return None
    later = curve[len(curve) // 2 - 1 :]
    rise = float(np.maximum(0, np.diff(later)).mean())
    if rise > ROUGH * max(guessing, float(later.mean())):
        rose = f"in the second half of the epochs the loss rose by {rise:.4g} an epoch on average, falls taken as 0"
        evidence = f"{rose}; equal probabilities have {guessing:.4g}"
    elif curve.max() > LEAP * guessing > fit.loss_at_start:
        worst = 1 + int(curve.argmax())
        evidence = f"the loss of epoch {worst} was {curve.max():.4g}, where equal probabilities have {guessing:.4g}"
    else:
        return None
    what = "The learning rate is too high: the steps overshoot, and the loss rises."
    scaler = None if fit.scale is not None else "make_pipeline(StandardScaler(), ...), if the features are not scaled"
    return Finding("rate_too_high", what, evidence, either(*lower_rates(fit), scaler))


def vanishing_gradients(fit: Evidence) -> Finding | None:
    """Find gradients that shrink on the way back in a network that has learned little; zeros are dead units."""
    norms = fit.start.gradient_norms if fit.start is not None else fit.median_gradient_norms
    if len(norms) < 3 or not 0 < norms[:-1].min() < VANISHED * norms[-1] or fit.has_learned:
        return None
    evidence = f"the gradient norms of layers 1 to {len(norms)} are {numbers(norms)}"
    what = "The gradients vanish on the way back: the first layers hardly learn."
    remedy = either("activation='relu', weight_init='auto'", units(fit, fit.units[:2]))
    return Finding("vanishing_gradients", what, evidence, remedy)


def dead_units(fit: Evidence) -> Finding | None:
    """Find layers in which at least half of the units give the same output for every sample."""
    dead = fit.activations.dead if fit.activations is not None else [fit.dead_in_history]
    if not dead or max(dead) < MOST:
        return None
    where = f"of layer {1 + int(np.argmax(dead))} " if fit.activations is not None else ""
    evidence = f"{max(dead):.0%} of the units {where}give the same for every sample"
    remedy = either(default_start(fit), "activation='leaky_relu'", *lower_rates(fit))
    return Finding("dead_units", "Hidden units are dead: no gradient reaches them.", evidence, remedy)


def saturated_units(fit: Evidence) -> Finding | None:
    """Find layers whose activations lie where φ is flat."""
    if fit.activations is None or max(fit.activations.saturated, default=0.0) < NEARLY_ALL:
        return None
    worst = int(np.argmax(fit.activations.saturated))
    share, phi = fit.activations.saturated[worst], fit.activations.network.activations[worst]
    evidence = f"{share:.0%} of the activations of layer {1 + worst} are where {phi!r} is flat"
    remedy = either(default_start(fit), "activation='relu'", *lower_rates(fit))
    what = "Hidden units are saturated: hardly any gradient passes through them."
    return Finding("saturated_units", what, evidence, remedy)


def rate_too_low(fit: Evidence) -> Finding | None:
    """Find steps that are tiny beside the weights, in a network that has learned little or was still learning."""
    step, rate = fit.step, fit.learning_rate
    if step is None or rate is None or step >= TIMID or (fit.has_learned and not was_falling(fit)):
        return None
    evidence = (
        f"one step moves the weights by at most {step:.1g} of their size, where 1e-3 is usual; the loss is "
        f"{fit.loss:.4g}, where equal probabilities have {fit.guessing:.4g}"
    )
    what = "The learning rate is too low: the weights have hardly left their start."
    remedy = either("learning_rate='auto'", f"learning_rate={100 * rate:.2g}")
    return Finding("rate_too_low", what, evidence, remedy)


def overfitting(fit: Evidence) -> Finding | None:
    """Find a loss that is much higher on samples that training has not seen, by more than chance."""
    (seen, unseen), chance = fit.losses_in_history, 0.0
    if fit.validation is not None and fit.training is not None:
        seen, unseen, chance = fit.training.loss, fit.validation.loss, fit.validation.noise(fit.validation.losses)
    if not unseen - seen > max(GAP * fit.guessing, chance):
        return None
    evidence = f"the loss is {seen:.4g} on the training samples and {unseen:.4g} on others"
    off = fit.clf.early_stopping is False or fit.clf.n_iter_no_change is None
    stop = "early_stopping='auto', n_iter_no_change=5" if off else None
    remedy = either(stop, stronger_penalty(fit), "fewer hidden units", "more samples")
    what = "The network overfits: it has learned the training samples, noise included."
    return Finding("overfitting", what, evidence, remedy)


def stopped_too_soon(fit: Evidence) -> Finding | None:
    """Find training that used all its epochs while the loss was still falling."""
    if not (fit.ended_at_max_iter and was_falling(fit)) or overfitting(fit) is not None:
        return None
    _, half, end = fit.milestones
    which = "validation loss" if fit.held_out_losses.size else "loss"
    lowered = f"the second half of them lowered the {which} from {half:.4g} to {end:.4g}"
    what, remedy = "Training was stopped too soon: the loss was still falling.", f"max_iter={10 * fit.clf.max_iter}"
    return Finding("stopped_too_soon", what, f"all {len(fit.curve)} epochs were used, and {lowered}", remedy)


def majority_class(fit: Evidence) -> Finding | None:
    """Find a rare class of which almost no sample is classified correctly."""
    view = fit.validation or fit.training
    if view is None or view.several_labels:
        return None
    truth, predicted = view.classes
    counts = np.bincount(truth)
    found = np.bincount(truth[truth == predicted], minlength=len(counts)) / np.maximum(counts, 1)
    overlooked = np.flatnonzero((counts >= ENOUGH) & (counts <= RARE * counts.max()) & (found < OVERLOOKED))
    if not overlooked.size:
        return None
    rare = overlooked[np.argmin(found[overlooked])]
    label, most = (fit.clf.classes_.tolist()[k] for k in (rare, counts.argmax()))
    evidence = (
        f"of {counts[rare]} samples of class {label!r}, {found[rare]:.0%} are found; "
        f"{np.mean(predicted == counts.argmax()):.0%} of all predictions are {most!r}"
    )
    what = "A rare class is overlooked: its samples are nearly always given another label."
    remedy = either("class_weight='balanced'", "a tuned threshold, TunedThresholdClassifierCV")
    return Finding("majority_class", what, evidence, remedy)


def underfitting(fit: Evidence) -> Finding | None:
    """Find a network that has learned too little: a constant or nearest neighbours do as well, or it is too unsure."""
    evidence = what_is_missing(fit)
    if evidence is None:
        return None
    remedy = either(
        "alpha='auto'" if not isinstance(fit.clf.alpha, str) and fit.alpha else None,
        units(fit, [max(n, 100) for n in fit.units] or [100]) if min(fit.units, default=0) < 100 else None,
        "max_iter=1000, n_iter_no_change=20, tol=1e-4",
        "better features",
    )
    what = "The network underfits: it has learned less than the samples tell."
    return Finding("underfitting", what, evidence, remedy)


def overconfident(fit: Evidence) -> Finding | None:
    """Find probabilities that are higher than the accuracy, by more than chance."""
    if fit.validation is None:
        return None
    excess = fit.validation.confidence - fit.validation.right
    if not fit.validation.mean(excess) > max(TOO_SURE, fit.validation.noise(excess)):
        return None
    sure, right = (fit.validation.mean(values) for values in (fit.validation.confidence, fit.validation.right))
    evidence = f"on unseen samples the mean probability of the labels is {sure:.0%}, and {right:.0%} of them are right"
    remedy = either(stronger_penalty(fit), "loss=LogLoss(label_smoothing=0.05)", "CalibratedClassifierCV")
    return Finding("overconfident", "The network is overconfident: its probabilities are too high.", evidence, remedy)


def was_falling(fit: Evidence) -> bool:
    """Tell whether the second half of the epochs lowered the watched loss by an amount that matters."""
    begin, half, end = fit.milestones
    return bool(half - end > max(PAYS * min(half, begin - end), MATTERS * fit.guessing))


def what_is_missing(fit: Evidence) -> str | None:
    """Return the evidence that the network has learned less than the training samples allow, or None."""
    blind = fit.guessing if fit.training is None else fit.training.constant_loss()
    if fit.loss > NOTHING * blind:
        return f"the loss is {fit.loss:.4g}; the same answer for every sample has {blind:.4g}"
    if fit.training is None:
        return None
    right, sure = fit.training.mean(fit.training.right), fit.training.mean(fit.training.confidence)
    if right - sure > TIMOROUS:
        return f"{right:.0%} of the training samples are classified correctly, with a mean probability of {sure:.0%}"
    if right < 1 - BEATEN and fit.training.neighbours_right - right > BEATEN:
        vote = f"the vote of each one's {NEIGHBOURS} nearest neighbours would do so with"
        vote = f"{vote} {fit.training.neighbours_right:.0%}"
        return f"{right:.0%} of the training samples are classified correctly; {vote}"
    return None


def numbers(values: np.ndarray) -> str:
    """Return numbers as text, to two digits."""
    return ", ".join(f"{float(f'{value:.2g}'):g}" for value in values)


Ailment = Callable[[Evidence], Finding | None]

AILMENTS: tuple[Ailment, ...] = (
    unscaled_features,
    exploding_gradients,
    rate_too_high,
    vanishing_gradients,
    dead_units,
    saturated_units,
    rate_too_low,
    overfitting,
    stopped_too_soon,
    majority_class,
    underfitting,
    overconfident,
)
OF_ERRORS: tuple[Ailment, ...] = (unscaled_features, diverged)  # for an error, which leaves no fitted classifier
