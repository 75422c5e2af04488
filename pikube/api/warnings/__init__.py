"""Pure: what is accepted and may still not be what its author wants; kubectl shows it as `Warning: …`.

Enter: an object and the one before it (None when it is made). Leave: sentences. Called through KindInfo.warn.
"""
