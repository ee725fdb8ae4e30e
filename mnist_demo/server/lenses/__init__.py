"""The requests of each lens of the page: `gallery` (Read), `inside`, `learn`, `report`."""
