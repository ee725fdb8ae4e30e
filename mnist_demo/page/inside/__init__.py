"""The lens "Inside": what happens between a digit and the answer."""
