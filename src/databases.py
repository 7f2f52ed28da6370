"""Databases: an engine from a URL, with user and password from the environment alone, which are never printed."""

import os
from typing import Any

from .errors import Mistake


def engine_of(where: str, said: Any, credentials: str) -> Any:
    """A SQLAlchemy engine.

    Parameters
    ----------
    where : str
        What names the URL, for errors: such as "--store".
    said : str or sqlalchemy.URL
        Such as sqlite:///erp.db or postgresql://host/db.
    credentials : str
        User and password are the environment's <credentials>_USER and <credentials>_PASSWORD, if they are there.

    Raises
    ------
    Mistake
        It is no URL, or of a kind of database that is not known or has no driver here.
    """
    import sqlalchemy

    try:
        url = sqlalchemy.make_url(said)
        if url.drivername == "postgresql":
            url = url.set(drivername="postgresql+psycopg")
        if user := os.environ.get(f"{credentials}_USER"):
            url = url.set(username=user)
        if password := os.environ.get(f"{credentials}_PASSWORD"):
            url = url.set(password=password)
        return sqlalchemy.create_engine(url, pool_pre_ping=True)  # a line that broke meanwhile is made anew
    except sqlalchemy.exc.NoSuchModuleError as fault:
        raise Mistake(f"{where}: its kind of database is not known ({fault}); postgresql and sqlite are.") from None
    except sqlalchemy.exc.ArgumentError:
        raise Mistake(f"{where}: is no database URL such as sqlite:///erp.db or postgresql://host/db.") from None
    except ImportError as fault:
        raise Mistake(f"{where}: its driver is not there ({fault}); install tradecredit[postgres].") from None


def shown(url: Any) -> str:
    """A database's address without anything that could be a secret."""
    place = f"{url.host or ''}{f':{url.port}' if url.port else ''}"
    return f"{url.drivername.split('+')[0]}://{place}/{url.database or ''}"
