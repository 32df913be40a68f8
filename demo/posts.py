"""The records of the stream demonstration, and their expected result by an independent SQL (DuckDB)."""

import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb

BRANDS = ("acme", "Globex", " initech", "UMBRELLA", "hooli")
SEED = 7
DAMAGED = REPEATED = CORRECTED = 0.01
LATE = 0.02

_VALID = """
SELECT line->>'post_id' AS post_id, lower(trim(line->>'brand')) AS brand,
    CAST(line->>'score' AS DECIMAL(4, 3)) AS score, CAST(line->>'posted_at' AS TIMESTAMP) AS posted_at,
    CAST(line->>'received_at' AS TIMESTAMP) AS received_at
FROM sent WHERE json_valid(line) AND TRY_CAST(line->>'score' AS DECIMAL(4, 3)) BETWEEN -1 AND 1
    AND TRY_CAST(line->>'text_length' AS BIGINT) BETWEEN 0 AND 10000
    AND TRY_CAST(line->>'posted_at' AS TIMESTAMP) IS NOT NULL"""
_MINUTES = f"""
SELECT strftime(date_trunc('minute', posted_at), '%Y-%m-%d %H:%M'), brand, count(*), sum(score)
FROM (SELECT DISTINCT ON (post_id, received_at) * FROM ({_VALID})) GROUP BY 1, 2 ORDER BY 1, 2"""  # noqa: S608 (our own text)
_LATEST = f"""
SELECT post_id, arg_max(score, received_at) FROM ({_VALID}) GROUP BY 1 ORDER BY 1"""  # noqa: S608 (our own text)


@dataclass(frozen=True)
class Expected:
    """valid: records that the contract accepts; latest: post → score; minutes: (minute, brand, posts, total score)."""

    valid: int
    latest: list[tuple[Any, ...]]
    minutes: list[tuple[Any, ...]]


def make(count: int, *, seed: int = SEED) -> list[bytes]:
    """Return `count` records: some damaged, some sent twice, some corrected, some late."""
    rng = random.Random(seed)  # noqa: S311 (no secret)
    now = datetime.now(UTC).replace(microsecond=0)
    sent: list[bytes] = []
    repeatable: list[dict[str, Any]] = []
    while len(sent) < count:
        draw = rng.random()
        if draw < REPEATED and sent:
            sent.append(rng.choice(sent[-5_000:]))
            continue
        if draw < REPEATED + CORRECTED and repeatable:
            record = rng.choice(repeatable)
            record = {**record, "score": rng.randint(-1000, 1000) / 1000, "received_at": _later(now, len(sent))}
        else:
            record = _post(rng, len(sent), now, late=rng.random() < LATE)
        repeatable = [*repeatable[-50:], record]
        line = json.dumps(record).encode()
        sent.append(_damaged(rng, record, line) if rng.random() < DAMAGED else line)
    return sent


def _post(rng: random.Random, number: int, now: datetime, *, late: bool) -> dict[str, Any]:
    posted = now - timedelta(seconds=rng.randint(0, 300) + (rng.randint(3_600, 90_000) if late else 0))
    text = "good shoes " * rng.randint(0, 20)
    return {
        "post_id": f"p-{number}",
        "brand": rng.choice(BRANDS),
        "text": text,
        "text_length": len(text),
        "score": rng.randint(-1000, 1000) / 1000,
        "posted_at": posted.isoformat(),
        "received_at": (now + timedelta(milliseconds=number)).isoformat(),
    }


def _later(now: datetime, number: int) -> str:
    """Return a time that no other record has: with equal times the latest record is not defined."""
    return (now + timedelta(days=1, milliseconds=number)).isoformat()


def _damaged(rng: random.Random, record: dict[str, Any], line: bytes) -> bytes:
    wrong: dict[str, Any] = rng.choice([{"score": 7}, {"score": "good"}, {"posted_at": "soon"}, {"text_length": -1}])
    return rng.choice([line[: rng.randint(5, len(line) - 2)], json.dumps({**record, **wrong}).encode()])


def expected(sent: list[bytes]) -> Expected:
    """Return the expected result of records, by SQL."""
    with duckdb.connect() as database:
        database.execute("SET TimeZone = 'UTC'; CREATE TABLE sent (line VARCHAR)")
        database.execute("INSERT INTO sent SELECT unnest(?)", [[line.decode() for line in sent]])
        (valid,) = database.execute(f"SELECT count(*) FROM ({_VALID})").fetchone() or (0,)  # noqa: S608 (our own)
        return Expected(valid, database.execute(_LATEST).fetchall(), database.execute(_MINUTES).fetchall())
