"""test_history.py - the judge of histories sees what is wrong, and nothing where all is right."""
from harness import equal, main
from history import ALWAYS, DONE, NOTHING, UNKNOWN, History, Operation


def told(*rows):
    """A history of rows (kind, key, value, began, ended); ended None: nobody can tell; "no": refused."""
    history = History()
    for kind, key, value, began, ended in rows:
        operation = Operation(kind, key, value, began)
        operation.outcome = UNKNOWN if ended is None else NOTHING if ended == "no" else DONE
        operation.ended = ALWAYS if ended is None else began if ended == "no" else ended
        history.operations.append(operation)
    return history.faults()


GOOD = {
    "one after the other": [("set", "r", "a", 0, 1), ("get", "r", "a", 2, 3), ("set", "r", "b", 4, 5), ("get", "r", "b", 6, 7)],
    "nothing at first": [("get", "r", None, 0, 1), ("set", "r", "a", 2, 3)],
    "at the same time, either wins": [("set", "r", "a", 0, 9), ("set", "r", "b", 0, 9), ("get", "r", "a", 10, 11)],
    "a write of which nobody can tell may come later": [
        ("set", "r", "a", 0, None), ("set", "r", "b", 1, 2), ("get", "r", "b", 3, 4), ("get", "r", "a", 5, 6)],
    "or never": [("set", "r", "a", 0, 1), ("set", "r", "b", 2, None), ("get", "r", "a", 3, 4)],
    "a refused one is none": [("set", "r", "a", 0, 1), ("set", "r", "b", 2, "no"), ("get", "r", "a", 3, 4)],
    "a read during two writes sees either": [
        ("set", "r", "a", 0, 1), ("set", "r", "b", 2, 8), ("get", "r", "b", 3, 4), ("get", "r", "b", 5, 6)],
    "deleted": [("set", "d", "a", 0, 1), ("del", "d", None, 2, 3), ("get", "d", None, 4, 5)],
    "set again": [("set", "d", "a", 0, 1), ("del", "d", None, 2, 3), ("set", "d", "b", 4, 5), ("get", "d", "b", 6, 7)],
    "a deletion of which nobody can tell": [
        ("set", "d", "a", 0, 1), ("del", "d", None, 2, None), ("get", "d", "a", 3, 4), ("get", "d", None, 5, 6)],
    "counted": [("incr", "c", 1, 0, 1), ("incr", "c", 2, 2, 3), ("get", "c", "2", 4, 5)],
    "counted perhaps": [("incr", "c", 1, 0, 1), ("incr", "c", None, 2, None), ("get", "c", "2", 4, 5)],
    "counted out of order at the same time": [("incr", "c", 2, 0, 5), ("incr", "c", 1, 1, 4)],
}

BAD = {
    "a lost write": [("set", "r", "a", 0, 1), ("set", "r", "b", 2, 3), ("get", "r", "a", 4, 5)],
    "a lost first write": [("set", "r", "a", 0, 1), ("get", "r", None, 2, 3)],
    "back and forth": [
        ("set", "r", "a", 0, 9), ("set", "r", "b", 0, 9), ("get", "r", "a", 10, 11), ("get", "r", "b", 12, 13),
        ("get", "r", "a", 14, 15)],
    "a write that nobody can tell of is seen, then gone": [
        ("set", "r", "a", 0, 1), ("set", "r", "b", 2, None), ("get", "r", "b", 3, 4), ("get", "r", "a", 5, 6)],
    "stored though refused": [("set", "r", "a", 0, "no"), ("get", "r", "a", 2, 3)],
    "made up": [("get", "r", "a", 2, 3)],
    "read too early": [("get", "r", "a", 0, 1), ("set", "r", "a", 2, 3)],
    "a deleted key is back": [("set", "d", "a", 0, 1), ("del", "d", None, 2, 3), ("get", "d", "a", 4, 5)],
    "deleted by nobody": [("set", "d", "a", 0, 1), ("get", "d", None, 4, 5)],
    "an old value is back": [("set", "d", "a", 0, 1), ("set", "d", "b", 2, 3), ("get", "d", "a", 4, 5)],
    "an old deletion is back": [
        ("set", "d", "a", 0, 1), ("del", "d", None, 2, 3), ("set", "d", "b", 4, 5), ("get", "d", None, 6, 7)],
    "a result twice": [("incr", "c", 1, 0, 1), ("incr", "c", 1, 0, 3)],
    "a result too small": [("incr", "c", 2, 0, 1), ("incr", "c", 1, 2, 3)],
    "a lost count": [("incr", "c", 1, 0, 1), ("incr", "c", 2, 2, 3), ("get", "c", "1", 4, 5)],
    "counted twice": [("incr", "c", 1, 0, 1), ("get", "c", "2", 4, 5)],
}


def test_what_has_an_order_is_not_blamed():
    for name, rows in GOOD.items():
        equal(told(*rows), [], name)


def test_what_has_none_is_seen():
    for name, rows in BAD.items():
        assert told(*rows), name


if __name__ == "__main__":
    main(globals())
