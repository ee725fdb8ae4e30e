"""The lens "Learn": a network is trained for a visitor, and is the visitor's own from its first step on."""
