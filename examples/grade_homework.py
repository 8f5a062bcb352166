"""Grade homework: python grade_homework.py SUBMISSION.py ...

Each file defines a function backward(X, Y, W1, b1, W2, b2) for a network of
tanh units and one sigmoid. It returns the gradients of the mean log loss as a
dictionary with dW1, db1, dW2 and db2, and with any of Z1, A1, Z2, A2, dZ2, dA1
and dZ1 that should be looked at too.

The files run in this process, as this user: look at them first, or do this
where they can do no harm.
"""

import runpy
import sys
import textwrap
from pathlib import Path

import numpy as np

from skbackprop import Network, compare_gradients

REQUIRED = {"dW1", "db1", "dW2", "db2"}
EXAMS = [([2, 3, 1], 4), ([4, 2, 1], 7), ([3, 5, 1], 5)]  # sizes, samples


def grade(backward):
    """Return whether a function is right, and what to say of it."""
    for seed, (sizes, m) in enumerate(EXAMS):
        rng = np.random.RandomState(seed)
        net = Network(sizes, activation="tanh", random_state=rng)
        net.theta = rng.standard_normal(net.theta.size)
        X, Y = rng.standard_normal((m, sizes[0])), rng.randint(0, 2, (m, 1))
        given = X, Y, net.W[0], net.b[0], net.W[1], net.b[1]
        mine = backward(*(array.copy() for array in given))
        comparison = compare_gradients(mine, net, X, Y)
        if not comparison:
            return False, comparison.summary
        if missing := REQUIRED - mine.keys():
            return False, f"Not returned: {', '.join(sorted(missing))}."
    return True, comparison.summary


def grade_file(path):
    """Return the same for the function that a file defines."""
    try:
        return grade(runpy.run_path(str(path))["backward"])
    except (Exception, SystemExit) as error:  # whatever the file does wrong
        return False, f"{type(error).__name__}: {error}"


def main(paths):
    """Print the verdict of each file."""
    for path in map(Path, paths):
        passed, remark = grade_file(path)
        print(f"{path.stem}: {'pass' if passed else 'fail'}")
        print(textwrap.indent(textwrap.fill(remark, 76), "    "))


if __name__ == "__main__":
    main(sys.argv[1:])
