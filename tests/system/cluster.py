"""cluster.py - several nodes of one cluster on ports that the system chooses.

    with Cluster(3) as nodes:               started one after the other, each told of those before
        nodes.settle()                      until all know the same ring, and have their data
        nodes[0].client() ...
        nodes[1].kill(); nodes[1].start()   the folder stays; nodes.empty(1) takes it away
"""
import os
import shutil

from durable_daemon import Durable
from daemon import Daemon, wait_until
from resp_client import Closed, Error

SETTLE_S_MAX = 60.0 if not Daemon.sanitizer else 240.0


def members_of(info):
    """The lines member0.. of INFO cluster, each a dictionary."""
    found = []
    for name, text in info.items():
        if name.startswith("member") and name[6:].isdigit():
            found.append(dict(part.split("=", 1) for part in text.split(",")))
    return found


class Node(Durable):
    def __init__(self, number, *flags, network=None, environment=None):
        super().__init__(*flags, environment=environment)
        self.name = f"node-{number}"
        self.moves(network, number)

    def moves(self, network, number):
        """Starts in that namespace of the network from now on."""
        if network is not None:
            self.host, self.prefix = network.address(number), network.prefix(number)

    def seed(self):
        return f"{self.host}:{self.cluster_port()}"

    def begin(self, seeds, *flags):
        """Starts; returns when its cluster port is known."""
        told = ["--seeds", ",".join(seeds)] if seeds else []
        self.launch("--cluster.enabled=true", "--cluster-port", "0", "--node-id", self.name,
                    "--threads", "1", *told, *flags)
        wait_until(self.cluster_port, f"{self.name} is one of a cluster", SETTLE_S_MAX)
        return self

    def cluster_port(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended with {self.process.returncode}: {self.said()}")
        try:
            port = int(self.info()["cluster_port"])
        except (OSError, Closed):
            return 0
        return port

    def runs(self):
        return self.process is not None and self.process.poll() is None

    def view(self):
        """What it knows of the cluster, as far as others must know the same; None: unsettled."""
        info = self.info()
        members = [m for m in members_of(info) if m["ring"] != "out" and m["state"] != "left"]
        calm = info["cluster_moving"] == "0" and info["cluster_state"] == "ok"
        for m in members:
            calm = calm and (m["state"] == "dead" or (m["agrees"] == "1" and m["ready"] == "1"))
        if not calm:
            return None
        return info["cluster_topology"], tuple(sorted((m["id"], m["state"]) for m in members))


class Cluster:
    def __init__(self, count, *flags, persistence=False, network=None, environment=None):
        """`network`: a namespace for each node.  `environment` of each, by its number."""
        self.flags = [*flags, f"--persistence.enabled={'true' if persistence else 'false'}"]
        self.flags += ["--security.protected_mode=false"] if network is not None else []
        self.network = network
        self.environment = environment or (lambda number: None)
        self.nodes = []
        self.gone = []  # numbers of nodes that left for good
        try:
            for _ in range(count):
                self.add()
        except BaseException:
            self.end(False)
            raise

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.end(kind is None)

    def __getitem__(self, number):
        return self.nodes[number]

    def __iter__(self):
        return iter(self.nodes)

    def end(self, well):
        for node in self.nodes:
            node.__exit__(None if well else Exception, None, None)

    def running(self):
        return [node for node in self.nodes if node.runs()]

    def seeds(self):
        return [node.seed() for node in self.running()]

    def add(self, *flags):
        seeds = self.seeds()
        number = len(self.nodes)
        node = Node(number, *self.flags, network=self.network, environment=self.environment(number))
        self.nodes.append(node)
        return node.begin(seeds, *flags)

    def start(self, number, *flags, seeds=True):
        """A node that was there before."""
        return self.nodes[number].begin(self.seeds() if seeds else [], *flags)

    def empty(self, number):
        shutil.rmtree(self.nodes[number].data)
        assert not os.path.exists(self.nodes[number].data)

    def settled(self, dead):
        views = {node.view() for node in self.running()}
        if len(views) != 1:
            return False
        view = views.pop()
        if view is None:
            return False
        alive = sum(state == "alive" for _, state in view[1])
        return alive == len(self.running()) and len(view[1]) - alive == dead

    def settle(self, dead=0):
        """All that run know the same ring of themselves and `dead` others, and have their data."""
        wait_until(lambda: self.settled(dead), "all nodes know the same", SETTLE_S_MAX)

    def replicated(self):
        """All that was written has reached all that run: what was not may be lost by a kill."""
        def is_idle():
            infos = [node.info() for node in self.running()]
            return all(int(i["cluster_queue_bytes"]) == 0 for i in infos)

        wait_until(is_idle, "all writes are confirmed", SETTLE_S_MAX)

    def ask(self, number, *command):
        with self.nodes[number].client(timeout_s=60) as client:
            return client.command(*command)

    def insist(self, number, *command, also=()):
        """Repeats what was refused before anything was applied, as clients do."""
        retried = ("TRYAGAIN", "CLUSTERDOWN", "LOADING", "NOREPLICAS", *also)

        def answered():
            reply = self.ask(number, *command)
            return None if isinstance(reply, Error) and str(reply).startswith(retried) else (reply,)

        return wait_until(answered, f"{command} is answered", SETTLE_S_MAX)[0]
