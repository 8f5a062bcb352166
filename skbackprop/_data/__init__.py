"""From what a user gives to what a network is trained on: checked samples, encoded labels, weights and splits."""
