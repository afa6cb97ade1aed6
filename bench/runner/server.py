"""One server process for one run: configuration, start, pinning, stop."""

import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

START_LIMIT_S = 20
STOP_LIMIT_S = 10

USER = "bench"
PASSWORD = "bench-password"
STORED = "bench.store"


class ServerError(Exception):
    """The server under test did not do what every run needs."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def permission_lines():
    """A user with 100 publish rules; the one that matters comes last."""
    rules = [f'"rule.{i:03}.>"' for i in range(99)] + ['"bench.*"']
    allow = ", ".join(rules)
    return (
        "authorization { users = [ { "
        f'user: "{USER}", password: "{PASSWORD}", '
        f'permissions: {{ publish: {{ allow: [ {allow} ] }}, subscribe: ">" }} '
        "} ] }\n"
    )


def store_lines(is_ours, load):
    """Durable storage: the plugin that measures it, or JetStream, syncing always."""
    if not is_ours:
        return 'jetstream { store_dir: "store", sync_interval: "always" }\n'
    plugin = Path(load).resolve().parent.parent / "bench-plugins" / "store-bench.so"
    return (f'plugins {{ load: [ "storage-file", {{ id: "store-bench", path: "{plugin}" }} ] }}\n'
            f'store-bench {{ subject: "{STORED}" }}\n')


def make_stream(port):
    """Makes the peer's stream of what is published on STORED."""
    config = json.dumps({"name": "bench", "subjects": [STORED], "storage": "file"}).encode()
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        lines = connection.makefile("rb")
        lines.readline()
        connection.sendall(
            b'CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\nSUB made 1\r\n'
            b"PUB $JS.API.STREAM.CREATE.bench made %d\r\n%s\r\n" % (len(config), config))
        lines.readline()
        answer = lines.readline()
        if b'"error"' in answer or not answer.startswith(b"{"):
            raise ServerError(f"the peer made no stream: {answer.decode(errors='replace')}")


class Server:
    """A started server. Use as a context manager; it is stopped on the way out."""

    def __init__(self, binary, cpus, config_text="", is_relay=False):
        self._binary = str(binary)
        self._cpus = cpus
        self._config_text = config_text
        self._is_relay = is_relay
        self._process = None
        self._directory = None
        self.port = 0
        self.start_ms = 0.0

    @property
    def pid(self):
        return self._process.pid

    def __enter__(self):
        self._directory = tempfile.TemporaryDirectory(prefix="dunlin-bench-")
        self.port = free_port()
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *failure):
        self._stop()

    def rss_bytes(self):
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGESIZE")

    def _command(self):
        if self._is_relay:
            return [self._binary, "-p", str(self.port)]
        config = Path(self._directory.name) / "server.conf"
        config.write_text(self._config_text)
        pid_file = Path(self._directory.name) / "server.pid"
        return [self._binary, "-a", "127.0.0.1", "-p", str(self.port),
                "-c", str(config), "-P", str(pid_file)]

    def _start(self):
        command = self._command()
        log = open(Path(self._directory.name) / "server.log", "wb")
        own_cpus = os.sched_getaffinity(0)
        # A child inherits the affinity, so that it is right from its first instruction.
        os.sched_setaffinity(0, self._cpus)
        begin = time.monotonic()
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self._directory.name, close_fds=False)
        finally:
            os.sched_setaffinity(0, own_cpus)
            log.close()
        self._wait_until_accepting(begin)

    def _wait_until_accepting(self, begin):
        while True:
            if self._process.poll() is not None:
                raise ServerError(f"{self._binary} ended at start:\n{self._log_text()}")
            try:
                if self._is_accepting():
                    self.start_ms = (time.monotonic() - begin) * 1000
                    return
            except OSError:
                pass
            if time.monotonic() - begin > START_LIMIT_S:
                raise ServerError(f"{self._binary} does not accept:\n{self._log_text()}")
            time.sleep(0.0002)

    def _is_accepting(self):
        if self._is_relay:
            # A probing connection would be taken for one end of the pair.
            return any(line.split()[1].endswith(f":{self.port:04X}") and line.split()[3] == "0A"
                       for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
        with socket.create_connection(("127.0.0.1", self.port), timeout=1) as probe:
            return probe.recv(64).startswith(b"INFO ")

    def _log_text(self):
        log = Path(self._directory.name) / "server.log"
        return log.read_text(errors="replace")[-2000:]

    def _stop(self):
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._directory.cleanup()


def version_of(binary):
    try:
        result = subprocess.run([str(binary), "--version"], capture_output=True, text=True,
                                timeout=10, check=False)
    except OSError as failure:
        return f"({failure})"
    lines = (result.stdout + result.stderr).strip().splitlines()
    return lines[0] if lines else "(no version)"
