"""Iterators that are watched or filtered: the very same objects come out. Guards and integrations share this room.

`proxy` stands around an iterator; `observed` and `filtered` are its two uses here, `guards.single_pass` is the third. A
loop over an observed iterator is handed its `pulls`, which feed a stage through the stage's `cursor`. A loop over a
filtered one is handed its `filter_pass`.
"""
