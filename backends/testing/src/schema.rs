//! Checks that connections end up in the schema that was created for them.

use selfsame::backend::{Backend, Sql, Statement, StatementKind};
use selfsame::error::{Error, ErrorKind, Result};
use selfsame::value::{ValueRef, ValueType};

/// Connects, and compares the connection's schema with `wanted`; `expression` is the SQL expression for it.
///
/// A role with its own search path, or a pooler that drops settings, would otherwise send a test to another program's tables.
///
/// # Errors
///
/// Errors of connecting and of the query; [`Configuration`](ErrorKind::Configuration) if the schema is another.
pub fn require_schema(backend: &dyn Backend, expression: &str, wanted: &str) -> Result<()> {
    let sql = Sql::new(
        StatementKind::Select,
        format!("SELECT {expression}"),
        [],
        [ValueType::Text],
    );
    let mut found = None;
    let mut connection = backend.connect()?;
    connection.query(&Statement::new(&sql, &[]), &mut |row| {
        if let ValueRef::Text(name) = row.value(0, ValueType::Text)? {
            found = Some(name.to_owned());
        }
        Ok(())
    })?;
    if found.as_deref() == Some(wanted) {
        return Ok(());
    }
    let found = found.map_or_else(|| "no schema".to_owned(), |name| format!("`{name}`"));
    Err(Error::new(
        ErrorKind::Configuration,
        format!(
            "connections of the server end up in {found} instead of `{wanted}`, which was created for the test: nothing was touched"
        ),
    ))
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use selfsame::backend::{Connection, Outcome, Row};
    use selfsame::dialect::{Batch, Capabilities, Dialect};
    use selfsame::schema::ColumnType;

    use super::*;

    /// A server whose connections are in this schema, regardless of the requested one.
    #[derive(Debug)]
    struct Stubborn(Option<&'static str>);

    impl Backend for Stubborn {
        fn connect(&self) -> Result<Box<dyn Connection>> {
            Ok(Box::new(Self(self.0)))
        }

        fn dialect(&self) -> &dyn Dialect {
            self
        }
    }

    impl Dialect for Stubborn {
        fn name(&self) -> &str {
            "stubborn"
        }

        fn column_type(&self, _: &ColumnType) -> Cow<'static, str> {
            "ANY".into()
        }

        fn capabilities(&self) -> Capabilities {
            Capabilities::none()
        }

        fn batch(&self) -> Batch {
            Batch::Rows
        }
    }

    impl Connection for Stubborn {
        fn execute(&mut self, _: &Statement<'_>) -> Result<Outcome> {
            Ok(Outcome::matched(0))
        }

        fn query(
            &mut self,
            _: &Statement<'_>,
            sink: &mut dyn FnMut(&dyn Row) -> Result<()>,
        ) -> Result<()> {
            sink(self)
        }

        fn reset(&mut self, _: bool) -> Result<()> {
            Ok(())
        }

        fn server_version(&mut self) -> Result<String> {
            Ok("Stubborn 1.0".to_owned())
        }
    }

    impl Row for Stubborn {
        fn len(&self) -> usize {
            1
        }

        fn name(&self, _: usize) -> &str {
            "schema"
        }

        fn value(&self, _: usize, _: ValueType) -> Result<ValueRef<'_>> {
            Ok(self.0.map_or(ValueRef::Null, ValueRef::Text))
        }
    }

    #[test]
    fn another_schema_is_refused() {
        require_schema(&Stubborn(Some("own")), "current_schema()", "own")
            .expect("the right schema");
        for (there, reported) in [(Some("public"), "`public`"), (None, "no schema")] {
            let error = require_schema(&Stubborn(there), "current_schema()", "own")
                .expect_err("another schema");
            assert_eq!(error.kind(), ErrorKind::Configuration);
            assert!(error.message().contains(reported), "{error}");
        }
    }
}
