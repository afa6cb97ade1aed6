"""Finds functions and includes in C++ text without parsing it.

Comments and literals are blanked, with their line breaks kept, and what is left is followed brace
by brace. A block is a function body if what stands before its brace looks like a signature and the
block sits at namespace or class level. That misreads exotic code, always towards finding less.
"""

import re
from dataclasses import dataclass

_LITERALS = re.compile(
    r'R"(?P<tag>[^()\\\s]{0,16})\(.*?\)(?P=tag)"'  # raw string
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|(?<![0-9A-Fa-f])'(?:[^'\\\n]|\\.)+'"  # not a digit separator
    r"|//[^\n]*"
    r"|/\*.*?\*/",
    re.DOTALL,
)
_SCOPE = re.compile(r"\b(namespace|class|struct|union|enum)\b|\bextern\s*$")
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?P<form>[<"])(?P<path>[^>"\n]+)[>"]', re.M)
_DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.M)


@dataclass(frozen=True)
class Function:
    name: str
    line: int
    length: int


@dataclass(frozen=True)
class Include:
    path: str
    is_quoted: bool
    line: int


def blanked(text):
    """The text with comments and literals replaced by blanks; every line keeps its number."""
    return _LITERALS.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def includes(text):
    for match in _INCLUDE.finditer(text):
        yield Include(
            match["path"], match["form"] == '"', text.count("\n", 0, match.start()) + 1
        )


def _without_parentheses(head):
    before = None
    while before != head:
        before, head = head, re.sub(r"\([^()]*\)", "", head)
    return head


def _is_signature(head):
    if "(" not in head or _SCOPE.search(re.sub(r"<[^<>]*>", "", head)):
        return False
    bare = _without_parentheses(head)
    return "operator" in bare or "=" not in re.sub(r"[<>=!]=", "", bare)


def functions(text):
    """Every function with a body at namespace or class level."""
    code = _DIRECTIVE.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), blanked(text))
    open_functions = []  # (depth, start offset, name)
    depth = 0
    head_start = 0
    for offset, character in enumerate(code):
        if character == "{":
            head = code[head_start:offset]
            if not open_functions and _is_signature(head):
                start = head_start + len(head) - len(head.lstrip())
                name = re.search(r"([\w:~]+|operator\W+)\s*\(", head)
                open_functions.append((depth, start, name.group(1) if name else "?"))
            depth += 1
            head_start = offset + 1
        elif character == "}":
            depth = max(0, depth - 1)
            if open_functions and open_functions[-1][0] == depth:
                _, start, name = open_functions.pop()
                first = code.count("\n", 0, start) + 1
                last = code.count("\n", 0, offset) + 1
                yield Function(name, first, last - first + 1)
            head_start = offset + 1
        elif character == ";" and not open_functions:
            head_start = offset + 1
