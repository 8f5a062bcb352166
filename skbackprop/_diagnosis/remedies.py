"""Remedies as keyword arguments of the classifier, made for the parameters that it has."""

from .evidence import Evidence


def either(*remedies: str | None) -> str:
    """Return alternatives in words, without those that are None."""
    return ", or ".join(remedy for remedy in remedies if remedy is not None)


def lower_rates(fit: Evidence) -> list[str]:
    """Return the default learning rate, where it is not used, and a tenth of the one that is, where there is one."""
    if fit.learning_rate is None:
        return []
    is_default = fit.clf is not None and isinstance(fit.clf.learning_rate, str)
    return ["learning_rate='auto'"] * (not is_default) + [f"learning_rate={fit.learning_rate / 10:.2g}"]


def default_start(fit: Evidence) -> str | None:
    """Return the default initial weights, where they are not used."""
    return None if fit.starts_by_default else "weight_init='auto'"


def stronger_penalty(fit: Evidence) -> str:
    """Return ten times the penalty, or the default where there is none."""
    if fit.alpha is None:
        return "a greater alpha"
    return f"alpha={10 * fit.alpha:.2g}" if fit.alpha else "alpha='auto'"


def units(fit: Evidence, sizes: list[int]) -> str:
    """Return the classifier's own parameter for hidden layers of these sizes."""
    one = "hidden_units" in fit.clf.get_params(deep=False)
    return f"hidden_units={sizes[0]}" if one else f"hidden_layer_sizes={tuple(sizes)}"
