//! Every type there and back: through a stored column, as NULL, and in an array.

use selfsame::dialect::Dialect;
use selfsame::metadata::Metadata;
use selfsame::prelude::*;
use selfsame::schema::ColumnType;
use selfsame::value::{
    Date, Decimal, Param, Time, Timestamp, TimestampTz, Value, ValueRef, ValueType,
};
use selfsame_postgres::PostgresDialect;
use selfsame_postgres::testing::Server;

use crate::support::{Case, Fixture, execute, fixture, read, write};

pub(crate) const CASES: &[Case] = &[
    ("types_round_trip", types_round_trip),
    (
        "types_integers_widen_and_are_checked",
        integers_widen_and_are_checked,
    ),
    (
        "types_a_mismatch_names_the_column",
        a_mismatch_names_the_column,
    ),
    ("types_native_follows_the_column", native_follows_the_column),
    (
        "types_without_neutral_form_are_refused",
        without_neutral_form_are_refused,
    ),
    ("types_sixteen_megabytes", sixteen_megabytes),
    ("types_numeric_by_the_server", numeric_by_the_server),
    ("types_native_parameters", native_parameters),
    (
        "types_with_operators_out_of_sight_are_not_compared",
        operators_out_of_sight,
    ),
];

fn samples() -> Vec<(ColumnType, Vec<ValueRef<'static>>)> {
    let decimal = |text: &str| ValueRef::Decimal(text.parse().expect("a decimal"));
    let day = |text: &str| ValueRef::Date(text.parse().expect("a date"));
    let stamp = |text: &str| text.parse::<Timestamp>().expect("a timestamp");
    let all_bytes: &'static [u8] = Box::leak((0..=255).collect::<Vec<u8>>().into_boxed_slice());
    vec![
        (
            ColumnType::Bool,
            vec![ValueRef::Bool(true), ValueRef::Bool(false)],
        ),
        (
            ColumnType::I16,
            [i16::MIN, -1, 0, i16::MAX].map(ValueRef::I16).to_vec(),
        ),
        (
            ColumnType::I32,
            [i32::MIN, -1, 0, i32::MAX].map(ValueRef::I32).to_vec(),
        ),
        (
            ColumnType::I64,
            [i64::MIN, (1 << 53) + 1, 0, i64::MAX]
                .map(ValueRef::I64)
                .to_vec(),
        ),
        (
            ColumnType::F32,
            [
                f32::MIN,
                f32::MAX,
                f32::from_bits(1),
                -0.0,
                f32::INFINITY,
                f32::NAN,
            ]
            .map(ValueRef::F32)
            .to_vec(),
        ),
        (
            ColumnType::F64,
            [
                f64::MIN,
                f64::MAX,
                f64::from_bits(1),
                -0.0,
                f64::NEG_INFINITY,
                f64::NAN,
            ]
            .map(ValueRef::F64)
            .to_vec(),
        ),
        (
            ColumnType::Text { length: None },
            ["", "é 𝄞 e\u{301}", "it's \\ % _ \n", "trailing  "]
                .map(ValueRef::Text)
                .to_vec(),
        ),
        (
            ColumnType::Text { length: Some(5) },
            vec![ValueRef::Text("ééééé")],
        ),
        (
            ColumnType::Bytes,
            vec![ValueRef::Bytes(&[]), ValueRef::Bytes(all_bytes)],
        ),
        (
            ColumnType::Decimal { precision: None },
            vec![
                decimal("-12.340"),
                decimal("0"),
                decimal("0.00"),
                decimal("99999999999999999999999999999999999999"),
                decimal("-0.00000000000000000000000000000000000001"),
                decimal("1.0000"),
                decimal("10000"),
            ],
        ),
        (
            ColumnType::Decimal {
                precision: Some((10, 2)),
            },
            vec![decimal("12345678.90"), decimal("-0.01")],
        ),
        (
            ColumnType::Uuid,
            vec![
                ValueRef::Uuid([0; 16]),
                ValueRef::Uuid(*b"0123456789abcdef"),
            ],
        ),
        (
            ColumnType::Date,
            vec![
                day("0001-01-01"),
                day("1969-12-31"),
                day("2024-02-29"),
                day("9999-12-31"),
            ],
        ),
        (
            ColumnType::Time,
            vec![
                ValueRef::Time(Time(0)),
                ValueRef::Time(Time(86_399_999_999)),
            ],
        ),
        (
            ColumnType::Timestamp,
            [
                "0001-01-01 00:00:00",
                "1969-12-31 23:59:59.999999",
                "9999-12-31 23:59:59.999999",
            ]
            .map(|text| ValueRef::Timestamp(stamp(text)))
            .to_vec(),
        ),
        (
            ColumnType::TimestampTz,
            ["0001-01-01 00:00:00", "2024-02-29 12:00:00.000001"]
                .map(|text| ValueRef::TimestampTz(TimestampTz(stamp(text).0)))
                .to_vec(),
        ),
        (
            ColumnType::Json,
            [
                "null",
                r#"{"é": [1, {"deep": [[["𝄞"]]]}]}"#,
                "18446744073709551615",
                "\"it's \\\\ \\u0001\"",
            ]
            .map(ValueRef::Json)
            .to_vec(),
        ),
        (
            ColumnType::Enum {
                name: "Mood",
                labels: &["calm"],
            },
            vec![ValueRef::Text("calm")],
        ),
    ]
}

fn types_round_trip(server: &Server) {
    let Fixture {
        mut connection,
        database: _database,
    } = fixture(server);
    let connection = connection.as_mut();
    let dialect = PostgresDialect::default();
    for (index, (column, mut values)) in samples().into_iter().enumerate() {
        values.push(ValueRef::Null);
        let ty = column.value_type();
        let table = format!("t{index}");
        let create = format!(
            "CREATE TABLE {table} (id bigint, one {0}, many {0})",
            dialect.column_type(&column)
        );
        execute(connection, &create).expect("creates");
        for (id, value) in (0..).zip(&values) {
            let insert = format!("INSERT INTO {table} (id, one) VALUES ($1, $2)");
            let params = [
                (ValueType::I64, Param::Ref(ValueRef::I64(id))),
                (ty, Param::Ref(*value)),
            ];
            assert_eq!(write(connection, &insert, &params).expect("inserts"), 1);
        }
        let update = format!(
            "UPDATE {table} SET many = u.v FROM UNNEST($1::bigint[], $2::{}) AS u (i, v) WHERE id = u.i",
            dialect.array_type(&column)
        );
        let ids: Vec<_> = (0..).map(ValueRef::I64).take(values.len()).collect();
        let params = [
            (ValueType::I64, Param::Column(&ids)),
            (ty, Param::Column(&values)),
        ];
        let matched = write(connection, &update, &params).expect("updates");
        assert_eq!(matched, values.len() as u64);

        let select = format!("SELECT one, many FROM {table} ORDER BY id");
        let rows = read(connection, &select, &[], &[ty, ty]).expect("reads");
        assert_eq!(rows.len(), values.len());
        for (row, value) in rows.iter().zip(&values) {
            for found in row {
                assert!(
                    found.as_ref().same(*value) || same_document(found, *value),
                    "{column:?}: {found:?} is not {value:?}"
                );
            }
        }
        // As a parameter of a comparison, where it is not NaN-like or NULL.
        let found = read(
            connection,
            &format!("SELECT id FROM {table} WHERE one = $1"),
            &[(ty, Param::Ref(values[0]))],
            &[ValueType::I64],
        );
        assert_eq!(found.expect("compares"), [[Value::I64(0)]], "{column:?}");
    }
}

/// jsonb keeps the document, not its spaces.
fn same_document(found: &Value, value: ValueRef<'_>) -> bool {
    let squeezed = |text: &str| text.replace(' ', "");
    matches!((found, value), (Value::Json(a), ValueRef::Json(b)) if squeezed(a) == squeezed(b))
}

fn integers_widen_and_are_checked(server: &Server) {
    let Fixture {
        mut connection,
        database: _database,
    } = fixture(server);
    let mut one = |text: &str, ty| read(connection.as_mut(), text, &[], &[ty]);
    assert_eq!(
        one("SELECT 7::smallint", ValueType::I64).expect("widens"),
        [[Value::I64(7)]]
    );
    assert_eq!(
        one("SELECT 7::bigint AS n", ValueType::I16).expect("fits"),
        [[Value::I16(7)]]
    );
    let error = one("SELECT 70123::bigint AS n", ValueType::I16).expect_err("does not fit");
    assert_eq!(error.kind(), ErrorKind::Conversion);
    assert_eq!(error.column_name(), Some("n"));
    // SUM of bigint is numeric.
    assert_eq!(
        one(
            "SELECT SUM(n) FROM (VALUES (1::bigint), (2)) AS t (n)",
            ValueType::I64
        )
        .expect("is whole"),
        [[Value::I64(3)]]
    );
    assert!(one("SELECT 1.5", ValueType::I64).is_err());
    assert_eq!(
        one("SELECT 1.5::real", ValueType::F64).expect("widens"),
        [[Value::F64(1.5)]]
    );
    assert_eq!(
        one("SELECT 15::integer", ValueType::Decimal).expect("widens"),
        [[Value::Decimal(Decimal::new(15, 0))]]
    );
    let insert = "SELECT $1 + 0";
    let params = [(ValueType::I64, Param::Ref(ValueRef::I32(4)))];
    let rows = read(connection.as_mut(), insert, &params, &[ValueType::I64]);
    assert_eq!(rows.expect("widens"), [[Value::I64(4)]]);
}

fn a_mismatch_names_the_column(server: &Server) {
    let Fixture {
        mut connection,
        database: _database,
    } = fixture(server);
    for (text, wanted) in [
        ("SELECT 'marker' AS c", ValueType::I64),
        ("SELECT 1 AS c", ValueType::Text),
        ("SELECT 1 AS c", ValueType::Bool),
        ("SELECT 1.5::float8 AS c", ValueType::F32),
        ("SELECT now() AS c", ValueType::Timestamp),
        ("SELECT '\\x00'::bytea AS c", ValueType::Text),
    ] {
        let error = read(connection.as_mut(), text, &[], &[wanted]).expect_err(text);
        assert_eq!(error.kind(), ErrorKind::Conversion, "{text}");
        assert_eq!(error.column_name(), Some("c"), "{text}");
        assert!(!error.to_string().contains("marker"));
    }
    assert_eq!(
        read(connection.as_mut(), "SELECT 1", &[], &[ValueType::I32]).expect("still works"),
        [[Value::I32(1)]]
    );
}

fn native_follows_the_column(server: &Server) {
    let Fixture {
        mut connection,
        database: _database,
    } = fixture(server);
    execute(connection.as_mut(), "CREATE TYPE mood AS ENUM ('calm')").expect("creates");
    for (text, expected) in [
        ("1::smallint", Value::I16(1)),
        ("1::oid", Value::I64(1)),
        ("'a'::name", Value::Text("a".into())),
        ("'a'::\"char\"", Value::Text("a".into())),
        ("'calm'::mood", Value::Text("calm".into())),
        ("'[1]'::json", Value::Json("[1]".into())),
        ("'[1]'::jsonb", Value::Json("[1]".into())),
        ("'1970-01-02'::date", Value::Date(Date(1))),
        ("NULL::integer", Value::Null),
        ("NULL::interval", Value::Null),
        ("'00:00:00.000001'::time", Value::Time(Time(1))),
        ("1.50", Value::Decimal(Decimal::new(150, 2))),
    ] {
        let rows = read(
            connection.as_mut(),
            &format!("SELECT {text}"),
            &[],
            &[ValueType::Native],
        );
        assert_eq!(rows.expect(text), [[expected]], "{text}");
    }
}

fn without_neutral_form_are_refused(server: &Server) {
    let Fixture {
        mut connection,
        database: _database,
    } = fixture(server);
    for (text, wanted, says) in [
        ("'NaN'::numeric", ValueType::Decimal, "NaN"),
        ("'Infinity'::numeric", ValueType::Decimal, "infinite"),
        ("1e38::numeric", ValueType::Decimal, "38 digits"),
        ("repeat('9', 60)::numeric", ValueType::Decimal, "38 digits"),
        ("'infinity'::date", ValueType::Date, "infinite"),
        ("'-infinity'::timestamp", ValueType::Timestamp, "infinite"),
        (
            "'infinity'::timestamptz",
            ValueType::TimestampTz,
            "infinite",
        ),
        ("'24:00'::time", ValueType::Time, "24:00"),
        ("'1 day'::interval", ValueType::Native, "cast"),
        ("ARRAY[1]", ValueType::Native, "cast"),
    ] {
        let select = format!("SELECT {text} AS c");
        let error = read(connection.as_mut(), &select, &[], &[wanted]).expect_err(text);
        assert_eq!(error.kind(), ErrorKind::Conversion, "{text}");
        assert_eq!(error.column_name(), Some("c"), "{text}");
        assert!(error.message().contains(says), "{text}: {error}");
    }
}

fn sixteen_megabytes(server: &Server) {
    let Fixture {
        mut connection,
        database: _database,
    } = fixture(server);
    let text = "é".repeat(8 << 20);
    let bytes = vec![0xA5; 16 << 20];
    let rows = read(
        connection.as_mut(),
        "SELECT $1, $2",
        &[
            (ValueType::Text, Param::Ref(ValueRef::Text(&text))),
            (ValueType::Bytes, Param::Ref(ValueRef::Bytes(&bytes))),
        ],
        &[ValueType::Text, ValueType::Bytes],
    )
    .expect("travels");
    assert!(rows == [[Value::Text(text), Value::Bytes(bytes)]]);
}

/// What the server makes of our digits, and we of its.
fn numeric_by_the_server(server: &Server) {
    let Fixture {
        mut connection,
        database: _database,
    } = fixture(server);
    let texts = [
        "0.1",
        "1000",
        "10000",
        "100000000",
        "0.0001",
        "0.00001",
        "9999.9999",
        "10000.0001",
        "1.00000",
        "-123456789.0123456789",
    ];
    for text in texts {
        let rows = read(
            connection.as_mut(),
            "SELECT ($1)::text, ($2::text)::numeric",
            &[
                (
                    ValueType::Decimal,
                    Param::Owned(Value::Decimal(text.parse().expect("a decimal"))),
                ),
                (ValueType::Text, Param::Ref(ValueRef::Text(text))),
            ],
            &[ValueType::Text, ValueType::Decimal],
        );
        let expected = [
            Value::Text(text.to_owned()),
            Value::Decimal(text.parse().expect("a decimal")),
        ];
        assert_eq!(rows.expect(text), [expected]);
    }
}

fn native_parameters(server: &Server) {
    let Fixture {
        mut connection,
        database: _database,
    } = fixture(server);
    let rows = read(
        connection.as_mut(),
        "SELECT $1::smallint, ($2::interval)::text, $3::integer",
        &[
            (ValueType::Native, Param::Ref(ValueRef::I64(3))),
            (ValueType::Native, Param::Ref(ValueRef::Text("1 day"))),
            (ValueType::Native, Param::Ref(ValueRef::Null)),
        ],
        &[ValueType::I16, ValueType::Text, ValueType::I32],
    );
    assert_eq!(
        rows.expect("inferred"),
        [[Value::I16(3), Value::Text("1 day".into()), Value::Null]]
    );
}

/// A text that is the same in capitals, as `citext` is, in a schema of its own; with a domain over it, a composite type and a range.
const FOLDED: &str = "CREATE SCHEMA own; \
    CREATE TYPE own.folded; \
    CREATE FUNCTION own.folded_in(cstring) RETURNS own.folded LANGUAGE internal IMMUTABLE STRICT AS 'textin'; \
    CREATE FUNCTION own.folded_out(own.folded) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout'; \
    CREATE TYPE own.folded (INPUT = own.folded_in, OUTPUT = own.folded_out, LIKE = text, CATEGORY = 'S'); \
    CREATE CAST (own.folded AS text) WITHOUT FUNCTION AS IMPLICIT; \
    CREATE CAST (text AS own.folded) WITHOUT FUNCTION AS ASSIGNMENT; \
    CREATE FUNCTION own.same(own.folded, own.folded) RETURNS boolean LANGUAGE sql IMMUTABLE \
        AS 'SELECT lower($1::text) = lower($2::text)'; \
    CREATE OPERATOR own.= (FUNCTION = own.same, LEFTARG = own.folded, RIGHTARG = own.folded); \
    CREATE FUNCTION own.compare(own.folded, own.folded) RETURNS integer LANGUAGE sql IMMUTABLE \
        AS 'SELECT bttextcmp(lower($1::text), lower($2::text))'; \
    CREATE FUNCTION own.below(own.folded, own.folded) RETURNS boolean LANGUAGE sql IMMUTABLE \
        AS 'SELECT lower($1::text) < lower($2::text)'; \
    CREATE OPERATOR own.< (FUNCTION = own.below, LEFTARG = own.folded, RIGHTARG = own.folded); \
    CREATE OPERATOR CLASS own.folded_ops DEFAULT FOR TYPE own.folded USING btree \
        AS OPERATOR 1 own.<, OPERATOR 3 own.=, FUNCTION 1 own.compare(own.folded, own.folded); \
    CREATE DOMAIN own.mail AS own.folded; \
    CREATE TYPE own.pair AS (a integer, b text); \
    CREATE TYPE own.span AS RANGE (subtype = integer)";

/// `=` must not silently be that of another type, whatever compares.
fn operators_out_of_sight(server: &Server) {
    let database = server.database().expect("a database");
    let engine = Engine::new(database.backend());
    let schema = format!("{}_own", database.name());
    let run = |text: &str| {
        let place = |text: &str| text.replace("own.", &format!("{schema}."));
        let mut session = Session::new(&engine);
        for one in text
            .replace("SCHEMA own", &format!("SCHEMA {schema}"))
            .split("; ")
        {
            session.sql(place(one), ()).execute().expect(one);
        }
        session.commit().expect("commits");
    };
    run(FOLDED);
    run(
        "CREATE TABLE keyed (name own.folded PRIMARY KEY, n integer); \
         CREATE TABLE of_keyed (id integer PRIMARY KEY, name own.folded REFERENCES keyed); \
         CREATE TABLE others (id integer PRIMARY KEY, mail own.mail, pair own.pair, span own.span, many own.folded[]); \
         INSERT INTO keyed VALUES ('Ann', 1), ('Bob', 2); \
         INSERT INTO of_keyed VALUES (1, 'ANN'); \
         INSERT INTO others VALUES (1, 'a', '(1,b)', '[1,2)', '{a}')",
    );
    let found = compared(&engine);
    let is_refused = |it: &&String| it.contains("the operators of the type");
    assert_eq!(found.iter().filter(is_refused).count(), 10, "{found:#?}");
    assert_eq!(found.len(), 10 + 4, "{found:#?}");
    assert_eq!(found[10..], ["pair: 1", "span: 1", "many: 1", "read: 2"]);
    let reflected = Metadata::reflect(&engine).expect("reflects");
    let keyed = reflected.records("keyed").expect("a table");
    let remarks = &keyed.table().columns[0].remarks;
    assert!(
        remarks.iter().any(|it| it.contains("search_path")),
        "{remarks:?}"
    );

    // An operator that is found is used, whatever others there are.
    run(
        "CREATE TABLE spans (id integer PRIMARY KEY, took interval); \
         INSERT INTO spans VALUES (1, '1 day'); \
         CREATE OPERATOR own.= (LEFTARG = interval, RIGHTARG = interval, PROCEDURE = interval_eq)",
    );
    let reflected = Metadata::reflect(&engine).expect("reflects");
    let spans = reflected.records("spans").expect("a table");
    assert_eq!(spans.table().columns[1].remarks, [""; 0]);
    let took = spans.column::<String>("took").expect("a column");
    let days = spans.query().filter(took.eq("1 day".to_owned()));
    assert_eq!(days.count(&mut Session::new(&engine)).expect("compares"), 1);

    // Where the schema is searched, all of it works.
    let url = format!("{}%2C{schema}", database.url());
    let found = compared(&Engine::new(
        selfsame_postgres::Postgres::url(&url).expect("a backend"),
    ));
    let all = [
        "get: 1",
        "get_many: 1",
        "one of two: 2",
        "equal: 1",
        "distinct: 1",
        "listed: 1",
        "least: 1",
        "join: 1",
        "collection: 1",
        "deleted: 1",
        "pair: 1",
        "span: 1",
        "many: 1",
        "read: 2",
    ];
    assert_eq!(found, all);
    run("DROP TABLE of_keyed, keyed, others, spans; DROP SCHEMA own CASCADE");
}

/// What each kind of comparison finds, or its error.
fn compared(engine: &Engine) -> Vec<String> {
    let reflected = Metadata::reflect(engine).expect("reflects");
    let records = |name: &str| reflected.records(name).expect("a table");
    let (keyed, of_keyed, others) = (records("keyed"), records("of_keyed"), records("others"));
    let name = || keyed.column::<String>("name").expect("a column");
    let ann = || "ANN".to_owned();
    let mut found = Vec::new();
    let mut add = |what: &str, count: &dyn Fn(&mut Session) -> selfsame::Result<u64>| {
        let mut session = Session::new(engine);
        found.push(match count(&mut session) {
            Ok(count) => format!("{what}: {count}"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unsupported, "{what}: {error}");
                format!("{what}: {error}")
            }
        });
    };
    let size = |found: usize| u64::try_from(found).expect("a few");
    add("get", &|session| {
        Ok(keyed.get(session, "ANN")?.map_or(0, |_| 1))
    });
    add("get_many", &|session| {
        Ok(size(keyed.get_many(session, ["ANN"])?.len()))
    });
    add("one of two", &|session| {
        Ok(size(keyed.get_many(session, ["ANN", "BOB"])?.len()))
    });
    add("equal", &|session| {
        keyed.query().filter(name().eq(ann())).count(session)
    });
    add("distinct", &|session| {
        keyed
            .query()
            .filter(name().eq_null_safe(ann()))
            .count(session)
    });
    add("listed", &|session| {
        keyed.query().filter(name().in_([ann()])).count(session)
    });
    add("least", &|session| {
        let least: Vec<Option<String>> = keyed
            .query()
            .select(selfsame::sql::min(name()))
            .all(session)?;
        Ok(size(least.len()))
    });
    add("join", &|session| {
        let child = of_keyed.query().with("keyed").one(session)?;
        let parent = session.load(child, "keyed")?;
        Ok(size(parent.len()))
    });
    add("collection", &|session| {
        let all = keyed.query().with("of_keyed").all(session)?;
        Ok(size(session.load(all[0], "of_keyed")?.len()))
    });
    add("deleted", &|session| {
        let all = keyed.query().all(session)?;
        session.delete(all[1])?;
        session.flush()?;
        Ok(1)
    });
    for (column, value) in [("pair", "(1,b)"), ("span", "[1,2)"), ("many", "{a}")] {
        add(column, &|session| {
            let column = others.column::<String>(column)?;
            others
                .query()
                .filter(column.eq(value.to_owned()))
                .count(session)
        });
    }
    add("read", &|session| {
        let all = keyed.query().order_by(name().asc()).all(session)?;
        let names: Vec<String> = keyed.query().select(name()).all(session)?;
        assert_eq!(names.len(), all.len());
        Ok(size(all.len()))
    });
    found
}
