"""A job module that breaks, in the zygote, what shuts children in."""

from cwm_engine.sandbox import hardening


def prepare(inputs, shared):
    """Runs after the layers have been tried."""
    hardening.install_filter = None
