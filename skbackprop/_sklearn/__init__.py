"""The scikit-learn face: parameters checked, work delegated, fitted attributes assigned."""
