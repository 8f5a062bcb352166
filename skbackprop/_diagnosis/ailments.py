"""What may be wrong with a fit: a function for each ailment, in the order in which one leads to another.

Each takes the :class:`~skbackprop._diagnosis.evidence.Evidence` and returns a Finding, or None where it sees nothing.
To add one, write the function and put it into AILMENTS at the end of the file, before what it is the cause of.

The limits are round, and each says why. Losses are compared with that of guessing, which is that of equal
probabilities: log 2 for two classes. So they hold for any number of classes and for any loss.
"""

from collections.abc import Callable
from dataclasses import dataclass
from textwrap import fill

import numpy as np

from .evidence import Evidence
from .remedies import default_start, either, lower_rates, stronger_penalty, units
from .view import NEIGHBOURS

WIDTH = 100  # of a page of text

LARGE_GRADIENT = 100.0  # before training; on scaled features, weights that keep the signal's size give about 1
LARGE_LOSS = 10.0  # times the loss of guessing, before training; such weights give about 1
VANISHED = 1e-2  # of the last layer's gradient reaches the first; in networks that learn it is a tenth or more
LEAP = 2.0  # times the loss of guessing, which no step downhill leads to
ROUGH = 0.05  # of the loss, or of that of guessing, by which it rises in an epoch on average; rising is the exception
TIMID = 1e-4  # of the weights' size in one step; 1e-3 is the rule of thumb (Karpathy, cs231n, "babysitting")
MOST = 0.5  # of the units of a layer: half of it would do as well
NEARLY_ALL = 0.9  # of the activations of a layer; a healthy layer has about half of them on the slope
GAP = 0.25  # of the loss of guessing, by which unseen samples are worse: a quarter of all that there is to gain
PAYS = 0.1  # of the loss, or of all that was gained, which the second half of the epochs brought: more promise the like
MATTERS = 0.02  # of the loss of guessing, below which a gain is none
RARE = 0.25  # of the samples of the most frequent class, which at most a rare class has
ENOUGH = 5  # samples of a class; a network that finds half of such samples misses five in a row once in 32 times
OVERLOOKED = 0.1  # of the samples of a class found: next to none
BEATEN = 0.05  # accuracy that nearest neighbours have beyond the network; twice the sampling error of 400 samples
TIMOROUS = 0.2  # accuracy beyond confidence: probabilities that are far too close to equal
TOO_SURE = 0.1  # confidence beyond accuracy: answers given as 95 % certain are right in 85 %
NOTHING = 0.95  # of the loss that the samples need not be looked at for: nothing to speak of has been learned


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a fit.

    Parameters
    ----------
    name : str
        The ailment, to program with: ``"unscaled_features"``.
    what : str
        What is wrong.
    evidence : str
        The numbers that show it.
    remedy : str
        Which parameters to change, and to what; alternatives are joined by ", or ", the likeliest first.

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
    """Features of a size that no scaler leaves; the warning of fit wants a small one beside them."""
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
    """Training that ended in a DivergenceError, whatever the cause."""
    losses = fit.history["loss"]
    evidence = f"the last losses, up to epoch {len(losses)}, were {', '.join(f'{J:.4g}' for J in losses[-3:])}"
    remedy = either(*lower_rates(fit), "solver=SGD(max_grad_norm=1.0)")
    return Finding("diverged", "Training diverged: its steps led uphill, further with each one.", evidence, remedy)


def exploding_gradients(fit: Evidence) -> Finding | None:
    """A signal and gradients that are huge before training, as weights that start too large make them."""
    norms = np.empty(0) if fit.start is None else fit.start.gradient_norms
    if not (norms.max(initial=0.0) > LARGE_GRADIENT or fit.loss_at_start > LARGE_LOSS * fit.guessing):
        return None
    evidence = f"at the start the loss is {fit.loss_at_start:.4g}, where equal probabilities have {fit.guessing:.4g}"
    evidence += f", and the gradient norms of the layers are {numbers(norms)}" if norms.size else ""
    remedy = either("scaled features", "fewer layers") if fit.starts_by_default else "weight_init='auto'"
    what = "The gradients explode: the network starts with weights that make the signal grow from layer to layer."
    return Finding("exploding_gradients", what, evidence, remedy)


def rate_too_high(fit: Evidence) -> Finding | None:
    """A loss that leaps far above that of guessing where it did not begin there, or goes up and down."""
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
    what = "The learning rate is too high: the steps land higher on the other side."
    scaler = None if fit.scale is not None else "make_pipeline(StandardScaler(), ...), if the features are not scaled"
    return Finding("rate_too_high", what, evidence, either(*lower_rates(fit), scaler))


def vanishing_gradients(fit: Evidence) -> Finding | None:
    """Gradients that die out on the way back, and a network that has learned little; zeros are dead units."""
    norms = fit.start.gradient_norms if fit.start is not None else fit.median_gradient_norms
    if len(norms) < 3 or not 0 < norms[:-1].min() < VANISHED * norms[-1] or fit.has_learned:
        return None
    evidence = f"the gradient norms of layers 1 to {len(norms)} are {numbers(norms)}"
    what = "The gradients vanish on the way back: the first layers hardly learn."
    remedy = either("activation='relu', weight_init='auto'", units(fit, fit.units[:2]))
    return Finding("vanishing_gradients", what, evidence, remedy)


def dead_units(fit: Evidence) -> Finding | None:
    """Layers most of whose units are the same for every sample."""
    dead = fit.activations.dead if fit.activations is not None else [fit.dead_in_history]
    if not dead or max(dead) < MOST:
        return None
    where = f"of layer {1 + int(np.argmax(dead))} " if fit.activations is not None else ""
    evidence = f"{max(dead):.0%} of the units {where}give the same for every sample"
    remedy = either(default_start(fit), "activation='leaky_relu'", *lower_rates(fit))
    return Finding("dead_units", "Hidden units are dead: no gradient reaches them any more.", evidence, remedy)


def saturated_units(fit: Evidence) -> Finding | None:
    """Layers whose activations lie where φ is flat."""
    if fit.activations is None or max(fit.activations.saturated, default=0.0) < NEARLY_ALL:
        return None
    worst = int(np.argmax(fit.activations.saturated))
    share, phi = fit.activations.saturated[worst], fit.activations.network.activations[worst]
    evidence = f"{share:.0%} of the activations of layer {1 + worst} are where {phi!r} is flat"
    remedy = either(default_start(fit), "activation='relu'", *lower_rates(fit))
    what = "Hidden units are saturated: hardly any gradient passes through them."
    return Finding("saturated_units", what, evidence, remedy)


def rate_too_low(fit: Evidence) -> Finding | None:
    """Steps that are tiny beside the weights, and a network that has learned little, or was still learning."""
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
    """A loss that is much worse on samples that training has not seen, by more than chance."""
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
    """Training that used up its epochs while they still paid."""
    if not (fit.ended_at_max_iter and was_falling(fit)) or overfitting(fit) is not None:
        return None
    _, half, end = fit.milestones
    which = "validation loss" if fit.held_out_losses.size else "loss"
    lowered = f"the second half of them lowered the {which} from {half:.4g} to {end:.4g}"
    what, remedy = "Training was stopped too soon: the loss was still falling.", f"max_iter={10 * fit.clf.max_iter}"
    return Finding("stopped_too_soon", what, f"all {len(fit.curve)} epochs were used, and {lowered}", remedy)


def majority_class(fit: Evidence) -> Finding | None:
    """A rare class that is next to never predicted."""
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
        f"{np.mean(predicted == counts.argmax()):.0%} of all answers are {most!r}"
    )
    what = "The rare class is overlooked: the answer is nearly always the majority."
    remedy = either("class_weight='balanced'", "a threshold of your own, TunedThresholdClassifierCV")
    return Finding("majority_class", what, evidence, remedy)


def underfitting(fit: Evidence) -> Finding | None:
    """A network that knows less than its training samples tell: their neighbours do better, or it is too unsure."""
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
    """Probabilities that promise more than they keep, by more than chance."""
    if fit.validation is None:
        return None
    excess = fit.validation.confidence - fit.validation.right
    if not fit.validation.mean(excess) > max(TOO_SURE, fit.validation.noise(excess)):
        return None
    sure, right = (fit.validation.mean(values) for values in (fit.validation.confidence, fit.validation.right))
    evidence = f"on unseen samples the mean probability of the answer is {sure:.0%}, and {right:.0%} of them are right"
    remedy = either(stronger_penalty(fit), "loss=LogLoss(label_smoothing=0.05)", "CalibratedClassifierCV")
    return Finding("overconfident", "The probabilities are too sure.", evidence, remedy)


def was_falling(fit: Evidence) -> bool:
    """Tell whether the second half of the epochs lowered the loss that was watched by a part worth having."""
    begin, half, end = fit.milestones
    return bool(half - end > max(PAYS * min(half, begin - end), MATTERS * fit.guessing))


def what_is_missing(fit: Evidence) -> str | None:
    """Return what shows that the training samples tell more than the network has learned."""
    blind = fit.guessing if fit.training is None else fit.training.constant_loss()
    if fit.loss > NOTHING * blind:
        return f"the loss is {fit.loss:.4g}; the same answer for every sample has {blind:.4g}"
    if fit.training is None:
        return None
    right, sure = fit.training.mean(fit.training.right), fit.training.mean(fit.training.confidence)
    if right - sure > TIMOROUS:
        return f"{right:.0%} of the training samples are classified rightly, with a mean probability of only {sure:.0%}"
    if right < 1 - BEATEN and fit.training.neighbours_right - right > BEATEN:
        vote = f"the vote of each one's {NEIGHBOURS} nearest neighbours would do so with"
        return f"{right:.0%} of the training samples are classified rightly; {vote} {fit.training.neighbours_right:.0%}"
    return None


def numbers(values: np.ndarray) -> str:
    """Return numbers in words, to two digits."""
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
OF_ERRORS: tuple[Ailment, ...] = (unscaled_features, diverged)  # where there is no fit to look at
