"""test_replies.py - each command answers exactly as its table says, in RESP2 and RESP3.

The tables are replies/*.py, one a group of commands, in the language of reply_rows.py.  All rows of
a table run on one server, one behind the other in a pipeline; what fails there runs again by
itself, and its file and line are told.  Where a redis-server is installed, the same rows go to it
too, so that the tables say what Redis says and not what we believe; rows that differ from 7.0 give
their reason, and must differ.  TABLE=strings runs one table, LINE=12 one row of it.

A table may set FLAGS (of the server it needs) and UNASKED (why Redis is not asked any row of it).
"""
import importlib
import os

from harness import IS_REDIS, ROOT, Closed, Daemon, Skip, encode, equal, main, note
from redis_server import Redis
from reply_rows import NodeClient, matches, row

FOLDER = os.path.join(ROOT, "tests", "system", "replies")
CHUNK_ROWS = 64
CHUNK_S = 10.0 if not Daemon.sanitizer else 60.0  # how long a reply of the pipeline may take
ROW_S = 5.0 if not Daemon.sanitizer else 30.0  # and of one row alone
DIFFERS_S = 1.0  # silence for so long is a difference, too
FAILURES_SHOWN = 12


class Wrong(Exception):
    """A reply is not what the table says."""


def tables():
    """The modules in replies/, with `name` set; rows know theirs."""
    found = []
    for file in sorted(os.listdir(FOLDER)):
        name = file[:-3]
        if not file.endswith(".py") or file.startswith("_"):
            continue
        module = importlib.import_module(f"replies.{name}")
        for one in module.ROWS:
            one.table = f"replies/{file}"
        if os.environ.get("TABLE", name) == name:
            module.ROWS = [one for one in module.ROWS if os.environ.get("LINE", str(one.line)) == str(one.line)]
            found.append(module)
    return found


# ---- one row ----


def prologue(protocol):
    return encode("RESET") + encode("HELLO", protocol) + encode("FLUSHALL")


def check(step, want, node, protocol):
    if want is None:
        if node.kind == b"-":
            raise Wrong(f"the setup {step.text!r} failed: {node!r}")
    elif not matches(want, node, protocol):
        raise Wrong(f"{step.text!r} in RESP{protocol}\n    got  {node!r:.600}\n    want {want!r:.600}")


def read_prologue(client):
    for what in (b"RESET", None, b"OK"):
        node = client.read_node()
        if what is not None and node.payload != what:
            raise Wrong(f"{node!r} is left over from the row before")


def play_pipelined(client, rows, protocol):
    """Raises Wrong, or what the connection raises, at the first row that is not as told."""
    client.send(b"".join(prologue(protocol) + b"".join(encode(*step.args) for step in one.steps) for one in rows))
    for one in rows:
        read_prologue(client)
        for step in one.steps:
            for want in step.replies():
                check(step, want, client.read_node(), protocol)


def play_alone(port, one, protocol, timeout_s=ROW_S):
    """The same for a row with connections of its own; also finds replies that nobody expects."""
    clients = {}
    try:
        for step in one.steps:
            if step.client not in clients:
                clients[step.client] = NodeClient(port, timeout_s=timeout_s)
                client = clients[step.client]
                if len(clients) == 1:
                    client.send(prologue(protocol))
                    read_prologue(client)
                else:
                    client.send(encode("HELLO", protocol))
                    client.read_node()
            if not step.listens:
                clients[step.client].send(encode(*step.args))
            for want in step.replies():
                check(step, want, clients[step.client].read_node(), protocol)
        for number, client in clients.items():
            read_end(number, client)
    finally:
        for client in clients.values():
            client.close()


def read_end(number, client):
    """Nothing more was said to this client; it may have been told good-bye."""
    try:
        client.send(encode("RESET"))
        node = client.read_node()
    except (Closed, OSError):
        return
    if node.payload != b"RESET":
        raise Wrong(f"client {number} was also told {node!r:.600}")


def failure(port, one, protocol, timeout_s=ROW_S):
    """What is wrong with a row, as a text; None: nothing."""
    try:
        play_alone(port, one, protocol, timeout_s)
    except Wrong as wrong:
        return f"{one!r}: {wrong}"
    except (Closed, OSError, AssertionError, ValueError) as error:
        return f"{one!r} {one.steps[-1].text!r} in RESP{protocol}: {type(error).__name__}: {error}"
    return None


# ---- many rows ----


def play(port, rows, protocol):
    """Plays rows; returns a text for each that fails."""
    rows = [one for one in rows if protocol in one.protocols]
    failures = [failure(port, one, protocol) for one in rows if one.alone]
    together = [one for one in rows if not one.alone]
    for first in range(0, len(together), CHUNK_ROWS):
        chunk = together[first : first + CHUNK_ROWS]
        try:
            with NodeClient(port, timeout_s=CHUNK_S) as client:
                play_pipelined(client, chunk, protocol)
        except (Wrong, Closed, OSError, AssertionError, ValueError) as error:
            found = [text for text in (failure(port, one, protocol) for one in chunk) if text]
            failures += found or [f"{chunk[0]!r} and those after it, only as a pipeline: {error}"]
    return [text for text in failures if text]


def report(failures):
    if failures:
        more = f"\n  and {len(failures) - FAILURES_SHOWN} more" if len(failures) > FAILURES_SHOWN else ""
        raise AssertionError(f"{len(failures)} rows\n  " + "\n  ".join(failures[:FAILURES_SHOWN]) + more)


def by_flags():
    """Tables that can share a server."""
    groups = {}
    for table in tables():
        groups.setdefault(tuple(getattr(table, "FLAGS", ())), []).append(table)
    return groups


def test_every_row_is_answered_as_its_table_says():
    failures, count = [], 0
    for flags, group in by_flags().items():
        with Daemon(*flags) as server:
            for table in group:
                rows = [one for one in table.ROWS if not IS_REDIS or fair(table, one) and not one.differs]
                for protocol in (2, 3):
                    failures += play(server.port, rows, protocol)
                count += len(rows)
    report(failures)
    note(f"{count} rows")


def fair(table, one):
    """Whether Redis is asked at all."""
    return not one.unasked and not getattr(table, "UNASKED", None)


def test_redis_answers_the_same():
    failures, count = [], 0
    with Redis() as redis:
        for table in tables():
            rows = [one for one in table.ROWS if fair(table, one)]
            same = [one for one in rows if not one.differs]
            count += len(same)
            for protocol in (2, 3):
                failures += [f"redis-server: {text}" for text in play(redis.port, same, protocol)]
            for one in rows:
                if one.differs and not any(failure(redis.port, one, protocol, DIFFERS_S) for protocol in one.protocols):
                    failures.append(f"{one!r}: Redis answers the same, although {one.differs}")
    report(failures)
    note(f"{count} rows")


# ---- the tables are complete, and find what is wrong ----


def known_names(client):
    """Every command and subcommand, as "get" and "client|id"."""
    names = set()
    for entry in client.command("COMMAND"):
        names.add(entry[0].decode())
        names.update(sub[0].decode() for sub in entry[9])
    return names


def named_by_rows(names):
    named = set()
    for table in tables():
        for one in table.ROWS:
            for words in one.names():
                command = words[0].decode("latin-1").lower()
                sub = f"{command}|{words[1].decode('latin-1').lower()}" if len(words) > 1 else command
                named |= {command, sub} & names
    return named


def test_every_command_and_subcommand_has_a_row():
    if "TABLE" in os.environ or IS_REDIS:
        raise Skip("one table alone does not have all")
    exceptions = importlib.import_module("replies._exceptions").WITHOUT_A_ROW
    with Daemon() as server, server.client() as client:
        names = known_names(client)
    named = named_by_rows(names)
    equal(sorted(names - named - set(exceptions)), [], "commands without a row")
    equal(sorted(set(exceptions) & named), [], "exceptions that have a row")
    equal(sorted(set(exceptions) - names), [], "exceptions that do not exist")
    note(f"{len(names)} commands")


def test_a_row_that_is_wrong_is_found():
    wrong = [
        row("PING", "PONG"), row("GET k", "v"), row("GET k", 1, setup="SET k 1"),
        row("SET k v", [1]), row("GET", 1), row("GET k", "v", setup="SET k"), row("PING", 1, alone=True),
        row("ECHO a", "a", then=["2> PING", "PONG"]),
    ]
    right = row("GET k", "v", setup="SET k v")
    for number, one in enumerate(wrong):
        one.table = f"wrong {number}"
    right.table = "right"
    with Daemon() as server:
        for protocol in (2, 3):
            for one in wrong:
                failures = play(server.port, [right, one, right], protocol)
                assert len(failures) == 1 and failures[0].startswith(f"{one!r}"), failures
            equal(play(server.port, [right] * (CHUNK_ROWS + 1), protocol), [])


if __name__ == "__main__":
    main(globals())
