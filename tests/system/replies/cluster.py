"""cluster.py - the cluster's commands at a node that is alone; test_cluster.py has the others."""
from reply_rows import *

DISABLED = Error("ERR This instance has cluster support disabled")

ROWS = [
    row("CLUSTER", arity("cluster")),
    row("CLUSTER NOSUCH", Error("ERR unknown subcommand 'NOSUCH'. Try CLUSTER HELP.")),
    row("CLUSTER KEYSLOT", arity("cluster|keyslot")),
    row("CLUSTER COUNTKEYSINSLOT", arity("cluster|countkeysinslot")),
    row("CLUSTER GETKEYSINSLOT 1", arity("cluster|getkeysinslot")),
    row("CLUSTER MEET a", arity("cluster|meet")),
    row("CLUSTER FORGET", arity("cluster|forget")),
    row("CLUSTER LEAVE now", arity("cluster|leave"), differs="it is ours"),
    *[row(f"CLUSTER {words}", DISABLED)
      for words in ("SLOTS", "SHARDS", "NODES", "INFO", "MYID", "KEYSLOT a", "COUNTKEYSINSLOT 1", "GETKEYSINSLOT 1 1",
                    "LINKS", "MEET 127.0.0.1 7000", "FORGET a", "REPLICAS a", "HELP", "slots")],
    row("READONLY", DISABLED),
    row("READWRITE", DISABLED),
    row("ASKING", DISABLED),
    row("ASKING a", arity("asking")),
]
