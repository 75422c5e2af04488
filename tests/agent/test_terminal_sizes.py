"""Sizes of a terminal on their way to who is asked to believe them one by one."""

import trio
import trio.testing

from pikube.agent.container_streams import SIZES_APART_S, join
from pikube.wire.channels import V5
from pikube.wire.remote_command import RemoteSession


class Running:
    """A process with a terminal that is silent; notes when it heard of which size."""

    def __init__(self):
        self.heard = []
        self.may_end = trio.Event()

    async def output(self):
        await self.may_end.wait()
        for nothing in ():
            yield nothing

    async def resize(self, width, height):
        self.heard.append((trio.current_time(), (width, height)))


def test_sizes_that_come_at_once_are_told_apart_and_the_newest_is_the_last(autojump_clock):
    async def main():
        async def transmit(channel, data):
            raise AssertionError("nothing is printed")

        session, running = RemoteSession(transmit, V5, trio.CancelScope()), Running()
        async with trio.open_nursery() as nursery:

            async def person():
                session.resized((102, 34))
                await trio.testing.wait_all_tasks_blocked()
                session.resized((103, 35))
                session.resized((101, 33))
                await trio.sleep(1)
                running.may_end.set()

            nursery.start_soon(person)
            await join(session, running, has_tty=True, has_stdin=False)
        (first_at, first), (last_at, last) = running.heard
        assert (first, last) == ((102, 34), (101, 33))
        assert last_at - first_at >= SIZES_APART_S

    trio.run(main, clock=autojump_clock)
