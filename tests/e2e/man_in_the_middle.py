"""A program between a board and its leader: whatever the board sends goes through here, and nowhere else.

man_in_the_middle.py ADDRESS TRUE-URL CLUSTER ID DIRECTORY

It announces itself by mDNS as the board's cluster at ADDRESS, under an authority of its own beside the true one's
certificate, carries the pairing on to the true leader with a key of its own, and approves the board at once. It
prints one line for each request that it hears: method, path and body.
"""

import sys
from pathlib import Path

import trio

sys.path.insert(0, str(Path(__file__).parent.parent))

from fakes.leader_doors import FakeRequest, InTheMiddle, Leader, open_leader

from pikube.agent.enrolling import ask_cluster
from pikube.certs.authority import fingerprint, split_bundle
from pikube.certs.pairing_messages import PAIRINGS
from pikube.wire.announcement import Announcement
from pikube.wire.mdns import Announcer

PORT = 6443


def overheard(door):
    """The same door; what is said there is printed."""

    async def listening(request):
        body = await request.body(64 * 1024)
        print(request.method, request.path, body.decode(), flush=True)
        return await door(FakeRequest(body, request.path, request.peer.host))

    return listening


async def main(address, true_url, cluster, cluster_id, directory):
    true = await ask_cluster([true_url])
    fake = Leader(cluster, Path(directory), beside=true.ca, cluster_id=cluster_id)
    middle = InTheMiddle(fake, true_url, true.ca)
    doors = middle.doors()
    reveal = doors["POST", f"{PAIRINGS}/"]

    async def reveal_and_approve(request):
        answer = await reveal(request)
        [row] = await fake.waiting()
        await fake.approve(row["name"], row["digits"])
        return answer

    doors["POST", f"{PAIRINGS}/"] = reveal_and_approve
    marks = tuple(fingerprint(certificate) for certificate in split_bundle(fake.authority.encode()))
    said = Announcement(cluster, cluster_id, marks, true.version, "leader", PORT, (address,))
    async with (
        open_leader(fake, {key: overheard(door) for key, door in doors.items()}, address, PORT),
        trio.open_nursery() as nursery,
    ):
        await nursery.start(Announcer(lambda: said).run)


if __name__ == "__main__":
    trio.run(main, *sys.argv[1:])
