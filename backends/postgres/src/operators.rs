//! Types whose operators are not found by name.
//!
//! The operators of an extension's type are in its schema. If `search_path` does not list it, `=` resolves to the operator of a type
//! that the values convert to: two `citext` are silently compared as `text`. So such comparisons are refused.

use selfsame::error::{Error, ErrorKind};

/// Selects the schema of the `=` that compares two values of a type, if none is found by its name alone. A domain has the operators of
/// its base type. Enums, ranges, arrays and composite types share the operators of their kind, which are always found.
pub(crate) const HIDDEN: &str = "\
WITH RECURSIVE compared (type) AS ( \
    SELECT pg_catalog.to_regtype($1)::oid \
    UNION ALL \
    SELECT base.typbasetype \
    FROM compared JOIN pg_catalog.pg_type base ON base.oid = compared.type \
    WHERE base.typtype = 'd') \
SELECT n.nspname::text FROM compared \
JOIN pg_catalog.pg_operator o ON o.oprname = '=' AND o.oprleft = compared.type AND o.oprright = compared.type \
JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace \
WHERE NOT EXISTS ( \
    SELECT 1 FROM pg_catalog.pg_operator v \
    WHERE v.oprname = '=' AND v.oprleft = o.oprleft AND v.oprright = o.oprright AND pg_catalog.pg_operator_is_visible(v.oid)) \
LIMIT 1";

/// The error for a comparison of values of a type whose operators are in a schema that is not searched.
#[cold]
pub(crate) fn hidden(name: &str, schema: &str) -> Error {
    let message = format!(
        "the operators of the type {name} are in the schema \"{schema}\", which is not in `search_path`, so that PostgreSQL would compare \
         its values as those of another type: add the schema to `search_path`"
    );
    Error::new(ErrorKind::Unsupported, message)
}
