"""The pages that explain a network: numbers in words and arithmetic, and how they are set as text and as HTML."""
