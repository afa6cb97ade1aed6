#!/usr/bin/env python3
"""Installs the SDK into an empty prefix, builds both examples against it, and loads them."""
import os
import pathlib
import subprocess
import sys
import tempfile

EXAMPLES = ("c-plugin", "cpp-plugin")


def run(*command, **options):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                          check=False, **options)
    if done.returncode != 0:
        print(f"{' '.join(str(part) for part in command)}\n{done.stdout}{done.stderr}")
        sys.exit(1)
    return done.stdout


def main():
    cmake, build, loader = sys.argv[1:]
    os.umask(0o022)  # the file rules refuse what a group may write
    with tempfile.TemporaryDirectory() as name:
        place = pathlib.Path(name)
        prefix = place / "prefix"
        run(cmake, "--install", build, "--component", "sdk", "--prefix", prefix)
        plugins = place / "plugins"
        plugins.mkdir()
        for example in EXAMPLES:
            source = prefix / "share/doc/dunlin-sdk/examples" / example
            output = place / example
            run(cmake, "-S", source, "-B", output, "-DCMAKE_BUILD_TYPE=Release",
                f"-DCMAKE_PREFIX_PATH={prefix}", f"-DCMAKE_LIBRARY_OUTPUT_DIRECTORY={plugins}")
            run(cmake, "--build", output)
        print(run(loader, env={**os.environ, "DUNLIN_EXAMPLES": str(plugins)}))


main()
