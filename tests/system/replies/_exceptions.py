"""_exceptions.py - commands that no row of these tables can test, and why."""

WITHOUT_A_ROW = {
    "shutdown": "it ends the server: test_lifecycle.py",
}
