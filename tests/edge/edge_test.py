#!/usr/bin/env python3
"""Builds the edge preset, alone and with monitoring linked in, and holds it to its promises.

Usage: edge_test.py CMAKE SOURCE_DIRECTORY BUILD_DIRECTORY
"""

import ssl
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "parity"))

from running_server import Client, Server  # noqa: E402

STRIPPED_BYTES_MAX = 3_000_000
IDLE_BYTES_MAX = 6_000_000
EXIT_CONFIGURATION = 78

cmake, source, build = "", Path(), Path()


def build_edge(*plugins, tls="ON"):
    """Configures and builds; returns the executable."""
    directory = build / f"tls-{tls}"  # which libraries are found is decided once
    subprocess.run([cmake, "--preset", "edge", "-S", source, "-B", directory,
                    f"-DDUNLIN_STATIC_PLUGINS={';'.join(plugins)}", f"-DDUNLIN_TLS={tls}"],
                   cwd=source, check=True, stdout=subprocess.DEVNULL)  # fmt: skip
    subprocess.run([cmake, "--build", directory, "--target", "dunlin-server", "--parallel", "2"],
                   check=True, stdout=subprocess.DEVNULL)  # fmt: skip
    return directory / "bin" / "dunlin-server"


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def resident_bytes(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no such process")


def certificate(directory):
    """A certificate for localhost and its key, in files."""
    files = directory / "cert.pem", directory / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost",
                    "-out", files[0], "-keyout", files[1]],
                   check=True, capture_output=True)  # fmt: skip
    return files


def tls_block(directory):
    cert, key = certificate(directory)
    return f'tls {{ cert_file: "{cert}", key_file: "{key}" }}\n'


def trusting_everybody():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Edge(unittest.TestCase):
    plugins = ()
    tls = "ON"

    @classmethod
    def setUpClass(cls):
        if cls is Edge:
            raise unittest.SkipTest("the builds are tested")
        cls.binary = build_edge(*cls.plugins, tls=cls.tls)
        cls.directory = tempfile.TemporaryDirectory()
        cls.path = Path(cls.directory.name)

    @classmethod
    def tearDownClass(cls):
        if cls is not Edge:
            cls.directory.cleanup()

    def refused(self, config):
        """What the server says that does not start, and its exit code."""
        file = self.path / "refused.conf"
        file.write_text(config)
        ended = subprocess.run([self.binary, "-a", "127.0.0.1", "-p", "-1", "-c", file],
                               capture_output=True, text=True, timeout=20)  # fmt: skip
        return ended.stderr + ended.stdout, ended.returncode

    def test_messages_pass(self):
        with Server(self.binary) as server, server.client() as client:
            client.send("SUB a.* 1\r\nPUB a.b 2\r\nhi\r\n")
            self.assertEqual(client.flush(), "MSG a.b 1 2\r\nhi\r\n")

    def test_messages_pass_encrypted(self):
        with Server(self.binary, tls_block(self.path)) as server:
            client = Client(server.port, None)
            self.assertTrue(client.info["tls_required"])
            client.socket = trusting_everybody().wrap_socket(client.socket)
            client.file = client.socket.makefile("rb")
            with client:
                client.send('CONNECT {"verbose":false}\r\nSUB a 1\r\nPUB a 2\r\nhi\r\n')
                self.assertEqual(client.flush(), "MSG a 1 2\r\nhi\r\n")

    def test_a_file_of_a_plugin_is_refused_in_words(self):
        said, code = self.refused('plugins { load: [ { id: "audit", path: "/lib/audit.so" } ] }\n')
        self.assertIn("audit cannot be loaded: this server was built without a plugin loader, and "
                      "audit is not linked into it", said)  # fmt: skip
        self.assertEqual(code, EXIT_CONFIGURATION)

    def test_it_cannot_open_a_library(self):
        undefined = output_of("nm", "--dynamic", "--undefined-only", self.binary)
        self.assertNotRegex(undefined, r"\bdlm?open\b")
        self.assertNotIn("boost::dll", output_of("nm", "--demangle", self.binary))


class CoreAlone(Edge):
    def test_executable_is_small(self):
        stripped = self.path / "stripped"
        subprocess.run(["strip", "-o", stripped, self.binary], check=True)
        self.assertLess(stripped.stat().st_size, STRIPPED_BYTES_MAX)

    def test_idle_process_is_small(self):
        with Server(self.binary) as server, server.client() as client:
            client.flush()
            self.assertLess(resident_bytes(server.process.pid), IDLE_BYTES_MAX)

    def test_no_plugin_is_there(self):
        self.assertNotIn("monitoring", output_of(self.binary, "--list-plugins"))

    def test_a_monitoring_port_is_refused_in_words(self):
        said, code = self.refused('http: "127.0.0.1:-1"\n')
        self.assertIn("monitoring is not linked into it", said)
        self.assertEqual(code, EXIT_CONFIGURATION)


class WithMonitoring(Edge):
    plugins = ("monitoring",)

    def test_the_plugin_is_listed_as_linked_in(self):
        listed = output_of(self.binary, "--list-plugins")
        self.assertRegex(listed, r"monitoring .*static, available")

    def test_a_second_copy_from_a_file_is_refused(self):
        said, code = self.refused(
            'plugins { load: [ { id: "monitoring", path: "/lib/monitoring.so" } ] }\n')  # fmt: skip
        self.assertIn("monitoring is there twice: from static and from /lib/monitoring.so", said)
        self.assertEqual(code, EXIT_CONFIGURATION)

    def test_monitoring_answers(self):
        with Server(self.binary, 'http: "127.0.0.1:-1"\n') as server:
            self.assertEqual(server.get("/healthz"), {"status": "ok"})


class WithoutTls(Edge):
    """Everything else there is in one static executable."""

    plugins = ("monitoring", "storage-file", "storage-mem", "store-tools")
    tls = "OFF"

    def test_messages_pass_encrypted(self):
        said, code = self.refused(tls_block(self.path))
        self.assertIn("built without TLS (DUNLIN_TLS=OFF): remove the tls block, or use a build "
                      "that has it", said)  # fmt: skip
        self.assertNotEqual(code, 0)

    def test_it_needs_no_library(self):
        self.assertNotIn("NEEDED", output_of("readelf", "--dynamic", self.binary))

    def test_plugins_are_linked_in(self):
        listed = output_of(self.binary, "--list-plugins")
        for plugin in self.plugins:
            self.assertRegex(listed, rf"{plugin} .*static, available")

    def test_a_store_is_made_and_verified(self):
        taken = source / "tests" / "data" / "go-store"
        store = self.path / "store"
        self.assertIn(" 0 not", output_of(self.binary, "store", "import", taken, "--into", store))
        self.assertIn("all healthy", output_of(self.binary, "store", "verify", store))


if __name__ == "__main__":
    cmake, source, build = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    unittest.main(argv=sys.argv[:1], verbosity=2)
