"""The pages that explain a step: numbers, arithmetic and equations, and how they are set as text and as HTML."""
