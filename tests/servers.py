"""A real PostgreSQL for tests, where one is installed."""

import os
import shutil
import socket
import subprocess
import tempfile
from glob import glob
from pathlib import Path

import pytest

USER, PASSWORD = "erp", "s3cret-pass"


@pytest.fixture(scope="session")
def postgres():
    """The URL of a server of our own, without credentials."""
    programs = sorted(glob("/usr/lib/postgresql/*/bin/initdb"))
    if not programs:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    # not below pytest's own folder: another run of pytest shuts the user of the server out of it
    folder, bin_ = Path(tempfile.mkdtemp(prefix="tradecredit-pg-")), os.path.dirname(programs[-1])
    as_user = []
    if os.geteuid() == 0:  # initdb refuses root
        folder.chmod(0o755)
        shutil.chown(folder, "postgres")
        as_user = ["runuser", "-u", "postgres", "--"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "password").write_text(PASSWORD)
    (folder / "password").chmod(0o644)
    run = {"check": True, "capture_output": True, "cwd": "/"}
    init = ["-A", "scram-sha-256", "-U", USER, f"--pwfile={folder}/password", "-D", folder / "data"]
    subprocess.run([*as_user, f"{bin_}/initdb", *init], **run)
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    start = [*as_user, f"{bin_}/pg_ctl", "-D", folder / "data", "-o", options, "-l", folder / "log", "-w"]
    subprocess.run([*start, "start"], check=True, stdout=subprocess.DEVNULL, cwd="/")
    yield f"postgresql://127.0.0.1:{port}/postgres"
    subprocess.run([*start[:-1], "-m", "immediate", "stop"], check=True, stdout=subprocess.DEVNULL, cwd="/")
    shutil.rmtree(folder)
