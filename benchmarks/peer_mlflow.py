"""MLflow: an alias of a registered model, in a SQLite file. Runs in an environment that has mlflow-skinny and sqlalchemy."""

from __future__ import annotations

import logging
import os
import sqlite3

from mlflow import MlflowClient
from peer_loop import serve

NAME, ALIAS = "router", "production"
logging.disable()
client = MlflowClient(tracking_uri=os.environ["MLFLOW_TRACKING_URI"], registry_uri=os.environ["MLFLOW_TRACKING_URI"])


def make(versions: int) -> int:
    """Register a model with so many versions: the first by MLflow, the others as copies of its row."""
    client.create_registered_model(NAME)
    client.create_model_version(NAME, source="file:///models/router")
    with sqlite3.connect(os.environ["MLFLOW_TRACKING_URI"].removeprefix("sqlite:///")) as database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(model_versions)")]
        others = ", ".join(column for column in columns if column != "version")
        database.executemany(
            f"INSERT INTO model_versions (version, {others}) SELECT ?, {others} FROM model_versions WHERE version = 1",
            [(number,) for number in range(2, versions + 1)],
        )
    database.close()
    return len(client.search_model_versions(f"name='{NAME}'", max_results=versions + 1))


serve(
    {
        "make": make,
        "alias": lambda version: client.set_registered_model_alias(NAME, ALIAS, str(version)),
        "status": lambda: client.get_model_version_by_alias(NAME, ALIAS).version,
        "log": lambda: len(
            client.search_model_versions(f"name='{NAME}'", max_results=30, order_by=["version_number DESC"])
        ),
    }
)
