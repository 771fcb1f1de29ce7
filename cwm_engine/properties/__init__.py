"""Properties: statements about a model that must hold on states nobody has recorded."""
