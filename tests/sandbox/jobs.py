"""Jobs the tests of the sandbox ask children to do."""

import contextlib
import os
import struct
import sys

from cwm_engine.sandbox.messages import write_all
from cwm_engine.sandbox.program import error_of, load_program
from tests.sandbox.attacks import native_names


def prepare(inputs, shared):
    """Runs once in the zygote: a Python object that children inherit."""
    shared["numbers"] = tuple(inputs["numbers"].tolist()) if "numbers" in inputs else ()
    shared["prepared_in"] = os.getpid()


def warm(context):
    """Runs in every waiting child."""
    context.shared["warmed_in"] = os.getpid()


def echo(context, request, blob):
    """Say back what was asked, and where."""
    context.send({"request": request, "process": os.getpid()}, blob)


def look_around(context, request, blob):
    """Tell what a child has."""
    context.send(
        {
            "numbers": context.shared["numbers"],
            "prepared_here": context.shared["prepared_in"] == os.getpid(),
            "warmed_here": context.shared["warmed_in"] == os.getpid(),
            "meta": context.shared["meta"],
            "environment": dict(os.environ),
            "names": sorted(context.inputs),
            "hash": hash("text"),
            "results": any(context.results),
            "open": [number for number in range(256) if _is_open(number)],
        }
    )


def fill(context, request, blob):
    """Write results and progress, then wait to be asked on."""
    context.results[: len(blob)] = blob
    context.set_progress(request["progress"])
    context.send({"filled": True})
    request, _ = context.receive()
    context.send({"second": request})


def program(context, request, blob):
    """Run a program and tell what became of it."""
    try:
        names = load_program(request["source"], namespace={"progress": context.progress})
        context.send({"answer": names.get("answer"), "printed": context.printed.text})
    except BaseException as error:  # noqa: BLE001
        context.send({"raised": error_of(error), "printed": context.printed.text})


def attack(context, request, blob):
    """Run an attack with everything within its reach, and tell what it got hold of."""

    def send_text(text):
        write_all(context._channel.write, struct.pack("<II", len(text), 0) + text)

    names = native_names() | {"context": context, "send_text": send_text} | request["names"]
    try:
        names = load_program(request["source"], namespace=names)
        context.send({"effect": repr(names["effect"])[:200] if names.get("effect") else None})
    except BaseException as error:  # noqa: BLE001
        context.send({"raised": error_of(error)})


def raise_itself(context, request, blob):
    """A job with a bug."""
    raise KeyError("of the job itself")


def _is_open(number):
    with contextlib.suppress(OSError):
        os.write(number, b"")
        return True
    return False


def busy(context, request, blob):
    """Never answer."""
    sys.setswitchinterval(1)
    while True:
        pass
