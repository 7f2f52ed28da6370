"""Real servers for tests, where they are installed: PostgreSQL, and Spark in local mode."""

import os
import shutil
import socket
import subprocess
import tempfile
from glob import glob
from pathlib import Path

import pytest

USER, PASSWORD = "erp", "s3cret-pass"


def free_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


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
    port = free_port()
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


@pytest.fixture(scope="session")
def spark(tmp_path_factory):
    """A session of Spark on this machine."""
    pytest.importorskip("pyspark", reason="the extra [spark] is not installed")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java, and there is none")
    from tradecredit.features.cluster import session

    options = {
        "spark.master": "local[2]",
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "3",
        "spark.local.dir": str(tmp_path_factory.mktemp("spark")),
    }
    settings = tmp_path_factory.mktemp("conf")
    (settings / "spark-defaults.conf").write_text("".join(f"{name} {value}\n" for name, value in options.items()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_CONF_DIR", str(settings))
        running = session()
        yield running
        running.stop()
