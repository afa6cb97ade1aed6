#!/usr/bin/env python3
"""Every monitoring field that a server without further plugins has, with its value.

Usage: monitoring_test.py SERVER
"""

import json
import os
import re
import sys
import unittest

import running_server

binary = ""
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"
DURATION = r"([\d.]+(h|m|s|ms|µs|ns))+"
CONFIG = """
http: "127.0.0.1:-1"
server_name: watched
server_tags: [A]
server_metadata { k: v }
max_subscriptions: 7
max_closed_clients: 2
authorization { user: u, password: p }
"""
CONNECT = '{"verbose":false,"user":"u","pass":"p","name":"n","lang":"l","version":"1.2"}'


class Monitoring(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = running_server.Server(binary, CONFIG)
        cls.client = cls.server.client(CONNECT)
        cls.client.send("SUB foo.> q 7\r\nUNSUB 7 100\r\nSUB bar 8\r\nSUB gone 9\r\nUNSUB 9\r\n")
        cls.client.send("PUB foo.a 5\r\nhello\r\nPUB nobody 3\r\nabc\r\n")
        cls.client.flush()
        with cls.server.client('{"user":"u","pass":"wrong"}') as refused:
            refused.rest()

    @classmethod
    def tearDownClass(cls):
        cls.client.__exit__()
        cls.server.__exit__()

    def assert_fields(self, found, expected):
        """Expected values are texts, numbers, a regular expression, or a range (least, most)."""
        for name, value in expected.items():
            with self.subTest(name):
                self.assertIn(name, found)
                if isinstance(value, re.Pattern):
                    self.assertRegex(found[name], value)
                elif isinstance(value, tuple):
                    self.assertGreaterEqual(found[name], value[0])
                    self.assertLessEqual(found[name], value[1])
                else:
                    self.assertEqual(found[name], value)

    def test_varz(self):
        varz = self.server.get("/varz")
        time, duration = re.compile(f"^{TIME}$"), re.compile(f"^{DURATION}$")
        cores = os.cpu_count()
        self.assert_fields(varz, {
            "server_id": self.client.info["server_id"], "server_name": "watched",
            "version": "2.15.1", "go": self.client.info["go"], "proto": 1, "host": "127.0.0.1",
            "port": self.server.port, "max_connections": 65536, "ping_max": 2,
            "http_host": "127.0.0.1", "http_port": -1, "http_base_path": "", "https_port": 0,
            "max_control_line": 4096, "max_payload": 1048576, "max_pending": 67108864,
            "auth_required": True, "max_subscriptions": 7, "ping_interval": 120 * 10**9,
            "write_deadline": 10 * 10**9, "auth_timeout": 2, "cpu": (0, 100 * cores),
            "start": time, "now": time, "config_load_time": time, "uptime": duration,
            "mem": (10**6, 10**9), "cores": (1, 4096), "gomaxprocs": (1, cores),
            "connections": 1, "subscriptions": 2, "in_msgs": 2, "in_bytes": 8, "out_msgs": 1,
            "out_bytes": 5, "in_client_msgs": 2, "in_client_bytes": 8, "out_client_msgs": 1,
            "out_client_bytes": 5, "total_connections": (2, 9), "slow_consumers": 0,
            "stale_connections": 0, "stalled_clients": 0, "routes": 0, "remotes": 0,
            "leafnodes": 0, "config_digest": re.compile("^sha256:[0-9a-f]{64}$"), "tags": ["a"],
            "metadata": {"k": "v"}, "system_account": "$SYS", "tls_timeout": 2,
            "slow_consumer_stats": {"clients": 0, "routes": 0, "gateways": 0, "leafs": 0},
            "stale_connection_stats": {"clients": 0, "routes": 0, "gateways": 0, "leafs": 0},
        })  # fmt: skip
        self.assertNotIn("write_timeout", varz)

    def test_connz(self):
        connz = self.server.get("/connz?subs=detail&auth=1")
        time, duration = re.compile(f"^{TIME}$"), re.compile(f"^{DURATION}$")
        self.assert_fields(connz, {
            "server_id": self.client.info["server_id"], "now": time, "num_connections": 1,
            "total": 1, "offset": 0, "limit": 1024,
        })  # fmt: skip
        shown = connz["connections"][0]
        self.assert_fields(shown, {
            "cid": self.client.info["client_id"], "kind": "Client", "type": "nats",
            "ip": "127.0.0.1", "port": self.client.socket.getsockname()[1], "start": time,
            "last_activity": time, "rtt": duration, "uptime": duration, "idle": duration,
            "pending_bytes": 0, "in_msgs": 2, "out_msgs": 1, "in_bytes": 8, "out_bytes": 5,
            "subscriptions": 2, "name": "n", "lang": "l", "version": "1.2",
            "authorized_user": "u",
        })  # fmt: skip
        self.assertEqual({one["subject"] for one in shown["subscriptions_list_detail"]},
                         {"foo.>", "bar"})  # fmt: skip
        listed = self.server.get("/connz?subs=1")["connections"][0]["subscriptions_list"]
        self.assertEqual(set(listed), {"foo.>", "bar"})

    def test_connz_of_closed_connections(self):
        def closed():
            connz = self.server.get("/connz?state=closed")
            return connz["connections"] if connz["num_connections"] else None

        shown = running_server.eventually(closed)[0]
        self.assert_fields(shown, {"stop": re.compile(f"^{TIME}$"),
                                   "reason": "Authentication Failure"})  # fmt: skip
        named = self.server.get("/connz?state=closed&auth=1")["connections"][0]
        self.assertEqual(named["authorized_user"], "u")

    def test_closed_connections_are_remembered_up_to_their_number(self):
        with running_server.Server(binary, CONFIG) as server:
            last = 0
            for _ in range(6):
                with server.client(CONNECT) as client:
                    client.flush()
                    last = client.info["client_id"]

            def remembered():
                cids = [one["cid"] for one in server.get("/connz?state=closed")["connections"]]
                return cids if last in cids else None

            self.assertLessEqual(len(running_server.eventually(remembered)), 2)

    def test_subsz(self):
        subsz = self.server.get("/subsz?subs=1&acc=$G")
        self.assert_fields(subsz, {
            "server_id": self.client.info["server_id"], "now": re.compile(f"^{TIME}$"),
            "num_subscriptions": 2, "num_inserts": 3, "num_removes": 1, "num_matches": (1, 99),
            "total": 2, "offset": 0, "limit": 1024,
        })  # fmt: skip
        by_sid = {one["sid"]: one for one in subsz["subscriptions_list"]}
        self.assertEqual(set(by_sid), {"7", "8"})
        cid = self.client.info["client_id"]
        self.assert_fields(by_sid["7"], {
            "account": "$G", "account_tag": "$G", "subject": "foo.>", "qgroup": "q", "msgs": 1,
            "max": 100, "cid": cid,
        })  # fmt: skip
        tested = self.server.get("/subsz?subs=1&test=foo.b")["subscriptions_list"]
        self.assertEqual([one["sid"] for one in tested], ["7"])
        page = self.server.get("/subsz?subs=1&offset=1&limit=1")
        self.assertEqual((page["offset"], page["limit"]), (1, 1))
        self.assertEqual(len(page["subscriptions_list"]), 1)
        self.assertEqual(self.server.get("/subsz?subs=1&acc=nobody")["total"], 0)

    def test_accountz(self):
        accountz = self.server.get("/accountz")
        self.assert_fields(accountz, {
            "server_id": self.client.info["server_id"], "now": re.compile(f"^{TIME}$"),
            "system_account": "$SYS",
        })  # fmt: skip
        self.assertIn("$G", accountz["accounts"])
        detail = self.server.get("/accountz?acc=$G")["account_detail"]
        self.assert_fields(detail, {
            "account_name": "$G", "update_time": re.compile(f"^{TIME}$"),
            "expired": False, "complete": True, "jetstream_enabled": False,
            "leafnode_connections": 0, "client_connections": 1, "subscriptions": 2,
            "name_tag": "$G",
        })  # fmt: skip
        self.assertNotIn("is_system", detail)
        self.assertTrue(self.server.get("/accountz?acc=$SYS")["account_detail"]["is_system"])

    def test_accstatz(self):
        accstatz = self.server.get("/accstatz")
        self.assert_fields(accstatz, {"server_id": self.client.info["server_id"],
                                      "now": re.compile(f"^{TIME}$")})  # fmt: skip
        none = {"msgs": 0, "bytes": 0}
        others = {"gateways": none, "routes": none, "leafs": none}
        self.assertEqual(accstatz["account_statz"], [{
            "acc": "$G", "name": "$G", "conns": 1, "leafnodes": 0, "total_conns": 1,
            "num_subscriptions": 2, "sent": {"msgs": 1, "bytes": 5, **others},
            "received": {"msgs": 2, "bytes": 8, **others}, "slow_consumers": 0,
        }])  # fmt: skip
        status, text = self.server.ask("/accstatz?unused=maybe")
        self.assertEqual(status, 400)
        self.assertEqual(text, "Error decoding boolean for 'unused': strconv.ParseBool: parsing "
                               '"maybe": invalid syntax')  # fmt: skip

    def test_features_that_are_not_there(self):
        identity, name = self.client.info["server_id"], "watched"
        api = {"level": 0, "total": 0, "errors": 0}
        answers = {
            "/routez": {"server_id": identity, "server_name": name, "num_routes": 0, "routes": []},
            "/gatewayz": {"server_id": identity, "outbound_gateways": {}, "inbound_gateways": {}},
            "/leafz": {"server_id": identity, "leafnodes": 0, "leafs": []},
            "/jsz": {"memory": 0, "storage": 0, "reserved_memory": 0, "reserved_storage": 0,
                     "accounts": 0, "ha_assets": 0, "api": api, "server_id": identity,
                     "disabled": True, "config": {"max_memory": 0, "max_storage": 0}, "streams": 0,
                     "consumers": 0, "messages": 0, "bytes": 0, "total": 0},
        }  # fmt: skip
        for path, expected in answers.items():
            shown = self.server.get(path)
            self.assertRegex(shown.pop("now"), f"^{TIME}$")
            self.assertEqual(shown, expected)
        self.assertEqual(self.server.get("/ipqueuesz"), {})
        self.assertEqual(self.server.ask("/raftz"), (404, "No Raft nodes registered"))
        self.assertEqual(self.server.ask("/jsz?leader-only=1"),
                         (400, "filtered response: not leader"))  # fmt: skip

    def test_debug_vars(self):
        shown = self.server.get("/debug/vars")
        self.assertEqual(shown["cmdline"][0], binary)
        self.assertGreater(shown["memstats"]["HeapSys"], shown["memstats"]["HeapAlloc"])
        self.assertGreater(shown["memstats"]["HeapAlloc"], 0)
        with running_server.Server(binary, 'http: "127.0.0.1:-1"\n', "--pass", "secret", "--user",
                                   "u") as server:  # fmt: skip
            self.assertEqual(server.get("/debug/vars")["cmdline"][-4:],
                             ["--pass", "[REDACTED]", "--user", "[REDACTED]"])  # fmt: skip

    def test_any_method_is_served_as_get(self):
        answer = self.server.get("/healthz")
        self.assertEqual(answer, {"status": "ok"})
        port = int(re.search(r"http monitor on \S*:(\d+)", self.server.log())[1])
        with running_server.socket.create_connection(("127.0.0.1", port), 20) as plain:
            plain.sendall(b"DELETE /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            text = plain.makefile("rb").read().decode()
        self.assertTrue(text.startswith("HTTP/1.1 200 OK\r\n"), text)
        self.assertEqual(json.loads(text.split("\r\n\r\n")[1]), {"status": "ok"})

    def test_what_waits_for_a_receiver_is_shown(self):
        with running_server.Server(binary, 'http: "127.0.0.1:-1"\n') as server:
            with server.client() as slow, server.client() as publisher:
                slow.send("SUB a 1\r\n")
                slow.flush()
                frame = "PUB a 65536\r\n" + "x" * 65536 + "\r\n"
                for _ in range(400):
                    publisher.send(frame)
                publisher.flush()
                shown = {one["cid"]: one for one in server.get("/connz")["connections"]}
                self.assertGreater(shown[slow.info["client_id"]]["pending_bytes"], 1000000)
                self.assertEqual(shown[publisher.info["client_id"]]["pending_bytes"], 0)

    def test_slow_consumers_are_counted(self):
        config = 'http: "127.0.0.1:-1"\nmax_payload: 60000\nmax_pending: 60000\n'
        with running_server.Server(binary, config) as server:
            with server.client() as slow, server.client() as publisher:
                slow.send("SUB a 1\r\n")
                slow.flush()
                frame = "PUB a 50000\r\n" + "x" * 50000 + "\r\n"

                def counted():
                    publisher.send(frame * 20)
                    publisher.flush()
                    return server.get("/varz")["slow_consumers"]

                self.assertEqual(running_server.eventually(counted), 1)
                self.assertEqual(server.get("/varz")["slow_consumer_stats"]["clients"], 1)

    def test_stale_connections_are_counted(self):
        config = 'http: "127.0.0.1:-1"\nping_interval: "30ms"\nping_max: 1\n'
        with running_server.Server(binary, config) as server, server.client() as silent:
            silent.rest()
            varz = running_server.eventually(
                lambda: (found := server.get("/varz"))["stale_connections"] and found)
            self.assertEqual(varz["stale_connections"], 1)
            self.assertEqual(varz["stale_connection_stats"]["clients"], 1)

    def test_health_in_lame_duck_mode(self):
        config = CONFIG + 'lame_duck_duration: "30s"\nlame_duck_grace_period: "20s"\n'
        with running_server.Server(binary, config) as server, server.client(CONNECT) as client:
            client.flush()
            server.process.send_signal(running_server.signal.SIGUSR2)
            server.wait_for_log("Entering lame duck mode")
            self.assertEqual(server.ask("/healthz")[0], 500)
            server.process.send_signal(running_server.signal.SIGINT)


if __name__ == "__main__":
    binary = sys.argv.pop(1)
    unittest.main()
