#!/usr/bin/env python3
"""Prints `N passed, N failed, N skipped` over JUnit files; a missing file counts as a failure.

Usage: count.py FILE...
"""

import sys
from collections import Counter
from pathlib import Path

import junit


def main():
    counted = Counter()
    for path in sys.argv[1:]:
        if Path(path).exists():
            counted.update(status for _, status in junit.read(path))
        else:
            counted["failed"] += 1
    print(f"{counted['passed']} passed, {counted['failed']} failed, {counted['skipped']} skipped")
    return 1 if counted["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
