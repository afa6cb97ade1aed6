"""The table of scenarios and targets, and one run of one of them."""

import json
import os
import statistics
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from runner.server import (PASSWORD, USER, Server, ServerError, make_stream, permission_lines,
                           store_lines)

# What one run may take beyond its timed part: connecting, a million subscriptions, draining.
RUN_OVERHEAD_S = 150
IDLE_SETTLE_S = 0.5


@dataclass
class Scenario:
    name: str
    about: str
    args: list
    kind: str = "load"
    config: str = ""
    relay_min: float = 0.0
    targets: dict = field(default_factory=dict)
    values: dict = field(default_factory=dict)


def load_table(path):
    """Returns the scenarios by name, in order, and the named sets."""
    table = json.loads(Path(path).read_text())
    scenarios = {row["name"]: Scenario(**row) for row in table["scenarios"]}
    return scenarios, table["sets"]


def choose(scenarios, sets, wanted):
    """Scenarios for a comma separated list of names and set names; `full` is all of them."""
    chosen = {}
    for word in wanted.split(","):
        if word == "full":
            chosen.update(scenarios)
        elif word in sets:
            for name in sets[word]["scenarios"]:
                scenario = scenarios[name]
                if "targets" in sets[word]:
                    scenario = Scenario(**{**vars(scenario), "targets": sets[word]["targets"],
                                           "relay_min": 0.0})
                chosen[name] = scenario
        elif word in scenarios:
            chosen[word] = scenarios[word]
        else:
            raise KeyError(f"no scenario or set is called '{word}'")
    return list(chosen.values())


@dataclass
class Side:
    """One of the servers compared."""
    name: str
    binary: Path
    config_text: str = ""
    is_relay: bool = False


@dataclass
class Bench:
    """What all runs share."""
    load: Path
    server_cpus: set
    load_cpus: set
    seconds: float

    def run(self, scenario, side):
        """Runs once against a fresh server; returns the measured values, `error` among them."""
        config = side.config_text
        if scenario.config == "permissions":
            config += permission_lines()
        elif scenario.config == "store":
            config += store_lines(side.name == "ours", self.load)
        try:
            with Server(side.binary, self.server_cpus, config, side.is_relay) as server:
                if scenario.config == "store" and side.name != "ours":
                    make_stream(server.port)
                if scenario.kind == "start":
                    return measure_start(server)
                idle = server.rss_bytes()
                result = self._load(scenario, side, server)
        except (ServerError, FileNotFoundError) as failure:
            return {"error": " ".join(str(failure).split())}
        if "rss_after_bytes" in result:
            result["rss_after_ratio"] = result["rss_after_bytes"] / idle
        return result

    def _load(self, scenario, side, server):
        command = [str(self.load), *scenario.args, "--connect", f"127.0.0.1:{server.port}",
                   "--pid", str(server.pid), "--label", scenario.name,
                   "--seconds", str(self.seconds)]
        if scenario.config == "permissions":
            command += ["--user", USER, "--password", PASSWORD]
        if side.is_relay:
            command.append("--relay")
        os.sched_setaffinity(0, self.load_cpus)
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False,
                                  timeout=self.seconds + RUN_OVERHEAD_S)
        except subprocess.TimeoutExpired:
            return {"error": "the load generator did not finish"}
        if not done.stdout.startswith("{"):
            return {"error": done.stderr.strip().splitlines()[0] if done.stderr else "no result"}
        result = json.loads(done.stdout)
        if not result["error"] and (result["lost"] or result["extra"]):
            result["error"] = f"{result['lost']} lost, {result['extra']} extra"
        return result


def measure_start(server):
    time.sleep(IDLE_SETTLE_S)
    return {"start_ms": server.start_ms, "rss_idle_bytes": server.rss_bytes(), "error": ""}


def summary(runs, key):
    """Median, least and most of one value over the good runs; None when there is none."""
    values = [run[key] for run in runs if not run["error"] and key in run]
    if not values:
        return None
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def paired_ratio(ours, peers, key):
    """The median over the rounds of ours divided by the peer's."""
    ratios = [a[key] / b[key] for a, b in zip(ours, peers)
              if not a["error"] and not b["error"] and a.get(key) and b.get(key)]
    return statistics.median(ratios) if ratios else None
