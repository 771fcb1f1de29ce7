"""What every test shares."""

import signal

from hypothesis import settings

# Machines are busy: how long an example takes is never a verdict.
settings.register_profile("project", settings(), deadline=None)
settings.load_profile("project")

# A shell that starts the tests in the background has them ignore Ctrl-C, and so would every program they start.
signal.signal(signal.SIGINT, signal.default_int_handler)
