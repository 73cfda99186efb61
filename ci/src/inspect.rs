//! `selfsame inspect`: a database's tables as Rust entities.

mod model;
mod names;
mod write;

pub(crate) use names::is_keyword;

use std::process::ExitCode;

use selfsame::schema::Table;
use selfsame::{Engine, Error, ErrorKind, Result};
use selfsame_sqlite::Sqlite;

use crate::arguments::InspectArguments;
use selfsame_conformance::command::{say, try_to_write, unwritable};

/// Reads the tables of a database and writes entities for them.
///
/// # Errors
///
/// [`Configuration`](ErrorKind::Configuration) for a URL of an unknown kind, a variable that is not set, a file that cannot be written to, or a
/// database without tables; errors while reading.
pub(crate) fn run(arguments: &InspectArguments) -> Result<ExitCode> {
    if let Some(path) = &arguments.out {
        try_to_write(path).map_err(|error| unwritable(path, &error))?;
    }
    let engine = open(&arguments.url)?;
    let tables = tables(&engine, &arguments.schema)?;
    let source = source(engine.dialect().name(), &tables);
    match &arguments.out {
        Some(path) => std::fs::write(path, source).map_err(|error| unwritable(path, &error))?,
        None => say(&source)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads the tables of some schemas, or of the default one; if there are none, the error lists the schemas that have tables.
pub(crate) fn tables(engine: &Engine, schemas: &[String]) -> Result<Vec<Table>> {
    let mut connected = engine.connect()?;
    let wanted: Vec<Option<String>> = match schemas {
        [] => vec![None],
        named => named.iter().cloned().map(Some).collect(),
    };
    let tables = connected.reflect_schemas(&wanted)?;
    let has_tables = |schema: &String| {
        let mut found = tables.iter();
        found.any(|table| table.schema.as_ref() == Some(schema))
    };
    let missing: Vec<&String> = schemas
        .iter()
        .filter(|schema| !has_tables(schema))
        .collect();
    if !tables.is_empty() && missing.is_empty() {
        return Ok(tables);
    }
    let others: Vec<String> = connected
        .schemas()?
        .into_iter()
        .map(|(schema, tables)| format!("{schema} ({tables})"))
        .collect();
    let place = match &missing[..] {
        [] => "the database".to_owned(),
        [only] => format!("the schema {only}"),
        several => {
            let names: Vec<&str> = several.iter().map(|name| name.as_str()).collect();
            format!("each of the schemas {}", names.join(", "))
        }
    };
    Err(configuration(match others.is_empty() {
        true => format!("{place} has no tables"),
        false => format!(
            "{place} has no tables; there are some in {}: name schemas by --schema",
            others.join(", ")
        ),
    }))
}

/// A Rust module with an entity for each table that can be mapped by one.
fn source(database: &str, tables: &[Table]) -> String {
    write::module(database, &model::Module::of(tables))
}

/// Returns the table with the key that its entity has, which may be another key or none.
pub(crate) fn with_key(table: &Table) -> Table {
    model::with_key(table)
}

/// Returns why a table cannot be mapped by an entity.
pub(crate) fn refusal_of(table: &Table) -> Option<&'static str> {
    model::refusal(table)
}

/// Returns what to note about a table or a column.
pub(crate) fn remarks(remarks: &[String], unreadable: bool) -> Vec<String> {
    let unreadable = unreadable.then(|| "This role may not read it.".to_owned());
    remarks.iter().cloned().chain(unreadable).collect()
}

/// Opens the database of a URL, or of the URL in a variable; a SQLite file is opened read-only.
pub(crate) fn open(url: &str) -> Result<Engine> {
    open_by(url, Sqlite::read_only)
}

/// Opens the database for writing; a SQLite file must exist.
pub(crate) fn open_for_writing(url: &str) -> Result<Engine> {
    open_by(url, Sqlite::must_exist)
}

fn open_by(url: &str, access: fn(Sqlite) -> Sqlite) -> Result<Engine> {
    let held = match url.strip_prefix("env:") {
        None => None,
        Some(variable) => Some(std::env::var(variable).map_err(|_| {
            configuration(format!(
                "env:{variable}: there is no such environment variable; set {variable} to a URL"
            ))
        })?),
    };
    let url = held.as_deref().unwrap_or(url);
    if url.starts_with("sqlite:") {
        return Ok(Engine::new(access(Sqlite::url(url)?)));
    }
    Engine::from_url(
        url,
        &[
            &selfsame_sqlite::SCHEME,
            &selfsame_postgres::SCHEME,
            &selfsame_mariadb::SCHEME,
        ],
    )
}

fn configuration(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Configuration, message)
}

#[cfg(test)]
mod tests {
    use selfsame::schema::{Column, ColumnType, ForeignKey, Generated, ReferentialAction, Table};

    use super::source;

    fn key(columns: &[&str], table: &str, references: &[&str]) -> ForeignKey {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        ForeignKey {
            name: None,
            columns: owned(columns),
            table: table.to_owned(),
            schema: None,
            references: owned(references),
            on_delete: ReferentialAction::NoAction,
            on_update: ReferentialAction::NoAction,
        }
    }

    fn parent() -> Table {
        Table::build("parent")
            .column(Column::new("a", ColumnType::I64))
            .column(Column::new("b", ColumnType::I64))
            .primary_key(["b", "a"])
            .unique(["a"])
    }

    fn child() -> Table {
        Table::build("child")
            .column(Column::new("id", ColumnType::I64))
            .column(Column::new("a,b", ColumnType::I64))
            .column(Column::new("n", ColumnType::I32).generated(Generated::Key))
            .primary_key(["id"])
    }

    /// Checks that the entities of these tables hold all of these lines.
    fn check(tables: &[Table], lines: &[&str]) {
        let source = source("any", tables);
        for wanted in lines {
            assert!(
                source.lines().any(|line| line == *wanted),
                "{wanted}\n\n{source}"
            );
        }
    }

    #[test]
    fn what_an_entity_cannot_express_is_reported() {
        check(
            &[parent().unique(["a"])],
            &[
                "// There is a second unique (a).",
                "    #[orm(unique, primary_key = 2)]",
            ],
        );
        check(
            &[parent(), child().constraint(key(&["id"], "parent", &["a"]))],
            &[
                "// No relation follows the foreign key (id): it does not refer to the primary key.",
                "    #[orm(identity)]",
                "    pub n: Auto<i32>,",
            ],
        );
        let twice = child()
            .constraint(key(&["n"], "child", &["id"]))
            .constraint(key(&["id"], "gone", &["id"]));
        check(
            &[twice],
            &["// Not here: the foreign key (id), for its table \"gone\" has no entity."],
        );
        let unlisted = parent().constraint(key(&["a", "b"], "child", &["a,b", "id"]));
        check(
            &[unlisted, child()],
            &[
                "// Not here: the foreign key (a, b) to \"child\", whose names cannot be written in an attribute.",
            ],
        );
    }

    #[test]
    fn tables_without_an_entity_are_reported() {
        let plain = |name: &str, ty: ColumnType| Table::build(name).column(Column::new("id", ty));
        let mut bare = Table::build("bare").view();
        bare.remarks
            .push("Its columns cannot be read: gone.".to_owned());
        check(
            &[
                plain("log\n", ColumnType::I64),
                plain("float", ColumnType::F64).primary_key(["id"]),
                plain(" ", ColumnType::I64).primary_key(["id"]),
                bare,
                plain("options", ColumnType::I64).primary_key(["id"]),
            ],
            &[
                "#[orm(table = \"log\\n\")]",
                "#[orm(read_only)]",
                "// Not here: its primary key (id), for a key cannot be a float or JSON.",
                "//! Table \"bare\" has no entity: it has no columns that can be read.",
                "//! Table \"bare\": Its columns cannot be read: gone.",
                "//! Table \" \" has no entity: its name is blank.",
                "pub struct OptionRow {",
            ],
        );
    }
}
