"""Starts a server and plays scripts to it, one after the other, each over fresh connections."""

import ctypes
import os
import re
import select
import signal
import socket
import struct
import subprocess
import time

import transcript

DEADLINE_S = int(os.environ.get("DIFFERENTIAL_DEADLINE_S", "5"))
NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
TCP_LISTEN = 10
PING = re.compile(rb"\s*ping", re.IGNORECASE)


class Server:
    """A running server process; use as a context manager."""

    def __init__(self, binary, config, directory):
        directory.mkdir(parents=True, exist_ok=True)
        self.log_path = directory / "log"
        self.log = open(self.log_path, "wb")
        # The log is read back through its file, so that no pipe can fill up and stall the server.
        self.process = subprocess.Popen(
            [str(binary), "-a", "127.0.0.1", "-p", "-1", "-c", str(config)],
            stdout=self.log, stderr=subprocess.STDOUT, cwd=directory,
            preexec_fn=die_with_parent)
        self.port = self.wait_for_port()

    def wait_for_port(self):
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline and self.process.poll() is None:
            text = self.log_path.read_text(errors="replace")
            found = re.search(r"Listening for client connections on \S+:(\d+)", text)
            if found and "Server is ready" in text:
                return int(found.group(1))
            select.select([], [], [], 0.002)
        self.process.kill()
        self.process.wait()
        raise OSError(f"{self.process.args[0]} did not become ready: {self.log_path.read_text()}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        self.exit_code = self.process.returncode


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Connection:
    """One raw connection and everything the server said on it."""

    def __init__(self, port):
        self.port = port
        self.socket = socket.create_connection(("127.0.0.1", port), DEADLINE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = bytearray()
        self.parsed = 0
        self.pongs_seen = 0
        self.pongs_due = 0
        self.closed = False
        self.notes = []
        self.wait_for(lambda: b"\n" in self.received, "INFO")

    def read_some(self, deadline):
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        self.socket.settimeout(left)
        try:
            data = self.socket.recv(1 << 16)
        except socket.timeout:
            return False
        except OSError:
            data = b""
        if not data:
            self.closed = True
            return True
        self.received += data
        frames, rest = transcript.complete_frames(bytes(self.received[self.parsed:]))
        self.parsed = len(self.received) - len(rest)
        self.pongs_seen += sum(frame == b"PONG\r\n" for frame in frames)
        return True

    def wait_for(self, condition, what):
        deadline = time.monotonic() + DEADLINE_S
        while not condition() and not self.closed:
            if not self.read_some(deadline):
                self.notes.append(f"waited in vain for {what}")
                return

    def send(self, data):
        try:
            self.socket.settimeout(DEADLINE_S)
            self.socket.sendall(data)
        except OSError:
            pass  # Closed by the server, which the reading side reports.

    def wait_until_server_read_all(self):
        """Returns when nothing of what was sent is unread, so that pieces are read one by one."""
        own_port = self.socket.getsockname()[1]
        deadline = time.monotonic() + DEADLINE_S
        while unread_bytes(self.port, own_port) > 0:
            if time.monotonic() > deadline:
                self.notes.append("waited in vain for the server to read")
                return

    def barrier(self):
        if not self.closed:
            self.send(b"PING\r\n")
            self.pongs_due += 1
            self.wait_for(lambda: self.pongs_seen >= self.pongs_due, "PONG")

    def finish(self):
        if not self.closed:
            try:
                self.socket.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            self.wait_for(lambda: False, "close")
        self.socket.close()


def unread_bytes(server_port, client_port):
    """Bytes the kernel holds for the server's end of a connection (one inet_diag query); 0 also for
    a connection that is gone."""
    loopback = socket.inet_aton("127.0.0.1") + bytes(12)
    any_socket = 0xffffffff
    message = (struct.pack("=BBBBI", socket.AF_INET, socket.IPPROTO_TCP, 0, 0, any_socket)
               + struct.pack(">HH16s16s", server_port, client_port, loopback, loopback)
               + struct.pack("=III", 0, any_socket, any_socket))
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, NETLINK_SOCK_DIAG) as query:
        query.send(struct.pack("=IHHII", 16 + len(message), SOCK_DIAG_BY_FAMILY, 1, 1, 0) + message)
        answer = query.recv(8192)
    kind, = struct.unpack_from("=H", answer, 4)
    if kind != SOCK_DIAG_BY_FAMILY or answer[17] == TCP_LISTEN:
        return 0
    return struct.unpack_from("=I", answer, 72)[0]


def play(script, port):
    """Plays one script; returns per connection the frames to compare."""
    connections = {}
    ended = set()
    last = None
    verb_before = None
    for step in script.steps:
        if last is not None and last != step.connection and verb_before == ">":
            # Everything the other connection sent is handled before this one goes on.
            connections[last].barrier()
        if step.connection not in connections:
            connections[step.connection] = Connection(port)
        connection = connections[step.connection]
        if step.verb in ">:|":
            connection.send(step.data)
            if step.verb == ">" and PING.match(step.data):
                connection.pongs_due += 1
            if step.verb == "|":
                connection.wait_until_server_read_all()
        elif step.verb == "!":
            connection.pongs_due += int(step.data or b"0")
            connection.barrier()
        elif step.verb == "$":
            connection.wait_for(lambda: False, "close")
        elif step.verb == "/":
            connection.finish()
            ended.add(step.connection)
        last, verb_before = step.connection, step.verb
    # First everything is handled everywhere, the last publisher's messages before anybody's final
    # PONG, then everybody leaves.
    if last not in ended:
        connections[last].barrier()
    for name in sorted(connections):
        if name not in ended:
            connections[name].barrier()
    result = {}
    for name in sorted(connections):
        connection = connections[name]
        closed_by_server = connection.closed and name not in ended
        if name not in ended:
            connection.finish()
        frames = transcript.normalised(bytes(connection.received))
        frames += [f"<{note}>".encode() for note in connection.notes]
        result[name] = frames + ([b"<closed by the server>"] if closed_by_server else [])
    return result
