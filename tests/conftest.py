"""What holds for every test: searches take the same way each time, and are not timed."""

from hypothesis import settings

# a busy machine is no reason to fail, and what a change broke fails at that change; `--hypothesis-profile search`
# looks elsewhere each time
settings.register_profile("steady", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None)
settings.load_profile("steady")
