"""test_cluster_table.py - every command has a decided behaviour in a cluster.

DECIDED names each row of COMMAND once, by what becomes of it.  The rows of replies/*.py that are about data are
sent to a node of three, most of whose keys are served by others, and answered as by a node alone; what differs
is listed with its reason, and docs/compatibility.md tells users of it.
"""
import importlib
import os

from cluster import Cluster
from harness import ROOT, Daemon, Error, equal, main, need_ours, note, wait_until
from test_replies import ROW_S, Wrong, known_names, play_alone

# Run by the node that serves the key, asked by any.
OWNER = """
    append bitcount bitfield bitfield_ro bitpos cf.add cf.addnx cf.count cf.del cf.exists cf.info cf.insert
    cf.insertnx cf.mexists cf.reserve decr decrby delex delifeq digest dump expire expireat expiretime get getbit
    getdel getex getrange getset hc.get hc.release hc.set incr incrby incrbyfloat memory|usage object|encoding
    object|freq object|idletime object|refcount persist pexpire pexpireat pexpiretime psetex pttl restore set setbit
    setex setnx setrange strlen substr ttl type
"""
# Likewise, in one step, when all keys are of one slot; else CROSSSLOT.
ONE_SLOT = "bitop copy exec lcs msetex msetnx rename renamenx watch"
# One question a key.
FAN_OUT = "del exists mget mset touch unlink"
# The whole cluster.
ALL_NODES = "flushall flushdb wait"
# About the keys that this node serves.
SERVED = "cluster|countkeysinslot cluster|getkeysinslot dbsize keys randomkey scan"
# Needs what a cluster does not have; docs/compatibility.md says why.
REFUSED = "hc.delmatch move store|create swapdb"
# About this node or this connection, as on a node alone.
HERE = """
    asking auth bgrewriteaof bgsave client client|caching client|getname client|getredir client|help client|id
    client|info client|kill client|list client|no-evict client|no-touch client|pause client|reply client|setinfo
    client|setname client|tracking client|trackinginfo client|unblock client|unpause cluster cluster|forget
    cluster|help cluster|info cluster|keyslot cluster|leave cluster|links cluster|meet cluster|myid cluster|nodes
    cluster|replicas cluster|shards cluster|slots command command|count command|docs command|getkeys
    command|getkeysandflags command|help command|info command|list config config|get config|help config|resetstat
    config|rewrite config|set debug discard echo hc.backup hc.events hc.trace hello info lastsave latency latency|doctor
    latency|graph latency|help latency|histogram latency|history latency|latest latency|reset lolwut memory
    memory|doctor memory|help memory|malloc-stats memory|purge memory|stats monitor multi object object|help ping
    psubscribe publish pubsub pubsub|channels pubsub|help pubsub|numpat pubsub|numsub pubsub|shardchannels
    pubsub|shardnumsub punsubscribe quit readonly readwrite reset role save select shutdown slowlog slowlog|get
    slowlog|help slowlog|len slowlog|reset spublish ssubscribe store store|drop store|help store|info store|list stores
    subscribe sunsubscribe time unsubscribe unwatch waitaof
"""
DECIDED = (OWNER, ONE_SLOT, FAN_OUT, ALL_NODES, SERVED, REFUSED, HERE)

TABLES = ("bits", "dump", "filters", "hypercache", "keys", "newer", "strings", "transactions")
# What a step begins with, where it may be answered in another way than on a node alone.
OTHERWISE = {
    "DBSIZE": SERVED, "KEYS ": SERVED, "SCAN ": SERVED, "RANDOMKEY": SERVED,
    "WAIT ": "there are replicas", "MOVE ": "one database", "SWAPDB ": "one database", "SELECT ": "one database",
    "2> SELECT ": "one database", "COPY a a DB": "one database", "STORE ": "one database",
    "HC.DELMATCH": "refused",
}


def names_of(text):
    return set(text.split())


def test_every_command_is_decided():
    need_ours()
    with Daemon() as server, server.client() as client:
        known = known_names(client)
    seen = [name for text in DECIDED for name in text.split()]
    equal(sorted(known - set(seen)), [], "commands without a decided behaviour in a cluster")
    equal(sorted(set(seen) - known), [], "names of no command")
    equal(len(seen), len(set(seen)), "names that stand twice")
    with open(os.path.join(ROOT, "docs", "compatibility.md"), encoding="utf-8") as file:
        told = file.read().split("## Cluster\n")[1].split("\n## ")[0]
    for name in names_of(REFUSED):
        assert name.upper().replace("|", " ") in told, f"{name} is refused, and docs/compatibility.md does not say why"


def rows_of_data():
    for name in TABLES:
        for one in importlib.import_module(f"replies.{name}").ROWS:
            one.table = f"replies/{name}.py"
            texts = [step.text for step in one.steps]
            heard = any("notify-keyspace-events" in text for text in texts)  # by the node that serves the key
            ends = "DEL k" in texts and any(text.startswith("HC.GET") for text in texts)  # at QUORUM, also if nothing was there
            if not heard and not ends:
                yield one


def excused(wrong):
    if "CROSSSLOT" in wrong or "in a transaction of a cluster" in wrong:
        return True
    text = wrong.removeprefix("the setup ").lstrip("'\"")
    return any(text.startswith(begin) for begin in OTHERWISE)


def what_differs(port, one, protocol):
    """None: nothing.  A busy machine may be late to confirm a write: then the row is played again."""
    for _ in range(20):
        try:
            return play_alone(port, one, protocol, ROW_S)
        except Wrong as wrong:
            text = str(wrong)
            if "UNCERTAIN" not in text and "NOREPLICAS" not in text and "TRYAGAIN" not in text:
                return text
    return text


def test_commands_answer_as_on_a_node_alone():
    need_ours()
    failures, played, otherwise = [], 0, 0
    with Cluster(3, "--cluster.consistency_level=quorum") as nodes:  # so that FLUSHALL is known to all when it is over
        nodes.settle()
        for number, one in enumerate(rows_of_data()):
            protocol = one.protocols[number % len(one.protocols)]
            played += 1
            wrong = what_differs(nodes[number % 3].port, one, protocol)
            otherwise += wrong is not None
            if wrong is not None and not excused(wrong):
                failures.append(f"{one!r}: {wrong}")
    equal(failures, [], "rows that a cluster answers differently")
    assert otherwise < played / 6, (otherwise, played)
    note(f"{played} rows, {otherwise} of them as listed")


def test_what_is_refused_says_so():
    need_ours()
    with Cluster(2) as nodes:
        nodes.settle()
        for command in (("HC.DELMATCH", "*"), ("MOVE", "k", "1"), ("SWAPDB", "0", "1"), ("STORE", "CREATE", "s")):
            reply = nodes.ask(0, *command)
            assert isinstance(reply, Error) and "not allowed" in str(reply), (command, reply)


def test_one_lease_is_given_whichever_node_is_asked():
    need_ours()
    with Cluster(3) as nodes:
        nodes.settle()
        for i in range(6):
            key = f"lease:{i}"
            won = [nodes.ask(number, "HC.GET", key) for number in range(3)]
            equal([reply[1] for reply in won], [b"won", b"wait", b"wait"])
            token = won[0][3]
            equal(nodes.ask((i + 1) % 3, "HC.SET", key, "made", "0" * 16), None)
            equal(nodes.ask((i + 1) % 3, "HC.SET", key, "made", token, "PX", "100000"), "OK")
            equal(nodes.ask((i + 2) % 3, "HC.GET", key)[:2], [b"made", b"hit"])
            stale = [nodes.ask(number, "HC.GET", key, "STALE", "200000") for number in range(3)]
            equal([reply[1] for reply in stale], [b"won", b"wait", b"wait"])
            equal(nodes.ask(i % 3, "HC.RELEASE", key, stale[0][3]), 1)
            equal(nodes.ask(i % 3, "HC.GET", key, "STALE", "200000")[1], b"won")
            equal(nodes.ask((i + 1) % 3, "SET", key, "other"), "OK")  # ends the lease
            equal(nodes.ask(i % 3, "HC.RELEASE", key, stale[0][3]), 0)


def test_wait_counts_the_nodes_that_have_what_was_written():
    need_ours()
    with Cluster(3) as nodes:
        nodes.settle()
        for number in range(3):
            with nodes[number].client(timeout_s=60) as client:
                equal(client.command("WAIT", "2", "0"), 2)
                for i in range(20):
                    equal(client.command("SET", f"w:{number}:{i}", "v"), "OK")
                equal(client.command("WAIT", "2", "30000"), 2)
                equal(client.command("WAIT", "0", "0"), 2)
                equal(client.command("INCR", f"w:{number}"), 1)
                equal(client.command("WAIT", "2", "30000"), 2)
                assert isinstance(client.command("WAIT", "x", "0"), Error)
        nodes[2].kill()
        nodes.settle(dead=1)
        with nodes[0].client(timeout_s=60) as client:
            equal(client.command("SET", "after", "v"), "OK")
            equal(client.command("WAIT", "2", "100"), 1)


def test_info_replication_tells_of_copies_and_how_far_they_are():
    need_ours()
    with Cluster(3) as nodes:
        nodes.settle()
        nodes.replicated()
        for node in nodes:
            info = node.info()
            equal((info["role"], info["connected_slaves"]), ("master", "0"))
            equal((info["hypercache_copies"], info["hypercache_peers"]), ("3", "2"))
            wait_until(lambda: node.info()["hypercache_peers_linked"] == "2", "both peers are linked")
            wait_until(lambda: node.info()["hypercache_replication_queue_bytes"] == "0", "nothing waits")


def test_a_random_key_is_one_that_the_node_serves():
    need_ours()
    with Cluster(2) as nodes:
        nodes.settle()
        equal(nodes.ask(0, "RANDOMKEY"), None)
        for i in range(100):
            equal(nodes.insist(i % 2, "SET", f"r:{i}", "v"), "OK")
        for i in range(0, 100, 2):
            equal(nodes.insist(0, "DEL", f"r:{i}"), 1)
        served = [set(nodes.ask(number, "KEYS", "*")) for number in range(2)]
        equal(len(served[0] | served[1]), 50)
        for number in range(2):
            for _ in range(20):
                assert nodes.ask(number, "RANDOMKEY") in served[number]


if __name__ == "__main__":
    main(globals())
