"""The scikit-learn interface: it checks parameters, delegates the work, and assigns the fitted attributes."""
