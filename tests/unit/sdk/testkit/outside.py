#!/usr/bin/env python3
"""Installs the SDK into an empty prefix, builds the SQLite backend against it, and asks the
installed kit for its card; with --kit it builds the kit from its installed sources first."""
import pathlib
import subprocess
import sys
import tempfile


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        print(f"{' '.join(str(part) for part in command)}\n{done.stdout}{done.stderr}")
        sys.exit(1)
    return done.stdout


def build(cmake, source, output, prefix):
    run(cmake, "-S", source, "-B", output, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
        f"-DCMAKE_PREFIX_PATH={prefix}")
    run(cmake, "--build", output)


def main():
    cmake, tree, *options = sys.argv[1:]
    with tempfile.TemporaryDirectory() as name:
        place = pathlib.Path(name)
        prefix = place / "prefix"
        run(cmake, "--install", tree, "--component", "sdk", "--prefix", prefix)
        kit = prefix / "bin/dunlin-storage-testkit"
        if "--kit" in options:
            build(cmake, prefix / "share/dunlin-sdk/sdk/testkit", place / "kit", prefix)
            kit = place / "kit/dunlin-storage-testkit"
            options.remove("--kit")
        build(cmake, prefix / "share/doc/dunlin-sdk/examples/storage-sqlite", place / "backend",
              prefix)
        plugin = place / "backend/com.example.storage-sqlite.so"
        print(run(kit, "--plugin", plugin, *options))


main()
