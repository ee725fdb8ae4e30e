"""The lens "Report": how accurate each network is, and the digits that it misreads."""
