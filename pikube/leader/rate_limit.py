"""Pure: how often strangers may knock: a bucket for each address and one for all together.

Enter: who asks and when (monotonic seconds). Leaves: whether it may pass. Memory is bounded: addresses that have
been quiet for longest are forgotten first, and a full bucket is worth nothing to remember.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

MAX_ADDRESSES = 1024


@dataclass(slots=True)
class Bucket:
    """Holds at most `size` drops, refilled at `rate` a second."""

    size: float
    rate: float
    level: float
    at: float

    def take(self, now: float) -> bool:
        """Whether there was a drop left."""
        self.level = min(self.size, self.level + (now - self.at) * self.rate)
        self.at = now
        if self.level < 1:
            return False
        self.level -= 1
        return True


class RateLimit:
    """`size` at once and `rate` a second for each address; `all_size` and `all_rate` for all together."""

    def __init__(self, size: float, rate: float, all_size: float, all_rate: float) -> None:
        self._size, self._rate = size, rate
        self._all = Bucket(all_size, all_rate, all_size, 0.0)
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def may_pass(self, address: str, now: float) -> bool:
        """Counts this knock. One address that knocks too often does not use up what is there for all."""
        bucket = self._buckets.pop(address, None) or Bucket(self._size, self._rate, self._size, now)
        self._buckets[address] = bucket
        while len(self._buckets) > MAX_ADDRESSES:
            self._buckets.popitem(last=False)
        return bucket.take(now) and self._all.take(now)
