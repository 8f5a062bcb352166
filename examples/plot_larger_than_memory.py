"""
A table larger than memory
==========================

``partial_fit`` trains on one piece of a table at a time. Here a table is written to a file piece by piece, and read
back piece by piece through a memory map; never is more than one piece in memory. (The file is small, so that this runs
in seconds; nothing changes with a thousand pieces.)
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.preprocessing import StandardScaler

from skbackprop import TwoLayerClassifier

PIECE, N_PIECES, N_FEATURES = 5000, 20, 20
folder = Path(tempfile.mkdtemp())
W = np.random.default_rng(0).normal(size=(N_FEATURES, 6))


def make_piece(seed):
    """Return some samples of three classes, which products of features decide."""
    rng = np.random.default_rng(seed)
    scales = np.linspace(1, 50, N_FEATURES)
    X = rng.normal(size=(PIECE, N_FEATURES)) * scales + 10
    H = (X - 10) / scales @ W / np.sqrt(N_FEATURES)
    scores = np.stack(
        [H[:, 0] * H[:, 1], H[:, 2] * H[:, 3], H[:, 4] * H[:, 5]], axis=1
    )
    return X.astype(np.float32), scores.argmax(axis=1)


# %%
# Written in pieces
# -----------------

X = np.lib.format.open_memmap(
    folder / "X.npy", "w+", np.float32, (N_PIECES * PIECE, N_FEATURES)
)
y = np.lib.format.open_memmap(
    folder / "y.npy", "w+", np.int64, (N_PIECES * PIECE,)
)
for k in range(N_PIECES):
    rows = slice(k * PIECE, (k + 1) * PIECE)
    X[rows], y[rows] = make_piece(k)
X.flush(), y.flush()
print(f"{X.nbytes / 1e6:.0f} MB in {N_PIECES} pieces")

# %%
# Read in pieces
# --------------
#
# The scaler learns its means piece by piece too, in a first pass. Then the network takes a few passes, with the pieces
# in another order each time; within a piece, ``partial_fit`` shuffles the samples itself. The last piece is kept to
# look at.

X, y = (
    np.load(folder / "X.npy", mmap_mode="r"),
    np.load(folder / "y.npy", mmap_mode="r"),
)
pieces = [slice(k * PIECE, (k + 1) * PIECE) for k in range(N_PIECES)]
kept = pieces.pop()

scaler = StandardScaler()
for rows in pieces:
    scaler.partial_fit(X[rows])
X_kept, y_kept = scaler.transform(X[kept]), y[kept]

clf = TwoLayerClassifier(
    64, batch_size=128, learning_rate=3e-3, alpha=1e-5, random_state=0
)
order, accuracies = np.random.default_rng(0), []
for _ in range(4):
    for k in order.permutation(len(pieces)):
        clf.partial_fit(
            scaler.transform(X[pieces[k]]), y[pieces[k]], classes=[0, 1, 2]
        )
        accuracies.append(clf.score(X_kept, y_kept))
print(
    f"after {len(accuracies)} pieces: accuracy {accuracies[-1]:.3f} on the kept piece; dtype {clf.coefs_[0].dtype}"
)

# %%
# The loss met in each piece, before the network had seen it in that pass, and the accuracy on the piece that was kept.
# The dotted lines are where a pass ends.

fig, (left, right) = plt.subplots(
    1, 2, figsize=(7.5, 3.6), layout="constrained"
)
left.plot(range(1, len(clf.loss_curve_) + 1), clf.loss_curve_)
left.set(xlabel="pieces", ylabel="loss met")
right.plot(range(1, len(accuracies) + 1), accuracies)
right.set(xlabel="pieces", ylabel="accuracy on the kept piece")
for ax in (left, right):
    for end in range(len(pieces), len(accuracies), len(pieces)):
        ax.axvline(end, color="gray", linestyle=":")

# %%
# A table that fits in memory as a memory map, but not twice, needs none of this: ``fit`` never copies X, whatever it is
# stored as, and gathers the samples of one mini-batch at a time. It must have the right dtype (float32 or float64) and
# have been scaled.

small = TwoLayerClassifier(64, batch_size=128, learning_rate=3e-3, max_iter=2, n_iter_no_change=None,
                           early_stopping=False, random_state=0)  # fmt: skip
np.save(folder / "scaled.npy", scaler.transform(X[: 4 * PIECE]))
small.fit(np.load(folder / "scaled.npy", mmap_mode="r"), y[: 4 * PIECE])
print(f"two epochs on a memory map: accuracy {small.score(X_kept, y_kept):.3f}")
assert accuracies[-1] > 0.95
assert small.score(X_kept, y_kept) > 0.8
plt.show()
