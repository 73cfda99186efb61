//! Converts column types to SQLite's type names and back.

use std::borrow::Cow;

use selfsame::schema::ColumnType;

/// Returns the declared type of a column. SQLite looks for `INT`, `TEXT`, `BLOB`, `REAL` and the like in it to decide how values
/// are stored; if the type's name has none of these or the wrong one, a second word is added.
pub(crate) fn declared(ty: &ColumnType) -> Cow<'static, str> {
    match ty {
        ColumnType::Bool => "BOOLEAN".into(),
        ColumnType::I16 => "INT2".into(),
        ColumnType::I32 => "INT4".into(),
        ColumnType::I64 => "BIGINT".into(),
        ColumnType::F32 => "FLOAT4".into(),
        ColumnType::F64 => "REAL".into(),
        ColumnType::Text {
            length: Some(length),
        } => format!("VARCHAR({length})").into(),
        ColumnType::Bytes => "BLOB".into(),
        ColumnType::Decimal { precision: None } => "DECIMAL TEXT COLLATE decimal".into(),
        ColumnType::Decimal {
            precision: Some((precision, scale)),
        } => format!("DECIMAL TEXT({precision}, {scale}) COLLATE decimal").into(),
        ColumnType::Uuid => "UUID BLOB".into(),
        ColumnType::Date => "DATE TEXT".into(),
        ColumnType::Time => "TIME TEXT".into(),
        ColumnType::Timestamp => "TIMESTAMP TEXT".into(),
        ColumnType::TimestampTz => "TIMESTAMPTZ TEXT".into(),
        ColumnType::Json => "JSON TEXT".into(),
        // The name that another program declared, to keep its affinity.
        ColumnType::Other { name } | ColumnType::Declared { name, .. } => name.clone().into(),
        // `ColumnType` may get more variants; they can be stored as text.
        _ => "TEXT".into(),
    }
}

/// The type of a column that was declared without one: it stores any value unchanged.
const UNTYPED: &str = "UNTYPED BLOB";

/// Whether a column was declared without a type, or as ANY, which in a STRICT table also stores every value unchanged.
pub(crate) fn is_untyped(ty: &ColumnType) -> bool {
    matches!(ty, ColumnType::Other { name } if name == UNTYPED || name.eq_ignore_ascii_case("ANY"))
}

/// Returns the type of a declared column. It inverts [`declared`], except that an enum is text. For other declarations it returns the type
/// that fits the values that SQLite stores: an `INT` has 64 bits, a `DECIMAL` without `TEXT` is a float. An unknown type is kept by name
/// and read as text.
pub(crate) fn reflected(declared: &str) -> ColumnType {
    let upper = declared.to_ascii_uppercase();
    let (name, arguments) = match upper.split_once('(') {
        Some((name, rest)) => (name.trim(), rest.trim_end_matches(')')),
        None => (upper.trim(), ""),
    };
    let mut numbers = arguments
        .split(',')
        .map(|number| number.trim().parse().ok());
    let (first, second): (Option<u32>, Option<u32>) =
        (numbers.next().flatten(), numbers.next().flatten());
    let has = |part: &str| name.contains(part);
    match name {
        "BOOLEAN" | "BOOL" => ColumnType::Bool,
        "INT2" => ColumnType::I16,
        "INT4" => ColumnType::I32,
        "FLOAT4" => ColumnType::F32,
        "DECIMAL TEXT" => ColumnType::Decimal {
            precision: first.zip(second),
        },
        "UUID BLOB" => ColumnType::Uuid,
        "DATE TEXT" | "DATE" => ColumnType::Date,
        "TIME TEXT" | "TIME" => ColumnType::Time,
        "TIMESTAMP TEXT" | "TIMESTAMP" | "DATETIME" => ColumnType::Timestamp,
        "TIMESTAMPTZ TEXT" | "TIMESTAMPTZ" => ColumnType::TimestampTz,
        "JSON TEXT" | "JSON" => ColumnType::Json,
        "" | UNTYPED => ColumnType::Other {
            name: UNTYPED.to_owned(),
        },
        // Type names of other databases whose letters would give another affinity.
        "LONG" | "BIT" | "YEAR" => ColumnType::I64,
        "BINARY" | "VARBINARY" | "IMAGE" => ColumnType::Bytes,
        // Geometries, which geographic tools store in their own format.
        "POINT" | "MULTIPOINT" | "LINESTRING" | "MULTILINESTRING" | "POLYGON" | "MULTIPOLYGON"
        | "GEOMETRY" | "GEOMETRYCOLLECTION" => ColumnType::Bytes,
        // The name contains INT.
        _ if name.starts_with("INTERVAL") => ColumnType::Other {
            name: declared.to_owned(),
        },
        "ENUM" | "SET" => ColumnType::Text { length: None },
        _ if has("INT") => ColumnType::I64,
        _ if has("CHAR") => ColumnType::Text { length: first },
        _ if has("CLOB") || has("TEXT") => ColumnType::Text { length: None },
        _ if has("BLOB") => ColumnType::Bytes,
        _ if has("REAL") || has("FLOA") || has("DOUB") || has("DEC") || has("NUM") => {
            ColumnType::F64
        }
        _ => ColumnType::Other {
            name: declared.to_owned(),
        },
    }
}

/// Whether a column is declared with decimal digits, but read as a float, because SQLite stores it as one.
pub(crate) fn is_float_of_digits(declared: &str) -> bool {
    let upper = declared.to_ascii_uppercase();
    reflected(declared) == ColumnType::F64 && (upper.contains("DEC") || upper.contains("NUM"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_comes_back() {
        for ty in [
            ColumnType::Bool,
            ColumnType::I16,
            ColumnType::I32,
            ColumnType::I64,
            ColumnType::F32,
            ColumnType::F64,
            ColumnType::Text { length: None },
            ColumnType::Text { length: Some(50) },
            ColumnType::Bytes,
            ColumnType::Decimal { precision: None },
            ColumnType::Decimal {
                precision: Some((20, 4)),
            },
            ColumnType::Uuid,
            ColumnType::Date,
            ColumnType::Time,
            ColumnType::Timestamp,
            ColumnType::TimestampTz,
            ColumnType::Json,
        ] {
            // SQLite keeps the collation separate from the type.
            let text = declared(&ty).replace(" COLLATE decimal", "");
            assert_eq!(reflected(&text), ty, "{text}");
        }
    }

    #[test]
    fn types_of_others_are_what_is_stored() {
        for (text, ty) in [
            ("integer", ColumnType::I64),
            ("UNSIGNED BIG INT", ColumnType::I64),
            ("nvarchar(100)", ColumnType::Text { length: Some(100) }),
            ("DOUBLE PRECISION", ColumnType::F64),
            ("FLOAT", ColumnType::F64),
            ("NUMERIC(10,2)", ColumnType::F64),
            ("datetime", ColumnType::Timestamp),
            ("INT", ColumnType::I64),
            ("SMALLINT", ColumnType::I64),
            ("LONG", ColumnType::I64),
            ("BINARY(16)", ColumnType::Bytes),
            ("ENUM('a', 'b')", ColumnType::Text { length: None }),
            (
                "",
                ColumnType::Other {
                    name: UNTYPED.into(),
                },
            ),
            ("MULTIPOINT", ColumnType::Bytes),
            (
                "interval",
                ColumnType::Other {
                    name: "interval".into(),
                },
            ),
            (
                "MONEY",
                ColumnType::Other {
                    name: "MONEY".into(),
                },
            ),
        ] {
            assert_eq!(reflected(text), ty, "{text}");
        }
    }
}
