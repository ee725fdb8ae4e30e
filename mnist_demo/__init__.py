"""Draw a digit, see what two small convolutional networks make of it, live.

Read in this order: `models` (the two networks), `data` (MNIST, resident), `drawing` (a sketch becomes a digit),
`strokes`, `scribbles` and `distort` (the drawings that MNIST has little of), `recipes`, `train` and `evaluate` (how the
networks learn and what they are worth), `weights` (the file in between), `predict` (ink in, probabilities out),
`page` (what a person sees).
"""
