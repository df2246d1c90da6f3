"""test_stampede.py - docs/stampede.md does what it shows, and one of many clients wins.

Blocks ```redis are commands after "> " with redis-cli's answers.  Tokens stand for those the server
gives; a long time may be five seconds less than shown, and a little more.
"""
import os
import re
import threading

from harness import ROOT, Client, Daemon, equal, main, need_ours, need_program, note, run_program

BLOCK = re.compile(r"^```redis\n(.*?)^```$", re.M | re.S)
TOKEN = re.compile(r"\b[0-9a-f]{16}\b")
INTEGER = re.compile(r"\(integer\) (\d+)")
LESS_MS, MORE_MS = 5000, 10
CLIENTS, ROUNDS = 8, 50


class Tokens:
    """Tokens of the page and the server's, in the order of their coming."""

    def __init__(self):
        self.by_page = {}

    def learn(self, shown, got):
        for page, server in zip(TOKEN.findall(shown), TOKEN.findall(got)):
            self.by_page.setdefault(page, server)

    def translate(self, text):
        return TOKEN.sub(lambda found: self.by_page.get(found[0], found[0]), text)


def same(shown, got):
    """Equal but for times that have passed."""
    times, times_got = (list(map(int, INTEGER.findall(text))) for text in (shown, got))
    if INTEGER.sub("", shown) != INTEGER.sub("", got) or len(times) != len(times_got):
        return False
    return all(a == b or a > 1000 and a - LESS_MS <= b <= a + MORE_MS for a, b in zip(times, times_got))


def test_the_page_is_true():
    need_ours()
    cli = need_program("redis-cli")
    with open(os.path.join(ROOT, "docs/stampede.md"), encoding="utf-8") as file:
        blocks = BLOCK.findall(file.read())
    assert len(blocks) >= 4
    tokens = Tokens()
    with Daemon() as server:
        for part in re.split(r"^> ", "".join(blocks), flags=re.M)[1:]:
            command, _, shown = part.partition("\n")
            words = [a or b for a, b in re.findall(r'"([^"]*)"|(\S+)', tokens.translate(command))]
            _, out, err = run_program(cli, "--no-raw", "-p", str(server.port), *words)
            tokens.learn(shown, out)
            shown = tokens.translate(shown)
            assert same(shown.strip(), out.strip()), f"{command}\n  shown {shown}\n  got   {out}{err}"


def test_one_of_many_clients_wins_each_time():
    need_ours()
    start = threading.Barrier(CLIENTS)
    wins, wrong = [], []

    def ask(port):
        with Client(port) as client:
            for number in range(ROUNDS):
                start.wait(60)
                value, state, _, token = client.command("HC.GET", f"key:{number}")
                if state == b"won":
                    wins.append(number)
                    if client.command("HC.SET", f"key:{number}", "made", token, "EX", "100") != "OK":
                        wrong.append(f"{number}: the winner was refused")
                elif state == b"hit" and value != b"made" or state not in (b"hit", b"wait"):
                    wrong.append(f"{number}: {value} {state}")

    with Daemon("--threads", "2") as server:
        threads = [threading.Thread(target=ask, args=(server.port,)) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    equal(wrong, [])
    equal(sorted(wins), list(range(ROUNDS)))
    note(f"{ROUNDS} values, {CLIENTS} clients")


if __name__ == "__main__":
    main(globals())
