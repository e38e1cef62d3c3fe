"""pgvector on the vectors that `cargo bench -p chatkeep-store --bench meaning` left behind: exact, by
lists (ivfflat) and by a graph (hnsw), in a PostgreSQL that the package pgserver brings along.

    python peer_pgvector.py WORKDIR

Prints one JSON object: for each way the time of a query, and the part of the exact ten it finds. A
query's time is the server's own, so that the way to it and back does not count.
"""

import json
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import pgserver
import psycopg

DIMENSION = 384
FOUND = 10
QUERIES = 50

# Name, index, setting.
WAYS = [
    ("exact", None, None),
    ("ivfflat, 10 of 100 lists", "ivfflat (v vector_cosine_ops) WITH (lists = 100)", "ivfflat.probes = 10"),
    ("hnsw, ef 200", "hnsw (v vector_cosine_ops)", "hnsw.ef_search = 200"),
]


def main(folder: Path) -> None:
    vectors = read(folder / "vectors.f32")
    queries = read(folder / "queries.f32")[:QUERIES]
    data = folder / "postgres"
    shutil.rmtree(data, ignore_errors=True)
    server = pgserver.get_server(data)
    try:
        with psycopg.connect(server.get_uri(), autocommit=True) as db:
            print(json.dumps(report(db, vectors, queries), indent=2))
    finally:
        server.cleanup()
        shutil.rmtree(data, ignore_errors=True)


def read(file: Path) -> np.ndarray:
    return np.fromfile(file, dtype="<f4").reshape(-1, DIMENSION)


def report(db: psycopg.Connection, vectors: np.ndarray, queries: np.ndarray) -> dict:
    fill(db, vectors)
    # One core, as the others are measured.
    db.execute("SET max_parallel_workers_per_gather = 0")
    db.execute("SET maintenance_work_mem = '2GB'")
    [(version,)] = db.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'").fetchall()
    ways, exact = {}, None
    for name, index, setting in WAYS:
        start = time.monotonic()
        if index:
            db.execute("DROP INDEX IF EXISTS by_vector")
            db.execute(f"CREATE INDEX by_vector ON vectors USING {index}")
            db.execute(f"SET {setting}")
        build_s = time.monotonic() - start
        found, times = ask(db, queries)
        exact = exact or found
        right = sum(len(set(a) & set(b)) for a, b in zip(found, exact))
        ways[name] = {
            "p50_ms": float(np.percentile(times, 50)),
            "p95_ms": float(np.percentile(times, 95)),
            "recall_at_10": right / (len(queries) * FOUND),
            "build_s": round(build_s, 1),
        }
    return {"name": "pgvector", "version": version, "ways": ways}


def fill(db: psycopg.Connection, vectors: np.ndarray) -> None:
    db.execute("CREATE EXTENSION vector")
    db.execute(f"CREATE TABLE vectors (id bigint PRIMARY KEY, v vector({DIMENSION}))")
    with db.cursor() as cursor, cursor.copy("COPY vectors FROM STDIN") as copy:
        for number, vector in enumerate(vectors):
            copy.write_row((number, text(vector)))
    db.execute("VACUUM ANALYZE vectors")


def ask(db: psycopg.Connection, queries: np.ndarray) -> tuple[list, list]:
    sql = f"SELECT id FROM vectors ORDER BY v <=> %s::vector LIMIT {FOUND}"
    found, times = [], []
    for query in queries:
        found.append([id for (id,) in db.execute(sql, [text(query)]).fetchall()])
        [(plan,)] = db.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", [text(query)]).fetchall()
        times.append(plan[0]["Execution Time"])
    return found, times


def text(vector: np.ndarray) -> str:
    return "[" + ",".join(map(str, vector.tolist())) + "]"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
