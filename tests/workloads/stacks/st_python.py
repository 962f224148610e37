# SPDX-License-Identifier: BSD-2-Clause
"""Constructs of CPython as Debian ships it: the interpreter's own chain of C functions, by those it exports."""
import ctypes, os, sys, time

mode, blocked, seconds = sys.argv[1], "BLOCK" in os.environ, float(os.environ.get("ST_SECONDS", 1))
start = time.monotonic() if blocked else 0.0
EVAL = "_PyEval_EvalFrameDefault"
ROOT = "Py_BytesMain;Py_RunMain;**;PyEval_EvalCode;**;" + EVAL + ";**;"


def done():
    return (time.monotonic() if blocked else time.process_time()) - start >= seconds


def once():
    if blocked:
        time.sleep(0.002)
    else:
        sum(range(20000))


def leaf(*args):
    while not done():
        once()
    return 0


class Item:
    def __init__(self, n):
        self.n = n

    def __lt__(self, other):
        if not done():
            once()
        return self.n < other.n


def compare(a, b):
    if not done():
        once()
    return a[0] - b[0]


def sorts():
    while not done():
        sorted(Item(i * 7919 % 300) for i in range(300))


def call_back():
    # Python, libffi's assembly, the C library, libffi's closure, Python
    libc = ctypes.CDLL(None)
    numbers = (ctypes.c_int * 300)(*[i * 7919 % 300 for i in range(300)])
    function = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))(compare)
    while not done():
        libc.qsort(numbers, 300, 4, function)


MODES = {
    "py-call": (ROOT + "PyObject_CallOneArg;**;" + EVAL, lambda: max([1, 2], key=lambda n: leaf())),
    "py-sort": (ROOT + EVAL, sorts),
    "py-ctypes": (ROOT + "ffi_call;**;qsort_r;**;" + EVAL, call_back),
}
chain, run = MODES[mode]


def name(comm):
    with open("/proc/self/comm", "w") as f:
        f.write(comm)


name("st-" + mode)
print("chain", mode, chain, flush=True)
run()
name("stx")
