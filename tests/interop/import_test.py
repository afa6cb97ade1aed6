#!/usr/bin/env python3
"""Takes over what a real nats-server wrote, and compares it with what that served.

Usage: import_test.py NATS_SERVER DUNLIN_SERVER
"""

import base64
import json
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path += [str(TESTS / "data" / "go-store"), str(TESTS / "parity")]

import make_store  # noqa: E402
from running_server import eventually  # noqa: E402

KEY = "a key of some length"

# What inspect calls a state's numbers.
LABELS = {"first sequence": "first_seq", "last sequence": "last_seq", "records": "messages",
          "deleted between": "num_deleted"}  # fmt: skip

reference, server = "", ""


def payload(message):
    """The payload of a message that make_store described."""
    if "line" in message:
        return message["line"].encode() * message["times"] + message["tail"].encode()
    return base64.b64decode(message.get("data", ""))


def time_of(text):
    """Times with nine digits behind the point, as Dunlin writes them."""
    seconds, _, fraction = text.rstrip("Z").partition(".")
    return f"{seconds}.{fraction:0<9}Z"


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Imported(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.addCleanup(self.temporary.cleanup)
        self.path = Path(self.temporary.name)
        self.go, self.store = self.path / "go", self.path / "store"
        self.go.mkdir()

    def start(self, config="", user=None):
        """nats-server on the directory."""
        file = self.path / "server.conf"
        file.write_text(f'jetstream {{ store_dir: "{self.go}"\n{config}')
        nats = make_store.Server(reference, "-c", str(file), user=user)
        self.addCleanup(lambda: nats.process.poll() is None and nats.stop(signal.SIGKILL))
        return nats

    def command(self, word, *arguments, **options):
        return subprocess.run([server, "store", word, *map(str, arguments)], capture_output=True,
                              text=True, timeout=120, **options)  # fmt: skip

    def take_over(self, *options, source=None, code=0):
        """Imports, verifies; what the import said."""
        ran = self.command("import", source or self.go, "--into", self.store, *options)
        self.assertEqual(ran.returncode, code, ran.stdout + ran.stderr)
        verified = self.command("verify", self.store)
        self.assertEqual(verified.returncode, 0, verified.stdout + verified.stderr)
        return ran.stdout + ran.stderr

    def exported(self, log):
        ran = self.command("export", self.store, f"streams/{log}")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        return [json.loads(line) for line in ran.stdout.splitlines()]

    def item(self, path):
        """The JSON of an item of metadata."""
        text = self.command("inspect", self.store, "--meta", path).stdout
        line = next(line for line in text.splitlines() if line.startswith(path + " "))
        return json.loads(line[len(path) + 1 :])

    def assert_messages(self, log, served):
        found = self.exported(log)
        self.assertEqual([one["seq"] for one in found], [one["seq"] for one in served])
        for one, expected in zip(found, served):
            self.assertEqual(one["subject"], expected["subject"])
            self.assertEqual(one["time"], time_of(expected["time"]))
            self.assertEqual(base64.b64decode(one["data"]), payload(expected))
            self.assertEqual(one.get("headers"), expected.get("hdrs"))

    def assert_imported(self, account, served):
        """All that make_store.described told of an account."""
        for name, told in served.items():
            log = f"{account}/{name}"
            self.assert_messages(log, told["messages"])
            state = self.command("inspect", self.store, f"streams/{log}").stdout
            for label, key in LABELS.items():
                self.assertRegex(state, rf"(?m)^ *{label} +{told['state'][key]}$")
            for consumer, stands in told["consumers"].items():
                item = self.item(f"consumer-states/{log}/{consumer}")
                self.assertEqual(item["delivered"], stands["delivered"])
                self.assertEqual(item["ack_floor"], stands["ack_floor"])
                self.assertEqual(len(item["pending"]), stands["num_ack_pending"])
                self.assertEqual(len(item["redelivered"]), stands["num_redelivered"])

    def test_every_kind_of_stream(self):
        nats = self.start("}")
        make_store.fill_plain(nats.client)
        make_store.fill_others(nats.client)
        nats.stop()
        kept = shutil.copytree(self.go, self.path / "kept")
        nats = self.start("}")
        served = make_store.described(nats.client)
        nats.stop()
        said = self.take_over(source=kept)
        self.assertIn(f"{len(served)} streams imported, 0 not", said)
        self.assert_imported("$G", served)
        plain = self.exported("$G/TIMED")
        self.assertEqual([("expires" in one, "due" in one) for one in plain],
                         [(True, False), (True, False), (False, False), (False, True)])  # fmt: skip

    def test_what_is_there_after_a_kill(self):
        nats = self.start("}")
        make_store.fill_plain(nats.client)
        served = make_store.described(nats.client)
        nats.stop(signal.SIGKILL)
        self.take_over()
        self.assert_messages("$G/PLAIN", served["PLAIN"]["messages"])

    def test_encrypted_streams_of_two_accounts(self):
        for cipher in ("aes", "chacha"):
            with self.subTest(cipher=cipher):
                self.go, self.store = self.path / f"go-{cipher}", self.path / f"store-{cipher}"
                config = f"""cipher: {cipher}, key: "{KEY}" }}
                    accounts {{
                      A {{ jetstream: enabled, users: [{{ user: a, password: a }}] }}
                      B {{ jetstream: enabled, users: [{{ user: b, password: b }}] }}
                    }}"""
                nats = self.start(config, user="a")
                make_store.fill_encrypted(nats.client)
                other = make_store.Client(nats.port, "b")
                make_store.stream(other, "ORDERS", ["orders.>"])
                other.store("orders.b", "of account b")
                nats.stop()
                nats = self.start(config, user="a")
                served = {"A": make_store.described(nats.client),
                          "B": make_store.described(make_store.Client(nats.port, "b"))}  # fmt: skip
                nats.stop()
                refused = self.command("import", self.go, "--into", self.store)
                self.assertEqual(refused.returncode, 1)
                self.assertIn("--key-file", refused.stderr)
                key = self.path / "key"
                key.write_text(KEY + "\n")
                self.assertIn("3 streams imported, 0 not", self.take_over("--key-file", key))
                for account, streams in served.items():
                    self.assert_imported(account, streams)

    def test_configurations_of_mirrors_and_sources(self):
        nats = self.start("}")
        client = nats.client
        make_store.stream(client, "ORIGIN", ["origin.>"])
        for i in range(5):
            client.store(f"origin.{i}", f"{i}")
        client.api("STREAM.CREATE.MIRROR", name="MIRROR", storage="file",
                   mirror={"name": "ORIGIN"})  # fmt: skip
        make_store.stream(client, "ALL", [], sources=[
            {"name": "ORIGIN", "subject_transforms": [{"src": "origin.>", "dest": "all.>"}]},
            {"name": "ELSEWHERE", "external": {"api": "$JS.other.API", "deliver": ""}}])
        for name in ("MIRROR", "ALL"):
            eventually(lambda: client.api(f"STREAM.INFO.{name}")["state"]["messages"] == 5)
        served = make_store.described(client)
        configs = {name: client.api(f"STREAM.INFO.{name}")["config"] for name in served}
        nats.stop()
        self.take_over()
        self.assert_imported("$G", served)
        for name, config in configs.items():
            kept = self.item(f"streams/$G/{name}")
            for key in ("mirror", "sources", "subjects"):
                self.assertEqual(kept.get(key) or None, config.get(key) or None, name)
        self.assertEqual([one["seq"] for key, one in self.item("sources/$G/ALL").items()
                          if key.startswith("ORIGIN")], [5])  # fmt: skip

    def subject(self, seq):
        return f"many.{seq % 97}.{seq}"

    def payload(self, seq):
        return f"message {seq} " * (seq % 7 + 1)

    def many(self, client, count):
        """A stream with a subject to each message, some deleted; what was served."""
        make_store.stream(client, "MANY", ["many.>"])
        for seq in range(1, count + 1):
            client.publish(self.subject(seq), self.payload(seq))
        client.store(self.subject(count + 1), self.payload(count + 1))
        for seq in range(10, count, 13):
            client.api("STREAM.MSG.DELETE.MANY", seq=seq, no_erase=bool(seq % 2))
        client.api("STREAM.PURGE.MANY", filter="many.7.>")
        return make_store.described(client)

    def test_many_subjects_with_gaps(self):
        nats = self.start("}")
        served = self.many(nats.client, 1000)
        nats.stop()
        self.take_over()
        self.assert_imported("$G", served)

    def damaged(self, damage):
        """Damages a block; all that is healthy is taken over, all else is named."""
        nats = self.start("}")
        messages = self.many(nats.client, 400)["MANY"]["messages"]
        nats.stop()
        pristine = shutil.copytree(self.go, self.path / "pristine")
        for number in range(6):
            with self.subTest(number=number):
                self.go, self.store = self.path / f"go-{number}", self.path / f"store-{number}"
                shutil.copytree(pristine, self.go)
                block = self.go / "jetstream" / "$G" / "streams" / "MANY" / "msgs" / "1.blk"
                block.write_bytes(damage(bytearray(block.read_bytes()), random.Random(number)))
                said = self.take_over(code=1)
                named = set()
                for first, last in re.findall(r"sequences (\d+)(?: to (\d+))?:", said):
                    named.update(range(int(first), int(last or first) + 1))
                exported = self.exported("$G/MANY")
                for one in exported:
                    self.assertEqual(one["subject"], self.subject(one["seq"]))
                    self.assertEqual(base64.b64decode(one["data"]).decode(),
                                     self.payload(one["seq"]))  # fmt: skip
                found = {one["seq"] for one in exported}
                lost = {one["seq"] for one in messages} - found
                self.assertLessEqual(lost, named, said)
                self.assertFalse(found & named, said)
                self.assertTrue(lost, said)

    def test_a_bit_that_flipped(self):
        def flip(block, randomly):
            # In a message that was not deleted.
            seqs = [seq for seq in range(11, 390) if seq % 13 != 10 and seq % 97 != 7]
            seq = randomly.choice(seqs)
            at = block.index(self.payload(seq).encode())
            block[at + randomly.randrange(len(self.payload(seq)))] ^= 1 << randomly.randrange(8)
            return block

        self.damaged(flip)

    def test_a_block_that_was_cut_off(self):
        self.damaged(lambda block, randomly: block[: randomly.randrange(100, len(block) // 2)])

    def test_a_server_of_a_cluster(self):
        clients, routes = free_ports(3), free_ports(3)
        nodes = []
        for i in range(3):
            file = self.path / f"{i}.conf"
            file.write_text(f"""
                server_name: n{i}, listen: "127.0.0.1:{clients[i]}"
                jetstream {{ store_dir: "{self.path}/node{i}" }}
                cluster {{ name: c, listen: "127.0.0.1:{routes[i]}",
                           routes: [{", ".join(f'"nats://127.0.0.1:{port}"' for port in routes)}] }}
            """)
            nodes.append(subprocess.Popen([reference, "-c", file], stdout=subprocess.DEVNULL,
                                          stderr=subprocess.DEVNULL))  # fmt: skip
            self.addCleanup(nodes[-1].wait)
            self.addCleanup(nodes[-1].kill)
        client = self.created(clients[0])
        for i in range(50):
            client.store(f"orders.{i}", f"order {i}")
        make_store.consumer(client, "ORDERS", "worker", num_replicas=3)
        for reply in client.next("ORDERS", "worker", 5):
            client.acknowledge(reply)
        served = make_store.messages_of(client, "ORDERS", {"first_seq": 1, "last_seq": 50})
        eventually(lambda: all(one["current"] and not one.get("lag") for one in
                               client.api("STREAM.INFO.ORDERS")["cluster"]["replicas"]))
        for node in nodes:
            node.terminate()
            node.wait()
        for i in range(3):
            self.store = self.path / f"store-{i}"
            said = self.take_over(source=self.path / f"node{i}")
            self.assertIn("this server was one of a cluster", said)
            self.assertIn("1 streams imported, 0 not", said)
            self.assert_messages("$G/ORDERS", served)
            self.assertEqual(self.item("streams/$G/ORDERS")["num_replicas"], 3)
            self.assertEqual(self.item("consumers/$G/ORDERS/worker")["durable_name"], "worker")

    def created(self, port):
        """A client of a cluster that has a leader and the stream ORDERS."""
        body = json.dumps({"name": "ORDERS", "subjects": ["orders.>"], "num_replicas": 3,
                           "storage": "file"})  # fmt: skip

        def client_of_stream():
            try:
                client = make_store.Client(port)
                client.socket.settimeout(2)  # without a leader nobody answers
                answer = json.loads(client.collect("$JS.API.STREAM.CREATE.ORDERS", body, 1)[0][3])
                client.socket.settimeout(None)
                return None if "error" in answer else client
            except (OSError, ValueError):
                return None

        return eventually(client_of_stream)


if __name__ == "__main__":
    reference, server = sys.argv[1], sys.argv[2]
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
