#!/usr/bin/env python3
"""Items of the inventory that are seen from outside only: spellings of flags, log lines, reasons.

Usage: items_test.py SERVER
"""

import datetime
import os
import pty
import re
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
import sys
import unittest

from running_server import Server, eventually

binary = ""
QUIET = '{"verbose":false}'
MONITORED = 'http: "127.0.0.1:-1"\n'


class Flags(unittest.TestCase):
    def test_long_names_of_flags(self):
        with Server(binary, "", "--addr", "127.0.0.1", "--port", "-1", "--server_name", "long",
                    "--logtime=false", "--debug", "--trace", listen=()) as server:  # fmt: skip
            with server.client() as client:
                self.assertEqual(client.info["server_name"], "long")
                self.assertEqual(client.info["host"], "127.0.0.1")
                client.flush()
            self.assertRegex(server.log(), r"(?m)^\[\d+\] \[INF\] Starting nats-server$")
            self.assertIn("[DBG]", server.log())
            self.assertIn("[TRC]", server.log())

    def test_net_is_addr_and_v_is_trace(self):
        with Server(binary, "", "--net", "127.0.0.1", "-p", "-1", "-V", listen=()) as server:
            with server.client() as client:
                self.assertEqual(client.info["host"], "127.0.0.1")
                client.flush()
            self.assertIn("[TRC]", server.log())
            self.assertNotIn("[DBG]", server.log())

    def test_files_by_their_long_flags(self):
        with Server(binary) as other:
            pid, log = other.path / "pid", other.path / "log"
            process = subprocess.Popen([binary, "-a", "127.0.0.1", "-p", "-1", "--pid", pid,
                                        "--log", log, "--config", other.config])  # fmt: skip
            try:
                eventually(lambda: log.exists() and "Server is ready" in log.read_text())
                self.assertEqual(pid.read_text(), str(process.pid))
                self.assertIn(f"Using configuration file: {other.config}", log.read_text())
            finally:
                process.terminate()
                process.wait(20)

    def test_monitoring_port_by_its_long_flag(self):
        with Server(binary, "", "--http_port", "-1") as server:
            self.assertEqual(server.get("/healthz"), {"status": "ok"})

    def test_client_advertise_is_told_to_clients(self):
        with Server(binary, "", "--client_advertise", "public.example:4333") as server:
            with server.client() as client:
                self.assertEqual(client.info["host"], "public.example")
                self.assertEqual(client.info["port"], 4333)

    def test_an_address_that_is_none_stops_the_start(self):
        with tempfile.TemporaryDirectory() as directory:
            config = Path(directory) / "c.conf"
            config.write_text('client_advertise: "host:abc"\n')
            for flags in (["-c", config], ["--client_advertise", "host:abc"]):
                done = subprocess.run([binary, "-a", "127.0.0.1", "-p", "-1", *flags],
                                      capture_output=True, text=True, timeout=20)  # fmt: skip
                self.assertEqual(done.returncode, 1)
                self.assertIn("[FTL] Error setting server INFO with ClientAdvertise value of "
                              'host:abc, err=strconv.Atoi: parsing "abc": invalid syntax\n',
                              done.stderr)  # fmt: skip

    def test_log_times_in_utc(self):
        with Server(binary, "", "--logtime_utc") as server:
            shown = re.search(r"\] (\d+/\d+/\d+ \d+:\d+:\d+)\.", server.log())[1]
            time = datetime.datetime.strptime(shown, "%Y/%m/%d %H:%M:%S")
            now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
            self.assertLess(abs((now - time).total_seconds()), 60)

    def test_long_payloads_are_cut_in_traces(self):
        with Server(binary, "", "-V", "--max_traced_msg_len", "3") as server:
            with server.client() as client:
                client.send("PUB a 5\r\nhello\r\n")
                client.flush()
            self.assertIn('MSG_PAYLOAD: ["hel..."]', server.log())


class Options(unittest.TestCase):
    def test_only_headers_are_traced(self):
        with Server(binary, "trace_headers: true\n") as server:
            with server.client('{"verbose":false,"headers":true}') as client:
                client.send("HPUB a 18 22\r\nNATS/1.0\r\nA: b\r\n\r\nbody\r\n")
                client.flush()
            self.assertIn('MSG_PAYLOAD: ["NATS/1.0\\r\\nA: b\\r\\n"]', server.log())
            self.assertNotIn("body", server.log())

    def test_mappings_change_the_subject(self):
        config = 'mappings { "old.*": "new.$1", lost: [ {destination: found, weight: 100%} ] }\n'
        for text in (config, config.replace("mappings", "maps")):
            with Server(binary, text) as server, server.client() as client:
                client.send("SUB > 1\r\nPUB old.x 1\r\na\r\nPUB lost 1\r\nb\r\nPUB kept 1\r\nc\r\n")
                self.assertEqual(client.flush(), "MSG new.x 1 1\r\na\r\nMSG found 1 1\r\nb\r\n"
                                                 "MSG kept 1 1\r\nc\r\n")  # fmt: skip

    def test_matches_are_right_without_the_caches(self):
        for name in ("disable_sublist_cache", "no_sublist_cache"):
            with Server(binary, f"{name}: true\n") as server, server.client() as client:
                client.send("SUB a.* 1\r\nPUB a.b 1\r\nx\r\nPUB a.b 1\r\ny\r\n")
                self.assertEqual(client.flush(), "MSG a.b 1 1\r\nx\r\nMSG a.b 1 1\r\ny\r\n")

    def test_any_text_is_a_queue_name(self):
        with Server(binary) as server, server.client() as client:
            client.send("SUB a q.*.>..\x01 1\r\nPUB a 1\r\nx\r\n")
            self.assertEqual(client.flush(), "MSG a 1 1\r\nx\r\n")

    def test_publishers_of_a_slow_receiver_are_stalled_unless_told_not_to(self):
        for option, expected in (("", True), ("no_fast_producer_stall: true\n", False)):
            with Server(binary, MONITORED + option) as server:
                with server.client() as slow, server.client() as publisher:
                    slow.send("SUB a 1\r\n")
                    slow.flush()
                    frame = "PUB a 65536\r\n" + "x" * 65536 + "\r\n"
                    for _ in range(400):
                        publisher.send(frame)
                    publisher.flush()
                    self.assertEqual(server.get("/varz")["stalled_clients"] > 0, expected)

    def test_stalls_are_counted_for_the_receiver(self):
        with Server(binary, MONITORED) as server:
            with server.client() as slow, server.client() as publisher:
                slow.send("SUB a 1\r\n")
                slow.flush()
                frame = "PUB a 65536\r\n" + "x" * 65536 + "\r\n"
                for _ in range(400):
                    publisher.send(frame)
                publisher.flush()
                shown = {one["cid"]: one for one in server.get("/connz")["connections"]}
                self.assertGreater(shown[slow.info["client_id"]]["stalls"], 0)
                self.assertNotIn("stalls", shown[publisher.info["client_id"]])

    def test_a_reload_with_an_address_that_is_none_is_refused(self):
        with Server(binary) as server:
            server.config.write_text('client_advertise: "host:abc"\n')
            server.process.send_signal(signal.SIGHUP)
            server.wait_for_log("Failed to reload server configuration: invalid ClientAdvertise "
                                'value of host:abc, err=strconv.Atoi: parsing "abc": invalid '
                                "syntax\n")  # fmt: skip

    def test_what_info_says_of_the_server(self):
        with Server(binary) as server, server.client() as client:
            self.assertEqual(client.info["version"], "2.15.1")
            self.assertEqual(client.info["go"], "none, c++20")
            self.assertGreater(client.info["api_lvl"], 0)
            self.assertRegex(client.info["xkey"], "^X[A-Z2-7]{55}$")


class Log(unittest.TestCase):
    def test_banner(self):
        with Server(binary, "", "-D", "-n", "me") as server, server.client() as client:
            log = server.log()
            self.assertRegex(log, r"\[INF\] Starting nats-server\n")
            self.assertRegex(log, r"\[INF\]   Version:  2\.15\.1\n")
            self.assertRegex(log, r"\[INF\]   Git:      \[\S.*\]\n")
            self.assertRegex(log, r"\[DBG\]   Go build: \S+")
            self.assertRegex(log, r"\[INF\]   Name:     me\n")
            self.assertIn(f"[INF]   ID:       {client.info['server_id']}\n", log)

    def test_labels_are_coloured_on_a_terminal(self):
        terminal, other_end = pty.openpty()
        process = subprocess.Popen([binary, "-a", "127.0.0.1", "-p", "-1", "-D"], stderr=other_end)
        os.close(other_end)
        text = b""
        try:
            while b"Server is ready" not in text:
                text += os.read(terminal, 1000)
        finally:
            process.terminate()
            process.wait(20)
            os.close(terminal)
        self.assertRegex(text, rb"\[\x1b\[32mINF\x1b\[0m\] Starting nats-server")
        self.assertIn(b"[\x1b[36mDBG\x1b[0m]   Go build:", text)

    def test_label_names_address_id_software_and_user(self):
        config = "authorization { user: u, password: p }\n"
        with Server(binary, config, "-DV") as server:
            with server.client('{"verbose":false,"user":"u","pass":"p","lang":"go",'
                               '"version":"1.2","name":"app"}') as client:  # fmt: skip
                client.flush()
                port, cid = client.socket.getsockname()[1], client.info["client_id"]
            label = f'127.0.0.1:{port} - cid:{cid} - "v1.2:go:app" - "$G/user:u" - '
            server.wait_for_log(label + "Client connection closed: Client Closed")


class LogFiles(unittest.TestCase):
    STAMP = r"\d{4}(\.\d\d){5}\.\d{9}"

    def server(self, config, *arguments):
        # The log goes to a file: that it is ready shows there.
        directory = tempfile.TemporaryDirectory()
        log = Path(directory.name) / "server.log"
        file = Path(directory.name) / "server.conf"
        file.write_text(config.replace("LOG", str(log)))
        process = subprocess.Popen([binary, "-a", "127.0.0.1", "-p", "-1", "-c", file, *arguments],
                                   stderr=subprocess.PIPE)  # fmt: skip
        self.addCleanup(directory.cleanup)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait, 20)
        self.addCleanup(process.terminate)
        return process, log

    def test_files_are_rotated_and_the_oldest_go(self):
        for config, flags in (('log_file: "LOG"\nlog_size_limit: 200\nlog_max_num: 3\n', ()),
                              ('logfile: "LOG"\nlogfile_size_limit: 200\nlogfile_max_num: 3\n',
                               ()),
                              ('log_file: "LOG"\nlog_max_num: 3\n',
                               ("--log_size_limit", "200"))):  # fmt: skip
            with self.subTest(config, flags=flags):
                process, log = self.server(config, *flags)

                def names(log=log):
                    return sorted(path.name for path in log.parent.glob("server.log.*"))

                def lines(log=log):
                    try:
                        files = log.parent.glob("server.log*")
                        return "".join(path.read_bytes().decode() for path in files)
                    except FileNotFoundError:  # renamed or purged meanwhile
                        return ""

                # Before that a SIGHUP would end it.
                eventually(lambda: "Server is ready" in lines())
                first = eventually(names)[0]
                self.assertRegex(first, f"^server.log.{self.STAMP}$")

                def purged(process=process, names=names, first=first):
                    process.send_signal(signal.SIGHUP)
                    return first not in names()

                eventually(purged)
                eventually(lambda: 0 < len(names()) <= 3)
                written = eventually(lines)
                self.assertRegex(written, r"\[INF\] Rotated log, backup saved as \"\S+"
                                          + self.STAMP + r"\"\r\n")  # fmt: skip
                self.assertRegex(written, r"\[INF\] Purged log file \"server.log.\S+\"\r\n")

    def test_a_full_disk_does_not_stop_the_server(self):
        with Server(binary) as other:
            process = subprocess.Popen([binary, "-a", "127.0.0.1", "-p", "-1", "-l", "/dev/full",
                                        "--ports_file_dir", other.path],
                                       stderr=subprocess.PIPE, text=True)  # fmt: skip
            try:
                ports = eventually(lambda: list(other.path.glob("*.ports")))[0]
                port = re.search(r"nats://127.0.0.1:(\d+)", eventually(ports.read_text))[1]
                with socket.create_connection(("127.0.0.1", int(port)), 20) as client:
                    self.assertTrue(client.makefile("rb").readline().startswith(b"INFO "))
            finally:
                process.terminate()
                self.assertEqual(process.wait(20), 0)
            self.assertIn("cannot write the log file /dev/full: no space left on device",
                          process.stderr.read())  # fmt: skip
            process.stderr.close()

    def test_a_log_that_cannot_be_opened_stops_the_start(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        absent = str(Path(directory.name) / "absent" / "log")
        for flags, text in ((("-l", absent),
                             f"error opening file: open {absent}: no such file or directory"),
                            (("-r", "foo://x"), 'error invalid network type: "foo"'),
                            (("--remote_syslog", f"unix://{absent}"),
                             f'error connecting to syslog: "dial unix {absent}: connect: no such '
                             'file or directory"')):  # fmt: skip
            done = subprocess.run([binary, "-p", "-1", *flags], capture_output=True, text=True,
                                  timeout=20)  # fmt: skip
            self.assertEqual(done.returncode, 1)
            self.assertIn(text, done.stderr)

    def test_lines_go_to_a_system_log_elsewhere(self):
        for place in ("option", "-r", "--remote_syslog"):
            with self.subTest(place), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as log:
                log.bind(("127.0.0.1", 0))
                log.settimeout(20)
                url = f"udp://127.0.0.1:{log.getsockname()[1]}"
                with tempfile.TemporaryDirectory() as directory:
                    config = Path(directory) / "c.conf"
                    config.write_text(f'remote_syslog: "{url}"\n' if place == "option"
                                      else "debug: false\n")  # fmt: skip
                    flags = [] if place == "option" else [place, url]
                    process = subprocess.Popen([binary, "-a", "127.0.0.1", "-p", "-1", "-c",
                                                config, *flags])  # fmt: skip
                    try:
                        line = log.recv(1000).decode()
                    finally:
                        process.terminate()
                        process.wait(20)
                self.assertRegex(line, r"^<5>\d{4}-\d\d-\d\dT\S+ \S+ dunlin-server\[\d+\]: "
                                       r"Starting nats-server\n$")  # fmt: skip

    def test_lines_go_to_this_machines_system_log(self):
        path = Path("/dev/log")
        if path.exists():
            self.skipTest("a system log listens there")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
            try:
                log.bind(str(path))
            except OSError:
                self.skipTest("no socket can be made there")
            try:
                log.settimeout(20)
                for flags in (["-s"], ["--syslog"]):
                    process = subprocess.Popen([binary, "-a", "127.0.0.1", "-p", "-1", *flags])
                    try:
                        own = f"[{process.pid}]"
                        while own not in (line := log.recv(1000).decode()):
                            continue  # the last lines of the one before
                    finally:
                        process.terminate()
                        process.wait(20)
                    self.assertRegex(line, r"^<29>[A-Z][a-z]{2} [ \d]\d \S+ dunlin-server\[\d+\]: "
                                           r"Starting nats-server\n$")  # fmt: skip
            finally:
                path.unlink()


class ClosedReasons(unittest.TestCase):
    def closed_for(self, reason, text, config="", connect=QUIET):
        with self.subTest(reason), Server(binary, config, "-D") as server:
            with server.client(connect) as client:
                client.send(text)
                client.rest()
            server.wait_for_log(f"Client connection closed: {reason}\n")

    def test_reasons_are_the_references(self):
        self.closed_for("Parse Error", "-ERR 'x'\r\n")
        self.closed_for("Protocol Violation", "NONSENSE\r\n")
        self.closed_for("Bad Client Protocol Version", "", connect='{"protocol":7}')
        self.closed_for("No Responders Requires Headers", "", connect='{"no_responders":true}')
        self.closed_for("Maximum Connections Exceeded", "", "max_connections: -1\n", None)
        self.closed_for("Maximum Message Payload Exceeded", "PUB a 9\r\n", "max_payload: 8\n")
        self.closed_for("Maximum Control Line Exceeded", "SUB " + "a" * 5000)
        self.closed_for("Stale Connection", "", 'ping_interval: "30ms"\nping_max: 1\n')
        login = "authorization { user: u, password: p, timeout: 0.1 }\n"
        self.closed_for("Authentication Timeout", "", login, None)
        self.closed_for("Authentication Failure", "", login)

    def test_shutdown(self):
        with Server(binary, "", "-D") as server, server.client() as client:
            client.flush()
            server.process.terminate()
            server.wait_for_log("Client connection closed: Server Shutdown\n")


class Signals(unittest.TestCase):
    def send(self, name, server, target=None):
        done = subprocess.run([binary, "--signal", f"{name}={target or server.process.pid}"],
                              capture_output=True, text=True, timeout=20)  # fmt: skip
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_each_word_sends_its_signal(self):
        with Server(binary, 'lame_duck_duration: "30s"\n') as server:
            self.send("reload", server)
            server.wait_for_log("Reloaded server configuration")
            self.send("reopen", server)
            server.wait_for_log('Trapped "user defined signal 1" signal')
            self.send("ldm", server)
            self.assertEqual(server.process.wait(20), 0)
            self.assertIn("Entering lame duck mode", server.log())
        for name, code in (("quit", 0), ("term", 0), ("stop", -signal.SIGKILL)):
            with self.subTest(name), Server(binary) as server:
                self.send(name, server)
                self.assertEqual(server.process.wait(20), code)

    def test_the_pid_may_stand_in_a_file(self):
        with Server(binary) as server:
            file = server.path / "pid"
            file.write_text(str(server.process.pid))
            self.send("quit", server, file)
            self.assertEqual(server.process.wait(20), 0)

    def test_short_name_and_wrong_words(self):
        done = subprocess.run([binary, "-sl", "dance=1"], capture_output=True, text=True,
                              timeout=20)  # fmt: skip
        self.assertEqual(done.returncode, 1)
        self.assertIn('unknown signal "dance"', done.stderr)


if __name__ == "__main__":
    binary = sys.argv.pop(1)
    unittest.main()
