"""The networks, their recipes and weights files, what they answer, how well, and why."""
