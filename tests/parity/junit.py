"""Reads the JUnit files ctest writes."""

import xml.etree.ElementTree as ElementTree

_STATUS = {"run": "passed", "fail": "failed", "notrun": "skipped", "disabled": "skipped"}


def read(path):
    """(name, status) of each test in one file; status is passed, failed or skipped."""
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        yield case.get("name"), _STATUS[case.get("status")]


def read_all(paths):
    """name -> status over several files: a failure anywhere counts, then a pass."""
    rank = {"failed": 2, "passed": 1, "skipped": 0}
    results = {}
    for path in paths:
        for name, status in read(path):
            if name not in results or rank[status] > rank[results[name]]:
                results[name] = status
    return results
