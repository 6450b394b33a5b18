"""Becomes another program, which the kernel ends when its parent ends: ``python ends_with_parent.py PARENT PROGRAM …``.

A program of its own, since nothing of ours may run in a child of a process with threads before it is another program: a
lock that another thread held at the fork would never be free there (Python documentation, subprocess, ``preexec_fn``).
"""

import ctypes
import os
import signal
import sys

_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG, prctl(2)


def main() -> None:
    parent, *program = sys.argv[1:]
    ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() == int(parent):  # else it ended before this was asked
        given = {key: value for key, value in os.environ.items() if key != "LC_CTYPE"}  # which Python adds (PEP 538)
        os.execve(program[0], program, given)


if __name__ == "__main__":
    main()
