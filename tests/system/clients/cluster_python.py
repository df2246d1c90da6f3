"""cluster_python.py PORT - python3-redis as a client of the whole cluster."""
import sys

import redis

KEYS = 300
cluster = redis.cluster.RedisCluster(host="127.0.0.1", port=int(sys.argv[1]), socket_timeout=30)
for i in range(KEYS):
    assert cluster.set(f"py:{i}", i)
assert [int(cluster.get(f"py:{i}")) for i in range(KEYS)] == list(range(KEYS))
assert sorted(cluster.scan_iter(match="py:*")) == sorted(b"py:%d" % i for i in range(KEYS))
assert len(cluster.keys("py:*", target_nodes=redis.cluster.RedisCluster.PRIMARIES)) == KEYS
assert cluster.mget_nonatomic("py:1", "py:2", "none") == [b"1", b"2", None]
assert cluster.mset_nonatomic({"py:a": 1, "py:b": 2})
assert cluster.delete("py:a", "py:b", "none") == 2
assert cluster.incr("py:counter", 5) == 5 and cluster.expire("py:counter", 100)
assert 90 < cluster.ttl("py:counter") <= 100
with cluster.pipeline() as many:
    for i in range(KEYS):
        many.get(f"py:{i}")
    assert [int(value) for value in many.execute()] == list(range(KEYS))
try:
    cluster.execute_command("MGET", "a", "b")
except redis.exceptions.RedisClusterException:
    pass  # the library itself refuses keys of several slots
assert len(cluster.get_primaries()) == 3 and not cluster.get_replicas()
print("ok")
