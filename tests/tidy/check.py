#!/usr/bin/env python3
"""Checks the tree against the rules in rules.py; exits 1 if a finding is left.

Usage: check.py [root]
"""

import json
import subprocess
import sys
from pathlib import Path

from rules import RULES, Finding, Tree

EXCEPTIONS = "tests/tidy/exceptions.json"
FIXTURES = "tests/tidy/fixtures/"
# Files that must exist as they are: their rules are not ours.
FOREIGN = ("LICENSE", "package-lock.json")
BUILT = {"build", "data", "node_modules"}


def tracked_files(root):
    """What git knows or would add; without a repository every file but what is built."""
    if (root / ".git").exists():
        # The clone may belong to somebody else than the user who builds it.
        git = ["git", "-c", f"safe.directory={root}", "-C", str(root)]
        command = [*git, "ls-files", "-z", "-co", "--exclude-standard"]
        listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        names = [name for name in listed.split("\0") if name]
    else:
        names = [str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()]
        names = [name for name in names if not BUILT.intersection(name.split("/"))]
    return [
        name
        for name in names
        if (root / name).is_file()
        and not name.startswith(FIXTURES)
        and "/corpus/" not in name
        and "__pycache__" not in name
        and not name.endswith(FOREIGN)
    ]


def load_exceptions(root):
    path = root / EXCEPTIONS
    exceptions = json.loads(path.read_text()) if path.exists() else []
    for entry in exceptions:
        if not entry.get("reason", "").strip():
            sys.exit(f"{EXCEPTIONS}: {entry} gives no reason")
    return exceptions


def findings_of(root):
    """All findings the exceptions do not cover, and one for each exception without a use."""
    root = Path(root).resolve()
    tree = Tree(root, tracked_files(root))
    exceptions = load_exceptions(root)
    used = set()
    left = []
    for rule in RULES.values():
        for finding in rule(tree):
            covering = [
                index
                for index, entry in enumerate(exceptions)
                if entry["rule"] == finding.rule and entry["path"] == finding.path
            ]
            used.update(covering)
            if not covering:
                left.append(finding)
    for index, entry in enumerate(exceptions):
        if index not in used:
            text = f"nothing needs this exception any more: {entry['rule']} {entry['path']}"
            left.append(Finding(EXCEPTIONS, 1, "unused-exception", text))
    return left


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2]
    findings = findings_of(root)
    for finding in findings:
        print(f"{finding.path}:{finding.line}: {finding.rule}: {finding.text}")
    print(f"{len(findings)} findings by {len(RULES)} rules")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
