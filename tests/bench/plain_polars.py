"""The sales rules as one would write them with Polars alone: the whole table in memory, no pandera, no reasons."""

from pathlib import Path
from typing import Any

import polars as pl

NULLS = ["", "n/a", "null", "nan", "none", "-"]
FORMS = ["%Y-%m-%d", "%m/%d/%Y", "%d-%m-%Y", "%Y/%m/%d", "%Y%m%d", "%d %b %Y", "%Y-%m-%dT%H:%M:%S"]

TEXT = pl.col(pl.String)


def clean(file: Path, out: Path) -> dict[str, Any]:
    """Write out/published (Parquet by month) and out/quarantine.parquet; returns the counts."""
    rows = pl.read_csv(file, infer_schema=False, empty_string_is_null=False)
    rows_in = rows.height
    rows = rows.with_row_index("_row_number").with_columns(TEXT.str.strip_chars())
    rows = rows.with_columns(pl.when(~TEXT.str.to_lowercase().is_in(NULLS)).then(TEXT))
    test = pl.col("is_test").str.to_lowercase().is_in(["true", "1", "y", "yes"])
    rows = rows.filter(~(pl.col("transaction_id").str.starts_with("TEST") | test).fill_null(value=False))
    typed = rows.drop("is_test").with_columns(
        pl.coalesce(pl.col("sale_date").str.to_date(form, strict=False) for form in FORMS),
        pl.col("quantity", "customer_age").cast(pl.Float64, strict=False).cast(pl.Int64, strict=False),
        pl.col("unit_price").cast(pl.Decimal(12, 2), strict=False),
        pl.col("channel", "category").str.to_lowercase(),
        pl.col("currency").str.to_uppercase(),
        pl.col("updated_at").str.to_datetime("%Y-%m-%dT%H:%M:%S", strict=False),
    )
    optional = ("quantity", "unit_price", "customer_age")
    unparsed = [(typed[name].is_null() & rows[name].is_not_null()).alias(name) for name in optional]
    bad = typed.select(
        pl.any_horizontal(
            pl.col("transaction_id", "store_id", "product_id", "sale_date", "currency", "channel").is_null(),
            ~pl.col("quantity").is_between(1, 1000),
            pl.col("unit_price") <= 0,
            ~pl.col("customer_age").is_between(0, 120),
            ~pl.col("channel").is_in(["online", "in_store", "mobile", "partner"]),
            ~pl.col("currency").is_in(["USD", "EUR", "GBP"]),
            *(pl.lit(cells) for cells in unparsed),
        )
    ).to_series()
    bad = bad.fill_null(value=False)
    out.mkdir(parents=True)
    rows.filter(bad).write_parquet(out / "quarantine.parquet", compression="zstd")
    good = typed.filter(~bad).sort("updated_at", "_row_number", nulls_last=False)
    good = good.unique("transaction_id", keep="last", maintain_order=True)
    low, high = (good["unit_price"].cast(pl.Float64).quantile(share, "linear") for share in (0.25, 0.75))
    price, quantity = pl.col("unit_price").cast(pl.Float64), pl.col("quantity")
    good = good.with_columns(
        price_is_outlier=~price.is_between(low - 1.5 * (high - low), high + 1.5 * (high - low)),
        quantity_is_outlier=(quantity - quantity.mean()).abs() > 3 * quantity.std(ddof=0),
        quantity=quantity.fill_null(quantity.median().round().cast(pl.Int64)),
        unit_price=pl.col("unit_price").fill_null(pl.col("unit_price").median().cast(pl.Decimal(12, 2))),
        customer_age=pl.col("customer_age").fill_null(pl.col("customer_age").mean().round().cast(pl.Int64)),
        sale_month=pl.col("sale_date").dt.strftime("%Y-%m"),
    )
    target = pl.PartitionBy(out / "published", key="sale_month", include_key=False)
    good.lazy().sink_parquet(target, compression="zstd", mkdir=True)
    return {"rows": rows_in, "published": good.height, "quarantined": int(bad.sum())}
