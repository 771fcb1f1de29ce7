"""What every test shares."""

from hypothesis import settings

# Machines are busy: how long an example takes is never a verdict.
settings.register_profile("project", settings(), deadline=None)
settings.load_profile("project")
