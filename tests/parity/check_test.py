#!/usr/bin/env python3
"""The map's check reports each kind of untruth, and accepts a map without any."""

import tempfile
import unittest
from pathlib import Path

import check
import junit

HEADER = "\t".join(check.COLUMNS)


def row_of(state="done", where="code.cpp", test="area.works", note="", item="PUB"):
    return "\t".join(["verbs", item, state, where, test, note])


class MapTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.root = Path(self.directory.name)
        (self.root / "inventory").mkdir()
        (self.root / "inventory/verbs.txt").write_text("# facts\nPUB\n")
        (self.root / "code.cpp").write_text("int publish();\n")

    def problems(self, *rows, tests=("area.works",), results=None, slow=(), header=HEADER):
        (self.root / "verbs.tsv").write_text("\n".join([header, *rows]) + "\n")
        problems = []
        found = check.read_rows(self.root, problems)
        check.check_inventory(check.read_inventory(self.root), found, problems)
        for row in found:
            check.check_row(row, self.root, list(tests), problems)
        if results is not None:
            check.check_results(found, results, list(slow), problems)
        return problems

    def assert_problem(self, text, *rows, **arguments):
        problems = self.problems(*rows, **arguments)
        self.assertTrue(any(text in problem for problem in problems), problems)

    def test_a_true_map_has_no_problem(self):
        self.assertEqual(self.problems(row_of(), results={"area.works": "passed"}), [])

    def test_an_open_row_needs_nothing(self):
        self.assertEqual(self.problems(row_of(state="open", where="", test="")), [])

    def test_text_after_the_path_is_looked_for_in_the_file(self):
        self.assertEqual(self.problems(row_of(where="code.cpp:publish")), [])
        self.assert_problem("does not mention", row_of(where="code.cpp:subscribe"))

    def test_an_item_without_a_row_is_reported(self):
        self.assert_problem("PUB has no row")

    def test_an_item_with_two_rows_is_reported(self):
        self.assert_problem("has 2 rows", row_of(), row_of())

    def test_a_row_outside_the_inventory_is_reported(self):
        self.assert_problem("not in the inventory", row_of(), row_of(item="NUB"))

    def test_a_place_that_does_not_exist_is_reported(self):
        self.assert_problem("does not exist", row_of(where="gone.cpp"))

    def test_done_without_place_or_test_is_reported(self):
        self.assert_problem("without a place", row_of(where=""))
        self.assert_problem("without a test", row_of(test=""))

    def test_a_test_that_does_not_exist_is_reported(self):
        self.assert_problem("no test is called", row_of(test="area.*"), tests=["other.works"])

    def test_a_test_that_failed_or_did_not_run_is_reported(self):
        self.assert_problem("failed", row_of(), results={"area.works": "failed"})
        self.assert_problem("did not run", row_of(), results={"area.works": "skipped"})
        self.assert_problem("did not run", row_of(), results={})

    def test_a_slow_test_is_excused_only_where_no_slow_test_ran(self):
        slow = ["area.works", "area.other"]
        self.assertEqual(self.problems(row_of(), results={"fast": "passed"}, slow=slow), [])
        self.assert_problem("did not run", row_of(), results={"area.other": "passed"}, slow=slow)

    def test_refused_without_a_reason_is_reported(self):
        self.assert_problem("without a reason", row_of(state="refused", where="", test=""))

    def test_an_unknown_state_and_a_broken_file_are_reported(self):
        self.assert_problem("unknown state", row_of(state="finished"))
        self.assert_problem("columns", row_of() + "\textra")
        self.assert_problem("header", row_of(), header="area\titem")


class JunitTest(unittest.TestCase):
    def test_statuses_are_read_and_the_worst_of_two_files_counts(self):
        with tempfile.TemporaryDirectory() as directory:
            paths = []
            for number, status in enumerate(["run", "fail", "notrun"]):
                paths.append(Path(directory) / f"{number}.xml")
                case = f'<testcase name="a" status="{status}"/>'
                paths[-1].write_text(f"<testsuite>{case}</testsuite>")
            self.assertEqual(junit.read_all(paths), {"a": "failed"})
            self.assertEqual(junit.read_all(paths[2:]), {"a": "skipped"})
            self.assertEqual(junit.read_all([paths[0], paths[2]]), {"a": "passed"})


if __name__ == "__main__":
    unittest.main()
