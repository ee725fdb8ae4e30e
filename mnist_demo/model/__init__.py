"""The networks: their layers, recipes, weights files, answers, accuracy and explanations."""
