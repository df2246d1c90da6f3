#!/usr/bin/python3
"""check_run_tests.py - the program that runs the tests sees what went wrong with them.

What each kind of test program may print and how it may end, and what has to be made of it.
"""
import sys

import run_tests

RUN, OK, FAILED, SKIPPED = ("[ RUN      ] t\n", "[       OK ] t\n", "[  FAILED  ] t\n", "[  SKIPPED ] t\n")
UNIT = [  # exit status, output -> passed, failed, skipped
    (0, RUN + OK, (1, 0, 0)),
    (1, RUN + FAILED + RUN + OK, (1, 1, 0)),
    (0, "", (0, 1, 0)),                              # it ran nothing
    (-11, RUN + OK + RUN, (1, 1, 0)),                # it died inside a test
    (0, RUN + OK + RUN, (1, 1, 0)),                  # it left inside a test, as if all were well
    (1, RUN + OK, (1, 1, 0)),                        # a leak, told at its end
    (0, RUN + "skipped: no root\n" + SKIPPED, (0, 0, 1)),
    (0, RUN + SKIPPED + RUN + OK, (1, 1, 1)),        # no reason given
]
STATUS = [(0, "", (1, 0, 0)), (1, "", (0, 1, 0)), (-6, "", (0, 1, 0)), (0, "SKIP: no clang\n", (1, 0, 1))]
SYSTEM = [
    (0, "ok    test_a\n2 passed, 0 failed, 1 skipped\n", (2, 0, 1)),
    (1, "2 passed, 1 failed, 0 skipped\n", (2, 1, 0)),
    (0, "0 passed, 0 failed, 0 skipped\n", (0, 1, 0)),
    (1, "2 passed, 0 failed, 0 skipped\n", (2, 1, 0)),
    (0, "2 passed, 0 failed, 0 skipped\nand more\n", (0, 1, 0)),
    (0, "", (0, 1, 0)),
]


def main():
    problems = []
    for judge, cases in ((run_tests.judge_unit, UNIT), (run_tests.judge_status, STATUS),
                         (run_tests.judge_system, SYSTEM)):
        for status, text, wanted in cases:
            got = judge(status, text)[:3]
            if got != wanted:
                problems.append(f"{judge.__name__}({status}, {text!r}): {got}, should be {wanted}")
    report = run_tests.Report()
    if report.finish() != 1:
        problems.append("a run without any test is taken for a good one")
    status, text = run_tests.run([sys.executable, "-c", "while True: pass"], 0.5)
    if status == 0 or "stopped after" not in text:
        problems.append(f"a program that does not end: {status}, {text!r}")
    for problem in problems:
        print(problem)
    print(f"run_tests: {len(UNIT + STATUS + SYSTEM) + 2} cases, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
