"""What was observed: datasets, storage, import and export, recording, data health."""
