"""Reads the script files of this folder; README.md describes the format."""

import collections
import re

# verb: ">" line, ":" bytes, "|" bytes read on their own, "!" barrier, "$" close awaited,
# "/" sending ended.
Step = collections.namedtuple("Step", "connection verb data")
Script = collections.namedtuple("Script", "name config steps")

STEP = re.compile(r"([A-Z])([>:|!$/])(?: (.*))?$", re.DOTALL)
ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|[rnt0\\])|\{\{(.+?)\*(\d+)\}\}", re.DOTALL)
PLAIN = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "\\": b"\\"}


def unescape(text):
    result = bytearray()
    at = 0
    for match in ESCAPE.finditer(text):
        result += text[at:match.start()].encode()
        if match.group(2) is not None:
            result += unescape(match.group(2)) * int(match.group(3))
        elif match.group(1)[0] == "x":
            result.append(int(match.group(1)[1:], 16))
        else:
            result += PLAIN[match.group(1)]
        at = match.end()
    return bytes(result + text[at:].encode())


def read_scripts(path):
    scripts = []
    config = "default"
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            line = line.rstrip("\n")
            if not line.strip() or line.startswith("#"):
                continue
            if line.startswith("config "):
                config = line.split()[1]
                continue
            if line.startswith("== "):
                scripts.append(Script(f"{path.stem}: {line[3:]}", config, []))
                continue
            match = STEP.match(line)
            if match is None or not scripts:
                raise SystemExit(f"{path}:{number}: not a step: {line}")
            connection, verb, text = match.groups()
            data = unescape(text or "")
            if verb == ">":
                data += b"\r\n"
            scripts[-1].steps.append(Step(connection, verb, data))
    return scripts
