"""Pure: the signals of Linux by name, as Kubernetes and images write them."""

from __future__ import annotations

SIGNALS = {
    "SIGHUP": 1, "SIGINT": 2, "SIGQUIT": 3, "SIGILL": 4, "SIGTRAP": 5, "SIGABRT": 6, "SIGIOT": 6, "SIGBUS": 7,
    "SIGFPE": 8, "SIGKILL": 9, "SIGUSR1": 10, "SIGSEGV": 11, "SIGUSR2": 12, "SIGPIPE": 13, "SIGALRM": 14,
    "SIGTERM": 15, "SIGSTKFLT": 16, "SIGCHLD": 17, "SIGCLD": 17, "SIGCONT": 18, "SIGSTOP": 19, "SIGTSTP": 20,
    "SIGTTIN": 21, "SIGTTOU": 22, "SIGURG": 23, "SIGXCPU": 24, "SIGXFSZ": 25, "SIGVTALRM": 26, "SIGPROF": 27,
    "SIGWINCH": 28, "SIGIO": 29, "SIGPOLL": 29, "SIGPWR": 30, "SIGSYS": 31, "SIGRTMIN": 34, "SIGRTMAX": 64,
}  # fmt: skip
"""Linux on every architecture that boards have (asm-generic/signal.h; real-time signals as glibc counts them)."""


def signal_number(name: str) -> int:
    """SIGTERM, TERM, SIGRTMIN+3, or a number as text; 0 for '' and for what is no signal."""
    if name.isdigit():
        return int(name)
    base, sign, offset = name.replace("-", "+-").partition("+")
    number = SIGNALS.get(base) or SIGNALS.get(f"SIG{base}", 0)
    return number + (int(offset) if sign and number else 0)
