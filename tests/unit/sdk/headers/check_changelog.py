#!/usr/bin/env python3
"""The SDK's change log must say which version each table appeared in, for the version of abi.h."""
import pathlib
import re
import sys


def main():
    sdk = pathlib.Path(sys.argv[1])
    include = sdk / "include" / "dunlin"
    abi = (include / "abi.h").read_text()
    version = ".".join(
        re.search(rf"#define DUNLIN_ABI_{part} (\d+)", abi).group(1) for part in ("MAJOR", "MINOR"))
    changelog = (sdk / "CHANGELOG.md").read_text()
    problems = []
    if f"## {version}" not in changelog:
        problems.append(f"CHANGELOG.md has no section for SDK {version}")
    for header in sorted((include / "ext").rglob("*.h")):
        for table in re.findall(r'#define DUNLIN_EXT_\w+ "([^"]+)"', header.read_text()):
            if f"`{table}`" not in changelog:
                problems.append(f"CHANGELOG.md does not mention `{table}`")
    print("\n".join(problems))
    return 1 if problems else 0


sys.exit(main())
