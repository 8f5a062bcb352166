"""A training step allocates no array: what it needs is made once for each number of samples."""

import tracemalloc

import numpy as np
import pytest

from skbackprop import BackpropClassifier
from skbackprop.activations import ACTIVATIONS, Elu, LeakyRelu
from skbackprop.losses import LOSSES, LogLoss
from skbackprop.solvers import SGD

N_SAMPLES, BATCH, UNITS = 2048, 512, 200  # one array of a mini-batch takes 512 x 200 x 8 bytes: 819 kB
LIMIT = 100_000


class Peaks(SGD):
    """Plain gradient descent that notes the most memory that was allocated since its last step."""

    def __init__(self, peaks):
        super().__init__()
        self.peaks = peaks

    def stepper(self, parameters, gradients, state):
        step = super().stepper(parameters, gradients, state)

        def noted(learning_rate):
            step(learning_rate)
            self.peaks.append(tracemalloc.get_traced_memory()[1] - self.before)
            self.begin()

        self.begin()
        return noted

    def begin(self):
        tracemalloc.reset_peak()
        self.before = tracemalloc.get_traced_memory()[0]


def targets(kind, rng):
    if kind == "multilabel":
        return rng.randint(2, size=(N_SAMPLES, UNITS))
    return np.arange(N_SAMPLES) % (2 if kind == "binary" else UNITS)


def peaks_of_steps(kind, hidden, dtype=np.float64, **params):
    """Return the peak of each step but the first, which ends what is made once."""
    rng, peaks = np.random.RandomState(0), []
    X, y = rng.standard_normal((N_SAMPLES, 20)).astype(dtype), targets(kind, rng)
    plain = {"early_stopping": False, "n_iter_no_change": None, "max_iter": 3, "alpha": 1e-4, "random_state": 0}
    clf = BackpropClassifier(hidden, batch_size=BATCH, solver=Peaks(peaks), learning_rate=1e-3, **(plain | params))
    tracemalloc.start()
    try:
        clf.fit(X, y)
    finally:
        tracemalloc.stop()
    assert len(peaks) == 3 * N_SAMPLES // BATCH
    return peaks[1:]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("activation", [*sorted(ACTIVATIONS), LeakyRelu(2.0), Elu(0.5)], ids=str)
def test_a_step_of_an_activation_allocates_no_array(activation, dtype):
    assert max(peaks_of_steps("binary", (UNITS,), dtype, activation=activation)) < LIMIT


@pytest.mark.parametrize("kind", ["multiclass", "multilabel"])
@pytest.mark.parametrize("loss", [*sorted(LOSSES), LogLoss(label_smoothing=0.1)], ids=str)
@pytest.mark.parametrize("hidden", [(), (5,)])
def test_a_step_of_a_loss_and_a_link_allocates_no_array(hidden, loss, kind):
    assert max(peaks_of_steps(kind, hidden, loss=loss)) < LIMIT


def test_the_measurement_sees_an_array():
    class Wasteful(type(ACTIVATIONS.resolve("tanh"))):
        def value(self, Z, out):
            out[...] = np.tanh(Z)
            return out

    assert max(peaks_of_steps("binary", (UNITS,), activation=Wasteful())) > 8 * BATCH * UNITS
