"""Is the model right? Prediction against observation: comparison, scores, reports."""
