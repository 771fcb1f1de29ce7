"""The life of a server: it starts in several ways, and ends with its editor whatever happens to that."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from tests.lsp.wire import Wire, all_end, descendants

STUCK = "        sum(range(10**12))\n        return"


@pytest.fixture
def wire():
    """A server over its standard streams."""
    with Wire() as wire:
        yield wire


@pytest.fixture
def busy(wire, project):
    """A server with a check going on that will take long."""
    wire.enter()
    wire.open(project.model, project.text)
    wire.state("complete")
    text = project.text.replace("        return", STUCK)
    change = {"textDocument": {"uri": project.uri, "version": 2}, "contentChanges": [{"text": text}]}
    wire.notify("textDocument/didChange", change)
    wire.state("checking")
    return wire


def test_an_orderly_end_is_a_success_and_leaves_no_process(busy):
    below = descendants(busy.process.pid)
    assert below
    assert busy.end() == 0
    assert all_end(below)


def test_an_end_without_shutdown_is_a_failure(wire):
    wire.enter()
    wire.notify("exit")
    assert wire.process.wait(60) == 1


def test_the_end_of_its_input_ends_it_and_its_workers(busy):
    below = descendants(busy.process.pid)
    busy.process.stdin.close()
    assert busy.process.wait(60) == 1
    assert all_end(below)


def test_workers_and_sandboxes_end_with_a_server_that_is_killed(busy):
    below = descendants(busy.process.pid)
    os.kill(busy.process.pid, signal.SIGKILL)
    busy.process.wait(60)
    assert all_end(below)


@pytest.mark.parametrize("told", ["on the command line", "by initialize"])
def test_it_ends_with_the_process_it_is_told_of(told):
    with subprocess.Popen(["sleep", "600"]) as parent:
        arguments = ["--stdio", "--clientProcessId", str(parent.pid)] if told == "on the command line" else []
        try:
            with Wire(*arguments) as wire:
                wire.enter(None if arguments else parent.pid)
                wire.request("workspace/executeCommand", {"command": "none"})
                parent.kill()
                parent.wait()
                assert wire.process.wait(60) == 1
        finally:
            parent.kill()


def test_it_ends_at_once_if_its_editor_has_ended_already():
    with subprocess.Popen([sys.executable, "-c", "pass"]) as parent:
        parent.wait()
    with Wire("--stdio", "--clientProcessId", str(parent.pid)) as wire:
        wire.notify("initialized", {})
        wire.write(
            '{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": {}, "processId": null}}'
        )
        wire.notify("initialized", {})
        assert wire.process.wait(60) == 1


def test_a_script_can_drive_it_over_its_streams_with_nothing_else(wire, project):
    wire.enter()
    wire.open(project.model, project.wrong)
    told = wire.until(lambda message: message.get("method") == "textDocument/publishDiagnostics")
    assert told["params"]["diagnostics"][0]["code"] == "CWM201"
    assert wire.state("complete")["accuracy"] == 1 / 3


def test_it_serves_one_client_over_a_socket(project):
    with Wire("--tcp") as server:
        line = server.process.stderr.readline().decode()
        host, _, port = line.rpartition(" ")[2].strip().rpartition(":")
        with socket.create_connection((host, int(port))) as connection:
            body = json.dumps(
                {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": {}, "processId": None}}
            )
            connection.sendall(f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
            assert connection.recv(1 << 16).startswith(b"Content-Length")
        assert server.process.wait(60) == 1


def test_streams_and_a_socket_at_once_are_refused():
    with Wire("--stdio", "--tcp") as server:
        assert server.process.wait(60) == 2


# What cannot be read


def test_a_request_whose_parameters_make_no_sense_is_answered(wire):
    wire.enter()
    answer = wire.request("textDocument/hover", {"textDocument": 3})
    assert answer["error"]["code"] == -32602
    assert "data" not in answer["error"]
    assert wire.end() == 0


def test_an_unknown_request_is_answered(wire):
    wire.enter()
    assert wire.request("cwm/dance")["error"]["code"] == -32601
    assert wire.request("workspace/executeCommand", {"command": "cwm.dance"})["error"]["code"] == -32602


@pytest.mark.parametrize(
    "body",
    ["", "nonsense", "[]", "7", "{}", '{"jsonrpc": "2.0"}', '{"jsonrpc": "2.0", "method": 5}', b"\xff\xfe", '"text"'],
)
def test_what_is_no_message_is_passed_over(wire, body):
    wire.enter()
    wire.write(body)
    wire.notify("$/setTrace", {"value": "a little"})
    wire.notify(
        "textDocument/didChange", {"textDocument": {"uri": "file:///none.py", "version": 2}, "contentChanges": []}
    )
    assert wire.request("cwm/check", {"uri": "file:///none.py"})["error"]["code"] == -32803
    assert wire.end() == 0


def test_an_edit_that_comes_after_its_file_was_closed_is_no_error(project):
    with Wire() as wire:
        wire.enter()
        wire.open(project.model, project.text)
        wire.notify("textDocument/didClose", {"textDocument": {"uri": project.uri}})
        change = {"textDocument": {"uri": project.uri, "version": 2}, "contentChanges": [{"text": project.wrong}]}
        wire.notify("textDocument/didChange", change)
        assert wire.end() == 0
        assert b"ERROR" not in wire.process.stderr.read()


def test_the_log_tells_nothing_of_programs_and_settings(project):
    with Wire() as wire:
        wire.enter()
        wire.open(project.model, f"PASSWORD = 'swordfish'\n{project.wrong}")
        wire.state("complete")
        wire.request("textDocument/hover", {"textDocument": "swordfish"})
        wire.write("swordfish")
        assert wire.end() == 0
        assert b"swordfish" not in wire.process.stderr.read()


def test_starting_up_imports_nothing_that_only_checks_need():
    heavy = {"numpy", "pydantic", "gymnasium", "scipy", "openai", "rich", "libcst", "typer"}
    code = (
        "import sys; sys.argv[1:] = ['serve', '--stdio', '--clientProcessId=1']\n"
        "import cwm_server.app as app; app.serve = lambda **_: app.CwmServer() and 0\n"
        f"from cwm_engine.cli.main import main\ntry: main()\nfinally: print(sorted({heavy!r} & set(sys.modules)))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"
