"""What a file tells of the version that wrote it."""

import inspect
import warnings
from typing import Any

from .._version import __version__


def with_version(state: dict[str, Any]) -> dict[str, Any]:
    """Return the state of an estimator as it is saved."""
    return state | {"_skbackprop_version": __version__}


def completed(estimator: Any, state: Any) -> tuple[dict[str, Any], str | None]:
    """Return a saved state with the defaults of parameters that are newer than it, and the version that wrote it.

    Raises
    ------
    ValueError
        If the state lacks parameters and tells no version, so that it is none of ours.
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
        warnings.warn(f"This {kind} is of version {version}, not {__version__}: compare predictions.", stacklevel=3)
