"""What recording needs: environments by name, policies, and where episodes start."""
