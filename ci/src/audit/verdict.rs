//! The result of an audit: findings about tables and columns, each with a severity.

use selfsame::Error;
use selfsame::dialect::Dialect;
use selfsame::schema::Table;

/// The severity of a finding, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Severity {
    /// Cannot be expressed in an entity.
    Note,
    /// Correct but slow.
    Slow,
    /// An error when used.
    Loud,
    /// A wrong value or row, without an error.
    Silent,
}

impl Severity {
    pub(super) const ALL: [Self; 4] = [Self::Silent, Self::Loud, Self::Slow, Self::Note];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Slow => "slow",
            Self::Loud => "error",
            Self::Silent => "silent",
        }
    }
}

/// One finding.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) severity: Severity,
    /// The column or columns concerned; the whole table if `None`.
    pub(super) column: Option<String>,
    /// The key of the first affected row.
    pub(super) key: Option<String>,
    /// The number of affected rows; 0 if the finding is not about rows.
    pub(super) rows: u64,
    pub(super) message: String,
}

/// What is possible with a column.
#[derive(Clone, Debug)]
pub(super) struct ColumnAudit {
    pub(super) name: String,
    pub(super) ty: String,
    /// It is part of the primary key.
    pub(super) is_key: bool,
    /// The tables that its foreign keys reference.
    pub(super) leads_to: Vec<String>,
    /// Whether every value that was read has the column's type.
    pub(super) is_readable: bool,
    /// Whether a row is found by a value of the column; `None` if there was no value to try.
    pub(super) is_found: Option<bool>,
    /// Whether rows written back are unchanged; `None` if none was written.
    pub(super) is_writable: Option<bool>,
}

/// A table.
#[derive(Clone, Debug)]
pub(super) struct TableAudit {
    pub(super) name: String,
    pub(super) rows: u64,
    pub(super) columns: Vec<ColumnAudit>,
    pub(super) findings: Vec<Finding>,
    /// Whether it was read completely, or up to the requested limit.
    pub(super) is_whole: bool,
    pub(super) seconds: f64,
}

/// A database.
#[derive(Clone, Debug)]
pub(super) struct Audit {
    pub(super) database: String,
    /// The maximum number of rows read from each table, if not all.
    pub(super) rows: Option<u64>,
    pub(super) wrote: bool,
    pub(super) tables: Vec<TableAudit>,
    pub(super) seconds: f64,
}

impl TableAudit {
    /// Collects the findings that need no rows.
    pub(super) fn new(table: &Table, dialect: &dyn Dialect) -> Self {
        let columns = table.columns.iter().map(|column| ColumnAudit {
            name: column.name.clone(),
            ty: dialect.column_type(&column.ty).into_owned(),
            is_key: table.key_columns().any(|key| key.name == column.name),
            leads_to: table
                .foreign_keys
                .iter()
                .filter(|key| key.columns.contains(&column.name))
                .map(|key| key.table.clone())
                .collect(),
            is_readable: true,
            is_found: None,
            is_writable: None,
        });
        let mut audit = Self {
            name: table.name.clone(),
            rows: 0,
            columns: columns.collect(),
            findings: Vec::new(),
            is_whole: true,
            seconds: 0.0,
        };
        // A table that the role may not read is not noted: reading it is an error.
        for remark in &table.remarks {
            audit.add(Severity::Note, None, remark.clone());
        }
        for column in &table.columns {
            for remark in crate::inspect::remarks(&column.remarks, column.unreadable) {
                audit.add(Severity::Note, Some(&column.name), remark);
            }
        }
        if table.primary_key.is_empty() {
            let message = "it is read-only: no key is known for its rows";
            audit.add(Severity::Note, None, message.to_owned());
        }
        if let Some(reason) = crate::inspect::refusal_of(table) {
            audit.add(
                Severity::Loud,
                None,
                format!("it cannot be mapped to an entity: {reason}"),
            );
        }
        audit
    }

    pub(super) fn add(&mut self, severity: Severity, column: Option<&str>, message: String) {
        self.findings.push(Finding {
            severity,
            column: column.map(str::to_owned),
            key: None,
            rows: 0,
            message,
        });
    }

    /// Adds a row to a finding; several rows with the same problem are one finding.
    pub(super) fn add_row(&mut self, severity: Severity, column: &str, key: &str, message: &str) {
        let same = |finding: &&mut Finding| {
            finding.column.as_deref() == Some(column) && finding.message == message
        };
        match self.findings.iter_mut().find(same) {
            Some(finding) => finding.rows += 1,
            None => self.findings.push(Finding {
                severity,
                column: Some(column.to_owned()),
                key: Some(key.to_owned()),
                rows: 1,
                message: message.to_owned(),
            }),
        }
    }

    pub(super) fn broke_off(&mut self, failure: &str, error: &Error) {
        self.is_whole = false;
        self.add(Severity::Loud, None, format!("{failure}: {error}"));
    }
}

impl Audit {
    pub(super) fn is_whole(&self) -> bool {
        self.tables.iter().all(|table| table.is_whole)
    }

    pub(super) fn findings(&self) -> impl Iterator<Item = (&TableAudit, &Finding)> {
        self.tables
            .iter()
            .flat_map(|table| table.findings.iter().map(move |finding| (table, finding)))
    }

    pub(super) fn worst(&self) -> Option<Severity> {
        self.findings().map(|(_, finding)| finding.severity).max()
    }

    pub(super) fn count(&self, severity: Severity) -> usize {
        let same = |(_, finding): &(&TableAudit, &Finding)| finding.severity == severity;
        self.findings().filter(same).count()
    }

    pub(super) fn rows_read(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }
}
