#!/usr/bin/env python3
"""Checks the evidence map docs/parity against its inventory, the tree and the tests.

Usage: check.py [--map DIR] [--root DIR] [--build DIR] [--results JUNIT...] [--summary]
"""

import argparse
import csv
import fnmatch
import json
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import junit

COLUMNS = ["area", "item", "state", "where", "test", "note"]
STATES = {"done", "partial", "refused", "open"}


@dataclass(frozen=True)
class Row:
    place: str  # file:line
    area: str
    item: str
    state: str
    where: str
    test: str
    note: str

    def patterns(self):
        return [pattern for pattern in self.test.split() if pattern]


def read_inventory(directory):
    """area -> items in order; one file per area, one item per line, # starts a comment line."""
    inventory = {}
    for path in sorted((directory / "inventory").glob("*.txt")):
        lines = path.read_text(encoding="utf-8").splitlines()
        inventory[path.stem] = [line for line in lines if line and not line.startswith("#")]
    return inventory


def read_rows(directory, problems):
    rows = []
    for path in sorted(directory.glob("*.tsv")):
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            if next(reader, None) != COLUMNS:
                problems.append(f"{path.name}:1: the header is not {' '.join(COLUMNS)}")
                continue
            for number, cells in enumerate(reader, 2):
                if len(cells) != len(COLUMNS):
                    problems.append(f"{path.name}:{number}: {len(cells)} columns")
                    continue
                rows.append(Row(f"{path.name}:{number}", *cells))
    return rows


def check_inventory(inventory, rows, problems):
    counted = Counter((row.area, row.item) for row in rows)
    known = {(area, item) for area, items in inventory.items() for item in items}
    for area, items in inventory.items():
        twice = [item for item, number in Counter(items).items() if number > 1]
        problems += [f"inventory {area}: {item} twice" for item in twice]
    problems += [f"{area}: {item} has no row" for area, item in sorted(known - counted.keys())]
    problems += [f"{area}: {item} has {n} rows" for (area, item), n in counted.items() if n > 1]
    for row in rows:
        if (row.area, row.item) not in known:
            problems.append(f"{row.place}: {row.area}: {row.item} is not in the inventory")


def check_where(row, root, problems):
    """`where` is a list of path or path:text, the text being found in the file."""
    for place in row.where.split():
        path, _, text = place.partition(":")
        if not (root / path).exists():
            problems.append(f"{row.place}: {row.item}: {path} does not exist")
        elif text and text not in (root / path).read_text(encoding="utf-8", errors="replace"):
            problems.append(f"{row.place}: {row.item}: {path} does not mention {text}")


def check_row(row, root, tests, problems):
    if row.state not in STATES:
        problems.append(f"{row.place}: {row.item}: unknown state {row.state!r}")
    if row.state in ("refused", "partial") and not row.note:
        problems.append(f"{row.place}: {row.item}: {row.state} without a reason in note")
    if row.state in ("done", "partial"):
        if not row.where:
            problems.append(f"{row.place}: {row.item}: {row.state} without a place in the code")
        if not row.patterns():
            problems.append(f"{row.place}: {row.item}: {row.state} without a test")
    check_where(row, root, problems)
    for pattern in row.patterns() if tests is not None else []:
        if not fnmatch.filter(tests, pattern):
            problems.append(f"{row.place}: {row.item}: no test is called {pattern}")


def check_results(rows, results, slow, problems):
    """What a done or partial row names must have run and passed.

    Slow tests are excused in a run that left all of them out.
    """
    passed = [name for name, status in results.items() if status == "passed"]
    failed = [name for name, status in results.items() if status == "failed"]
    excused = [] if any(name in results for name in slow) else slow
    for row in rows:
        if row.state not in ("done", "partial"):
            continue
        for pattern in row.patterns():
            if bad := fnmatch.filter(failed, pattern):
                problems.append(f"{row.place}: {row.item}: {bad[0]} failed")
            elif not fnmatch.filter(passed, pattern) and not fnmatch.filter(excused, pattern):
                problems.append(f"{row.place}: {row.item}: {pattern} did not run")


def known_tests(build, root):
    """name -> is slow, for what ctest knows in this build and the fuzz targets, which another
    preset runs."""
    listing = subprocess.run(
        ["ctest", "--test-dir", str(build), "--show-only=json-v1"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    tests = {}
    for test in json.loads(listing.stdout)["tests"]:
        properties = {entry["name"]: entry["value"] for entry in test.get("properties", [])}
        tests[test["name"]] = "slow" in properties.get("LABELS", [])
    for lists in (root / "tests/fuzz").rglob("CMakeLists.txt"):
        declared = re.findall(r"dunlin_fuzz_target\(\s*([\w.-]+)", lists.read_text())
        tests.update((f"fuzz.{name}", False) for name in declared)
    return tests


def summary_of(rows):
    counted = Counter((row.area, row.state) for row in rows)
    order = ["done", "partial", "refused", "open"]
    yield f"{'area':<28}" + "".join(f"{state:>9}" for state in order)
    for area in sorted({row.area for row in rows}):
        yield f"{area:<28}" + "".join(f"{counted[area, state]:>9}" for state in order)
    totals = Counter(row.state for row in rows)
    yield f"{'all':<28}" + "".join(f"{totals[state]:>9}" for state in order)


def problems_of(directory, root, build=None, results=None):
    problems = []
    rows = read_rows(directory, problems)
    check_inventory(read_inventory(directory), rows, problems)
    tests = known_tests(build, root) if build else None
    for row in rows:
        check_row(row, root, tests, problems)
    if results:
        slow = [name for name, is_slow in (tests or {}).items() if is_slow]
        check_results(rows, junit.read_all(results), slow, problems)
    return rows, problems


def main():
    root = Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--map", type=Path, default=root / "docs/parity")
    parser.add_argument("--root", type=Path, default=root)
    parser.add_argument("--build", type=Path)
    parser.add_argument("--results", type=Path, nargs="+")
    parser.add_argument("--summary", action="store_true")
    arguments = parser.parse_args()
    rows, problems = problems_of(
        arguments.map, arguments.root, arguments.build, arguments.results
    )
    if arguments.summary:
        print("\n".join(summary_of(rows)))
    for problem in problems:
        print(problem)
    print(f"{len(rows)} rows, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
