"""The filter, run through an interpreter of it: exactly the list passes, on either processor."""

import errno
import platform
import struct

import pytest

from cwm_engine.sandbox.seccomp import build_filter
from cwm_engine.sandbox.syscalls import ARCHITECTURES, architecture

ALLOW, REFUSE, ABSENT, KILL = "allow", "refuse", "absent", "kill"
ANSWERS = {
    0x7FFF0000: ALLOW,
    0x00050000 | errno.EPERM: REFUSE,
    0x00050000 | errno.ENOSYS: ABSENT,
    0x80000000: KILL,
}
EVERY_CALL = range(600)


def run(program, number, audit, arguments=(0,) * 6):
    """What the kernel does with a call under a BPF program."""
    data = struct.pack("<IIQ6Q", number, audit, 0, *arguments)
    accumulator = position = 0
    while True:
        code, if_true, if_false, value = struct.unpack_from("<HBBI", program, 8 * position)
        position += 1
        match code:
            case 0x20:
                (accumulator,) = struct.unpack_from("<I", data, value)
            case 0x15:
                position += if_true if accumulator == value else if_false
            case 0x35:
                position += if_true if accumulator >= value else if_false
            case 0x45:
                position += if_true if accumulator & value else if_false
            case 0x06:
                return ANSWERS[value]
            case _:
                raise AssertionError(code)


@pytest.fixture(params=ARCHITECTURES)
def machine(request):
    return ARCHITECTURES[request.param]


def test_exactly_the_listed_calls_pass(machine):
    program = build_filter(machine)
    passing = {number for number in EVERY_CALL if run(program, number, machine.audit) == ALLOW}
    assert passing == {*machine.allowed, *machine.mappings}


def test_memory_passes_unless_it_is_to_be_executable(machine):
    program = build_filter(machine)
    for number in machine.mappings:
        for protection in range(8):
            answer = run(program, number, machine.audit, (0, 4096, protection, 0, 0, 0))
            assert answer == (REFUSE if protection & 4 else ALLOW)


def test_threads_are_refused_in_the_way_that_ends_the_trying(machine):
    """glibc takes another error than "no such call" from clone3 for a broken kernel."""
    assert [run(build_filter(machine), number, machine.audit) for number in machine.absent] == [ABSENT]


def test_a_call_in_another_convention_ends_the_process(machine):
    program = build_filter(machine)
    for number in EVERY_CALL:
        assert run(program, number, 0x40000003) == KILL
        if machine.foreign_from is not None:
            assert run(program, machine.foreign_from + number, machine.audit) == KILL


def test_nothing_on_the_lists_opens_creates_or_reaches_anything():
    """By number on x86-64: open, socket, fork, exec, kill, ptrace, memfd, clone and their kin."""
    listed = {*ARCHITECTURES["x86_64"].allowed, *ARCHITECTURES["x86_64"].mappings}
    assert not listed & {
        2,
        41,
        57,
        58,
        56,
        59,
        62,
        101,
        257,
        319,
        322,
        435,
        425,
        310,
        200,
        234,
        157,
        160,
        32,
        33,
        72,
        47,
    }


def test_other_machines_have_no_table(monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert architecture() is None


def test_a_32_bit_python_has_no_table(monkeypatch):
    """It makes its calls in the convention the filter ends the process for."""
    monkeypatch.setattr(platform, "architecture", lambda: ("32bit", "ELF"))
    assert architecture() is None
