"""bench/recovery: fills stores, stops servers in three ways, and times their next start."""

import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import time
from pathlib import Path

from .server import ServerError, free_port, version_of

MESSAGE_BYTES = 1000
WINDOW = 4000  # messages on their way; the peer refuses more than 10,000
TAIL = 20_000  # messages between the last start and a kill
START_LIMIT_S = 300
STOP_LIMIT_S = 300
REPO = Path(__file__).resolve().parents[2]

STOPS = {
    "clean": "clean stop",
    "kill": "kill -9",
    "lost": "every index lost",
}
TARGETS = {"clean": 0.2, "kill": 0.2, "lost": 0.6}


class Side:
    """One server and its store of one shape."""

    def __init__(self, name, binary, directory, is_ours, extra_config):
        self.name, self.binary, self.directory, self.is_ours = name, binary, directory, is_ours
        self.extra_config = extra_config
        self.process = None
        self.port = 0

    def config(self):
        if not self.is_ours:
            return f'jetstream {{ store_dir: "{self.directory / "store"}" }}\n' + self.extra_config
        plugin = self.binary.resolve().parent.parent / "bench-plugins" / "store-bench.so"
        return (
            f'plugins {{ load: [ "storage-file", {{ id: "store-bench", path: "{plugin}" }} ] }}\n'
            f'store-bench {{ subject: "bench.>", dir: "{self.directory / "store"}" }}\n'
            + self.extra_config)

    def start(self):
        """Seconds until the server greets a client."""
        self.directory.mkdir(parents=True, exist_ok=True)
        path = self.directory / "server.conf"
        path.write_text(self.config())
        self.port = free_port()
        with open(self.directory / "server.log", "wb") as log:
            begin = time.monotonic()
            self.process = subprocess.Popen(
                [str(self.binary), "-a", "127.0.0.1", "-p", str(self.port), "-c", str(path)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory)
        while not self._is_greeting():
            if self.process.poll() is not None or time.monotonic() - begin > START_LIMIT_S:
                text = (self.directory / "server.log").read_text(errors="replace")[-2000:]
                raise ServerError(f"{self.name} does not start:\n{text}")
            time.sleep(0.001)
        return time.monotonic() - begin

    def _is_greeting(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=60) as probe:
                return probe.recv(64).startswith(b"INFO ")
        except OSError:
            return False

    def stop(self, kind=signal.SIGTERM):
        if self.process is None:
            return
        self.process.send_signal(kind)
        self.process.wait(STOP_LIMIT_S)
        self.process = None

    def memory(self):
        """(resident, resident and in no file) bytes."""
        found = {}
        for line in Path(f"/proc/{self.process.pid}/smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name in ("Rss", "Anonymous"):
                found[name] = int(rest.split()[0]) * 1024
        return found["Rss"], found["Anonymous"]

    def lose_indexes(self):
        for path in list((self.directory / "store").rglob("*")):
            is_index = path.suffix in (".idx", ".ckp", ".sub") if self.is_ours else (
                path.name == "index.db")
            if is_index:
                path.unlink()

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        connection.recv(4096)
        connection.sendall(b'CONNECT {"verbose":false,"headers":true,"no_responders":false}\r\n'
                           b"SUB answer 1\r\n")
        return connection

    def make_stream(self):
        if self.is_ours:
            return
        config = json.dumps({"name": "bench", "subjects": ["bench.>"], "storage": "file"}).encode()
        with self.connect() as connection:
            connection.sendall(b"PUB $JS.API.STREAM.CREATE.bench answer %d\r\n%s\r\n"
                               % (len(config), config))
            answer = connection.recv(4096)
            if b'"error"' in answer:
                raise ServerError(f"{self.name} made no stream: {answer.decode()}")

    def publish(self, first, count, subjects):
        """Stores messages first, first + 1, ...; each is acknowledged when this returns."""
        payload = b"x" * (MESSAGE_BYTES - 8)
        with self.connect() as connection:
            sent = answered = 0
            rest = b""
            while answered < count:
                burst = min(WINDOW - (sent - answered), count - sent)
                if burst >= min(WINDOW // 4, count - sent) and burst > 0:
                    connection.sendall(b"".join(
                        b"PUB %s answer %d\r\n%08d%s\r\n"
                        % (subject_of(i, subjects), MESSAGE_BYTES, i % 100_000_000, payload)
                        for i in range(first + sent, first + sent + burst)))
                    sent += burst
                data = connection.recv(1 << 20)
                if not data:
                    raise ServerError(f"{self.name} closed the connection")
                if b'"error"' in data or b"-ERR" in data:
                    raise ServerError(f"{self.name} refused messages: {data[:300]!r}")
                data = rest + data
                answered += data.count(b"MSG answer 1 ")
                # What may be the front of the next one.
                cut = max(data.rfind(b"MSG answer 1 ") + len(b"MSG answer 1 "), len(data) - 12, 0)
                rest = data[cut:]


def subject_of(i, subjects):
    if subjects == 1:
        return b"bench.events"
    # The order of the subjects is not that of their names.
    return b"bench.kv.%08d" % (i % subjects * 7919 % subjects)


def drop_caches(directory):
    os.sync()
    try:
        Path("/proc/sys/vm/drop_caches").write_text("3\n")
    except OSError:
        for path in directory.rglob("*"):
            if path.is_file():
                with open(path, "rb") as file:
                    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def warm_caches(directory):
    for path in directory.rglob("*"):
        if path.is_file():
            with open(path, "rb") as file:
                while file.read(1 << 22):
                    pass


def fill(side, messages, subjects):
    """Makes the store, or takes the one that a --keep left; answers how many messages it has."""
    known = side.directory / "messages"
    if known.exists():
        return int(known.read_text())
    shutil.rmtree(side.directory, ignore_errors=True)
    side.start()
    side.make_stream()
    begin = time.monotonic()
    side.publish(0, messages, subjects)
    seconds = time.monotonic() - begin
    resident, anonymous = side.memory()
    (side.directory / "filled.json").write_text(json.dumps(
        {"seconds": seconds, "resident": resident, "anonymous": anonymous}))
    side.stop()
    known.write_text(str(messages))
    return messages


def measure(side, how, is_cold, subjects):
    """One start after one kind of stop: seconds, and the memory held then."""
    known = side.directory / "messages"
    messages = int(known.read_text())
    if how == "kill":
        side.start()
        side.publish(messages, TAIL, subjects)
        side.stop(signal.SIGKILL)
        known.write_text(str(messages + TAIL))
    elif how == "lost":
        side.lose_indexes()
    store = side.directory / "store"
    drop_caches(store) if is_cold else warm_caches(store)
    seconds = side.start()
    memory = side.memory()
    if how == "lost":
        # What is made again behind the start belongs to the next stop, not to the next start.
        time.sleep(1)
    side.stop()
    return seconds, memory


def text_of(values, scale=1.0, form="{:.2f}"):
    values = [value * scale for value in values]
    middle = form.format(statistics.median(values))
    if len(values) == 1:
        return middle
    return f"{middle} ({form.format(min(values))}–{form.format(max(values))})"


def rows_of(results, sides, shape, arguments):
    lines, is_missed = [], False
    for how in arguments.stops:
        for is_cold in arguments.caches:
            cells = [results[side.name, how, is_cold] for side in sides]
            row = [shape, STOPS[how], "cold" if is_cold else "warm"]
            row += [text_of([seconds for seconds, _ in cell]) for cell in cells]
            if len(cells) == 2:
                middles = [statistics.median(seconds for seconds, _ in cell) for cell in cells]
                ratio = middles[0] / middles[1]
                misses = ratio > TARGETS[how]
                is_missed = is_missed or misses
                row.append(f"{ratio:.2f} (≤ {TARGETS[how]})" + (" **missed**" if misses else ""))
            row += [text_of([memory[1] for _, memory in cell], 1e-6, "{:.0f}") for cell in cells]
            lines.append("| " + " | ".join(row) + " |")
    return lines, is_missed


def options(argv):
    parser = argparse.ArgumentParser(description="Times the start of servers with large stores.")
    parser.add_argument("--ours", type=Path, default=REPO / "build/release/bin/dunlin-server")
    parser.add_argument("--peer", type=Path, help="another NATS server, with JetStream")
    parser.add_argument("--small", action="store_true", help="500 MB a store instead of 5 GB")
    parser.add_argument("--messages", type=int, help="of 1 kB, a store")
    parser.add_argument("--subjects", default="1,1000000", help="shapes (default: 1,1000000)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--stops", default="clean,kill,lost")
    parser.add_argument("--caches", default="warm,cold")
    parser.add_argument("--dir", type=Path, default=Path("/var/tmp/dunlin-bench-recovery"))
    parser.add_argument("--keep", action="store_true", help="leave the stores for another run")
    parser.add_argument("--fill-only", action="store_true")
    parser.add_argument("--ours-config", default="", help="lines added to our configuration")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args(argv)
    arguments.stops = arguments.stops.split(",")
    arguments.caches = [cache == "cold" for cache in arguments.caches.split(",")]
    arguments.messages = arguments.messages or (500_000 if arguments.small else 5_000_000)
    return arguments


def run_shape(arguments, subjects, results):
    shape = f"{arguments.messages:,} × 1 kB, {subjects:,} subjects"
    home = arguments.dir / f"{arguments.messages}-{subjects}"
    sides = [Side("ours", arguments.ours, home / "ours", True, arguments.ours_config)]
    if arguments.peer:
        sides.append(Side("peer", arguments.peer, home / "peer", False, ""))
    try:
        for side in sides:
            fill(side, arguments.messages, subjects)
        rounds = 0 if arguments.fill_only else arguments.rounds
        for turn in range(rounds):
            for how in arguments.stops:
                for is_cold in arguments.caches:
                    for side in sides if turn % 2 == 0 else reversed(sides):
                        results.setdefault((side.name, how, is_cold), []).append(
                            measure(side, how, is_cold, subjects))
    finally:
        for side in sides:
            side.stop()
    filled = []
    for side in sides:
        found = json.loads((side.directory / "filled.json").read_text())
        filled.append(f"| {shape} | {side.name} | {found['seconds']:.0f} | "
                      f"{found['resident'] / 1e6:.0f} | {found['anonymous'] / 1e6:.0f} |")
    lines, is_missed = rows_of(results, sides, shape, arguments) if results else ([], False)
    return filled, lines, is_missed


def main(argv):
    arguments = options(argv)
    filled, lines, is_missed, kept = [], [], False, []
    try:
        for subjects in (int(number) for number in arguments.subjects.split(",")):
            results = {}
            more_filled, more, misses = run_shape(arguments, subjects, results)
            filled += more_filled
            lines += more
            is_missed = is_missed or misses
            kept += [{"subjects": subjects, "side": name, "stop": how, "cold": is_cold,
                      "runs": runs} for (name, how, is_cold), runs in results.items()]
    finally:
        if not arguments.keep:
            shutil.rmtree(arguments.dir, ignore_errors=True)
    print(f"ours: {version_of(arguments.ours)}")
    if arguments.peer:
        print(f"peer: {version_of(arguments.peer)}")
    print("\n| store | server | s to fill | MB resident behind it | MB of that in no file |\n"
          "|---|---|---|---|---|\n" + "\n".join(filled))
    heads = ["store", "after", "cache", "ours, s"]
    heads += ["peer, s", "ratio (target)", "ours, MB", "peer, MB"] if arguments.peer else [
        "ours, MB"]
    print("\n| " + " | ".join(heads) + " |\n|" + "---|" * len(heads))
    print("\n".join(lines))
    if arguments.json:
        arguments.json.write_text(json.dumps(kept, indent=1))
    return 1 if is_missed else 0
