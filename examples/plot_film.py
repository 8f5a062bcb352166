"""
A film: the boundary and the hidden units as they form
======================================================

Two half moons, and a network of six hidden units that learns to tell them apart. The film shows the probability on the
whole plane, and what each hidden unit makes of the plane, epoch by epoch.
"""

# %%
# Training by hand, with Adam on all samples; the weights of every frame are kept. The early frames lie close together,
# since that is when most happens.

# sphinx_gallery_capture_repr = ("_repr_html_",)
import numpy as np
from sklearn.datasets import make_moons

from skbackprop import Network

X, y = make_moons(200, noise=0.12, random_state=0)
X = X - X.mean(axis=0)
net = Network([2, 6, 1], activation="tanh", random_state=9)
frames = sorted({int(epoch) for epoch in np.geomspace(1, 501, 36) - 1})
thetas, losses = [], []
for epoch in range(frames[-1] + 1):
    cache = net.forward(X)
    losses.append(net.loss(cache, y))
    if epoch in frames:
        thetas.append(net.theta.copy())
    net.update(net.backward(cache, y), learning_rate=0.05, solver="adam")
print(
    f"{len(frames)} frames; loss {losses[0]:.3f} in the first, {losses[-1]:.3f} in the last"
)

# %%
# A frame is one forward pass over a grid of points: ``cache.A[1]`` holds the hidden units, ``cache.A[2]`` the
# probability. A hidden unit is tanh of a weighted sum, so each sees the plane in stripes; the white stripe is where it
# changes sign. The number above it is its weight in the output. On the black line the probability is one half.
#
# First all weights in the output are small; then the boundary is nearly straight and the loss stands still for some
# fifty epochs; and then a few units turn away from the others and bend it. (In a script, leave ``plt.close`` out:
# ``plt.show()`` plays the film.)

import matplotlib.pyplot as plt
from matplotlib.animation import FuncAnimation
from matplotlib.colors import LinearSegmentedColormap

extent = -2.1, 2.1, -1.4, 1.4
shape = 80, 120
grid = np.stack(
    np.meshgrid(np.linspace(*extent[:2], 120), np.linspace(*extent[2:], 80)),
    axis=-1,
).reshape(-1, 2)
fig = plt.figure(figsize=(7.5, 3.3), dpi=72, layout="constrained")
left, right = fig.subfigures(1, 2, width_ratios=(1.3, 1))
axes = [left.subplots(), *right.subplots(3, 2).flat]
pale = ["#6f8fbf", "white", "#c9737b"]  # the points are darker
blues_and_reds = LinearSegmentedColormap.from_list("pale", pale, 17)
looks = {
    "cmap": blues_and_reds,
    "vmin": -1,
    "vmax": 1,
    "extent": extent,
    "origin": "lower",
    "interpolation": "nearest",
}
images = [ax.imshow(np.zeros(shape), **looks) for ax in axes]
axes[0].scatter(
    *X.T,
    c=np.where(y, "darkred", "navy"),
    s=14,
    edgecolors="white",
    linewidths=0.5,
)
for ax in axes:
    ax.set(xticks=(), yticks=())
boundary = []


def draw(k):
    """Draw frame k."""
    net.theta = thetas[k]
    cache = net.forward(grid)
    P, units = (
        cache.A[2].reshape(shape),
        [unit.reshape(shape) for unit in cache.A[1].T],
    )
    for image, values in zip(images, [2 * P - 1, *units], strict=True):
        image.set_data(values)
    axes[0].set_title(
        f"epoch {frames[k]}: loss {losses[frames[k]]:.3f}, accuracy {net.score(X, y):.2f}",
        fontsize=10,
    )
    for ax, weight in zip(axes[1:], net.W[1][:, 0], strict=True):
        ax.set_title(f"weight {weight:+.1f}", fontsize=9)
    for line in boundary:
        line.remove()
    boundary[:] = [axes[0].contour(P, [0.5], colors="black", extent=extent)]


draw(0)
fig.draw_without_rendering()
fig.set_layout_engine("none")  # found once, not anew in each frame
assert np.ptp(losses[20:70]) < 0.03
film = FuncAnimation(fig, draw, frames=len(frames), interval=200)
plt.close(fig)  # its last frame would stand beside the player
plt.rcParams["animation.html"] = "jshtml"  # the player, which Jupyter has too
film

# %%
# Six lines make a boundary
# -------------------------
#
# The last frame once more, with the line of each hidden unit, where it changes sign, as wide as its weight in the
# output is large. The boundary runs along a line where one unit decides, and bends where another takes over.

fig, ax = plt.subplots(figsize=(6, 4), layout="constrained")
net.theta = thetas[-1]
cache = net.forward(grid)
ax.imshow(2 * cache.A[2].reshape(shape) - 1, **looks)
ax.contour(cache.A[2].reshape(shape), [0.5], colors="black", extent=extent)
for j, (unit, weight) in enumerate(
    zip(cache.Z[0].T, net.W[1][:, 0], strict=True)
):
    lines = ax.contour(
        unit.reshape(shape),
        [0],
        colors=[f"C{j}"],
        linewidths=abs(weight) / 2,
        extent=extent,
    )
ax.scatter(
    *X.T,
    c=np.where(y, "darkred", "navy"),
    s=14,
    edgecolors="white",
    linewidths=0.5,
)
ax.set(xticks=(), yticks=())

assert net.score(X, y) == 1.0
plt.show()
