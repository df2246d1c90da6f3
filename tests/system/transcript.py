"""transcript.py - what several clients of one server hear, line by line, to compare two servers.

    2> SET k v          the second client sends this; without "2>" it is the first one
    GET a ; GET b       several requests at once
    2> !close           its connection ends
    !until <command> = <reply>   asks a client of its own until it hears this

ID2 stands for the second client's number, in what is sent and in what is heard.  Behind every line
all clients are asked for an answer twice, so that whatever was on its way has come.
"""
import shlex

from harness import Client, encode, wait_until

PING = encode("PING")


class Talk:
    """Some clients of the server at `port`; `transcript` is [who, line, heard] ..."""

    def __init__(self, port, protocol, names):
        self.port, self.protocol, self.transcript = port, protocol, []
        self.clients = {name: Client(port, protocol) for name in names}
        self.numbers = {str(client.command("CLIENT", "ID")): name for name, client in self.clients.items()}
        with Client(port) as other:
            other.command("FLUSHALL")

    def close(self):
        for client in self.clients.values():
            client.close()

    def _masked(self, value):
        if isinstance(value, dict):
            return {key: self._masked(one) for key, one in value.items()}
        if isinstance(value, list):
            return [type(value).__name__] + [self._masked(one) for one in value]
        if isinstance(value, int) and not isinstance(value, bool):
            return "ID" + self.numbers[str(value)] if str(value) in self.numbers else value
        return value

    def _hear(self, client):
        """All that has come, in order, less the answers to our own questions."""
        heard = []
        for _ in range(2):
            client.send(PING)
            while True:
                one = client.read()
                if one == "PONG" or (isinstance(one, list) and one[:1] == [b"pong"]):
                    break
                heard.append(self._masked(one))
        return heard

    def _until(self, text):
        command, want = (part.strip() for part in text.split("="))
        with Client(self.port) as other:
            wait_until(lambda: str(other.command(*command.split())) == want, text)

    def say(self, line):
        name, _, rest = line.partition("> ") if line[1:3] == "> " else ("1", "", line)
        if rest.startswith("!until "):
            self._until(rest[len("!until "):])
        elif rest == "!close":
            self.clients.pop(name).close()
        else:
            for number, who in self.numbers.items():
                rest = rest.replace("ID" + who, number)
            self.clients[name].send(b"".join(encode(*shlex.split(one)) for one in rest.split(" ; ")))
        heard = {}
        for who in sorted(self.clients, key=lambda one: one != name):  # the speaker first: it has its replies then
            heard[who] = self._hear(self.clients[who])
        for who in sorted(heard):
            self.transcript += [[who, line, one] for one in heard[who]]


def transcript(port, protocol, talk):
    lines = [line for line in talk.strip().split("\n") if line.strip()]
    names = {"1"} | {line[0] for line in lines if line[1:3] == "> "}
    with_clients = Talk(port, protocol, sorted(names))
    try:
        for line in lines:
            with_clients.say(line.strip())
    finally:
        with_clients.close()
    return with_clients.transcript
