"""Programs that try to get out, at other people's things, at the answers, or at the host.

Each sets `effect` when it believes it got what it came for. They see everything the child has loaded, with no
import guard in the way: what has to stop them is the kernel. Names they are given: `WORKSPACE` (a folder
with canaries), `PORT` (somebody listens there), `ABSTRACT` (a socket without a file), `SERVER` (the host's process id).
"""

import platform
from dataclasses import dataclass
from enum import Enum


class Expect(Enum):
    """What must become of an attack; in no case may it have an effect."""

    REFUSED = "an exception that is known to be the sandbox's"
    RAISES = "an exception"
    KILLED = "the wall clock ends it"
    DIES = "the process dies"
    CLAIMS = "the host gets an answer that means nothing"
    NOTHING = "it runs to its end and has got nothing"
    WORKS = "it is no attack and must work"


@dataclass(frozen=True)
class Attack:
    """One program.

    `bites` says that, run without a sandbox, it does have an effect and harms nobody, which a test makes sure of.
    """

    name: str
    expect: Expect
    source: str
    bites: bool = False


NATIVE = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def call(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return True
"""

CONTEXT = """
import sys
frame = sys._getframe()
while "context" not in frame.f_locals:
    frame = frame.f_back
context = frame.f_locals["context"]
"""

R, KILLED, DIES, CLAIMS = Expect.REFUSED, Expect.KILLED, Expect.DIES, Expect.CLAIMS
NOTHING, WORKS, RAISES = Expect.NOTHING, Expect.WORKS, Expect.RAISES

FILES = [
    Attack("read the password file", R, "effect = open('/etc/passwd').read()", True),
    Attack("read the project's secrets", R, "effect = open(WORKSPACE + '/.env').read()", True),
    Attack("read a key in the home folder", R, "effect = open(WORKSPACE + '/.ssh/id').read()", True),
    Attack("read through pathlib", R, "import pathlib; effect = pathlib.Path(WORKSPACE, '.env').read_bytes()", True),
    Attack("read as an import", RAISES, "import sys; sys.path.insert(0, WORKSPACE); import secret_module; effect = True",
           True),
    Attack("read with numpy", R, "import numpy; effect = numpy.fromfile(WORKSPACE + '/.env', dtype='u1').tobytes()", True),
    Attack("list the root folder", R, "import os; effect = os.listdir('/')", True),
    Attack("learn whether a file exists", R, "import os; effect = os.stat('/etc/passwd').st_size", True),
    Attack("learn where it is", R, "import os; effect = os.getcwd()", True),
    Attack("follow the links of its own descriptors", R, "import os; effect = os.readlink('/proc/self/exe')", True),
    Attack("write to the temporary folder", R, "open('/tmp/cwm-attack-tmp', 'w').write('x'); effect = True"),
    Attack("write to shared memory", R, "open('/dev/shm/cwm-attack-shm', 'w').write('x'); effect = True"),
    Attack("overwrite a project file", R, "open(WORKSPACE + '/project.txt', 'w').write('x'); effect = True"),
    Attack("delete a project file", R, "import os; os.unlink(WORKSPACE + '/project.txt'); effect = True"),
    Attack("rename a project file", R,
           "import os; os.rename(WORKSPACE + '/project.txt', WORKSPACE + '/x'); effect = True"),
    Attack("empty a project file", R, "import os; os.truncate(WORKSPACE + '/project.txt', 0); effect = True"),
    Attack("change rights of a project file", R, "import os; os.chmod(WORKSPACE + '/project.txt', 0o777); effect = True"),
    Attack("make a folder", R, "import os; os.mkdir(WORKSPACE + '/new'); effect = True", True),
    Attack("make a link", R, "import os; os.symlink('/etc/passwd', WORKSPACE + '/link'); effect = True", True),
    Attack("make a fifo", R, "import os; os.mkfifo(WORKSPACE + '/fifo'); effect = True", True),
    Attack("fill the disk", R, "open('big', 'wb').write(bytes(64 << 20)); effect = True"),
    Attack("make a temporary file", RAISES, "import tempfile; effect = tempfile.TemporaryFile()", True),
]  # fmt: skip

NETWORK = [
    Attack("connect by TCP", R, "import socket; effect = socket.create_connection(('127.0.0.1', PORT), 1)", True),
    Attack("send by UDP", R,
           "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
           "effect = s.sendto(b'x', ('127.0.0.1', PORT))", True),
    Attack("connect to a socket in a folder", R,
           "import socket; s = socket.socket(socket.AF_UNIX); s.connect(WORKSPACE + '/socket'); effect = True", True),
    Attack("connect to an abstract socket", R,
           "import socket; s = socket.socket(socket.AF_UNIX); s.connect('\\0' + ABSTRACT); effect = True", True),
    Attack("listen", R, "import socket; effect = socket.create_server(('127.0.0.1', 0))", True),
    Attack("make a pair of sockets", R, "import socket; effect = socket.socketpair()", True),
    Attack("ask for a name", RAISES, "import socket; effect = socket.getaddrinfo('localhost', 80)", True),
    Attack("open a page", RAISES, "import urllib.request; effect = urllib.request.urlopen(f'http://127.0.0.1:{PORT}/')"),
    Attack("make a socket without Python", R, NATIVE + "effect = call(libc.socket(2, 1, 0))", True),
]  # fmt: skip

PROCESSES = [
    Attack("run a program", R, "import subprocess; subprocess.run(['/bin/true'], check=True); effect = True", True),
    Attack("run a shell", NOTHING, "import os; effect = os.system('true') == 0", True),
    Attack("become another program", R, "import os; os.execv('/bin/true', ['true'])"),
    Attack("spawn a program", R, "import os; effect = os.posix_spawn('/bin/true', ['true'], {})", True),
    Attack("fork", R, "import os\npid = os.fork()\nif pid == 0: os._exit(0)\nos.waitpid(pid, 0); effect = True", True),
    Attack("fork without end", R, "import os, time\nfor _ in range(200):\n  if os.fork() == 0: time.sleep(1); os._exit(0)\n"
           "effect = True"),
    Attack("start a process through multiprocessing", R,
           "import multiprocessing; p = multiprocessing.get_context('fork').Process(target=print); p.start(); p.join()\n"
           "effect = True", True),
    Attack("start a thread", R, "import threading; t = threading.Thread(target=print); t.start(); effect = True", True),
    Attack("start threads without end", R,
           "import threading, time\nfor _ in range(200): threading.Thread(target=time.sleep, args=(.3,)).start()\n"
           "effect = True"),
    Attack("signal the parent", R, "import os; os.kill(os.getppid(), 0); effect = True", True),
    Attack("kill the parent", R, "import os; os.kill(os.getppid(), 9); effect = True"),
    Attack("signal the host", R, "import os; os.kill(SERVER, 0); effect = True", True),
    Attack("kill everything", R, "import os; os.kill(-1, 9); effect = True"),
    Attack("kill its group", R, "import os; os.kill(0, 9); effect = True"),
    Attack("become root", R, "import os; os.setuid(0); effect = True"),
    Attack("raise its own limits", RAISES,
           "import resource; resource.setrlimit(resource.RLIMIT_AS, (-1, -1)); effect = True", True),
    Attack("read its limits away", R, "import resource; effect = resource.getrlimit(resource.RLIMIT_AS)", True),
]  # fmt: skip

SECRETS = [
    Attack("read a key from the environment", RAISES, "import os; effect = os.environ['OPENAI_API_KEY']", True),
    Attack("find any key in the environment", NOTHING,
           "import os; effect = [v for v in os.environ.values() if 'sk-' in v]", True),
    Attack("read the environment it was started with", R,
           "text = open('/proc/self/environ').read(); assert 'sk-' in text; effect = text"),
    Attack("read the host's environment", R,
           "text = open(f'/proc/{SERVER}/environ').read(); assert 'sk-' in text; effect = text", True),
    Attack("read the parent's memory", R, "import os\nplace = open(f'/proc/{os.getppid()}/maps').readline()\n"
           "memory = open(f'/proc/{os.getppid()}/mem', 'rb'); memory.seek(int(place.split('-')[0], 16))\n"
           "effect = memory.read(16)"),
    Attack("read the host's memory", R, NATIVE +
           "class Part(ctypes.Structure): _fields_ = [('base', ctypes.c_void_p), ('length', ctypes.c_size_t)]\n"
           "here = ctypes.create_string_buffer(8); mine = Part(ctypes.addressof(here), 8); theirs = Part(id(None), 8)\n"
           "effect = call(libc.process_vm_readv(SERVER, ctypes.byref(mine), 1, ctypes.byref(theirs), 1, 0))"),
    Attack("debug the host", R, NATIVE + "effect = call(libc.ptrace(0x4206, SERVER, None, None))"),
    Attack("find the outcomes in its memory", NOTHING,
           "import gc, numpy\nfound = []\nfor thing in gc.get_objects():\n"
           "  if thing is found: continue\n  for part in (thing.values() if isinstance(thing, dict) else thing if isinstance(thing, (tuple, list)) else ()):\n"
           "    if isinstance(part, numpy.ndarray) and part.dtype.kind == 'f' and (part == 123456.789).any(): found.append(1)\n"
           "    if isinstance(part, float) and part == 123456.789 and part is not thing: found.append(part)\n"
           "effect = found[5:]"),  # the number as it is written in this program is found, a row of it is not
    Attack("find the outcomes on the stack", NOTHING,
           "import sys\nframe, found = sys._getframe(), []\nwhile frame:\n"
           "  found += [n for n in (*frame.f_locals, *frame.f_globals) if 'outcome' in n.lower()]\n  frame = frame.f_back\n"
           "effect = found"),
    Attack("leave a mark in its results", NOTHING, CONTEXT + "context.results[:6] = b'MARKER'"),
    Attack("find the mark of the program before", NOTHING, CONTEXT +
           "import gc, mmap\nmaps = [m for m in gc.get_objects() if isinstance(m, mmap.mmap)]\n"
           "effect = bytes(context.results[:6]) == b'MARKER' or [m for m in maps if m.find(b'MARKER') >= 0]"),
    Attack("find descriptors left open", NOTHING,
           "import os\nfound = []\nfor number in range(1024):\n  try: os.write(number, b''); found.append(number)\n"
           "  except OSError: pass\neffect = found[5:]"),
    Attack("read what others sent on its descriptors", R,
           "import fcntl\nfor number in range(5, 64):\n"
           "  try: effect = fcntl.fcntl(number, fcntl.F_GETFD); break\n"
           "  except PermissionError: raise\n  except OSError: pass"),
    Attack("shrink what the host has mapped", R,
           "import os\nrefused = None\nfor number in range(3, 256):\n  try: os.ftruncate(number, 0); effect = number\n"
           "  except PermissionError as error: refused = error\n  except OSError: pass\nif refused: raise refused"),
]  # fmt: skip

KERNEL = [
    Attack("run code it wrote itself", R,
           "import mmap, ctypes\nm = mmap.mmap(-1, 4096, prot=7); m.write(b'\\xb8\\x2a\\x00\\x00\\x00\\xc3')\n"
           "effect = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))()",
           platform.machine() == "x86_64"),
    Attack("make memory executable afterwards", R, NATIVE +
           "import mmap\nm = mmap.mmap(-1, 4096); libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]\n"
           "effect = call(libc.mprotect(ctypes.addressof(ctypes.c_char.from_buffer(m)), 4096, 5))", True),
    Attack("make memory executable by key", R, NATIVE +
           "import mmap\nm = mmap.mmap(-1, 4096); libc.pkey_mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 2\n"
           "effect = call(libc.pkey_mprotect(ctypes.addressof(ctypes.c_char.from_buffer(m)), 4096, 5, -1))", True),
    Attack("leave its namespaces", R, NATIVE + "effect = call(libc.unshare(0x50000000))"),
    Attack("mount something", R, NATIVE + "effect = call(libc.mount(b'none', WORKSPACE.encode(), b'tmpfs', 0, None))"),
    Attack("change its root", R, "import os; os.chroot(WORKSPACE); effect = True"),
    Attack("use io_uring", R, NATIVE + "effect = call(libc.syscall(425, 2, ctypes.create_string_buffer(256)))"),
    Attack("load a BPF program", R, NATIVE + "effect = call(libc.syscall(321, 5, ctypes.create_string_buffer(128), 128))"
           if platform.machine() == "x86_64" else NATIVE + "effect = call(libc.syscall(280, 5, b'', 128))"),
    Attack("make an anonymous file", R, "import os; effect = os.memfd_create('x')", True),
    Attack("become debuggable again", R, NATIVE + "effect = call(libc.prctl(4, 1, 0, 0, 0))", True),
    Attack("be spared when the parent dies", R, NATIVE + "effect = call(libc.prctl(1, 0, 0, 0, 0))", True),
    Attack("wake itself by a timer", R, "import signal; signal.setitimer(signal.ITIMER_REAL, .001); effect = True", True),
    Attack("call libc", WORKS, NATIVE + "effect = libc.getpid()"),
]  # fmt: skip
if platform.machine() == "x86_64":
    KERNEL.append(
        Attack("number a call as x32", DIES, NATIVE + "effect = call(libc.syscall(0x40000000 + 41, 2, 1, 0))")
    )

RESOURCES = [
    Attack("take 10 GB", RAISES, "effect = len(bytearray(10 << 30))"),
    Attack("take 10 GB with numpy", RAISES, "import numpy; effect = numpy.zeros(10 << 27).size"),
    Attack("take 10 GB in pieces", RAISES, "effect = []\nwhile len(effect) < 10000: effect.append(bytearray(1 << 20))"),
    Attack("map 10 GB", RAISES, "import mmap; effect = mmap.mmap(-1, 10 << 30)"),
    Attack("loop for ever", KILLED, "while True:\n  try:\n    while True: pass\n  except BaseException: pass"),
    Attack("loop for ever in C", KILLED, "effect = 9 ** 9 ** 9 % 7"),
    Attack("loop for ever in a pattern", KILLED, "import re; effect = re.match('(a+)+$', 'a' * 60 + 'b') is None"),
    Attack("sleep for ever", KILLED, "import time; time.sleep(1e6)"),
    Attack("wait for a question that never comes", KILLED, CONTEXT + "context.receive()"),
    Attack("ignore every signal and loop", KILLED, "import signal\nfor number in range(1, 65):\n"
           "  try: signal.signal(number, signal.SIG_IGN)\n  except (OSError, ValueError): pass\nwhile True: pass"),
    Attack("block every signal and loop", KILLED,
           "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\nwhile True: pass"),
    Attack("recurse through C", DIES, "import sys; sys.setrecursionlimit(10 ** 8)\nclass A:\n"
           "  def __getattr__(self, name): return getattr(self, name + 'x')\nA().x"),
    Attack("follow a null pointer", DIES, "import ctypes; ctypes.string_at(0)"),
    Attack("end without an answer", DIES, "import os; os._exit(0)"),
    Attack("abort", DIES, "import os; os.abort()"),
    Attack("exit politely", RAISES, "import sys; sys.exit(0)"),
    Attack("flood standard output", NOTHING, "import os\nfor _ in range(1024): os.write(1, bytes(65536))"),
    Attack("flood print", NOTHING, "for _ in range(64): print('x' * 65536)"),
    Attack("flood the trace pipe", KILLED,
           CONTEXT + "import os\nfor number in {*range(3, 64)} - {context._channel.descriptor}:\n  for _ in range(64):\n"
           "    try: os.write(number, b'  File \"<model>\", line 99999999999 in f\\n' * 1000)\n    except OSError: break"),
]  # fmt: skip

MESSAGES = [
    Attack("send junk", DIES, CONTEXT + "context._channel.write(bytes(range(256)) * 64)"),
    Attack("announce a huge message", DIES, CONTEXT + "context._channel.write(b'\\xff' * 8); context.receive()"),
    Attack("send a huge message", DIES, CONTEXT + "context.send({'x': 'y' * (20 << 20)})"),
    Attack("send messages without end", CLAIMS, CONTEXT + "while True: context.send({'x': 'y' * 10000})"),
    Attack("send deep JSON", DIES, CONTEXT + "import struct; text = b'[' * 100000 + b']' * 100000\n"
           "context._channel.write(struct.pack('<II', len(text), 0) + text)"),
    Attack("send wide JSON", DIES, CONTEXT + "import struct; text = b'[' + b'[],' * 2000000 + b'0]'\n"
           "from cwm_engine.sandbox.messages import write_all\n"
           "write_all(context._channel.write, struct.pack('<II', len(text), 0) + text)"),
    Attack("send a list for an object", DIES, CONTEXT + "context._channel.write(b'\\x02\\0\\0\\0\\0\\0\\0\\0[]')"),
    Attack("send a number of a million digits", DIES, CONTEXT + "import struct; text = b'{\"x\":' + b'9' * 100000 + b'}'\n"
           "context._channel.write(struct.pack('<II', len(text), 0) + text)"),
    Attack("pretend to be the job", CLAIMS, CONTEXT + "context.send({'job': 'x', 'correct': 500}); context.receive()"),
    Attack("send a pickle that runs code", CLAIMS, CONTEXT +
           "import pickle\nclass P:\n  def __reduce__(self): return (open, (WORKSPACE + '/unpickled', 'w'))\n"
           "context.send({'pickle': True}, pickle.dumps(P())); context.receive()"),
    Attack("close its socket and go on", DIES, CONTEXT + "import os; os.close(context._channel.descriptor)\nwhile True: pass"),
    Attack("move its progress anywhere", NOTHING, CONTEXT + "context.progress[0] = -(1 << 63)"),
    Attack("raise an exception that cannot be shown", RAISES,
           "class E(Exception):\n  def __str__(self): raise ValueError\nraise E"),
    Attack("raise an exception of a gigabyte", RAISES, "raise ValueError('x' * (200 << 20))"),
    Attack("raise an exception with a wicked type", RAISES,
           "class M(type):\n  __name__ = property(lambda self: 1 / 0)\nclass E(Exception, metaclass=M): pass\nraise E"),
]  # fmt: skip

NEIGHBOURS = [
    Attack("poison the modules for the next program", NOTHING,
           "import builtins, math, numpy, random, sys, os\nmath.pi = numpy.pi = 3\nnumpy.add = numpy.cos = None\n"
           "random.seed(99); numpy.random.seed(99); builtins.abs = lambda x: 0\n"
           "sys.modules['fractions'] = None; sys.path.insert(0, '/poison'); os.environ['POISON'] = '1'\n"
           "class Poison: pass\nbuiltins.poison = Poison\n"
           "import tests.sandbox.jobs as jobs; jobs.echo = jobs.poisoned = None; import cwm_engine.sandbox.child as c\n"
           "c.error_of = None; sys.setrecursionlimit(50)"),
    Attack("find the poison of the program before", NOTHING,
           "import builtins, math, numpy, sys, os\nimport tests.sandbox.jobs as jobs\n"
           "effect = (math.pi == 3 or numpy.pi == 3 or numpy.add is None or hasattr(builtins, 'poison') or abs(-2) != 2\n"
           "  or '/poison' in sys.path or 'POISON' in os.environ or hasattr(jobs, 'poisoned'))"),
]  # fmt: skip

HONEST = [
    Attack("use numpy", WORKS, "import numpy as np; effect = float(np.cos(np.zeros(3)).sum())"),
    Attack("use fractions", WORKS, "import fractions; effect = str(fractions.Fraction(1, 3))"),
    Attack("use linear algebra", WORKS, "import numpy as np; effect = np.linalg.solve(np.eye(200), np.ones(200)).sum()"),
    Attack("use random numbers", WORKS,
           "import random, numpy as np, os\n"
           "effect = (random.random(), np.random.default_rng().normal(), np.random.rand(), os.urandom(4))"),
    Attack("use dataclasses, enums and typing", WORKS,
           "from __future__ import annotations\nimport dataclasses, enum, typing\n@dataclasses.dataclass\nclass S:\n  x: int = 1\n"
           "class E(enum.Enum):\n  A = 1\nclass N(typing.NamedTuple):\n  x: float\neffect = (S(), E.A, N(1.0))"),
    Attack("use the clock", WORKS,
           "import time, datetime\ntime.sleep(0.001); effect = (time.time(), time.perf_counter(), time.process_time(),\n"
           "  datetime.datetime.now(), time.strftime('%Y'))"),
    Attack("use much memory and give it back", WORKS,
           "import numpy as np\nfor _ in range(3): x = np.ones(8 << 20)\neffect = x.sum()"),
    Attack("show an exception with its lines", WORKS,
           "import traceback\ntry: 1 / 0\nexcept ZeroDivisionError: effect = traceback.format_exc()"),
    Attack("encode text", WORKS, "effect = ('é'.encode('latin-1'), 'x'.encode('ascii'), 'ß'.encode('utf-16'), b'x'.decode())"),
    Attack("warn", WORKS, "import warnings; warnings.warn('careful'); effect = True"),
]  # fmt: skip

ATTACKS = [*FILES, *NETWORK, *PROCESSES, *SECRETS, *KERNEL, *RESOURCES, *MESSAGES, *NEIGHBOURS, *HONEST]

TOOLS = [
    "ctypes", "fcntl", "importlib.util", "mmap", "multiprocessing.popen_fork", "multiprocessing.context", "os", "pathlib",
    "pickle", "resource", "signal", "socket", "subprocess", "tempfile", "threading", "urllib.request",
    "encodings.utf_16",
]  # fmt: skip
"""What attackers find loaded: everything the standard library has to get out with."""
