#!/usr/bin/env python3
"""Makes the stores of nats-server that tests read, each with an expected.json, by running it.

    make_store.py /path/to/nats-server [plain] [aes] [chacha]

"plain" is the one in this directory, the others are encrypted: ../go-store-aes, ../go-store-chacha,
with streams of one name in two accounts.

The server is driven over its text protocol. It is stopped, started again on what it wrote, and
asked for every message: that is what expected.json says an import must give.
"""
import base64
import json
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
UNIT = 10  # bytes of a line that large payloads repeat


class Client:
    def __init__(self, port, user=None):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.input = self.socket.makefile("rb")
        self.inbox = 0
        self.input.readline()
        options = {"verbose": False, "headers": True, "no_responders": True}
        if user is not None:
            options |= {"user": user, "pass": user}
        self.send(b"CONNECT %s\r\nPING\r\n" % json.dumps(options).encode())
        assert self.input.readline() == b"PONG\r\n"

    def send(self, data):
        self.socket.sendall(data)

    def publish(self, subject, payload=b"", reply=b"", headers=None):
        if isinstance(payload, str):
            payload = payload.encode()
        reply = reply + b" " if reply else b""
        if headers is None:
            self.send(b"PUB %s %s%d\r\n%s\r\n" % (subject.encode(), reply, len(payload), payload))
            return
        head = b"NATS/1.0\r\n" + b"".join(
            b"%s: %s\r\n" % (k.encode(), v.encode()) for k, v in headers) + b"\r\n"
        self.send(b"HPUB %s %s%d %d\r\n%s%s\r\n" % (
            subject.encode(), reply, len(head), len(head) + len(payload), head, payload))

    def message(self):
        """Reads one message: subject, reply, header, payload."""
        while True:
            words = self.input.readline().split()
            if words[0] == b"PING":
                self.send(b"PONG\r\n")
            elif words[0] in (b"MSG", b"HMSG"):
                break
        with_header = words[0] == b"HMSG"
        total = int(words[-1])
        header = int(words[-2]) if with_header else 0
        body = self.input.read(total + 2)[:-2]
        reply = words[3] if len(words) == (6 if with_header else 5) else b""
        return words[1], reply, body[:header], body[header:]

    def collect(self, subject, payload, count, headers=None):
        """Sends a request and reads `count` answers."""
        self.inbox += 1
        inbox = b"_INBOX.%d" % self.inbox
        self.send(b"SUB %s %d\r\n" % (inbox, self.inbox))
        self.publish(subject, payload, inbox, headers)
        answers = [self.message() for _ in range(count)]
        self.send(b"UNSUB %d\r\n" % self.inbox)
        return answers

    def request(self, subject, payload="", headers=None):
        answer = json.loads(self.collect(subject, payload, 1, headers)[0][3])
        assert "error" not in answer, (subject, payload, answer)
        return answer

    def api(self, what, **body):
        return self.request("$JS.API." + what, json.dumps(body) if body else "")

    def store(self, subject, payload="", headers=None):
        return self.request(subject, payload, headers)["seq"]

    def next(self, stream, consumer, count):
        """Fetches messages; gives their acknowledgement subjects."""
        answers = self.collect(f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}",
                               json.dumps({"batch": count}), count)
        return [answer[1] for answer in answers]

    def acknowledge(self, reply):
        self.collect(reply.decode(), "+ACK", 1)


class Server:
    def __init__(self, binary, *arguments, user=None):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.process = subprocess.Popen(
            [binary, "-a", "127.0.0.1", "-p", str(port), "-js", *arguments],
            stderr=subprocess.DEVNULL)
        self.port = port
        for _ in range(200):
            try:
                self.client = Client(port, user)
                break
            except ConnectionRefusedError:
                time.sleep(0.05)
        while "error" in json.loads(self.client.collect("$JS.API.INFO", "", 1)[0][3]):
            time.sleep(0.05)

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait()


def stream(client, name, subjects, **more):
    client.api(f"STREAM.CREATE.{name}", name=name, subjects=subjects, storage="file", **more)


def consumer(client, stream_name, name, **more):
    config = {"durable_name": name, "name": name, "ack_policy": "explicit"} | more
    client.api(f"CONSUMER.CREATE.{stream_name}.{name}", stream_name=stream_name, config=config)


def fill_plain(client):
    stream(client, "PLAIN", ["plain.>"], description='says "allow_msg_ttl":true, and lies')
    for i in range(1, 13):
        headers = [("Nats-Msg-Id", f"id-{i}"), ("X-Note", "ä b")] if i % 3 == 0 else None
        client.store(f"plain.{'ab'[i % 2]}.{i}", f"message {i}", headers)
    client.store("plain.empty")
    client.store("plain.header.only", "", [("A", "1")])
    client.api("STREAM.MSG.DELETE.PLAIN", seq=3)
    client.api("STREAM.MSG.DELETE.PLAIN", seq=5, no_erase=True)
    client.api("STREAM.MSG.DELETE.PLAIN", seq=14, no_erase=True)
    consumer(client, "PLAIN", "pending", ack_wait=1000000000)
    first = client.next("PLAIN", "pending", 4)
    client.acknowledge(first[0])
    client.acknowledge(first[2])
    time.sleep(1.2)
    client.next("PLAIN", "pending", 3)
    consumer(client, "PLAIN", "fresh", description="nobody read yet", deliver_policy="new")
    consumer(client, "PLAIN", "done", filter_subject="plain.a.>")
    for reply in client.next("PLAIN", "done", 5):
        client.acknowledge(reply)


def fill_others(client):
    stream(client, "COMPRESSED", ["compressed"], compression="s2", max_bytes=100000)
    for i in range(34):
        client.store("compressed", f"line {i:03d}: " * 200 + ("tail" if i > 31 else ""))
    client.api("STREAM.MSG.DELETE.COMPRESSED", seq=2, no_erase=True)
    stream(client, "PURGED", ["purged.>"])
    for i in range(6):
        client.store(f"purged.{i % 2}", f"before {i}")
    client.api("STREAM.PURGE.PURGED")
    for i in range(6):
        client.store(f"purged.{i % 2}", f"after {i}")
    client.api("STREAM.PURGE.PURGED", filter="purged.0")
    client.api("STREAM.PURGE.PURGED", seq=10)
    stream(client, "EMPTIED", ["emptied"])
    for i in range(3):
        client.store("emptied", f"gone {i}")
    client.api("STREAM.PURGE.EMPTIED")
    stream(client, "NEVER", ["never"], first_seq=100)
    stream(client, "KV_settings", ["$KV.settings.>"], max_msgs_per_subject=2,
           allow_rollup_hdrs=True, deny_delete=True, discard="new", allow_direct=True)
    for i in range(5):
        client.store("$KV.settings.colour", f"c{i}")
        client.store(f"$KV.settings.key{i}", "x")
    client.store("$KV.settings.key1", "", [("KV-Operation", "DEL")])
    client.store("$KV.settings.key2", "", [("KV-Operation", "PURGE"), ("Nats-Rollup", "sub")])
    stream(client, "WORK", ["work.>"], retention="workqueue")
    for i in range(8):
        client.store("work.todo", f"job {i}")
    consumer(client, "WORK", "workers")
    jobs = client.next("WORK", "workers", 5)
    for i in (0, 1, 3):
        client.acknowledge(jobs[i])
    stream(client, "TIMED", ["timed.>"], allow_msg_ttl=True, allow_msg_schedules=True)
    client.store("timed.hour", "expires", [("Nats-TTL", "1h")])
    client.store("timed.seconds", "expires", [("Nats-TTL", "90000")])
    client.store("timed.never", "stays", [("Nats-TTL", "never")])
    client.store("timed.plan", "later", [("Nats-Schedule", "@at 2099-01-01T00:00:00Z"),
                                         ("Nats-Schedule-Target", "timed.target")])
    stream(client, "COPY", [], sources=[{"name": "PLAIN", "filter_subject": "plain.a.>"}])
    while client.api("STREAM.INFO.COPY")["state"]["messages"] < 4:
        time.sleep(0.05)


def data_of(text):
    """Payloads that repeat one line are told as the line, how often, and what follows."""
    data = base64.b64decode(text)
    unit = data[:UNIT]
    times = 0
    while len(unit) == UNIT and data[times * UNIT:(times + 1) * UNIT] == unit:
        times += 1
    if times < 2:
        return {"data": text} if text else {}
    return {"line": unit.decode(), "times": times, "tail": data[times * UNIT:].decode()}


def messages_of(client, name, state):
    messages = []
    for seq in range(state["first_seq"], state["last_seq"] + 1):
        answer = json.loads(client.collect(f"$JS.API.STREAM.MSG.GET.{name}",
                                           json.dumps({"seq": seq}), 1)[0][3])
        if "error" in answer:
            continue
        message = answer["message"]
        messages.append({"seq": seq, "subject": message["subject"], "time": message["time"]}
                        | ({"hdrs": message["hdrs"]} if "hdrs" in message else {})
                        | data_of(message.get("data", "")))
    return messages


def described(client):
    streams = {}
    for info in client.api("STREAM.LIST")["streams"]:
        name = info["config"]["name"]
        state = info["state"]
        consumers = client.api(f"CONSUMER.LIST.{name}")["consumers"]
        streams[name] = {
            "state": {key: state.get(key, 0) for key in
                      ("messages", "bytes", "first_seq", "last_seq", "num_deleted")},
            "messages": messages_of(client, name, state),
            "consumers": {one["name"]: {key: one[key] for key in
                                        ("delivered", "ack_floor", "num_ack_pending",
                                         "num_redelivered")} for one in consumers}}
        for one in streams[name]["consumers"].values():
            for key in ("delivered", "ack_floor"):
                one[key].pop("last_active", None)
    return streams


def keep(expected, directory):
    directory.mkdir(exist_ok=True)
    (directory / "expected.json").write_text(
        json.dumps(expected, indent=1, sort_keys=True) + "\n")


def make_plain(binary):
    with tempfile.TemporaryDirectory() as directory:
        store = pathlib.Path(directory)
        server = Server(binary, "-sd", str(store))
        fill_plain(server.client)
        fill_others(server.client)
        server.stop()
        shutil.rmtree(HERE / "jetstream", ignore_errors=True)
        shutil.copytree(store / "jetstream", HERE / "jetstream")
        server = Server(binary, "-sd", str(store))
        expected = described(server.client)
        server.stop()
    keep(expected, HERE)


def fill_encrypted(client):
    stream(client, "ORDERS", ["orders.>"])
    for i in range(1, 9):
        client.store(f"orders.{i % 3}", f"order {i}", [("Number", str(i))] if i % 4 == 0 else None)
    client.api("STREAM.MSG.DELETE.ORDERS", seq=3)
    client.api("STREAM.MSG.DELETE.ORDERS", seq=5, no_erase=True)
    consumer(client, "ORDERS", "worker")
    jobs = client.next("ORDERS", "worker", 4)
    client.acknowledge(jobs[0])
    client.acknowledge(jobs[2])
    stream(client, "COMPRESSED", ["compressed"], compression="s2", max_bytes=100000)
    for i in range(12):
        client.store("compressed", "a line...\n" * 300 + ("tail" if i > 9 else ""))


def make_encrypted(binary, cipher):
    """The key is "key of CIPHER"."""
    to = HERE.parent / f"go-store-{cipher}"
    with tempfile.TemporaryDirectory() as directory:
        store = pathlib.Path(directory)
        config = store / "server.conf"
        config.write_text(f'''
            accounts {{
              A {{ jetstream: enabled, users: [{{ user: a, password: a }}] }}
              B {{ jetstream: enabled, users: [{{ user: b, password: b }}] }}
            }}
            jetstream {{ store_dir: "{store}", cipher: {cipher}, key: "key of {cipher}" }}
        ''')
        options = ("-c", str(config))
        server = Server(binary, *options, user="a")
        fill_encrypted(server.client)
        other = Client(server.port, "b")
        stream(other, "ORDERS", ["orders.>"])
        other.store("orders.b", "of account b")
        server.stop()
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(store / "jetstream", to / "jetstream")
        server = Server(binary, *options, user="a")
        expected = {"A": described(server.client), "B": described(Client(server.port, "b"))}
        server.stop()
    keep(expected, to)


def main():
    binary, *stores = sys.argv[1:]
    for name in stores or ("plain", "aes", "chacha"):
        if name == "plain":
            make_plain(binary)
        else:
            make_encrypted(binary, name)


if __name__ == "__main__":
    main()
