"""What turns a user's data into what a network is trained on: encoded labels, weights, splits and tables."""
