-- The rules of the dataset `sales`, written once more in plain SQL. It reads `source` (_row_number and the text
-- columns as they stand in the file) and `malformed` (_row_number, _raw, _reason); it leaves `published`,
-- `quarantine` and `discarded`. Money is counted in whole cents and statistics in whole numbers: nothing drifts.

-- Unicode White_Space is trimmed; looking first at both ends is five times faster.
CREATE MACRO trimmed(raw) AS CASE
    WHEN ascii(raw) BETWEEN 33 AND 126 AND ascii(right(raw, 1)) BETWEEN 33 AND 126 THEN raw
    ELSE trim(raw, chr(9) || chr(10) || chr(11) || chr(12) || chr(13) || ' ' || chr(133)
        || chr(160) || chr(5760) || chr(8192) || chr(8193) || chr(8194) || chr(8195) || chr(8196) || chr(8197)
        || chr(8198) || chr(8199) || chr(8200) || chr(8201) || chr(8202) || chr(8232) || chr(8233) || chr(8239)
        || chr(8287) || chr(12288)
        || chr(10240) || chr(12644) || chr(65440) || chr(173) || chr(1564) || chr(6158) || chr(8203) || chr(8204)
        || chr(8205) || chr(8206) || chr(8207) || chr(8234) || chr(8235) || chr(8236) || chr(8237) || chr(8238)
        || chr(8288) || chr(8289) || chr(8290) || chr(8291) || chr(8292) || chr(8294) || chr(8295) || chr(8296)
        || chr(8297) || chr(8298) || chr(8299) || chr(8300) || chr(8301) || chr(8302) || chr(8303) || chr(65279)) END;

CREATE MACRO value(text) AS
    CASE WHEN lower(text) NOT IN ('', 'n/a', 'null', 'nan', 'none', '-') THEN text END;

-- A year below 1000 is a slip of the pen, though it has four digits.
CREATE MACRO day_of(year, month, day) AS
    CASE WHEN year::INT >= 1000 THEN TRY_CAST(format('{:04d}-{:02d}-{:02d}', year::INT, month::INT, day::INT) AS DATE) END;

CREATE MACRO date_of(text) AS CASE
    WHEN regexp_full_match(text, '[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}')
        THEN day_of(split_part(text, '-', 1), split_part(text, '-', 2), split_part(text, '-', 3))
    WHEN regexp_full_match(text, '[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}')
        THEN day_of(split_part(text, '/', 3), split_part(text, '/', 1), split_part(text, '/', 2))
    WHEN regexp_full_match(text, '[0-9]{1,2}-[0-9]{1,2}-[0-9]{4}')
        THEN day_of(split_part(text, '-', 3), split_part(text, '-', 2), split_part(text, '-', 1))
    WHEN regexp_full_match(text, '[0-9]{4}/[0-9]{1,2}/[0-9]{1,2}')
        THEN day_of(split_part(text, '/', 1), split_part(text, '/', 2), split_part(text, '/', 3))
    WHEN regexp_full_match(text, '[0-9]{8}')
        THEN day_of(text[1:4], text[5:6], text[7:8])
    WHEN regexp_full_match(text, '(?i)[0-9]{1,2} +(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec) +[0-9]{4}')
        THEN day_of(
            text[-4:],
            list_position(['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],
                lower(regexp_extract(text, '[A-Za-z]+'))),
            split_part(text, ' ', 1))
    WHEN regexp_full_match(text, '[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}T([01]?[0-9]|2[0-3]):[0-5]?[0-9]:[0-5]?[0-9]')
        THEN day_of(
            split_part(text, '-', 1), split_part(text, '-', 2), split_part(split_part(text, '-', 3), 'T', 1))
END;

CREATE MACRO offset_of(zone) AS CASE WHEN zone IN ('', 'Z') THEN INTERVAL 0 MINUTE
    WHEN zone[2:3] < '24' AND zone[5:6] < '60'
        THEN to_minutes((zone[1] || '1')::INT * (zone[2:3]::INT * 60 + zone[5:6]::INT)) END;

CREATE MACRO moment_from(part) AS
    CASE WHEN part.minute[1:2] < '24' AND part.second[2:3] < '60'
            AND (part.fraction = '' OR part.second <> '')
        THEN TRY_CAST(part.day || ' ' || coalesce(nullif(part.minute, ''), '00:00')
            || coalesce(nullif(part.second, ''), ':00') || part.fraction[1:7] AS TIMESTAMP) - offset_of(part.zone)
    END;

CREATE MACRO within_calendar(moment) AS CASE WHEN year(moment) BETWEEN 1000 AND 9999 THEN moment END;

-- ISO 8601, in UTC: a date alone, or a date, T or a blank, and HH:MM[:SS[.fraction]] with an optional offset.
CREATE MACRO moment_of(text) AS within_calendar(moment_from(regexp_extract(text,
    '^([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]([0-9]{2}:[0-9]{2})(:[0-9]{2})?(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})?)?$',
    ['day', 'minute', 'second', 'fraction', 'zone'])));

CREATE MACRO is_whole(text) AS regexp_full_match(text, '[+-]?[0-9]+(\.0*)?');

CREATE MACRO whole_of(text) AS
    CASE WHEN is_whole(text) THEN TRY_CAST(ltrim(split_part(text, '.', 1), '+') AS BIGINT) END;

CREATE MACRO fits_int64(text) AS text IS NULL OR whole_of(text) IS NOT NULL;

CREATE MACRO is_number(text) AS
    regexp_full_match(text, '[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?');

CREATE TABLE cells AS
WITH texts AS (SELECT _row_number, trimmed(COLUMNS(* EXCLUDE _row_number)) FROM source),
present AS (SELECT _row_number, value(COLUMNS(* EXCLUDE _row_number)) FROM texts)
SELECT * REPLACE (upper(currency) AS currency, lower(channel) AS channel, lower(category) AS category,
    lower(is_test) AS is_test)
FROM present;

CREATE VIEW timed AS SELECT *, moment_of(updated_at) AS moment FROM cells;

CREATE TABLE test_transactions AS
SELECT _row_number FROM cells
WHERE starts_with(transaction_id, 'TEST') OR is_test IN ('true', '1', 'y', 'yes');

-- A price in cents, rounded half away from zero on its digits; NULL in `cents` when it is not below ten digits.
CREATE TABLE prices AS
WITH parts AS (
    SELECT unit_price, regexp_extract(unit_price, '^([+-]?)([0-9]*)\.?([0-9]*)[eE]?(.*)$', ['sign', 'whole', 'part', 'power']) AS p
    FROM (SELECT DISTINCT unit_price FROM cells WHERE is_number(unit_price))
), digits AS (
    SELECT unit_price, p.sign AS sign, ltrim(p.whole || p.part, '0') AS digits,
        length(p.whole) - (length(p.whole) + length(p.part) - length(ltrim(p.whole || p.part, '0')))
            + CASE WHEN p.power = '' THEN 0 ELSE least(greatest(coalesce(TRY_CAST(ltrim(p.power, '+') AS INT),
                CASE WHEN p.power[1] = '-' THEN -1000000 ELSE 1000000 END), -1000000), 1000000) END AS point
    FROM parts
), rounded AS (
    SELECT unit_price, sign, CASE
        WHEN digits = '' OR point + 2 < 0 THEN 0
        WHEN point <= 10 THEN coalesce(TRY_CAST(rpad(left(digits, point + 2), (point + 2)::INT, '0') AS BIGINT), 0)
            + (substr(digits, point + 3, 1) >= '5')::INT
        END AS cents
    FROM digits
)
SELECT unit_price, CASE WHEN cents < 1000000000000 THEN CASE sign WHEN '-' THEN -cents ELSE cents END END AS cents
FROM rounded;

CREATE TABLE dates AS
SELECT sale_date AS text, date_of(sale_date) AS sale_date FROM (SELECT DISTINCT sale_date FROM cells);

CREATE TABLE judged AS
SELECT c._row_number, c.transaction_id, c.store_id, c.product_id, d.sale_date, whole_of(c.quantity) AS quantity,
    p.cents, c.currency, c.channel, c.category, whole_of(c.customer_age) AS customer_age,
    c.moment AS updated_at,
    list_filter([
        CASE WHEN c.transaction_id IS NULL THEN 'transaction_id_is_present' END,
        CASE WHEN c.store_id IS NULL THEN 'store_id_is_present' END,
        CASE WHEN c.product_id IS NULL THEN 'product_id_is_present' END,
        CASE WHEN c.sale_date IS NULL THEN 'sale_date_is_present'
            WHEN d.sale_date IS NULL THEN 'sale_date_is_a_date' END,
        CASE WHEN NOT is_whole(c.quantity) THEN 'quantity_is_a_whole_number'
            WHEN NOT fits_int64(c.quantity) THEN 'quantity_fits_int64'
            WHEN whole_of(c.quantity) NOT BETWEEN 1 AND 1000 THEN 'quantity_is_between_1_and_1000' END,
        CASE WHEN NOT is_number(c.unit_price) THEN 'unit_price_is_a_number'
            WHEN c.unit_price IS NOT NULL AND p.cents IS NULL THEN 'unit_price_fits_decimal_12_2'
            WHEN p.cents <= 0 THEN 'unit_price_is_positive' END,
        CASE WHEN NOT is_whole(c.customer_age) THEN 'customer_age_is_a_whole_number'
            WHEN NOT fits_int64(c.customer_age) THEN 'customer_age_fits_int64'
            WHEN whole_of(c.customer_age) NOT BETWEEN 0 AND 120 THEN 'customer_age_is_between_0_and_120' END,
        CASE WHEN c.channel IS NULL THEN 'channel_is_present'
            WHEN c.channel NOT IN ('online', 'in_store', 'mobile', 'partner') THEN 'channel_is_in_set' END,
        CASE WHEN c.currency IS NULL THEN 'currency_is_present'
            WHEN c.currency NOT IN ('USD', 'EUR', 'GBP') THEN 'currency_is_in_set' END,
        CASE WHEN c.updated_at IS NOT NULL AND c.moment IS NULL THEN 'updated_at_is_a_timestamp' END
    ], lambda reason: reason IS NOT NULL) AS reasons
FROM timed c
LEFT JOIN prices p USING (unit_price)
LEFT JOIN dates d ON d.text = c.sale_date
WHERE c._row_number NOT IN (SELECT _row_number FROM test_transactions);

CREATE TABLE good AS
SELECT * EXCLUDE (reasons), row_number() OVER (
    PARTITION BY transaction_id ORDER BY updated_at DESC NULLS LAST, _row_number DESC) AS place
FROM judged WHERE reasons = [];

CREATE TABLE kept AS SELECT * EXCLUDE (place) FROM good WHERE place = 1;

CREATE TABLE discarded AS
SELECT _row_number, 'test_transaction' AS name FROM test_transactions
UNION ALL SELECT _row_number, 'duplicate' FROM good WHERE place > 1;

CREATE TABLE quarantine AS
SELECT source.*, NULL::VARCHAR AS _raw, list_sort(reasons) AS _reasons
FROM source JOIN judged USING (_row_number) WHERE reasons <> []
UNION ALL BY NAME SELECT _row_number, _raw, [_reason] AS _reasons FROM malformed;

-- nth(v, k): the value with k smaller or equal ones before it. Values are never negative, so half away from zero
-- is up: a median (a + b) / 2 is (a + b + 1) // 2.
CREATE TABLE quantities AS
SELECT quantity AS v, sum(count(*)) OVER (ORDER BY quantity) AS upto FROM kept WHERE quantity IS NOT NULL GROUP BY 1;
CREATE TABLE cents AS
SELECT cents AS v, sum(count(*)) OVER (ORDER BY cents) AS upto FROM kept WHERE cents IS NOT NULL GROUP BY 1;
CREATE MACRO quantity_at(k) AS (SELECT min(v) FROM quantities WHERE upto > k);
CREATE MACRO cents_at(k) AS (SELECT min(v) FROM cents WHERE upto > k);

-- A quartile lies a whole number of quarters between two neighbours, so four times it is a whole number.
CREATE TABLE statistic AS
WITH n AS (
    SELECT count(quantity) AS quantities, sum(quantity)::HUGEINT AS quantity_sum,
        sum(quantity * quantity)::HUGEINT AS quantity_squares,
        count(cents) AS prices, sum(customer_age)::HUGEINT AS age_sum, count(customer_age) AS ages
    FROM kept
), ends AS (
    SELECT n.*, cents_at((prices - 1) // 4) AS a1, cents_at((prices + 2) // 4) AS b1, (prices - 1) % 4 AS r1,
        cents_at(3 * (prices - 1) // 4) AS a3, cents_at((3 * (prices - 1) + 3) // 4) AS b3, 3 * (prices - 1) % 4 AS r3
    FROM n
)
SELECT quantities, quantity_sum, quantity_squares,
    (quantity_at((quantities - 1) // 2) + quantity_at(quantities // 2) + 1) // 2 AS quantity_median,
    (cents_at((prices - 1) // 2) + cents_at(prices // 2) + 1) // 2 AS cents_median,
    (2 * age_sum + ages) // (2 * ages) AS age_mean,
    4 * a1 + r1 * (b1 - a1) AS four_q1, 4 * a3 + r3 * (b3 - a3) AS four_q3
FROM ends;

CREATE TABLE published AS
SELECT transaction_id, store_id, product_id, sale_date,
    coalesce(quantity, quantity_median)::BIGINT AS quantity,
    (coalesce(cents, cents_median)::DECIMAL(14, 0) / 100)::DECIMAL(12, 2) AS unit_price,
    currency, channel, category, coalesce(customer_age, age_mean)::BIGINT AS customer_age, updated_at,
    coalesce(8 * cents NOT BETWEEN 2 * four_q1 - 3 * (four_q3 - four_q1) AND 2 * four_q3 + 3 * (four_q3 - four_q1),
        false) AS price_is_outlier,
    coalesce((quantities * quantity - quantity_sum) * (quantities * quantity - quantity_sum)
        > 9 * (quantities * quantity_squares - quantity_sum * quantity_sum), false) AS quantity_is_outlier,
    lpad(year(sale_date)::VARCHAR, 4, '0') || strftime(sale_date, '-%m') AS sale_month,
    _row_number
FROM kept, statistic;
