#!/usr/bin/env python3
"""A plugin defines one dynamic symbol, and every undefined one belongs to an allowed library.

Symbols of the C and C++ runtime, OpenSSL, SQLite and the compressors carry a version or a prefix
that tells.
"""
import subprocess
import sys

VERSIONS = ("GLIBC_", "GLIBCXX_", "CXXABI_", "GCC_", "OPENSSL_", "ZLIB_")
PREFIXES = ("sqlite3_", "crypto_", "sodium_", "snappy_", "_ZN6snappy", "ZSTD_",
            "inflate", "deflate", "crc32", "XXH")
WEAK = {"__gmon_start__", "_ITM_deregisterTMCloneTable", "_ITM_registerTMCloneTable"}


def symbols(nm, path, which):
    lines = subprocess.run([nm, "-D", which, path], capture_output=True, text=True,
                           check=True).stdout.splitlines()
    return [line.split()[-1] for line in lines if line.strip()]


def is_allowed(symbol):
    name, _, version = symbol.partition("@")
    version = version.lstrip("@")
    return version.startswith(VERSIONS) or name in WEAK or name.startswith(PREFIXES)


def main():
    nm, path = sys.argv[1:]
    defined = [name for name in symbols(nm, path, "--defined-only") if not name.startswith("@")]
    foreign = [name for name in symbols(nm, path, "--undefined-only") if not is_allowed(name)]
    if defined != ["dunlin_plugin_v1"]:
        print(f"defined dynamic symbols: {defined}, but only dunlin_plugin_v1 may be one")
    if foreign:
        print(f"undefined symbols of no allowed library: {foreign}")
    return 0 if defined == ["dunlin_plugin_v1"] and not foreign else 1


sys.exit(main())
