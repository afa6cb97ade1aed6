#!/usr/bin/env python3
"""Every rule is able to fail: fixtures/<rule> breaks that rule and no other; fixtures/good none."""

import unittest
from pathlib import Path

import cpp_scan
from check import findings_of
from rules import RULES

FIXTURES = Path(__file__).parent / "fixtures"


class FixtureTest(unittest.TestCase):
    def test_the_good_tree_has_no_finding(self):
        self.assertEqual(findings_of(FIXTURES / "good"), [])

    def test_every_rule_fails_on_its_own_fixture_alone(self):
        for rule in [*RULES, "unused-exception"]:
            with self.subTest(rule=rule):
                found = {finding.rule for finding in findings_of(FIXTURES / rule)}
                self.assertEqual(found, {rule})

    def test_an_exception_with_its_reason_silences_a_finding(self):
        self.assertEqual(findings_of(FIXTURES / "excepted"), [])


class ScanTest(unittest.TestCase):
    def test_functions_are_found_with_their_lines(self):
        text = (
            "namespace a {\n"
            "struct B {\n"
            "  int value() const { return 1; }\n"
            "};\n"
            "const int table[] = {1, 2};\n"
            "int f(int a,\n"
            "      int b = 1) {\n"
            '  const char* text = "}";  // }\n'
            "  if (a) {\n"
            "    return 2;\n"
            "  }\n"
            "  return b;\n"
            "}\n"
            "}\n"
        )
        found = [(f.name, f.line, f.length) for f in cpp_scan.functions(text)]
        self.assertEqual(found, [("value", 3, 1), ("f", 6, 8)])

    def test_includes_in_comments_of_another_line_do_not_hide_real_ones(self):
        found = list(cpp_scan.includes('// words\n#include "core/base/a.hpp"\n#include <map>\n'))
        self.assertEqual([(i.path, i.is_quoted, i.line) for i in found],
                         [("core/base/a.hpp", True, 2), ("map", False, 3)])


if __name__ == "__main__":
    unittest.main()
