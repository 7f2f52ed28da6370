"""Real servers for tests, where they are installed: PostgreSQL, and Spark in local mode."""

import os
import shutil
import socket
import subprocess
import tempfile
from glob import glob
from pathlib import Path
from uuid import uuid4

import pytest

USER, PASSWORD = "erp", "s3cret-pass"


def free_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Server:
    """A PostgreSQL of our own on loopback."""

    def __init__(self, programs, folder):
        self._programs, self._folder, self.port = programs, folder, free_port()
        self._as_user = []
        if os.geteuid() == 0:  # initdb refuses root
            folder.chmod(0o755)
            shutil.chown(folder, "postgres")
            self._as_user = ["runuser", "-u", "postgres", "--"]
        (folder / "password").write_text(PASSWORD)
        (folder / "password").chmod(0o644)
        init = ["-A", "scram-sha-256", "-U", USER, f"--pwfile={folder}/password", "-D", folder / "data"]
        self._run("initdb", *init, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    @property
    def url(self):
        """Without credentials."""
        return f"postgresql://127.0.0.1:{self.port}/postgres"

    def start(self):
        options = f"-p {self.port} -k {self._folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        where = ["-D", self._folder / "data"]
        self._run("pg_ctl", *where, "-o", options, "-l", self._folder / "log", "-w", "start")

    def kill(self):
        """As it would end where the power fails."""
        self._run("pg_ctl", "-D", self._folder / "data", "-m", "immediate", "stop")

    def program(self, name):
        """The path of one of its programs."""
        return f"{self._programs}/{name}"

    def _run(self, name, *words, stdout=subprocess.DEVNULL, **more):
        subprocess.run([*self._as_user, self.program(name), *words], check=True, cwd="/", stdout=stdout, **more)


@pytest.fixture(scope="session")
def server():
    """A PostgreSQL that runs."""
    programs = sorted(glob("/usr/lib/postgresql/*/bin/initdb"))
    if not programs:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    # not below pytest's own folder: another run of pytest shuts the user of the server out of it
    folder = Path(tempfile.mkdtemp(prefix="tradecredit-pg-"))
    one = Server(os.path.dirname(programs[-1]), folder)
    one.start()
    yield one
    one.kill()
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres(server):
    """Its URL, without credentials."""
    return server.url


def new_database(server_url, monkeypatch):
    """The URL of a database of its own, whose credentials are in the environment."""
    import sqlalchemy as sa

    monkeypatch.setenv("TRADECREDIT_STORE_USER", USER)
    monkeypatch.setenv("TRADECREDIT_STORE_PASSWORD", PASSWORD)
    engine = sa.create_engine(server_url.replace("postgresql://", f"postgresql+psycopg://{USER}:{PASSWORD}@"))
    name = f"store_{uuid4().hex[:12]}"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return server_url.replace("/postgres", f"/{name}")


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
