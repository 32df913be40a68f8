"""The job that most people would write for the sales files: pandas, pandera.pandas, pyarrow. No accounting.

It does what the contract says as far as such a job does: prices are floats, a damaged line ends the job.

Such jobs often write by awswrangler.s3.to_parquet(dataset=True, partition_cols=…). It writes to S3 only, and there
would measure the local AWS: pandas' to_parquet with partition_cols writes the same partitions by the same pyarrow.
"""

from pathlib import Path
from typing import Any

import pandas as pd
import pandera.pandas as pa

NULLS = ["", "n/a", "null", "nan", "none", "-"]
FORMS = ["%Y-%m-%d", "%m/%d/%Y", "%d-%m-%Y", "%Y/%m/%d", "%Y%m%d", "%d %b %Y", "%Y-%m-%dT%H:%M:%S"]

SCHEMA = pa.DataFrameSchema(
    {
        "transaction_id": pa.Column(str),
        "store_id": pa.Column(str),
        "product_id": pa.Column(str),
        "sale_date": pa.Column("datetime64[ns]"),
        "quantity": pa.Column(float, pa.Check.in_range(1, 1000), nullable=True),
        "unit_price": pa.Column(float, pa.Check.gt(0), nullable=True),
        "currency": pa.Column(str, pa.Check.isin(["USD", "EUR", "GBP"])),
        "channel": pa.Column(str, pa.Check.isin(["online", "in_store", "mobile", "partner"])),
        "customer_age": pa.Column(float, pa.Check.in_range(0, 120), nullable=True),
    }
)


def clean(file: Path, out: Path) -> dict[str, Any]:
    """Write out/published (Parquet by month) and out/quarantine.parquet; returns the counts."""
    rows = pd.read_csv(file, dtype=str, keep_default_na=False)
    rows_in = len(rows)
    for name in rows.columns:
        text = rows[name].str.strip()
        rows[name] = text.mask(text.str.lower().isin(NULLS))
    test = rows["transaction_id"].str.startswith("TEST", na=False) | rows["is_test"].str.lower().isin(
        ["true", "1", "y", "yes"]
    )
    rows = rows[~test].drop(columns="is_test")
    original = rows.copy()
    rows["sale_date"] = _dates(rows["sale_date"])
    for name in ("quantity", "unit_price", "customer_age"):
        rows[name] = pd.to_numeric(rows[name], errors="coerce").astype(float)
    rows["updated_at"] = pd.to_datetime(rows["updated_at"], errors="coerce", format="ISO8601", utc=True)
    for name in ("channel", "category"):
        rows[name] = rows[name].str.lower()
    rows["currency"] = rows["currency"].str.upper()
    bad = _failing(rows)
    for name in ("quantity", "unit_price", "customer_age", "updated_at"):
        bad |= set(rows.index[rows[name].isna() & original[name].notna()])
    bad_rows = rows.index.isin(list(bad))
    out.mkdir(parents=True)
    original[bad_rows].to_parquet(out / "quarantine.parquet", compression="zstd")
    rows = rows[~bad_rows].sort_values("updated_at", na_position="first", kind="stable")
    rows = rows.drop_duplicates("transaction_id", keep="last")
    low, high = rows["unit_price"].quantile([0.25, 0.75])
    rows["price_is_outlier"] = ~rows["unit_price"].between(low - 1.5 * (high - low), high + 1.5 * (high - low))
    spread = (rows["quantity"] - rows["quantity"].mean()).abs()
    rows["quantity_is_outlier"] = spread > 3 * rows["quantity"].std(ddof=0)
    rows["quantity"] = rows["quantity"].fillna(rows["quantity"].median())
    rows["unit_price"] = rows["unit_price"].fillna(rows["unit_price"].median())
    rows["customer_age"] = rows["customer_age"].fillna(round(rows["customer_age"].mean()))
    rows["sale_month"] = rows["sale_date"].dt.strftime("%Y-%m")
    rows.to_parquet(out / "published", partition_cols=["sale_month"], compression="zstd", index=False)
    return {"rows": rows_in, "published": len(rows), "quarantined": int(bad_rows.sum())}


def _dates(text: pd.Series) -> pd.Series:
    dates = pd.Series(pd.NaT, index=text.index, dtype="datetime64[ns]")
    for form in FORMS:
        left = dates.isna() & text.notna()
        dates[left] = pd.to_datetime(text[left], format=form, errors="coerce")
    return dates.dt.normalize()


def _failing(rows: pd.DataFrame) -> set[int]:
    try:
        SCHEMA.validate(rows, lazy=True)
    except pa.errors.SchemaErrors as errors:
        return set(errors.failure_cases["index"].dropna().astype(int))
    return set()
