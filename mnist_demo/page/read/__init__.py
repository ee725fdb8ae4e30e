"""The lens "Read": digits of many clients read together (`reader`), and labelled samples (`gallery`)."""
