"""What the displays are made of: what they read of fitted estimators, and what they draw."""
