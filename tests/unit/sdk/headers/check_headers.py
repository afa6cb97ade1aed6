#!/usr/bin/env python3
"""Compiles each SDK header alone: C headers as C11, C17, C++17 and C++20, the C++ layer as C++20.

C headers may include nothing but <stdbool.h>, <stddef.h>, <stdint.h> and each other.
"""
import pathlib
import re
import shutil
import subprocess
import sys

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"]
ALLOWED = {"stdbool.h", "stddef.h", "stdint.h"}


def first_of(*names):
    return next((name for name in names if shutil.which(name)), None)


def compilers():
    found = []
    clang = (first_of("clang", "clang-14"), first_of("clang++", "clang++-14"))
    for c, cpp in (("gcc", "g++"), clang):
        if c and cpp and shutil.which(c) and shutil.which(cpp):
            found.append((c, cpp))
    return found


def compile_alone(root, header, compiler, language, standard):
    command = [compiler, "-x", language, f"-std={standard}", *WARNINGS, f"-I{root}", "-"]
    source = f"#include <{header}>\n"
    done = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(f"{header} as {standard} with {compiler}:\n{done.stderr}")
    return done.returncode == 0


def includes_are_allowed(path):
    fine = True
    for name in re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)', path.read_text(), re.M):
        if name not in ALLOWED and not (name.startswith("dunlin/") and name.endswith(".h")):
            print(f"{path}: includes {name}")
            fine = False
    return fine


def main():
    root = pathlib.Path(sys.argv[1])
    found = compilers()
    if not found:
        print("no compiler found")
        return 1
    fine = True
    count = 0
    for path in sorted(root.rglob("*.h")) + sorted(root.rglob("*.hpp")):
        header = path.relative_to(root).as_posix()
        is_c = path.suffix == ".h"
        fine = (not is_c or includes_are_allowed(path)) and fine
        for c, cpp in found:
            runs = [(c, "c", "c11"), (c, "c", "c17"), (cpp, "c++", "c++17")] if is_c else []
            for compiler, language, standard in runs + [(cpp, "c++", "c++20")]:
                fine = compile_alone(root, header, compiler, language, standard) and fine
                count += 1
    print(f"{count} compilations with {', '.join(c for c, _ in found)}")
    return 0 if fine and count else 1


sys.exit(main())
