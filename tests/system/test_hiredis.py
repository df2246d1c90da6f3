"""test_hiredis.py - builds clients/hiredis_client.c with pkg-config and runs it against a server."""
import os

from harness import BUILD, ROOT, Daemon, Skip, equal, main, need_program, note, run_program

SOURCE = os.path.join(ROOT, "tests/system/clients/hiredis_client.c")


def _build():
    """Compiles the client; returns its path."""
    code, flags, _ = run_program(need_program("pkg-config"), "--cflags", "--libs", "hiredis")
    if code != 0:
        raise Skip("hiredis is not installed")
    compiler = need_program(os.environ.get("CC", "cc"))
    folder = os.path.join(BUILD, "clients")
    os.makedirs(folder, exist_ok=True)
    program = os.path.join(folder, "hiredis_client")
    warnings = ["-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Wshadow", "-Werror"]
    code, out, err = run_program(compiler, *warnings, SOURCE, "-o", program, *flags.split())
    equal(code, 0, out + err)
    return program


def test_the_c_client_gets_what_it_asks_for():
    program = _build()
    with Daemon() as server:
        code, out, err = run_program(program, str(server.port))
        equal(code, 0, out + err)
        note(f"{out.count('ok ')} checks")


if __name__ == "__main__":
    main(globals())
