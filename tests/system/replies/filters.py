"""filters.py - cuckoo filters, as RedisBloom documents them."""
from reply_rows import *

UNASKED = "redis-server has them in a module"

NOT_FOUND = Error("ERR not found")
ITEMS = "CF.INSERT f ITEMS a a b"


def between_error(name, low, high):
    return Error(f"ERR {name}: value must be an integer between {low} and {high}, inclusive.")


ROWS = [
    row("CF.RESERVE f 1000", OK, then=["TYPE f", Status("MBbloomCF")]),
    row("CF.RESERVE f 1000 BUCKETSIZE 4 MAXITERATIONS 50 EXPANSION 2", OK),
    row("CF.RESERVE f 1000", Error("ERR item exists"), setup="CF.RESERVE f 100"),
    row("CF.RESERVE k 1000", WRONGTYPE, setup="SET k v"),
    row("CF.RESERVE f x", Error("ERR Bad capacity")),
    row("CF.RESERVE f 3", Error("ERR Capacity must be at least (BucketSize * 2)")),
    row("CF.RESERVE f 1000001", Error("ERR Capacity must be at most 1000000")),
    row("CF.RESERVE f 10 BUCKETSIZE x", Error("ERR Couldn't parse BUCKETSIZE")),
    row("CF.RESERVE f 10 BUCKETSIZE 0", between_error("BUCKETSIZE", 1, 255)),
    row("CF.RESERVE f 10 MAXITERATIONS 0", between_error("MAXITERATIONS", 1, 65535)),
    row("CF.RESERVE f 10 EXPANSION -1", between_error("EXPANSION", 0, 32768)),
    row("CF.RESERVE f 10 BUCKETSIZE", arity("cf.reserve")),
    row("CF.RESERVE f 10 what 1", SYNTAX),
    row("CF.RESERVE f", arity("cf.reserve")),
    row("CF.ADD f a", True, then=["CF.ADD f a", True, "CF.COUNT f a", 2]),
    row("CF.ADD k a", WRONGTYPE, setup="SET k v"),
    row("CF.ADD f", arity("cf.add")),
    row("CF.ADDNX f a", True, then=["CF.ADDNX f a", False, "CF.COUNT f a", 1]),
    row("CF.ADDNX k a", WRONGTYPE, setup="SET k v"),
    row("CF.ADDNX f a b", arity("cf.addnx")),
    row("CF.INSERT f ITEMS a b", [True, True], then=["CF.COUNT f b", 1]),
    row("CF.INSERT f CAPACITY 5000 ITEMS a", [True]),
    row("CF.INSERT f NOCREATE ITEMS a", NOT_FOUND),
    row("CF.INSERT f nocreate items a", [True], setup="CF.RESERVE f 100"),
    row("CF.INSERT f CAPACITY x ITEMS a", Error("ERR Bad capacity")),
    row("CF.INSERT f what ITEMS a", Error("ERR Unknown argument received")),
    row("CF.INSERT f NOCREATE ITEMS", arity("cf.insert")),
    row("CF.INSERT f ITEMS", arity("cf.insert")),
    row("CF.INSERT k ITEMS a", WRONGTYPE, setup="SET k v"),
    row("CF.INSERTNX f ITEMS a b a", [1, 1, 0]),
    row("CF.INSERTNX f NOCREATE ITEMS a", NOT_FOUND),
    row("CF.INSERTNX f ITEMS", arity("cf.insertnx")),
    row("CF.EXISTS f a", True, setup=ITEMS),
    row("CF.EXISTS f c", False, setup=ITEMS),
    row("CF.EXISTS none a", False),
    row("CF.EXISTS k a", WRONGTYPE, setup="SET k v"),
    row("CF.EXISTS f", arity("cf.exists")),
    row("CF.MEXISTS f a b c", [True, True, False], setup=ITEMS),
    row("CF.MEXISTS none a b", [False, False]),
    row("CF.MEXISTS f", arity("cf.mexists")),
    row("CF.COUNT f a", 2, setup=ITEMS),
    row("CF.COUNT f c", 0, setup=ITEMS),
    row("CF.COUNT none a", 0),
    row("CF.COUNT f", arity("cf.count")),
    row("CF.DEL f a", True, setup=ITEMS, then=["CF.COUNT f a", 1, "CF.DEL f a", True, "CF.DEL f a", False]),
    row("CF.DEL none a", Error("ERR Not found")),
    row("CF.DEL k a", WRONGTYPE, setup="SET k v"),
    row("CF.DEL f", arity("cf.del")),
    row("CF.INFO none", NOT_FOUND),
    row("CF.INFO f", such_that(
        lambda node: [one.payload for one in node.payload[::2]] == [
            b"Size", b"Number of buckets", b"Number of filters", b"Number of items inserted",
            b"Number of items deleted", b"Bucket size", b"Expansion rate", b"Max iterations"]
        and [one.payload for one in node.payload[5:11:2]] == [b"1", b"3", b"0"]), setup=ITEMS),
    row("CF.INFO", arity("cf.info")),
    row("GET f", WRONGTYPE, setup=ITEMS),
    row("APPEND f x", WRONGTYPE, setup=ITEMS),
    row("INCR f", WRONGTYPE, setup=ITEMS),
    row("STRLEN f", WRONGTYPE, setup=ITEMS),
    row("MGET f", [NULL], setup=ITEMS),
    row("SCAN 0 COUNT 100 TYPE mbbloomcf", ["0", ["f"]], setup=[ITEMS, "SET k v"]),
    row("OBJECT ENCODING f", "raw", setup=ITEMS),
]
