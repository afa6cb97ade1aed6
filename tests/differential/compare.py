#!/usr/bin/env python3
"""Plays the same raw byte scripts to two servers and compares what comes back.

  compare.py --reference PATH --server PATH [--work DIRECTORY] [--generated N] [--seed N]
             [--only TEXT] [--show]

Exit code 0: all equal; 1: differences, each printed as a diff with the script that shows it.
"""

import argparse
import concurrent.futures
import difflib
import pathlib
import sys
import tempfile
import time

import generate
import player
import scriptfile

WAITS_BEFORE_GIVING_UP = 8
HERE = pathlib.Path(__file__).resolve().parent


def load_scripts(arguments):
    scripts = []
    for path in sorted((HERE / "scripts").glob("*.txt")):
        scripts += scriptfile.read_scripts(path)
    scripts += generate.scripts(arguments.seed, arguments.generated)
    return [script for script in scripts if arguments.only in script.name]


def waited_in_vain(transcripts):
    return any(frame.startswith(b"<waited") for frames in transcripts.values() for frame in frames)


def play_all(binary, config, scripts, directory):
    """Transcripts of the scripts of one configuration, by name."""
    results = {}
    waits = 0
    path = HERE / "configs" / (config + ".conf")
    try:
        running = player.Server(binary, path, directory)
    except OSError as failure:
        return {script.name: {"?": [f"<{failure}>".encode()]} for script in scripts}
    with running as server:
        for script in scripts:
            try:
                results[script.name] = player.play(script, server.port)
            except OSError as failure:
                results[script.name] = {"?": [f"<{failure}>".encode()]}
            if server.process.poll() is not None:
                results[script.name] = {"?": [b"<the server died>"]}
                break
            waits += waited_in_vain(results[script.name])
            if waits > WAITS_BEFORE_GIVING_UP:
                results[script.name] = {"?": [b"<gave up: too many waits in vain>"]}
                break
    if running.exit_code != 0:
        results[scripts[-1].name]["?"] = [f"<exit code {running.exit_code}>".encode()]
    return results



def readable(frames):
    return [repr(frame)[2:-1][:400] for frame in frames]


def describe(script):
    return [f"    {step.connection}{step.verb} {repr(step.data)[2:-1][:200]}"
            for step in script.steps[:40]]


def report(script, expected, actual):
    print(f"DIFFERENT {script.name} (config {script.config})")
    print("\n".join(describe(script)))
    for name in sorted(set(expected) | set(actual)):
        lines = difflib.unified_diff(readable(expected.get(name, [])),
                                     readable(actual.get(name, [])),
                                     f"{name} reference", f"{name} server", lineterm="")
        print("\n".join("  " + line for line in lines))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reference", required=True, type=pathlib.Path)
    parser.add_argument("--server", required=True, type=pathlib.Path)
    parser.add_argument("--work", type=pathlib.Path)
    parser.add_argument("--generated", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="play only scripts whose name contains this")
    parser.add_argument("--show", action="store_true", help="print what the reference answered")
    arguments = parser.parse_args()

    started = time.monotonic()
    scripts = load_scripts(arguments)
    by_config = {}
    for script in scripts:
        by_config.setdefault(script.config, []).append(script)
    work = arguments.work or pathlib.Path(tempfile.mkdtemp(prefix="dunlin-differential-"))
    expected, actual = {}, {}
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        runs = []
        for config, group in by_config.items():
            for role, binary, into in (("reference", arguments.reference, expected),
                                       ("server", arguments.server, actual)):
                runs.append((into, pool.submit(play_all, binary, config, group,
                                               work / f"{config}-{role}")))
        for into, run in runs:
            into.update(run.result())

    different = 0
    for script in scripts:
        reference, server = expected.get(script.name, {}), actual.get(script.name, {})
        if arguments.show:
            print(script.name, script.config)
            print("\n".join(describe(script)))
            for name, frames in reference.items():
                print(f"  {name}: " + "\n     ".join(readable(frames)))
        if reference != server or "?" in reference or waited_in_vain(reference):
            different += 1
            report(script, reference, server)
    print(f"{len(scripts)} scripts, {different} different, "
          f"{time.monotonic() - started:.1f} s, seed {arguments.seed}")
    return 1 if different or not scripts else 0


if __name__ == "__main__":
    sys.exit(main())
