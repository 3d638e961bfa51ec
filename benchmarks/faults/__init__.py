"""What a run survives: ``python -m benchmarks.faults`` breaks several thousand of them and counts.

Each row is one kind of fault. Survived means all of it: the exit code that is documented, no traceback, no
partial artifact that is taken for a whole one, nothing left lying about, and a resumed run that ends in the
bytes of one that was never disturbed. Every row also says at which operations its faults landed, because a
fault that never lands is survived by anyone.
"""
