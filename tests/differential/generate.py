"""Makes scripts from a seed: valid and slightly broken operations on several connections.

What a server may decide by chance is avoided: a queue group never has two members, and every
message has a payload of its own.
"""

import json
import random

from scriptfile import Script, Step

TOKENS = ["a", "b", "c", "foo", "bar", "x1"]
ODD_SUBJECTS = [b"a..b", b".a", b"a.", b"a.>.b", b">", b"*", b"a*", b"*a.b", b"a>", b"$SYS.a",
                b"$JS.API.INFO", b"_R_.x", b"$NRG.x", b"\xc3\xa9", b"\xff\xfe", b"a,b", b'q"q']
# What ends a connection. A client's own -ERR is not among them: what follows it in the same read is
# still acted upon by the reference, so the outcome depends on how the input is split.
BROKEN = [b"PUB a\r\n", b"PUB a b c 1\r\n", b"PUB a x\r\n", b"PUB a -1\r\n", b"SUB a\r\n",
          b"SUB a b c d\r\n", b"UNSUB 1 2 3\r\n", b"UNSUB\r\n", b"XYZ\r\n", b"\r\n", b" PING\r\n",
          b"PUB a 3\r\nabcd\r\n", b"PUB a 3\r\nab\r\n\r\n", b"HPUB a 4 2\r\n", b"HPUB a 5\r\n",
          b"MSG a 1 1\r\nx\r\n", b"CONNECT {\r\n", b"CONNECT []\r\n", b"PUBa 1\r\nx\r\n",
          b"PUB a 99999999999\r\n", b"PUB a 2000000\r\n", b"RS+ a b\r\n",
          b"SUBS a 1\r\n", b"P\r\n", b"PIN\r\n", b"+O\r\n", b"INFO {\r\n", b"\x00\r\n",
          b"CONNECT {\"protocol\":5}\r\n", b"CONNECT {\"verbose\":\"x\"}\r\n"]


class Writer:
    """Collects the steps of one script."""

    def __init__(self, chance, number):
        self.chance = chance
        self.number = number
        self.steps = []
        self.sids = {}
        self.headers = {}
        self.broken = set()
        self.messages = 0
        self.queues = 0

    def subject(self, wildcards):
        chance = self.chance
        if chance.random() < 0.08:
            return chance.choice(ODD_SUBJECTS)
        tokens = [chance.choice(TOKENS) for _ in range(chance.choice([1, 1, 2, 2, 3, 4]))]
        if wildcards and chance.random() < 0.4:
            tokens[chance.randrange(len(tokens))] = "*"
        if wildcards and chance.random() < 0.25:
            tokens[-1] = ">"
        return ".".join(tokens).encode()

    def blank(self):
        return self.chance.choice([b" "] * 8 + [b"\t", b"   ", b" \t "])

    def operation(self, name):
        if self.chance.random() < 0.1:
            name = bytes(self.chance.choice([byte, byte ^ 32]) for byte in name)
        return name

    def line_end(self):
        return b"\n" if self.chance.random() < 0.05 else b"\r\n"

    def connect(self, connection):
        chance = self.chance
        fields = {}
        for key in ("verbose", "pedantic", "echo", "headers"):
            if chance.random() < 0.6:
                fields[key] = chance.random() < 0.5
        fields["verbose"] = fields.get("verbose", chance.random() < 0.3)
        if fields.get("headers") and chance.random() < 0.6:
            fields["no_responders"] = True
        if chance.random() < 0.5:
            fields["protocol"] = chance.choice([0, 1])
        if chance.random() < 0.3:
            fields["name"] = "generated"
        self.headers[connection] = bool(fields.get("headers"))
        return b"CONNECT " + json.dumps(fields).encode() + b"\r\n"

    def subscribe(self, connection):
        sids = self.sids[connection]
        sid = str(self.chance.choice(sids) if sids and self.chance.random() < 0.05
                  else len(sids) + 1).encode()
        sids.append(int(sid))
        words = [self.operation(b"SUB"), self.subject(wildcards=True)]
        if self.chance.random() < 0.25:
            self.queues += 1
            words.append(b"q%d" % self.queues)
        return self.blank().join(words + [sid]) + self.line_end()

    def unsubscribe(self, connection):
        sids = self.sids[connection] or [1]
        words = [self.operation(b"UNSUB"), str(self.chance.choice(sids)).encode()]
        if self.chance.random() < 0.5:
            words.append(str(self.chance.randrange(4)).encode())
        return self.blank().join(words) + self.line_end()

    def publish(self, connection):
        chance = self.chance
        self.messages += 1
        payload = b"m%d.%d" % (self.number, self.messages)
        payload += b"." * chance.choice([0, 0, 0, 1, 30, 600, 5000])
        words = [self.subject(wildcards=chance.random() < 0.1)]
        if chance.random() < 0.3:
            words.append(chance.choice([b"_INBOX.1", b"reply", self.subject(wildcards=False)]))
        if self.headers.get(connection) and chance.random() < 0.4:
            header = b"NATS/1.0\r\nKey: %d\r\n\r\n" % self.messages
            words = [self.operation(b"HPUB"), *words, b"%d" % len(header),
                     b"%d" % (len(header) + len(payload))]
            payload = header + payload
        else:
            size = b"%0*d" % (chance.choice([1, 1, 1, 6]), len(payload))
            words = [self.operation(b"PUB"), *words, size]
        return self.blank().join(words) + self.line_end() + payload + b"\r\n"

    def one_operation(self, connection):
        dice = self.chance.random()
        if dice < 0.03:
            self.broken.add(connection)
            return self.chance.choice(BROKEN)
        if dice < 0.30:
            return self.subscribe(connection)
        if dice < 0.38:
            return self.unsubscribe(connection)
        if dice < 0.41:
            return self.chance.choice([b"PONG\r\n", b"+OK\r\n", b"INFO {}\r\n"])
        return self.publish(connection)

    def add(self, connection, data):
        """Emits bytes in one step or, sometimes, in pieces that are read on their own."""
        if len(data) > 1 and self.chance.random() < 0.15:
            cuts = sorted(self.chance.sample(range(1, len(data)), min(3, len(data) - 1)))
            for begin, end in zip([0] + cuts, cuts + [len(data)]):
                self.steps.append(Step(connection, "|", data[begin:end]))
        else:
            self.steps.append(Step(connection, ":", data))


def one_script(seed, number):
    chance = random.Random(f"{seed}-{number}")
    writer = Writer(chance, number)
    names = "ABC"[:chance.choice([1, 2, 2, 3])]
    for name in names:
        writer.sids[name] = []
        if chance.random() < 0.9:
            writer.add(name, writer.connect(name))
    for _ in range(chance.randrange(4, 14)):
        name = chance.choice(names)
        burst = b"".join(writer.one_operation(name) for _ in range(chance.randrange(1, 7)))
        writer.add(name, burst)
        # A broken operation may have announced a payload that never comes: then only the end of
        # the input says that the server is done.
        writer.steps.append(Step(name, "/" if name in writer.broken else "!", b""))
        if name in writer.broken:
            names = names.replace(name, "")
            if not names:
                break
    return Script(f"generated {seed}-{number}", "default", writer.steps)


def scripts(seed, count):
    return [one_script(seed, number) for number in range(count)]
