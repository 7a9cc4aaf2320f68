"""Finding better weights, and knowing why they are better."""
