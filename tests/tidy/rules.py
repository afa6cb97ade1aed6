"""The rules. Each takes a Tree and yields Findings; exceptions are applied by check.py."""

import ast
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import cpp_scan

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70
COLUMNS_MAX = 100
README_LINES_MAX = 80

ROOMS = [
    "base", "subject", "protocol", "net", "auth", "routing", "observe", "client", "plugin",
    "config", "server",
]  # fmt: skip
CPP = {".cpp", ".hpp", ".h", ".c"}
HEADERS = {".hpp", ".h"}
SCRIPTS = {".py", ".js", ".mjs", ".sh", ".cmake"}
DOCUMENTED_ROOTS = ["core", "plugins", "sdk", "tests", "bench"]


@dataclass(frozen=True)
class Finding:
    path: str
    line: int
    rule: str
    text: str


class Tree:
    """The files a check looks at: their paths relative to the root, and their texts."""

    def __init__(self, root, paths):
        self.root = Path(root)
        self.paths = sorted(paths)
        self._texts = {}

    def text(self, path):
        if path not in self._texts:
            data = (self.root / path).read_bytes()
            self._texts[path] = "" if b"\0" in data else data.decode("utf-8", "replace")
        return self._texts[path]

    def files(self, suffixes, under=""):
        prefix = under + "/" if under else ""
        return [p for p in self.paths if Path(p).suffix in suffixes and p.startswith(prefix)]

    def code(self):
        return [p for p in self.paths if is_code(p)]

    def json(self, name):
        import json

        path = self.root / "tests/tidy" / name
        return json.loads(path.read_text()) if path.exists() else {}


def is_code(path):
    name = PurePosixPath(path)
    return name.suffix in CPP | SCRIPTS or name.name == "CMakeLists.txt" or (
        name.suffix == "" and name.parts[0] in ("scripts", ".ci", "bench", "packaging")
    )


def file_length(tree):
    for path in tree.code():
        lines = tree.text(path).count("\n")
        if lines > FILE_LINES_MAX:
            yield Finding(path, lines, "file-length", f"{lines} lines; split it by idea")


def function_length(tree):
    for path in tree.files(CPP):
        for function in cpp_scan.functions(tree.text(path)):
            if function.length > FUNCTION_LINES_MAX:
                yield _too_long(path, function.line, function.name, function.length)
    for path in tree.files({".py"}):
        for node in ast.walk(ast.parse(tree.text(path))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                length = node.end_lineno - node.lineno + 1
                if length > FUNCTION_LINES_MAX:
                    yield _too_long(path, node.lineno, node.name, length)


def _too_long(path, line, name, length):
    return Finding(path, line, "function-length", f"{name} has {length} lines")


def line_length(tree):
    for path in tree.code():
        for number, line in enumerate(tree.text(path).splitlines(), 1):
            if len(line) > COLUMNS_MAX:
                yield Finding(path, number, "line-length", f"{len(line)} columns")


def room_order(tree):
    """A room of core/ includes only rooms before it."""
    for path in tree.files(CPP, "core"):
        room = path.split("/")[1]
        if room not in ROOMS:  # main.cpp sees all
            continue
        for include in cpp_scan.includes(tree.text(path)):
            parts = include.path.split("/")
            if parts[0] != "core" or len(parts) < 3:
                continue
            if parts[1] not in ROOMS or ROOMS.index(parts[1]) > ROOMS.index(room):
                text = f"{room} may not include {include.path}"
                yield Finding(path, include.line, "room-order", text)


def include_walls(tree):
    """Plugins and the SDK see dunlin/* and their own folder; the core sees no plugin.

    What our storage plugins share lies in a folder that is part of each of them.
    """
    walls = [("core", "plugins/"), ("sdk", "core/"), ("sdk", "plugins/")]
    for under, forbidden in walls:
        for path in tree.files(CPP, under):
            for include in cpp_scan.includes(tree.text(path)):
                if include.path.startswith(forbidden):
                    text = f"{under} may not include {include.path}"
                    yield Finding(path, include.line, "include-walls", text)
    for path in tree.files(CPP, "plugins"):
        own = ("/".join(path.split("/")[:2]) + "/",)
        if path.startswith("plugins/storage-"):
            own += ("plugins/storage-common/",)
        for include in cpp_scan.includes(tree.text(path)):
            target = include.path
            is_wall = target.startswith(("core/", "../")) or (
                target.startswith("plugins/") and not target.startswith(own)
            )
            if is_wall:
                text = f"a plugin includes dunlin/* and {own[0]}*, not {target}"
                yield Finding(path, include.line, "include-walls", text)


def core_names_no_plugin(tree):
    pattern = re.compile(r"\bplugins/[a-z]")
    for path in tree.paths:
        if path.startswith("core/") and is_code(path):
            yield from _matches(tree, path, pattern, "core-names-no-plugin", "names {}")


def no_unfinished(tree):
    pattern = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
    for path in tree.paths:
        yield from _matches(tree, path, pattern, "no-unfinished", "{}: finish it or open an issue")


def header_shape(tree):
    for path in tree.files(HEADERS):
        text = tree.text(path)
        # C headers of the SDK may be read by compilers that know guards only.
        guard = r"^#pragma once$" if path.endswith(".hpp") else r"^#pragma once$|^#ifndef \w+_H_?$"
        if not re.search(guard, text, re.M):
            yield Finding(path, 1, "header-shape", "has no #pragma once")
        if not text.lstrip().startswith(("//", "/*")):
            yield Finding(path, 1, "header-shape", "does not open with what it is for")


def folder_readme(tree):
    """Two levels deep under the documented roots; a README is one page."""
    folders = set()
    for path in tree.paths:
        parts = path.split("/")
        if parts[0] in DOCUMENTED_ROOTS:
            folders.update("/".join(parts[:depth]) for depth in (1, 2) if depth < len(parts))
    for folder in sorted(folders):
        readme = folder + "/README.md"
        if readme not in tree.paths:
            yield Finding(folder, 1, "folder-readme", "has no README.md")
        elif (lines := tree.text(readme).count("\n")) > README_LINES_MAX:
            yield Finding(readme, lines, "folder-readme", f"{lines} lines; one page is enough")


def tests_mirror(tree):
    """tests/unit/<folder> tests <folder>, and every folder with sources has such a folder."""
    tested = set()
    for path in tree.files(CPP, "tests/unit"):
        folder = str(PurePosixPath(path).parent.relative_to("tests/unit"))
        if folder not in tested and not any(p.startswith(folder + "/") for p in tree.paths):
            yield Finding(path, 1, "tests-mirror", f"there is no {folder} for it to test")
        tested.add(folder)
    sources = {
        "/".join(p.split("/")[:2])
        for root in ("core", "plugins")
        for p in tree.files({".cpp", ".c"}, root)
        if p.count("/") >= 2
    }
    for folder in sorted(sources):
        if not any(test == folder or test.startswith(folder + "/") for test in tested):
            yield Finding(folder, 1, "tests-mirror", f"has no tests/unit/{folder}")


def parsers_fuzzed(tree):
    """What reads foreign bytes is named in parsers.json with its fuzz target."""
    parsers = tree.json("parsers.json")
    for source, target in parsers.items():
        for path in (source, target):
            if path not in tree.paths:
                yield Finding(path, 1, "parsers-fuzzed", "is in parsers.json but not in the tree")
    likely = re.compile(r"(^|_)(parser|lexer|reader|grammar|decoder|proxy|note)(_|\.|$)")
    for root in ("core", "plugins", "sdk"):
        for path in tree.files({".cpp", ".c"}, root):
            if likely.search(PurePosixPath(path).name) and path not in parsers:
                text = "looks like a parser; parsers.json lacks it"
                yield Finding(path, 1, "parsers-fuzzed", text)


def no_sleeps(tree):
    pattern = re.compile(
        r"\b(?:sleep_(?:for|until)|u(?:sleep)|nano(?:sleep)|nats_(?:Sleep))\b"
        r"|\b(?:time|asyncio)\.(?:sleep)\b|(?<![\w.])sleep\("
        r"|\bsetTimeout\([^,\n]*(?:,[^,\n]*)*,\s*[\d_]+\s*\)"
    )
    for root in ("tests", "sdk", "plugins"):
        for path in tree.files(CPP | SCRIPTS, root):
            if root == "tests" or "/tests/" in path or "test" in PurePosixPath(path).name:
                text = "{} waits for time; wait for the condition"
                yield from _matches(tree, path, pattern, "no-sleeps", text)


def own_words(tree):
    """The tree speaks of the project alone, and of nothing outside the clone."""
    pattern = re.compile(
        r"(?<![\w.])/(?:home|Users|w[o]rk|f[a]rm)/[\w.]|(?<![\w.])/opt/[r]ef\b|\.\./sh[a]red\b"
        r"|\bsub-?agent\b|\b(?:helper|agent) session\b"
        r"|\b[a-z]+\.md (?:§|section )\d",  # a chapter of a document outside the clone
        re.I,
    )
    for path in tree.paths:
        yield from _matches(tree, path, pattern, "own-words", "speaks of {}")


def _matches(tree, path, pattern, rule, text):
    for number, line in enumerate(tree.text(path).splitlines(), 1):
        if match := pattern.search(line):
            yield Finding(path, number, rule, text.format(match.group().strip()))


RULES = {
    "file-length": file_length,
    "function-length": function_length,
    "line-length": line_length,
    "room-order": room_order,
    "include-walls": include_walls,
    "core-names-no-plugin": core_names_no_plugin,
    "no-unfinished": no_unfinished,
    "header-shape": header_shape,
    "folder-readme": folder_readme,
    "tests-mirror": tests_mirror,
    "parsers-fuzzed": parsers_fuzzed,
    "no-sleeps": no_sleeps,
    "own-words": own_words,
}
