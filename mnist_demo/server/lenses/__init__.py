"""What each lens of the page asks the server: `gallery` (Read), `inside`, `learn`, `report`."""
