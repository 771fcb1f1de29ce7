"""A host under attack: sets out canaries, runs every attack in a child, and prints as JSON what became of each."""

import json
import multiprocessing
import os
import select
import shutil
import socket
import sys
import tempfile
from pathlib import Path

import numpy as np

from cwm_engine.sandbox import ChildDied, Limits, SharedArrays, Zygote
from cwm_engine.sandbox.program import load_program
from tests.sandbox.attacks import ATTACKS, TOOLS, Attack, Expect, native_names

PATIENCE = 10.0
SHORT = 0.25
CANARIES = {
    ".env": "sk-in-the-workspace",
    "project.txt": "precious",
    ".ssh/id": "sk-of-the-user",
    "secret_module.py": "",
}
OUTCOMES = np.full((1000, 3), 123456.789)


class Surroundings:
    """What an attack could reach; `damage` tells what it did reach."""

    def __init__(self):
        self.workspace = Path(tempfile.mkdtemp(prefix="cwm-attacked-"))
        (self.workspace / ".ssh").mkdir()
        for name, content in CANARIES.items():
            (self.workspace / name).write_text(content)
        self.stream = socket.create_server(("127.0.0.1", 0))
        self.port = self.stream.getsockname()[1]
        self.datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.datagrams.bind(("127.0.0.1", self.port))
        self.named = socket.socket(socket.AF_UNIX)
        self.named.bind(str(self.workspace / "socket"))
        self.abstract = socket.socket(socket.AF_UNIX)
        self.abstract.bind(f"\0cwm-attacked-{os.getpid()}")
        self.names = {
            "WORKSPACE": str(self.workspace),
            "PORT": self.port,
            "ABSTRACT": f"cwm-attacked-{os.getpid()}",
            "SERVER": os.getpid(),
        }
        for listener in (self.named, self.abstract):
            listener.listen()
        self.listing = self._listing()

    def damage(self):
        found = [name for name, content in CANARIES.items() if self._content(name) != content]
        found += sorted(self._listing() ^ self.listing)
        listeners = [self.stream, self.datagrams, self.named, self.abstract]
        found += [f"a call on {listener}" for listener in select.select(listeners, [], [], 0)[0]]
        return found

    def close(self):
        for listener in (self.stream, self.datagrams, self.named, self.abstract):
            listener.close()
        shutil.rmtree(self.workspace)

    def _content(self, name):
        path = self.workspace / name
        return path.read_text() if path.exists() else None

    def _listing(self):
        places = [self.workspace, *(Path(place) for place in ("/tmp", "/dev/shm"))]
        return {str(path) for path in self.workspace.rglob("*")} | {
            str(path) for place in places for path in place.glob("cwm-attack-*")
        }


def run(zygote, attack: Attack, surroundings: Surroundings):
    """Run one attack in a child; how it ended, in the words of `Expect`."""
    with zygote.take() as child:
        try:
            child.send({"job": "tests.sandbox.jobs:attack", "source": attack.source, "names": surroundings.names})
            answer = child.receive(SHORT if Expect.KILLED in attack.expect else PATIENCE)
            if answer is None:
                death = child.kill()
                return {"end": "KILLED", "line": death.line}
        except ChildDied as death:
            return {"end": "DIES", "kind": death.kind, "reason": death.reason, "line": death.line}
        match answer.data:
            case {"raised": error} | {"error": error}:
                return {"end": "REFUSED" if error["forbidden"] else "RAISES", "error": error}
            case {"effect": None}:
                return {"end": "NOTHING"}
            case {"effect": effect}:
                return {"end": "WORKS", "effect": effect}
            case _:
                return {"end": "CLAIMS"}


def run_unprotected(attack: Attack, surroundings: Surroundings):
    """Whether an attack has an effect in a plain forked process."""
    parent, child = multiprocessing.get_context("fork").Pipe()
    process = os.fork()
    if process == 0:
        try:
            os.chdir(surroundings.workspace)
            os.dup2(os.open(os.devnull, os.O_RDWR), 2)
            sys.setrecursionlimit(1000)
            effect = load_program(attack.source, namespace=native_names() | surroundings.names).get("effect")
            child.send_bytes(b"effect" if effect else b"none")
        except BaseException as error:  # noqa: BLE001
            child.send_bytes(f"{type(error).__name__}: {error}".encode())
        os._exit(0)
    answer = parent.recv_bytes().decode() if parent.poll(PATIENCE) else "no answer"
    os.waitpid(process, 0)
    parent.close()
    child.close()
    return answer


def main(mode):
    answers = {}
    if mode == "unprotected":
        for attack in ATTACKS:
            if attack.bites:
                surroundings = Surroundings()
                answers[attack.name] = run_unprotected(attack, surroundings)
                surroundings.close()
        print(json.dumps({"answers": answers}))
        return
    surroundings = Surroundings()
    numbers = np.arange(10.0)
    with (
        SharedArrays.pack({"numbers": numbers}) as inputs,
        Zygote.start(
            inputs=inputs,
            result_bytes=1 << 16,
            preload=TOOLS,
            jobs=["tests.sandbox.jobs"],
            limits=Limits(memory_bytes=256 << 20),
            wrap=mode == "wrapped",
        ) as zygote,
    ):
        for attack in ATTACKS:
            answers[attack.name] = run(zygote, attack, surroundings)
            answers[attack.name]["damage"] = surroundings.damage()
        level, missing = zygote.isolation.level, zygote.missing
    surroundings.close()
    print(json.dumps({"answers": answers, "level": level, "missing": missing, "user": os.geteuid()}))


if __name__ == "__main__":
    main(sys.argv[1])
