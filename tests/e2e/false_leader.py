"""A program that lies by mDNS: it announces a leader that is not one.

false_leader.py ADDRESS PORT CLUSTER ID FINGERPRINT
"""

import sys

import trio

from pikube.wire.announcement import Announcement
from pikube.wire.mdns import Announcer

address, port, cluster, cluster_id, fingerprint = sys.argv[1:]
said = Announcement(cluster, cluster_id, (fingerprint,), "0.1.0", "liar", int(port), (address,))
trio.run(Announcer(lambda: said).run)
