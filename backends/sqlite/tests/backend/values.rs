//! Every type written and read back, and refused values.

use selfsame::ErrorKind;
use selfsame::backend::Backend as _;
use selfsame::schema::ColumnType;
use selfsame::value::{Date, Decimal, Time, Timestamp, TimestampTz, ValueRef as V, ValueType as T};

use crate::support::*;

/// Stores each value in a column of its type, as a parameter of a query, and finds it again by equality.
fn check(ty: &ColumnType, values: &[V<'_>]) {
    let mut session = memory();
    let column = Sqlite::memory().dialect().column_type(ty).into_owned();
    run(&mut session, &format!("CREATE TABLE t (v {column})"), &[]);
    let wanted = ty.value_type();
    for &value in values {
        run(&mut session, "DELETE FROM t", &[]);
        run(&mut session, "INSERT INTO t VALUES (?1)", &[value]);
        let read = |session: &mut Session, text: &str, values: &[V<'_>]| {
            try_rows(session, text, values, &[wanted])
                .unwrap_or_else(|error| panic!("{text} {value:?}: {error}"))
        };
        let stored = read(&mut session, "SELECT v FROM t", &[]);
        assert!(
            stored[0][0].as_ref().same(value),
            "{:?} for {value:?}",
            stored[0][0]
        );
        let passed = read(&mut session, "SELECT ?1", &[value]);
        assert!(
            passed[0][0].as_ref().same(value),
            "{:?} for {value:?}",
            passed[0][0]
        );
        let found = read(&mut session, "SELECT v FROM t WHERE v IS ?1", &[value]);
        assert_eq!(found.len(), 1, "{value:?} is found again");
    }
}

#[test]
fn integers_and_booleans() {
    check(&ColumnType::Bool, &[V::Bool(false), V::Bool(true), V::Null]);
    check(
        &ColumnType::I16,
        &[V::I16(i16::MIN), V::I16(-1), V::I16(0), V::I16(i16::MAX)],
    );
    check(
        &ColumnType::I32,
        &[V::I32(i32::MIN), V::I32(-1), V::I32(0), V::I32(i32::MAX)],
    );
    check(
        &ColumnType::I64,
        &[
            V::I64(i64::MIN),
            V::I64(-1),
            V::I64((1 << 53) + 1),
            V::I64(i64::MAX),
            V::Null,
        ],
    );
}

#[test]
fn floats() {
    check(
        &ColumnType::F64,
        &[
            V::F64(0.0),
            V::F64(1.0),
            V::F64(0.1),
            V::F64(f64::MIN),
            V::F64(f64::MAX),
            V::F64(f64::MIN_POSITIVE),
            V::F64(5e-324),
            V::F64(f64::INFINITY),
            V::F64(f64::NEG_INFINITY),
            V::F64(1e300),
            V::F64(9_007_199_254_740_993.0),
        ],
    );
    check(
        &ColumnType::F32,
        &[
            V::F32(0.1),
            V::F32(f32::MAX),
            V::F32(1e-45),
            V::F32(f32::NEG_INFINITY),
            V::F32(3.0),
        ],
    );
}

#[test]
fn negative_zero_comes_back_as_zero_as_declared() {
    assert!(!Sqlite::memory().dialect().capabilities().negative_zero);
    let mut session = memory();
    run(&mut session, "CREATE TABLE t (v REAL)", &[]);
    run(&mut session, "INSERT INTO t VALUES (?1)", &[V::F64(-0.0)]);
    assert!(
        one(&mut session, "SELECT v FROM t", T::F64)
            .as_ref()
            .same(V::F64(0.0))
    );
}

#[test]
fn nan_is_refused_before_it_is_sent() {
    let mut session = memory();
    run(&mut session, "CREATE TABLE t (v REAL)", &[]);
    for nan in [V::F64(f64::NAN), V::F32(f32::NAN)] {
        let error = try_run(&mut session, "INSERT INTO t VALUES (?1)", &[nan]).expect_err("NaN");
        assert_eq!(error.kind(), ErrorKind::OutOfRange);
    }
    assert_eq!(integer(&mut session, "SELECT count(*) FROM t"), 0);
}

#[test]
fn texts() {
    let long = "é𝄞".repeat(3 << 20);
    let values = [
        "",
        " ",
        "  trailing  ",
        "é",
        "e\u{301}",
        "𝄞",
        "'\"\\%_\n\r\t",
        "1",
        "1.0",
        "NULL",
        "a\0b",
        "\0",
        "\0\0",
        "\u{feff}x",
        &long,
    ];
    let values: Vec<V<'_>> = values.into_iter().map(V::Text).collect();
    check(&ColumnType::Text { length: None }, &values);
    check(&ColumnType::Text { length: Some(50) }, &values);
    check(
        &ColumnType::Enum {
            name: "E",
            labels: &["1"],
        },
        &[V::Text("1")],
    );
}

#[test]
fn bytes() {
    let all: Vec<u8> = (0..=255).collect();
    let long = all.repeat(1 << 16);
    check(
        &ColumnType::Bytes,
        &[
            V::Bytes(&[]),
            V::Bytes(&[0]),
            V::Bytes(&all),
            V::Bytes(&long),
            V::Null,
        ],
    );
    check(
        &ColumnType::Uuid,
        &[
            V::Uuid([0; 16]),
            V::Uuid([255; 16]),
            V::Uuid(*b"0123456789abcdef"),
        ],
    );
}

#[test]
fn decimals_keep_their_scale_and_order_by_number() {
    let decimal = |text: &str| V::Decimal(text.parse().expect("a decimal"));
    let values = [
        "0",
        "0.00",
        "1",
        "1.0",
        "-1.10",
        "0.1234567890123456789012345678",
        "12345678901234567890123456789012345678",
        "1e".trim_end_matches('e'),
    ];
    let values: Vec<V<'_>> = values.into_iter().map(decimal).collect();
    check(&ColumnType::Decimal { precision: None }, &values);
    check(
        &ColumnType::Decimal {
            precision: Some((38, 10)),
        },
        &values,
    );
    check(
        &ColumnType::Decimal { precision: None },
        &[
            V::Decimal(Decimal::new(i128::MAX, 0)),
            V::Decimal(Decimal::new(-i128::MAX, 38)),
        ],
    );

    let mut session = memory();
    run(
        &mut session,
        "CREATE TABLE t (v DECIMAL TEXT COLLATE decimal)",
        &[],
    );
    for text in ["10", "9.5", "-3", "9.50", "100", "-20"] {
        run(&mut session, "INSERT INTO t VALUES (?1)", &[decimal(text)]);
    }
    let sorted = try_rows(
        &mut session,
        "SELECT v FROM t ORDER BY v, rowid",
        &[],
        &[T::Text],
    )
    .expect("rows");
    let sorted: Vec<String> = sorted
        .into_iter()
        .map(|row| row[0].get().expect("a text"))
        .collect();
    assert_eq!(sorted, ["-20", "-3", "9.5", "9.50", "10", "100"]);
    let equal = try_rows(
        &mut session,
        "SELECT v FROM t WHERE v = ?1",
        &[decimal("9.500")],
        &[T::Decimal],
    )
    .expect("rows");
    assert_eq!(equal.len(), 2);
    assert_eq!(
        one(&mut session, "SELECT max(v) FROM t", T::Text)
            .get::<String>()
            .expect("a text"),
        "100"
    );
}

#[test]
fn a_decimal_that_went_through_a_float_is_refused() {
    let mut session = memory();
    let error = try_one(&mut session, "SELECT '0.1' + 0", T::Decimal).expect_err("a float");
    assert_eq!(error.kind(), ErrorKind::Conversion);
}

#[test]
fn days_and_times() {
    let date = |text: &str| V::Date(text.parse().expect("a date"));
    check(
        &ColumnType::Date,
        &[
            date("0001-01-01"),
            date("1969-12-31"),
            date("2000-02-29"),
            date("9999-12-31"),
            V::Null,
        ],
    );
    check(
        &ColumnType::Time,
        &[
            V::Time(Time(0)),
            V::Time(Time(1)),
            V::Time(Time(86_399_999_999)),
        ],
    );
    let bounds = [-62_135_596_800_000_000, -1, 0, 1, 253_402_300_799_999_999];
    check(
        &ColumnType::Timestamp,
        &bounds.map(|micros| V::Timestamp(Timestamp(micros))),
    );
    check(
        &ColumnType::TimestampTz,
        &bounds.map(|micros| V::TimestampTz(TimestampTz(micros))),
    );
}

#[test]
fn times_are_stored_as_text_that_sorts() {
    let mut session = memory();
    let values = [
        (V::Date(Date(0)), "1970-01-01"),
        (V::Time(Time(61_000_001)), "00:01:01.000001"),
        (V::Timestamp(Timestamp(0)), "1970-01-01 00:00:00.000000"),
        (
            V::TimestampTz(TimestampTz(0)),
            "1970-01-01 00:00:00.000000+00:00",
        ),
    ];
    for (value, text) in values {
        let rows = try_rows(&mut session, "SELECT ?1", &[value], &[T::Text]).expect("a row");
        assert_eq!(rows[0][0].get::<String>().expect("a text"), text);
    }
    let years = [
        V::Date(Date(Date::MAX_COMMON.0 + 1)),
        V::Timestamp(Timestamp(i64::MAX)),
        V::TimestampTz(TimestampTz(i64::MIN)),
    ];
    for value in years {
        let error =
            try_rows(&mut session, "SELECT ?1", &[value], &[T::Text]).expect_err("out of range");
        assert_eq!(error.kind(), ErrorKind::OutOfRange);
    }
}

#[test]
fn times_that_others_wrote_are_read() {
    let mut session = memory();
    assert_eq!(
        one(
            &mut session,
            "SELECT datetime('2024-02-29 12:30:00')",
            T::Timestamp
        )
        .as_ref(),
        V::Timestamp("2024-02-29 12:30:00".parse().expect("a timestamp"))
    );
    assert_eq!(
        one(
            &mut session,
            "SELECT strftime('%Y-%m-%d %H:%M:%f', '2024-02-29 10:30:00') || '+00:00'",
            T::TimestampTz
        )
        .as_ref(),
        V::TimestampTz("2024-02-29 10:30:00Z".parse().expect("an instant"))
    );
    // A condition would not find this one.
    let error = try_rows(
        &mut session,
        "SELECT '2024-02-29T12:30:00+02:00'",
        &[],
        &[T::TimestampTz],
    )
    .expect_err("another form");
    assert!(error.message().contains("lenient"), "{error}");
}

#[test]
fn errors_name_the_reading_that_accepts_a_value() {
    let lenient = || Sqlite::memory().lenient().connect().expect("connects");
    let checks = [
        ("'2024-02-29T12:30:00Z'", T::TimestampTz, T::TimestampTz),
        ("'2024-02-29'", T::Timestamp, T::Timestamp),
        ("1709210000", T::Timestamp, T::Timestamp),
        ("2460370.02", T::TimestampTz, T::TimestampTz),
        ("1709164800", T::Date, T::Date),
        ("'2000-01-01 12:30:00'", T::Time, T::Time),
        ("'t'", T::Bool, T::Bool),
        ("'2024-02-29 12:30:00'", T::Date, T::Timestamp),
        ("'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", T::Uuid, T::Text),
        ("x'00'", T::Uuid, T::Bytes),
        ("2", T::Bool, T::I64),
        ("70000", T::I16, T::I64),
        ("5000000000", T::I32, T::I64),
    ];
    for (value, ty, reading) in checks {
        let text = format!("SELECT {value}");
        let error = try_one(&mut memory(), &text, ty).expect_err(value);
        assert_eq!(error.kind(), ErrorKind::Conversion);
        let message = error.message();
        assert!(message.contains("reads it"), "{value} as {ty:?}: {message}");
        let is_lenient = message.contains("`Sqlite::lenient`");
        let mut session = if is_lenient { lenient() } else { memory() };
        let read = try_one(&mut session, &text, reading);
        assert!(read.is_ok(), "{value} as {ty:?}: {message}, but {read:?}");
    }
    for (value, ty) in [
        ("'soon'", T::Timestamp),
        ("x'00'", T::Date),
        ("'maybe'", T::Bool),
    ] {
        for mut session in [memory(), lenient()] {
            let error = try_one(&mut session, &format!("SELECT {value}"), ty).expect_err(value);
            assert!(!error.message().contains("reads it"), "{value}: {error}");
        }
    }
}

#[test]
fn json_is_kept_to_the_letter() {
    check(
        &ColumnType::Json,
        &[
            V::Json("null"),
            V::Json("{\"b\": 1,  \"a\":[1.0, 12345678901234567890]}"),
            V::Json("\"é\""),
            V::Json("1"),
            V::Null,
        ],
    );
}

#[test]
fn what_is_stored_otherwise_is_an_error_that_names_the_column() {
    let mut session = memory();
    run(&mut session, "CREATE TABLE t (age INTEGER)", &[]);
    run(&mut session, "INSERT INTO t VALUES ('old')", &[]);
    for ty in [
        T::Bool,
        T::I16,
        T::I32,
        T::I64,
        T::F32,
        T::F64,
        T::Bytes,
        T::Decimal,
        T::Uuid,
        T::Date,
        T::Timestamp,
    ] {
        let error = try_one(&mut session, "SELECT age FROM t", ty).expect_err("a text");
        assert_eq!(
            (error.kind(), error.column_name()),
            (ErrorKind::Conversion, Some("age")),
            "{ty:?}"
        );
        assert!(!error.to_string().contains("old"), "{error}");
    }
    let error =
        try_one(&mut session, "SELECT CAST(x'ff' AS TEXT) AS name", T::Text).expect_err("no UTF-8");
    assert_eq!(
        (error.kind(), error.column_name()),
        (ErrorKind::Conversion, Some("name"))
    );
}

#[test]
fn native_is_the_storage_class() {
    let mut session = memory();
    let rows = try_rows(
        &mut session,
        "SELECT 1, 0.5, 'a', x'00', NULL",
        &[],
        &[T::Native; 5],
    )
    .expect("a row");
    let values: Vec<V<'_>> = rows[0].iter().map(|value| value.as_ref()).collect();
    assert_eq!(
        values,
        [
            V::I64(1),
            V::F64(0.5),
            V::Text("a"),
            V::Bytes(&[0]),
            V::Null
        ]
    );
}
