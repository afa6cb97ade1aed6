"""A real server process for the tests of this folder, and the raw client that talks to it."""

import json
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

PATIENCE = 20  # seconds; only a failing test waits that long


def eventually(what):
    """The first true value of what(), which is asked again and again."""
    end = time.monotonic() + PATIENCE
    while not (value := what()):
        if time.monotonic() > end:
            raise AssertionError("waited in vain")
        threading.Event().wait(0.01)  # asking again, not waiting for a time
    return value


class Client:
    """A raw connection; lines are bytes with their line end."""

    def __init__(self, port, connect='{"verbose":false}'):
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.file = self.socket.makefile("rb")
        self.info = json.loads(self.file.readline()[5:])
        if connect is not None:
            self.send(f"CONNECT {connect}\r\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def send(self, text):
        self.socket.sendall(text.encode())

    def line(self):
        return self.file.readline().decode()

    def flush(self):
        """What came before the answer to a PING."""
        self.send("PING\r\n")
        lines = []
        while (line := self.line()) not in ("PONG\r\n", ""):
            lines.append(line)
        return "".join(lines)

    def rest(self):
        """Everything until the server closes."""
        try:
            return self.file.read().decode()
        except ConnectionResetError:
            return ""


class Server:
    def __init__(self, binary, config="", *arguments, listen=("-a", "127.0.0.1", "-p", "-1")):
        self.directory = tempfile.TemporaryDirectory()
        self.path = Path(self.directory.name)
        self.config = self.path / "server.conf"
        self.config.write_text(config or "debug: false\n")
        self.output = self.path / "output"
        command = [binary, *listen, "-c", str(self.config), *arguments]
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output)
        eventually(lambda: self.process.poll() is not None or "Server is ready" in self.log())
        if self.process.poll() is not None:
            raise AssertionError(f"no start: {self.log()}")
        self.port = int(re.search(r"client connections on \S*:(\d+)", self.log())[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)
        self.directory.cleanup()

    def log(self):
        return self.output.read_text(errors="replace") if self.output.exists() else ""

    def wait_for_log(self, text):
        eventually(lambda: text in self.log())

    def client(self, connect='{"verbose":false}'):
        return Client(self.port, connect)

    def ask(self, path):
        """(status, body) of a monitoring endpoint; the body is decoded if it is JSON."""
        port = re.search(r"http monitor on \S*:(\d+)", self.log())[1]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as answer:
                status, text = answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                status, text = error.code, error.read().decode()
        return status, json.loads(text) if text.startswith("{") else text

    def get(self, path):
        return self.ask(path)[1]
