#!/usr/bin/env python3
"""Installs a build into a prefix of its own, moves that, and runs what is there.

Usage: install_test.py CMAKE BUILD_DIRECTORY GO_STORE
"""

import os
import ssl
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "parity"))

from running_server import Client, Server  # noqa: E402

PLUGINS = ("monitoring", "storage-file", "storage-mem", "store-tools")

cmake, build, go_store = "", Path(), Path()


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        first = Path(cls.directory.name) / "first"
        subprocess.run([cmake, "--install", build, "--prefix", first],
                       check=True, stdout=subprocess.DEVNULL)  # fmt: skip
        cls.prefix = first.rename(Path(cls.directory.name) / "moved")
        cls.binary = cls.prefix / "bin" / "dunlin-server"

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def files(self, directory):
        return sorted(os.listdir(self.prefix / directory))

    def test_only_what_belongs_to_it_is_there(self):
        self.assertIn("dunlin-server", self.files("bin"))
        self.assertLessEqual(set(self.files("bin")), {"dunlin-server", "dunlin-storage-testkit"})
        self.assertEqual(self.files("lib/dunlin"), ["dunlin-tls.so", "plugins"])
        self.assertEqual(self.files("lib/dunlin/plugins"), [f"{name}.so" for name in PLUGINS])

    def test_plugins_are_found(self):
        listed = output_of(self.binary, "--list-plugins")
        for plugin in PLUGINS:
            self.assertRegex(listed, rf"{plugin} .*available")

    def test_messages_pass(self):
        with Server(self.binary, 'http: "127.0.0.1:-1"\n') as server, server.client() as client:
            client.send("SUB a.* 1\r\nPUB a.b 2\r\nhi\r\n")
            self.assertEqual(client.flush(), "MSG a.b 1 2\r\nhi\r\n")
            self.assertEqual(server.get("/healthz"), {"status": "ok"})

    def test_messages_pass_encrypted(self):
        cert, key = self.prefix / "cert.pem", self.prefix / "key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost",
                        "-out", cert, "-keyout", key],
                       check=True, capture_output=True)  # fmt: skip
        context = ssl.create_default_context(cafile=cert)
        context.check_hostname = False
        with Server(self.binary, f'tls {{ cert_file: "{cert}", key_file: "{key}" }}\n') as server:
            client = Client(server.port, None)
            client.socket = context.wrap_socket(client.socket)
            client.file = client.socket.makefile("rb")
            with client:
                client.send('CONNECT {"verbose":false}\r\nSUB a 1\r\nPUB a 2\r\nhi\r\n')
                self.assertEqual(client.flush(), "MSG a 1 2\r\nhi\r\n")

    def test_both_storages_start(self):
        config = 'plugins { load: [ { id: "storage-file" }, { id: "storage-mem" } ] }\n'
        with Server(self.binary, config) as server, server.client() as client:
            self.assertEqual(client.flush(), "")
            self.assertEqual([word for word in ("storage-file", "storage-mem")
                              if word not in server.log()], [])  # fmt: skip

    def test_a_store_is_made_and_verified(self):
        store = self.prefix / "store"
        said = output_of(self.binary, "store", "import", go_store, "--into", store)
        self.assertIn(" 0 not", said)
        self.assertIn("all healthy", output_of(self.binary, "store", "verify", store))


if __name__ == "__main__":
    cmake, build, go_store = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    unittest.main(argv=sys.argv[:1], verbosity=2)
