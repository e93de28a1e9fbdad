"""Asks ClickHouse's engine: `python clickhouse.py ROWS`, with the package chdb; queries come on stdin, JSON lines.

A program of its own, for an interpreter that has that package: it is too large to be installed for every test.
"""

import json
import sys

from chdb import session

TABLE = """
CREATE TABLE otel_traces (
    Timestamp DateTime64(9),
    TraceId String,
    SpanId String,
    ParentSpanId String,
    TraceState String,
    SpanName LowCardinality(String),
    SpanKind LowCardinality(String),
    ServiceName LowCardinality(String),
    ResourceAttributes Map(LowCardinality(String), String),
    ScopeName String,
    ScopeVersion String,
    SpanAttributes Map(LowCardinality(String), String),
    Duration UInt64,
    StatusCode LowCardinality(String),
    StatusMessage String,
    Events Nested (
        Timestamp DateTime64(9),
        Name LowCardinality(String),
        Attributes Map(LowCardinality(String), String)
    ),
    Links Nested (TraceId String, SpanId String, TraceState String, Attributes Map(LowCardinality(String), String))
) ENGINE = MergeTree PARTITION BY toDate(Timestamp) ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))
"""
"""The columns that the collector's exporter documents, without codecs and indexes."""


def main(rows: str) -> None:
    """Fill the table, and answer each query with one line of JSON: its rows."""
    engine = session.Session()
    engine.query("CREATE DATABASE traces")
    engine.query("USE traces")
    engine.query(TABLE)
    engine.query(f"INSERT INTO otel_traces SELECT * FROM file('{rows}', 'JSONEachRow')")
    for line in sys.stdin:
        answer = str(engine.query(json.loads(line), "JSONEachRow"))
        print(json.dumps([json.loads(row) for row in answer.splitlines()]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
