"""What is stored of workflows: the runs and the results of their finished steps."""

from __future__ import annotations

from boatyard.state.database import Transaction
from boatyard.state.schema import Schema

SCHEMA = Schema(
    "workflows",
    (
        """
        CREATE TABLE workflows (
            id TEXT PRIMARY KEY, name TEXT NOT NULL, arguments TEXT NOT NULL, status TEXT NOT NULL,
            error TEXT, created REAL NOT NULL, ended REAL
        );
        CREATE INDEX workflows_status ON workflows (status);
        CREATE TABLE workflow_steps (
            workflow TEXT NOT NULL, step TEXT NOT NULL, outcome TEXT NOT NULL,
            PRIMARY KEY (workflow, step)
        ) WITHOUT ROWID;
        """,
        """
        CREATE INDEX workflows_ended ON workflows (ended);
        """,
    ),
)


def forget_steps(tx: Transaction, workflow_id: str) -> None:
    """Have a workflow that has not ended run again from its beginning."""
    tx.execute("DELETE FROM workflow_steps WHERE workflow = ?", (workflow_id,))
