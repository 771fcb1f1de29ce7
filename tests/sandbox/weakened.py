"""Zygotes on a machine whose kernel refuses this or that: what a `Worker` runs instead of the real entry."""

import errno

from cwm_engine.sandbox import hardening, zygote


def without_seccomp(control):
    hardening.install_filter = _refuse
    zygote.main(control)


def without_landlock(control):
    hardening.create_ruleset = _refuse
    zygote.main(control)


def without_either(control):
    hardening.install_filter = hardening.create_ruleset = _refuse
    zygote.main(control)


def hanging(control):
    """A zygote that never gets ready."""
    zygote.set_up = lambda *_: zygote.signal.pause()
    zygote._SECONDS_TO_START = 1
    zygote.main(control)


def _refuse(*arguments):
    raise OSError(errno.EPERM, "not on this machine")
