#!/usr/bin/env python3
"""Compares the anchor library, which uses every SDK type, with the recorded baseline."""
import shutil
import subprocess
import sys


def main():
    baseline, library = sys.argv[1:]
    if not shutil.which("abidiff"):
        print("skipped: abidiff is not installed (Debian package abigail-tools)")
        return 77
    done = subprocess.run(["abidiff", "--no-show-locs", baseline, library], capture_output=True,
                          text=True, check=False)
    print(done.stdout + done.stderr)
    if done.returncode != 0:
        print("the ABI differs from sdk/abi/baseline.abi; if that is meant, record it again "
              "(tests/unit/sdk/abi/CMakeLists.txt says how) and note it in sdk/CHANGELOG.md")
    return 1 if done.returncode else 0


sys.exit(main())
