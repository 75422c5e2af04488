"""What people type, and what kubectl prints, from the oldest kubectl to the newest.

The transcripts, in the folder of that name, hold Kubernetes' own words; what they apply lies in its `documents`.
Everything runs with the oldest and the newest, the daily commands with every version between them, too.
"""

import itertools
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from kubectls import EVERY, NEWEST, OLDEST
from transcript import replay

TRANSCRIPTS = Path(__file__).parent / "transcripts"
DOCUMENTS = {path.stem: path.read_text() for path in (TRANSCRIPTS / "documents").iterdir()}
NUMBERS = itertools.count()  # a namespace of the test before may still be going


@pytest.fixture
def transcripts(board):
    """Replays a transcript with several kubectls, each in a namespace of its own, two at a time."""
    names = []

    def replay_with(programs, name, at_once=2):
        text = (TRANSCRIPTS / f"{name}.txt").read_text()

        def replay_one(program):
            namespace = f"typed-{next(NUMBERS)}-{Path(program).name.replace('.', '-')}"
            names.append(namespace)
            board.kubectl("create", "namespace", namespace)

            def run(words, text_in, extra):
                command = [
                    *("nsenter", f"--net=/run/netns/{board.name}", program, "-n", namespace),
                    *(f"--cache-dir={board.directory}/cache-{Path(program).name}", *words),
                ]
                environment = {**board.environment(), **extra}
                done = subprocess.run(
                    command, input=text_in, capture_output=True, text=True, timeout=120, env=environment
                )
                return done.returncode, done.stdout, done.stderr

            return "".join(f"\n{Path(program).name}: {wrong}" for wrong in replay(text, run, DOCUMENTS))

        with ThreadPoolExecutor(at_once) as pool:
            wrong = "".join(pool.map(replay_one, programs))
        assert not wrong, wrong

    yield replay_with
    board.kubectl("delete", "namespace", *names, "--wait=false")


def test_the_commands_of_every_day_with_every_version(transcripts):
    transcripts(EVERY, "daily")


@pytest.mark.parametrize("name", ["objects", "generators", "workloads", "sets", "debugging"])
def test_what_people_type(transcripts, name):
    transcripts([NEWEST, OLDEST], name)


def test_what_people_type_about_nodes_and_the_server(transcripts):
    transcripts([NEWEST, OLDEST], "server", at_once=1)
