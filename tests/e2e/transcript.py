"""Transcripts: commands and what they print, as a person would note them down; replayed against a cluster.

$ get configmaps -o name          a command; `< name` at its end gives it a document, EDITOR=… before it is set for it
configmap/settings                a line that is printed, stdout before stderr
~ settings +\\d+ +\\d+s              a line by regular expression
...                               any number of lines
! 1                               the exit code, 0 when not noted
"""

import re
import shlex
from dataclasses import dataclass, field


@dataclass
class Step:
    """One command and what is expected of it."""

    command: str
    lines: list[str] = field(default_factory=list)
    code: int = 0


def steps_of(text):
    steps = []
    for line in text.strip("\n").splitlines():
        if line.startswith("$ "):
            steps.append(Step(line[2:]))
        elif line.startswith("! "):
            steps[-1].code = int(line[2:])
        elif line.strip():
            steps[-1].lines.append(line)
    return steps


def replay(text, run, documents):
    """Run every step; `run(argv, text_in, environment)` gives (code, stdout, stderr). What differs, in words."""
    wrong = []
    for step in steps_of(text):
        words = shlex.split(step.command)
        environment = {}
        while re.match("[A-Z_]+=", words[0]):
            name, _, environment[name] = words.pop(0).partition("=")
        text_in = None
        if "<" in words:
            at = words.index("<")
            text_in = documents[words[at + 1]]
            words[at:] = ["-f", "-"]
        code, out, err = run(words, text_in, environment)
        printed = [line.rstrip() for line in (out + err).splitlines() if line.strip()]
        if code != step.code or not matches(step.lines, printed):
            shown = "\n".join(f"    {line}" for line in printed)
            wanted = "\n".join(f"    {line}" for line in step.lines)
            wrong.append(
                f"$ {step.command}\n  ended with {code} and printed\n{shown}\n  wanted {step.code}\n{wanted}"
            )
    return wrong


def matches(expected, printed):
    """Whether the printed lines are the expected ones."""
    if not expected:
        return not printed
    head, *rest = expected
    if head == "...":
        return any(matches(rest, printed[at:]) for at in range(len(printed) + 1))
    if not printed:
        return False
    if head.startswith("~ "):
        is_same = re.fullmatch(head[2:], printed[0]) is not None
    else:
        is_same = head == printed[0]
    return is_same and matches(rest, printed[1:])
