"""Files that trajectories are kept in: the store, its cache, and formats to exchange them."""
