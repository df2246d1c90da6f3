"""test_transactions.py - transactions of many clients on many workers: nobody sees half of one, and compare-and-set loses
nothing; what a pause holds back."""
import random
import socket
import threading

from harness import Client, Daemon, Error, encode, equal, main, note, together, wait_until

WORKERS = ("--threads", "4")
ACCOUNTS = [b"a%d" % i for i in range(8)]
TOTAL = 800
SLOW = bool(Daemon.sanitizer)


def test_sums_are_right_while_money_moves():
    seed, transfers = 20261122, 150 if SLOW else 800
    note(f"seed {seed}")
    with Daemon(*WORKERS) as server:
        with server.client() as client:
            for account in ACCOUNTS:
                client.command("SET", account, TOTAL // len(ACCOUNTS))
        working = threading.Semaphore(0)

        def move(who):
            chance = random.Random(seed + who)
            with server.client() as client:
                for _ in range(transfers):
                    amount, (taken, given) = chance.randrange(1, 9), chance.sample(ACCOUNTS, 2)
                    replies = client.pipeline([["MULTI"], ["DECRBY", taken, amount], ["INCRBY", given, amount], ["EXEC"]])
                    assert len(replies[3]) == 2, replies
            working.release()

        def audit(how):
            with server.client() as client:
                looks = 0
                while not working.acquire(blocking=False) or looks == 0:
                    looks += 1
                    if how == "MGET":
                        values = client.command("MGET", *ACCOUNTS)
                    else:
                        values = client.pipeline([["MULTI"], *(["GET", account] for account in ACCOUNTS), ["EXEC"]])[-1]
                    equal(sum(map(int, values)), TOTAL, how)

        together([lambda who=who: move(who) for who in range(2)] + [lambda: audit("MGET"), lambda: audit("EXEC")])


def test_compare_and_set_of_many_clients_loses_nothing():
    clients, each = 6, 30 if SLOW else 100
    lost = []
    with Daemon(*WORKERS) as server:

        def count():
            with server.client() as client:
                for _ in range(each):
                    while True:
                        client.command("WATCH", "n")
                        value = int(client.command("GET", "n") or 0)
                        if client.pipeline([["MULTI"], ["SET", "n", value + 1], ["EXEC"]])[-1] is not None:
                            break
                        lost.append(1)

        together([count] * clients)
        with server.client() as client:
            equal(client.command("GET", "n"), b"%d" % (clients * each))
        note(f"{len(lost)} tries met another client")


def test_a_client_that_dies_inside_a_transaction_leaves_nothing():
    with Daemon(*WORKERS) as server, server.client() as client:
        for _ in range(50):
            dying = server.client()
            dying.pipeline([["WATCH", "k"], ["MULTI"], ["SET", "k", "half"]])
            dying.reset()
        wait_until(lambda: b"connected_clients:1\r" in client.command("INFO", "clients"), "the others are gone")
        equal(client.command("GET", "k"), None)
        equal(client.command("SET", "k", "v"), "OK")


def test_a_large_transaction_is_one_step():
    count = 20000
    with Daemon(*WORKERS) as server, server.client() as client, server.client() as other:
        replies = client.pipeline([["MULTI"]] + [["SET", b"k%d" % i, i] for i in range(count)])
        equal(replies, ["OK"] + ["QUEUED"] * count)
        equal(other.command("DBSIZE"), 0)
        client.send(encode("EXEC"))
        while (seen := other.command("DBSIZE")) == 0:
            pass
        equal(seen, count)
        equal(len(client.read()), count)


# ---- CLIENT PAUSE ----


def test_a_pause_holds_writes_back_and_nothing_else():
    with Daemon(*WORKERS) as server, server.client() as client, server.client() as writer, server.client() as reader:
        equal(client.command("CLIENT", "PAUSE", "600000", "WRITE"), "OK")
        writer.send(encode("SET", "k", "v") + encode("GET", "k"))
        wait_until(lambda: b"blocked_clients:1\r" in client.command("INFO", "clients"), "the writer is parked")
        assert b" flags=b " in client.command("CLIENT", "LIST")
        equal(reader.command("GET", "k"), None)
        assert isinstance(reader.command("SET"), Error)
        equal(client.command("CLIENT", "UNPAUSE"), "OK")
        equal([writer.read(), writer.read()], ["OK", b"v"])
        assert b"blocked_clients:0\r" in client.command("INFO", "clients")


def test_a_pause_ends_by_itself_for_inline_requests_too():
    with Daemon(*WORKERS) as server, server.client() as client:
        equal(client.command("CLIENT", "PAUSE", "300"), "OK")
        with socket.create_connection(("127.0.0.1", server.port)) as raw:  # inline requests wait as well
            raw.sendall(b'set "a\\x62" 1\r\nget ab\r\n')
            raw.settimeout(30)
            got = b""
            while got.count(b"\r\n") < 3:
                got += raw.recv(100)
        equal(got, b"+OK\r\n$1\r\n1\r\n")
        equal(client.command("PING"), "PONG")


def test_clients_that_are_held_back_may_leave():
    with Daemon(*WORKERS) as server, server.client() as client:
        equal(client.command("CLIENT", "PAUSE", "600000", "WRITE"), "OK")
        for _ in range(20):
            leaving = Client(server.port)
            leaving.send(encode("SET", "k", "v"))
            leaving.reset()
        with server.client() as held:
            held.send(encode("SET", "k", "w"))
            wait_until(lambda: b"blocked_clients:0\r" not in client.command("INFO", "clients"), "it is parked")
            equal(client.command("CLIENT", "UNPAUSE"), "OK")
            equal(held.read(), "OK")


def test_wait_ends_by_itself_by_unblock_and_with_its_client():
    with Daemon(*WORKERS) as server, server.client() as client, server.client() as waiting:
        waiting.send(encode("WAIT", "1", "50") + encode("PING"))
        equal([waiting.read(), waiting.read()], [0, "PONG"])
        waiting.send(b'WAIT "\\x31" 0\r\nPING\r\n')
        wait_until(lambda: b"blocked_clients:1\r" in client.command("INFO", "clients"), "it waits")
        line = next(line for line in client.command("CLIENT", "LIST").split(b"\n") if b" cmd=wait " in line)
        assert b" flags=b " in line, line
        number = line.split(b"id=")[1].split(b" ")[0]
        equal(client.command("CLIENT", "UNBLOCK", number), 1)
        equal([waiting.read(), waiting.read()], [0, "PONG"])
        leaving = Client(server.port)
        leaving.send(encode("WAIT", "1", "0"))
        wait_until(lambda: b"blocked_clients:1\r" in client.command("INFO", "clients"), "it waits")
        leaving.close()
        wait_until(lambda: b"blocked_clients:0\r" in client.command("INFO", "clients"), "it is gone")


if __name__ == "__main__":
    main(globals())
