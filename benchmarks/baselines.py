"""What ours is measured against besides MLPClassifier: a notebook's loop, PyTorch, and the bare matrix products."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def relu(Z: np.ndarray) -> np.ndarray:
    return np.maximum(0, Z)


def relu_slope(Z: np.ndarray) -> np.ndarray:
    return (Z > 0).astype(float)


def sigmoid(Z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-Z))


def cross_entropy(P: np.ndarray, Y: np.ndarray) -> float:
    return -np.mean(Y * np.log(P + 1e-8) + (1 - Y) * np.log(1 - P + 1e-8))


def notebook_loop(X: np.ndarray, y: np.ndarray, units: int, learning_rate: float, epochs: int) -> list[float]:
    """Two layers by full-batch gradient descent, as tutorials write it: plain, with a new array for each result."""
    rng = np.random.RandomState(42)
    Y = y.reshape(-1, 1)
    W1, b1 = rng.randn(X.shape[1], units) * 0.01, np.zeros((1, units))
    W2, b2 = rng.randn(units, 1) * 0.01, np.zeros((1, 1))
    losses, accuracies = [], []
    for epoch in range(epochs):
        Z1 = X @ W1 + b1
        A1 = relu(Z1)
        Z2 = A1 @ W2 + b2
        P = sigmoid(Z2)
        losses.append(cross_entropy(P, Y))

        dZ2 = P - Y
        dW2 = A1.T @ dZ2 / len(X)
        db2 = np.mean(dZ2, axis=0, keepdims=True)
        dA1 = dZ2 @ W2.T
        dZ1 = dA1 * relu_slope(Z1)
        dW1 = X.T @ dZ1 / len(X)
        db1 = np.mean(dZ1, axis=0, keepdims=True)

        W1 -= learning_rate * dW1
        b1 -= learning_rate * db1
        W2 -= learning_rate * dW2
        b2 -= learning_rate * db2
        if epoch % 50 == 0:
            accuracies.append(np.mean((P > 0.5).astype(int) == Y))
    return losses


def torch_loop(
    X: np.ndarray, y: np.ndarray, units: int, batch_size: int, epochs: int, alpha: float, threads: int
) -> Callable[[], None]:
    """Return a function that trains the same network by eager PyTorch with the fused Adam; ImportError without it."""
    import torch

    torch.set_num_threads(threads)
    inputs, targets = torch.from_numpy(X), torch.from_numpy(y.astype(X.dtype)[:, np.newaxis])

    def train() -> None:
        torch.manual_seed(0)
        layers = torch.nn.Linear(X.shape[1], units), torch.nn.ReLU(), torch.nn.Linear(units, 1)
        model = torch.nn.Sequential(*layers).to(inputs.dtype)
        loss_of = torch.nn.BCEWithLogitsLoss()
        optimiser = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=alpha / batch_size, fused=True)
        for _ in range(epochs):
            for rows in torch.randperm(len(inputs)).split(batch_size):
                optimiser.zero_grad()
                loss_of(model(inputs[rows]), targets[rows]).backward()
                optimiser.step()

    return train


def matrix_products(X: np.ndarray, units: int, outputs: int, batch_size: int, epochs: int) -> Callable[[], None]:
    """Return a function that does the matrix products of training and nothing else: no gather, no relu, no update.

    It goes through the batches in order, as they stand in X; no batch is in the cache before its turn, as in training.
    """
    m, n_features = min(batch_size, len(X)), X.shape[1]
    rng = np.random.default_rng(0)

    def normal(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape, X.dtype)

    batches = [X[min(i, len(X) - m) :][:m] for i in range(0, len(X), m)]  # the last one is as long as the others
    W1, W2 = normal(n_features, units), normal(units, outputs)
    A1, Z2, dZ1, dZ2 = normal(m, units), normal(m, outputs), normal(m, units), normal(m, outputs)
    Z1, dA1, dW1, dW2 = np.empty_like(A1), np.empty_like(A1), np.empty_like(W1), np.empty_like(W2)
    A1_T, W2_T = A1.T, W2.T

    def multiply() -> None:
        for _ in range(epochs):
            for B in batches:
                B.dot(W1, Z1)
                A1.dot(W2, Z2)
                A1_T.dot(dZ2, dW2)
                dZ2.dot(W2_T, dA1)
                B.T.dot(dZ1, dW1)

    return multiply
