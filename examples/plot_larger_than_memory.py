"""
A table larger than memory
==========================

``partial_fit`` trains on one piece of a table at a time. This example writes a table to a file piece by piece, and
reads it back piece by piece through a memory map. It never has more than one piece in memory, apart from the last one,
which is kept for testing. (The file is small, so the example runs in seconds. With a thousand pieces the code is the
same.)
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
# First the scaler computes its means, also piece by piece. Then the network trains for a few passes, each with the
# pieces in another order. Within a piece, ``partial_fit`` shuffles the samples itself. The last piece is held out for
# testing.

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
# The left panel shows the mean loss of each piece, with the loss of a mini-batch computed before its update. The right
# panel shows the accuracy on the held-out piece. A dotted line marks the end of a pass.

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
# If the table is a single memory-mapped array, you need none of this. ``fit`` does not copy X, and gathers the samples
# of one mini-batch at a time. X must have the dtype float32 or float64, and it must already be scaled.

small = TwoLayerClassifier(64, batch_size=128, learning_rate=3e-3, max_iter=2, n_iter_no_change=None,
                           early_stopping=False, random_state=0)  # fmt: skip
np.save(folder / "scaled.npy", scaler.transform(X[: 4 * PIECE]))
small.fit(np.load(folder / "scaled.npy", mmap_mode="r"), y[: 4 * PIECE])
print(f"two epochs on a memory map: accuracy {small.score(X_kept, y_kept):.3f}")
assert accuracies[-1] > 0.95
assert small.score(X_kept, y_kept) > 0.8
plt.show()
