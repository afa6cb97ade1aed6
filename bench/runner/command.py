"""The command line of bench/compare."""

import argparse
import datetime
import json
import os
import platform
import resource
import sys
from pathlib import Path

from runner.scenarios import Bench, Side, choose, load_table
from runner.server import version_of
from runner.table import evaluate, markdown

BENCH = Path(__file__).resolve().parent.parent
BUILDS = [BENCH.parent / "build" / name / "bin" for name in ("release", "bench")]

QUICK_SECONDS = 1.0
QUICK_ROUNDS = 3


def built(name):
    for folder in BUILDS:
        if (folder / name).exists():
            return folder / name
    return BUILDS[0] / name


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(
        prog="bench/compare", description="Compares two NATS servers under the same loads.")
    parser.add_argument("--peer", type=Path, help="the server to compare with")
    parser.add_argument("--ours", type=Path, default=built("dunlin-server"))
    parser.add_argument("--load", type=Path, default=built("dunlin-bench"),
                        help="the load generator; dunlin-relay is taken from its folder")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--scenarios", help="names and sets, separated by commas")
    which.add_argument("--quick", action="store_true", help="the important ones, briefly")
    which.add_argument("--full", action="store_true", help="all scenarios (the default)")
    parser.add_argument("--list", action="store_true", help="print the scenarios and leave")
    parser.add_argument("--rounds", type=int, help="turns of each server, 5 by default")
    parser.add_argument("--seconds", type=float, help="of the timed part, 2 by default")
    parser.add_argument("--json", type=Path, help="write every measurement there")
    parser.add_argument("--server-cpus", default="0", help="such as 0 or 0,2-5")
    parser.add_argument("--load-cpus", default="1")
    parser.add_argument("--shared", action="store_true",
                        help="server and load share all processors")
    parser.add_argument("--nice", type=int, default=0, help="priority of server and load")
    parser.add_argument("--extra-config", type=Path, help="lines for both configurations")
    parser.add_argument("--ours-config", type=Path, help="further lines for ours")
    parser.add_argument("--peer-config", type=Path, help="further lines for the peer")
    parser.add_argument("--strict", action="store_true", help="a missed target fails the run")
    return parser.parse_args(arguments)


def parse_cpus(text):
    cpus = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        cpus.update(range(int(first), int(last or first) + 1))
    return cpus


def read_lines(path):
    return path.read_text() + "\n" if path else ""


def cpu_model():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def set_priority(nice):
    """For this process and its children, also where the kernel shares time by session."""
    os.nice(nice)
    group = Path("/proc/self/autogroup")
    if group.exists() and os.getsid(0) != os.getpid():
        try:
            os.setsid()
        except PermissionError:  # Leader of a process group: the group's priority must do.
            return
        group.write_text(str(nice))


def describe(options, bench, rounds, sides):
    pinning = ("server and load share processors " + options.cpu_text if options.shared else
               f"server on {options.server_cpus}, load on {options.load_cpus}")
    header = {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "machine": f"{os.cpu_count()} × {cpu_model()}, Linux {platform.release()}, "
                   f"load average {os.getloadavg()[0]:.1f} at start",
        "pinning": pinning + (f", nice {options.nice}" if options.nice else ""),
        "runs": f"{rounds} rounds of {bench.seconds:g} s, servers alternating, "
                "a fresh server for each",
    }
    for side in sides:
        config = side.config_text.strip()
        header[side.name] = (f"{version_of(side.binary)} ({side.binary}) -a 127.0.0.1 -p PORT "
                             "-c FILE -P FILE, "
                             + (f"{len(config.splitlines())} configuration lines" if config
                                else "empty configuration"))
    return header


def run_rounds(bench, scenario, sides, rounds):
    results = {side.name: [] for side in sides}
    for turn in range(rounds):
        # Who goes first changes, so that a drift of the machine favours nobody.
        order = sides if turn % 2 == 0 else list(reversed(sides))
        for side in order:
            result = bench.run(scenario, side)
            results[side.name].append(result)
            measured = (f"{result['rate']:.4g}/s {result['cpu_ns']:.4g} ns"
                        if "rate" in result else "")
            print(f"  {scenario.name} {side.name} {measured} {result['error']}",
                  file=sys.stderr, flush=True)
    return results


def compare(options):
    table, sets = load_table(BENCH / "scenarios.json")
    if options.list:
        for scenario in table.values():
            print(f"{scenario.name:16} {scenario.about}")
        return 0
    scenarios = choose(table, sets, options.scenarios or ("quick" if options.quick else "full"))
    rounds = options.rounds or (QUICK_ROUNDS if options.quick else 5)
    seconds = options.seconds or (QUICK_SECONDS if options.quick else 2.0)
    everywhere = os.sched_getaffinity(0)
    options.cpu_text = ",".join(map(str, sorted(everywhere)))
    server_cpus = everywhere if options.shared else parse_cpus(options.server_cpus)
    load_cpus = everywhere if options.shared else parse_cpus(options.load_cpus)
    bench = Bench(options.load.resolve(), server_cpus, load_cpus, seconds)
    extra = read_lines(options.extra_config)
    sides = [Side("ours", options.ours.resolve(), extra + read_lines(options.ours_config)),
             Side("peer", options.peer.resolve(), extra + read_lines(options.peer_config))]
    relay = Side("relay", bench.load.parent / "dunlin-relay", is_relay=True)

    if options.nice:
        set_priority(options.nice)
    hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard_limit, hard_limit))
    os.sched_setaffinity(0, load_cpus)
    header = describe(options, bench, rounds, sides)
    rows, raw = [], {}
    for scenario in scenarios:
        taking_part = sides + [relay] if scenario.relay_min else sides
        raw[scenario.name] = run_rounds(bench, scenario, taking_part, rounds)
        rows.append(evaluate(scenario, raw[scenario.name]))
        if options.json:
            options.json.write_text(json.dumps({"header": header, "rows": rows, "raw": raw},
                                               indent=1, ensure_ascii=False))
    print(markdown(header, rows, scenarios))
    if any(row["errors"] for row in rows):
        return 1
    is_missed = any(not target["met"] for row in rows for target in row["targets"])
    return 3 if options.strict and is_missed else 0


def main(arguments):
    options = parse_arguments(arguments)
    if not options.list:
        if options.peer is None:
            print("bench/compare: --peer is missing", file=sys.stderr)
            return 2
        for path in (options.peer, options.ours, options.load):
            if not path.exists():
                print(f"bench/compare: {path} does not exist; build it or name another",
                      file=sys.stderr)
                return 2
    try:
        return compare(options)
    except KeyError as failure:
        print(f"bench/compare: {failure.args[0]}", file=sys.stderr)
        return 2
