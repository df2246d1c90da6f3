"""history.py - what clients saw of keys at QUORUM, and whether one order of all of it explains that.

    history = History()
    operation = history.begin("set", "r:1", "a value that nobody else writes")
    history.end(operation, DONE)            or NOTHING: refused, or UNKNOWN: nobody can tell
    history.faults()                        one text each; []: all is explained

Keys say by their first letter what is done to them and how they are judged:

    r  register   set and get.  Every value is written once, so each value's operations span a time: its
                  zone, from the first end to the last begin.  There is an order of all operations that
                  real time allows if and only if no two zones cross and none that may shrink to a point
                  lies inside another (Gibbons and Korach, "Testing Shared Memories", 1997).
    d  deletable  set, del and get.  A value or an absence that is read must come from an operation that
                  no later one had certainly undone before the read began.
    c  counter    incr.  No result twice, results rise with time, and the last one lies between what was
                  confirmed and what was sent.

What nobody can tell counts as done once somebody has seen it, and as possible for ever after.
Threads: begin and end may be called by any.
"""
import bisect
import itertools
import time

DONE, NOTHING, UNKNOWN = "done", "nothing", "unknown"
ALWAYS = float("inf")


class Operation:
    """`began` and `ended` are monotonic seconds; what is not known to have ended ends never."""

    __slots__ = ("kind", "key", "value", "began", "ended", "outcome", "client")

    def __init__(self, kind, key, value, began):
        self.kind, self.key, self.value, self.began = kind, key, value, began
        self.ended, self.outcome, self.client = ALWAYS, UNKNOWN, ""

    def __repr__(self):
        return f"{self.kind} {self.key} {self.value} [{self.began:.4f}, {self.ended:.4f}] {self.outcome} {self.client}"


class History:
    def __init__(self):
        self.operations = []

    def begin(self, kind, key, value=None):
        operation = Operation(kind, key, value, time.monotonic())
        self.operations.append(operation)
        return operation

    @staticmethod
    def end(operation, outcome, value=None):
        if value is not None:
            operation.value = value
        operation.outcome = outcome
        if outcome != UNKNOWN:
            operation.ended = time.monotonic()

    def count(self, outcome):
        return sum(operation.outcome == outcome for operation in self.operations)

    def keys(self):
        return sorted({operation.key for operation in self.operations})

    def faults(self):
        judges = {"r": register_faults, "d": deletable_faults, "c": counter_faults}
        by_key = {}
        for operation in self.operations:
            by_key.setdefault(operation.key, []).append(operation)
        found = [judges[key[0]](operations) for key, operations in sorted(by_key.items())]
        return list(itertools.chain.from_iterable(found))


def _writes_and_reads(operations):
    """Changes that may have happened, by value (None: what was there first), and reads that were
    answered; and what is wrong with that alone."""
    writes, reads, faults = {}, [], []
    for operation in operations:
        if operation.kind == "set":
            writes[operation.value] = operation
        elif operation.kind == "get" and operation.outcome == DONE:
            reads.append(operation)
    for read in reads:
        write = writes.get(read.value)
        if read.value is None:
            continue
        if write is None or write.outcome == NOTHING:
            faults.append(f"read what nobody stored: {read}")
        elif read.ended < write.began:
            faults.append(f"read before it was written: {read}, {write}")
    return writes, reads, faults


def register_faults(operations):
    writes, reads, faults = _writes_and_reads(operations)
    if faults:
        return faults
    zones = {None: [-ALWAYS, -ALWAYS]}  # first end, last begin
    seen = {read.value for read in reads}
    for value, write in writes.items():
        if write.outcome == DONE or value in seen:
            zones[value] = [write.ended, write.began]
    for read in reads:
        zone = zones[read.value]
        zone[0], zone[1] = min(zone[0], read.ended), max(zone[1], read.began)
    spans = sorted((first, last, value) for value, (first, last) in zones.items() if first < last)
    for one, other in zip(spans, spans[1:]):
        if other[0] < one[1]:
            faults.append(f"{operations[0].key}: {one[2]} was seen again after {other[2]}")
    starts = [first for first, _, _ in spans]
    for value, (first, last) in zones.items():
        at = bisect.bisect_left(starts, last) - 1
        if first >= last and at >= 0 and spans[at][2] != value and first < spans[at][1]:
            faults.append(f"{operations[0].key}: {spans[at][2]} was seen before and after {value}, which replaced it")
    return faults


def deletable_faults(operations):
    writes, reads, faults = _writes_and_reads(operations)
    if faults:
        return faults
    first_seen = {}
    for read in reads:
        first_seen[read.value] = min(first_seen.get(read.value, ALWAYS), read.ended)
    deletions = [o for o in operations if o.kind == "del" and o.outcome != NOTHING]
    changes = [(o.began, o.ended if o.outcome == DONE else first_seen.get(o.value, ALWAYS) if o.kind == "set" else ALWAYS)
               for o in [*writes.values(), *deletions] if o.outcome != NOTHING]
    changes.sort()
    begins = [began for began, _ in changes]
    certain = [ALWAYS] * (len(changes) + 1)  # when some change from here on was certainly done
    for at in range(len(changes) - 1, -1, -1):
        certain[at] = min(certain[at + 1], changes[at][1])

    def undone_at(ended):
        return certain[bisect.bisect_right(begins, ended)]

    absences = [(-ALWAYS, undone_at(-ALWAYS))] + [(o.began, undone_at(o.ended)) for o in deletions]
    for read in reads:
        if read.value is not None:
            if undone_at(writes[read.value].ended) < read.began:
                faults.append(f"{read.key}: {read.value} was read after something replaced or deleted it: {read}")
        elif not any(began <= read.ended and undone >= read.began for began, undone in absences):
            faults.append(f"{read.key}: nothing was read where something is: {read}")
    return faults


def counter_faults(operations):
    faults = []
    key = operations[0].key
    steps = sorted((o for o in operations if o.kind == "incr" and o.outcome == DONE), key=lambda o: o.began)
    results = [o.value for o in steps]
    if len(set(results)) != len(results):
        faults.append(f"{key}: one result twice: {sorted(r for r in set(results) if results.count(r) > 1)[:5]}")
    by_end = sorted(steps, key=lambda o: o.ended)
    at, most = 0, 0
    for step in steps:
        while at < len(by_end) and by_end[at].ended < step.began:
            most = max(most, by_end[at].value)
            at += 1
        if step.value <= most:
            faults.append(f"{key}: {step.value} came after {most}")
    unknown = sum(o.kind == "incr" and o.outcome == UNKNOWN for o in operations)
    for read in (o for o in operations if o.kind == "get" and o.outcome == DONE):
        surely = sum(o.ended < read.began for o in steps)
        possibly = sum(o.began <= read.ended for o in steps) + unknown
        if not surely <= int(read.value or 0) <= possibly:
            faults.append(f"{key}: reads {read.value}, and {surely} to {possibly} were counted")
    return faults
