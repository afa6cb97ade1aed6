#!/usr/bin/env python3
"""Items of the inventory that are seen from outside only: spellings of flags, log lines, reasons.

Usage: items_test.py SERVER
"""

import datetime
import re
import signal
import subprocess
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

    def test_label_names_address_id_software_and_user(self):
        config = "authorization { user: u, password: p }\n"
        with Server(binary, config, "-DV") as server:
            with server.client('{"verbose":false,"user":"u","pass":"p","lang":"go",'
                               '"version":"1.2","name":"app"}') as client:  # fmt: skip
                client.flush()
                port, cid = client.socket.getsockname()[1], client.info["client_id"]
            label = f'127.0.0.1:{port} - cid:{cid} - "v1.2:go:app" - "$G/u" - '
            server.wait_for_log(label + "Client connection closed: Client Closed")


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
