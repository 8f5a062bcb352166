"""The version of the package in a saved estimator."""

import inspect
import warnings
from typing import Any

from .._version import __version__


def with_version(state: dict[str, Any]) -> dict[str, Any]:
    """Return the state of an estimator with the version of the package, to be saved."""
    return state | {"_skbackprop_version": __version__}


def completed(estimator: Any, state: Any) -> tuple[dict[str, Any], str | None]:
    """Return a saved state, with defaults for parameters that it lacks, and the version that wrote it.

    Raises
    ------
    ValueError
        If the state lacks parameters and has no version, so it is not that of an estimator of this package.
    """
    state, kind = dict(state) if isinstance(state, dict) else {}, type(estimator)
    version, parameters = state.pop("_skbackprop_version", None), inspect.signature(kind).parameters
    missing = [name for name in estimator._get_param_names() if name not in state]
    if missing and version is None:
        whole = f"The file does not hold a whole {kind.__name__}: it lacks {missing}"
        raise ValueError(f"{whole}. Save the model again.")
    return state | {name: parameters[name].default for name in missing}, version


def warn_of_version(estimator: Any, version: str | None) -> None:
    """Warn, from ``__setstate__``, if another version wrote a file."""
    if version not in (None, __version__):
        kind = type(estimator).__name__
        saved = f"This {kind} was saved by version {version} of skbackprop and is loaded by {__version__}"
        warnings.warn(f"{saved}: check that it predicts what it did there.", stacklevel=3)
