//! Columns and their constraints, of an entity or an embedded value.

use std::ops::Range;

use super::text::{Text, with_prefix};
use super::{ColumnOutline, ForeignKeyOutline, GeneratedOutline, Names};
use crate::schema::{Check, Column, Deferrable, ForeignKey, Generated, Index, Table};

/// The columns of an entity or embedded value, with their constraints. Positions are relative to the first column.
#[derive(Debug)]
pub struct Group {
    /// The columns in order, without those of embedded values.
    pub columns: &'static [ColumnOutline],
    /// The embedded values in order.
    pub embedded: &'static [EmbeddedOutline],
    /// How the columns can be set.
    pub assigned: Assigned,
    /// When the value is present in a row.
    pub present: PresentWhen,
    /// The position of the version column.
    pub version: Option<usize>,
    /// The positions of the columns that [`Mapped::validate`](crate::entity::Mapped::validate) checks.
    pub validated: &'static [usize],
    /// Foreign keys.
    pub foreign_keys: &'static [ForeignKeyOutline],
    /// UNIQUE constraints.
    pub uniques: &'static [IndexOutline],
    /// Indexes.
    pub indexes: &'static [IndexOutline],
    /// CHECK constraints.
    pub checks: &'static [CheckOutline],
}

/// A UNIQUE constraint, or an index.
#[derive(Debug)]
pub struct IndexOutline {
    /// Its name, if it is declared.
    pub name: Option<&'static str>,
    /// Its columns.
    pub columns: Names,
    /// When it is checked.
    pub deferrable: Deferrable,
}

/// A CHECK constraint.
#[derive(Debug)]
pub struct CheckOutline {
    /// Its name, if it is declared.
    pub name: Option<&'static str>,
    /// Its condition.
    pub condition: &'static str,
}

/// An embedded value of an entity, or of another embedded value.
#[derive(Debug)]
pub struct EmbeddedOutline {
    /// The field.
    pub field: &'static str,
    /// The prefix of its columns' names.
    pub prefix: &'static str,
    /// The number of the group's own columns before it.
    pub before: usize,
    /// Its columns.
    pub group: &'static Group,
}

/// When an embedded value is present in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PresentWhen {
    /// Always.
    Always,
    /// If any of its columns is not NULL; all of them are nullable.
    AnyNotNull,
    /// If another column, the tag, determines it; all of them are nullable.
    Tagged,
}

/// How the columns of a value can be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assigned {
    /// One by one.
    Singly,
    /// Only together: some of them determine whether the value is present, or its variant.
    Together,
}

/// An upper bound for columns; no database supports wider tables.
const MOST_COLUMNS: usize = 4096;

/// A table being built.
pub(super) struct Layout {
    pub(super) table: Table,
    pub(super) version: Option<usize>,
    pub(super) validated: Vec<usize>,
    pub(super) together: Vec<Range<usize>>,
}

impl Group {
    /// An empty group, to be filled.
    pub const EMPTY: Self = Self {
        columns: &[],
        embedded: &[],
        assigned: Assigned::Singly,
        present: PresentWhen::Always,
        version: None,
        validated: &[],
        foreign_keys: &[],
        uniques: &[],
        indexes: &[],
        checks: &[],
    };

    /// Returns the number of columns.
    pub const fn width(&self) -> usize {
        let mut width = self.columns.len();
        let mut at = 0;
        while at < self.embedded.len() {
            width += self.embedded[at].group.width();
            at += 1;
        }
        width
    }

    /// Checks what the derive cannot check from one type alone. In a constant, a failure is a compile error.
    ///
    /// # Panics
    ///
    /// If two columns have the same name, there are two versions, or a present optional value could look absent.
    pub const fn check(&self) {
        let width = self.width();
        assert!(width <= MOST_COLUMNS, "too many columns");
        // Names are compared by hash first, so that wide tables compile quickly too.
        let mut hashes = [0; MOST_COLUMNS];
        let mut versions = 0;
        let mut at = 0;
        while at < width {
            let mut column = Found::new();
            self.find(at, &mut column);
            if column.is_version {
                versions += 1;
            }
            hashes[at] = column.name.hash();
            let mut earlier = 0;
            while earlier < at {
                if hashes[earlier] == hashes[at] {
                    let mut other = Found::new();
                    self.find(earlier, &mut other);
                    if other.name.is(&column.name) {
                        clash(&other, &column);
                    }
                }
                earlier += 1;
            }
            at += 1;
        }
        assert!(versions <= 1, "an entity can have only one version column");
        self.check_optional();
    }

    const fn check_optional(&self) {
        if matches!(self.present, PresentWhen::AnyNotNull) {
            assert!(
                self.has_required(),
                "all columns of this value are nullable, so it cannot be in an `Option`: a value of NULLs would be read as `None`"
            );
        }
        assert!(
            matches!(self.assigned, Assigned::Singly) || !self.has_generated(),
            "an optional value or an enum cannot have generated columns: no `Auto`, no version"
        );
        let mut at = 0;
        while at < self.embedded.len() {
            self.embedded[at].group.check_optional();
            at += 1;
        }
    }

    /// Whether a column is never NULL if the value is present.
    const fn has_required(&self) -> bool {
        let mut at = 0;
        while at < self.columns.len() {
            if !self.columns[at].nullable {
                return true;
            }
            at += 1;
        }
        let mut at = 0;
        while at < self.embedded.len() {
            let group = self.embedded[at].group;
            if matches!(group.present, PresentWhen::Always) && group.has_required() {
                return true;
            }
            at += 1;
        }
        false
    }

    /// Whether a column is generated or a version.
    const fn has_generated(&self) -> bool {
        let mut at = 0;
        while at < self.columns.len() {
            if !matches!(self.columns[at].generated, GeneratedOutline::No) {
                return true;
            }
            at += 1;
        }
        let mut at = 0;
        while at < self.embedded.len() {
            if self.embedded[at].group.has_generated() {
                return true;
            }
            at += 1;
        }
        self.version.is_some()
    }

    const fn find(&self, column: usize, found: &mut Found) {
        if let Some(version) = self.version
            && version == column
        {
            found.is_version = true;
        }
        let mut rest = column;
        let mut passed = 0;
        let mut at = 0;
        while at < self.embedded.len() {
            let embedded = &self.embedded[at];
            let own = embedded.before - passed;
            if rest < own {
                break;
            }
            rest -= own;
            passed = embedded.before;
            let width = embedded.group.width();
            if rest < width {
                found.name.push(embedded.prefix);
                found.field.push(embedded.field);
                found.field.push(".");
                return embedded.group.find(rest, found);
            }
            rest -= width;
            at += 1;
        }
        let name = self.columns[passed + rest].name;
        found.name.push(name);
        found.field.push(name);
    }

    /// Adds the columns and constraints to a table.
    pub(super) fn lay_out(&self, table: Table) -> Layout {
        let mut layout = Layout {
            table,
            version: None,
            validated: Vec::new(),
            together: Vec::new(),
        };
        self.add_to(&mut layout, "");
        layout
    }

    fn add_to(&self, layout: &mut Layout, prefix: &str) {
        let first = layout.table.columns.len();
        let mut own = self.columns.iter();
        let mut passed = 0;
        for embedded in self.embedded {
            let before = own.by_ref().take(embedded.before - passed);
            let before = before.map(|column| column.prefixed(prefix));
            layout.table.columns.extend(before);
            passed = embedded.before;
            let prefix = format!("{prefix}{}", embedded.prefix);
            embedded.group.add_to(layout, &prefix);
        }
        let rest = own.map(|column| column.prefixed(prefix));
        layout.table.columns.extend(rest);
        let columns = first..layout.table.columns.len();
        self.add_constraints(&mut layout.table, prefix, columns.clone());
        if self.present != PresentWhen::Always {
            for column in &mut layout.table.columns[columns.clone()] {
                column.nullable = true;
            }
        }
        let absolute = |&position: &usize| first + position;
        layout.validated.extend(self.validated.iter().map(absolute));
        layout.version = layout.version.or(self.version.as_ref().map(absolute));
        if self.assigned == Assigned::Together {
            layout.together.push(columns);
        }
    }

    fn add_constraints(&self, table: &mut Table, prefix: &str, columns: Range<usize>) {
        let prefixed = |names: Names| -> Vec<String> {
            names.iter().map(|name| format!("{prefix}{name}")).collect()
        };
        let owned = |name: Option<&str>| name.map(str::to_owned);
        for key in self.foreign_keys {
            table.foreign_keys.push(ForeignKey {
                name: owned(key.name),
                columns: prefixed(key.columns),
                table: key.table.to_owned(),
                schema: None,
                references: key.references.iter().map(|&name| name.to_owned()).collect(),
                on_delete: key.on_delete,
                on_update: key.on_update,
            });
        }
        let index = |outline: &IndexOutline| Index {
            name: owned(outline.name),
            columns: prefixed(outline.columns),
            deferrable: outline.deferrable,
        };
        table.uniques.extend(self.uniques.iter().map(index));
        table.indexes.extend(self.indexes.iter().map(index));
        let names = |column: &Column| column.name[prefix.len()..].to_owned();
        let known: Vec<String> = table.columns[columns.clone()].iter().map(names).collect();
        table.checks.extend(self.checks.iter().map(|check| Check {
            name: owned(check.name),
            condition: with_prefix(check.condition, &known, prefix),
        }));
        for column in &mut table.columns[columns] {
            let is_own = |own: &&ColumnOutline| own.name == &column.name[prefix.len()..];
            let own = self.columns.iter().find(is_own).map(|own| own.generated);
            if let Some(GeneratedOutline::Computed(expression)) = own {
                column.generated = Generated::Computed(with_prefix(expression, &known, prefix));
            }
        }
    }
}

/// A column that was found, and its path.
struct Found {
    /// Its name in the table.
    name: Text,
    /// The path of fields.
    field: Text,
    is_version: bool,
}

impl Found {
    const fn new() -> Self {
        Self {
            name: Text::new(),
            field: Text::new(),
            is_version: false,
        }
    }
}

/// Reports two columns with the same name.
const fn clash(first: &Found, second: &Found) -> ! {
    let mut text = Text::new();
    text.push("`");
    text.push(first.field.as_str());
    text.push("` and `");
    text.push(second.field.as_str());
    text.push("` are both the column `");
    text.push(second.name.as_str());
    text.push("`: give one of them a `prefix`");
    panic!("{}", text.as_str())
}
