//! `Text`: the text of a statement being written.

use std::fmt::Write as _;

use super::modification::is_generated_key;
use crate::backend::{Sql, StatementKind, Target};
use crate::dialect::Dialect;
use crate::schema::{Column, ColumnType, Table, local_name};
use crate::value::ValueType;

/// The text written so far, and the types of its parameters.
pub(super) struct Text<'d> {
    pub(super) dialect: &'d dyn Dialect,
    pub(super) out: String,
    pub(super) types: Vec<ValueType>,
    /// The columns that it writes, where the backend must know them.
    target: Option<Target>,
    compared_types: Vec<String>,
}

impl<'d> Text<'d> {
    pub(super) fn with_capacity(dialect: &'d dyn Dialect, capacity: usize) -> Self {
        Self {
            dialect,
            out: String::with_capacity(capacity),
            types: Vec::new(),
            target: None,
            compared_types: Vec::new(),
        }
    }

    pub(super) fn finish(self, kind: StatementKind, columns: Vec<ValueType>) -> Sql {
        Sql::new(kind, self.out, self.types, columns)
            .with_target(self.target)
            .with_compared_types(self.compared_types)
    }

    /// Records that the statement compares values of this type.
    pub(super) fn compares(&mut self, ty: &ColumnType) {
        if let ColumnType::Other { name } = ty
            && !self.compared_types.contains(name)
        {
            self.compared_types.push(name.clone());
        }
    }

    /// Records which table the statement writes.
    pub(super) fn writes(&mut self, table: &Table) {
        if self.dialect.converts_what_it_stores() {
            self.target = Some(Target::new(table));
        }
    }

    /// Records which columns of the table new rows get.
    pub(super) fn inserts(&mut self, table: &Table, is_inserted: impl Fn(usize) -> bool) {
        if let Some(target) = &mut self.target {
            target.set_inserted(table, is_inserted);
        }
    }

    /// Records that the next parameter becomes the value of a column.
    pub(super) fn next_is_value_of(&mut self, column: &Column) {
        if let Some(target) = &mut self.target {
            target.add_parameter(self.types.len(), column);
        }
    }

    /// Records that the database computes the value of a column.
    pub(super) fn computes(&mut self, column: &Column) {
        if let Some(target) = &mut self.target {
            target.add_computed(column);
        }
    }

    pub(super) fn push(&mut self, text: &str) {
        self.out.push_str(text);
    }

    pub(super) fn identifier(&mut self, name: &str) {
        self.dialect.quote(name, &mut self.out);
    }

    /// Writes a table's name, qualified with its schema if it has one.
    pub(super) fn table(&mut self, table: &Table) {
        self.place(&table.name, table.schema.as_deref());
    }

    /// Writes a table in FROM. One with a schema gets its qualified name as an alias, which distinguishes it from tables of the same name.
    pub(super) fn source(&mut self, table: &Table) {
        self.table(table);
        if table.schema.is_some() {
            self.push(" AS ");
            self.identifier(&table.name);
        }
    }

    pub(super) fn place(&mut self, name: &str, schema: Option<&str>) {
        if let Some(schema) = schema {
            self.identifier(schema);
            self.push(".");
        }
        self.identifier(local_name(name, schema));
    }

    /// Writes a text literal.
    pub(super) fn string(&mut self, value: &str) {
        self.dialect.literal(value, &mut self.out);
    }

    /// Writes a generated name: letters and a number from 1.
    pub(super) fn numbered(&mut self, name: &str, position: usize) {
        write!(self.out, "{name}{}", position + 1).expect("a String accepts any text");
    }

    pub(super) fn each(
        &mut self,
        count: usize,
        between: &str,
        mut write: impl FnMut(&mut Self, usize),
    ) {
        for i in 0..count {
            if i > 0 {
                self.push(between);
            }
            write(self, i);
        }
    }

    /// Writes the placeholder of the next parameter.
    pub(super) fn param(&mut self, ty: ValueType) {
        self.types.push(ty);
        self.dialect
            .placeholder(self.types.len(), ty, &mut self.out);
    }

    /// Writes the placeholder of a value for a column of this type.
    pub(super) fn value(&mut self, ty: &ColumnType) {
        match self.dialect.text_form(ty) {
            None => self.param(ty.value_type()),
            Some(form) => self.cast(&form, |text| text.param(ty.value_type())),
        }
    }

    /// `CAST(operand AS form)`.
    pub(super) fn cast(&mut self, form: &str, operand: impl FnOnce(&mut Self)) {
        self.push("CAST(");
        operand(self);
        self.push(" AS ");
        self.push(form);
        self.push(")");
    }

    /// Returns the placeholder of the next parameter.
    pub(super) fn placeholder(&mut self, ty: ValueType) -> String {
        self.types.push(ty);
        let mut out = String::new();
        self.dialect.placeholder(self.types.len(), ty, &mut out);
        out
    }

    /// Whether values of this type can be stored in several equal forms.
    pub(super) fn has_forms(&self, ty: &ColumnType) -> bool {
        !self.dialect.equal_forms("", ty).is_empty()
    }

    /// Writes the placeholder of a value that a column of this type is compared with, in each stored form.
    pub(super) fn equal_value(&mut self, ty: &ColumnType) {
        if !self.has_forms(ty) {
            return self.value(ty);
        }
        let param = self.placeholder(ty.value_type());
        let forms = self.dialect.equal_forms(&param, ty);
        self.push(&forms.join(", "));
    }

    /// Writes a column for a comparison.
    pub(super) fn compared(&mut self, prefix: &str, column: &Column) {
        self.compares(&column.ty);
        let start = self.out.len();
        self.push(prefix);
        self.identifier(&column.name);
        self.as_compared(start, &column.ty);
    }

    /// Replaces a column written at `start` by the expression used for comparing it.
    pub(super) fn as_compared(&mut self, start: usize, ty: &ColumnType) {
        if let Some(compared) = self.dialect.compared(&self.out[start..], ty) {
            self.out.truncate(start);
            self.push(&compared);
        }
    }

    /// Replaces the expression written from `start` on by the one form that equal values share, and returns whether there are several forms.
    pub(super) fn as_one_form(&mut self, start: usize, ty: &ColumnType) -> bool {
        let form = self.dialect.canonical_form(&self.out[start..], ty);
        self.replaced(start, form)
    }

    /// Replaces the expression written from `start` on by the one that rows are sorted by.
    pub(super) fn as_ordered(&mut self, start: usize, ty: &ColumnType) {
        let form = self.dialect.ordered_form(&self.out[start..], ty);
        self.replaced(start, form);
    }

    fn replaced(&mut self, start: usize, form: Option<String>) -> bool {
        if let Some(form) = &form {
            self.out.truncate(start);
            self.push(form);
        }
        form.is_some()
    }

    /// Writes a column that is compared with another.
    pub(super) fn compared_column(&mut self, prefix: &str, column: &Column) {
        self.compares(&column.ty);
        let start = self.out.len();
        self.push(prefix);
        self.identifier(&column.name);
        self.as_one_form(start, &column.ty);
    }

    /// Writes the condition `a = ?`.
    pub(super) fn is_param(&mut self, prefix: &str, column: &Column) {
        self.compared(prefix, column);
        if !self.has_forms(&column.ty) {
            self.push(" = ");
            return self.value(&column.ty);
        }
        self.push(" IN (");
        self.equal_value(&column.ty);
        self.push(")");
    }

    fn params(&mut self, table: &Table, columns: &[usize]) {
        self.each(columns.len(), ", ", |text, i| {
            text.value(&table.columns[columns[i]].ty);
        });
    }

    /// Writes selected columns with a prefix, converting those that are exchanged as text.
    pub(super) fn read(&mut self, prefix: &str, table: &Table, columns: &[usize]) {
        self.each(columns.len(), ", ", |text, i| {
            let column = &table.columns[columns[i]];
            if text.dialect.text_form(&column.ty).is_none() {
                text.push(prefix);
                return text.identifier(&column.name);
            }
            let mut name = prefix.to_owned();
            text.dialect.quote(&column.name, &mut name);
            text.dialect.read_text(&name, &column.ty, &mut text.out);
            // The result keeps the column's name instead of that of the function or cast.
            text.push(" AS ");
            text.identifier(&column.name);
        });
    }

    /// Writes a column to sort by. It is qualified if it is read as text, because the bare name would refer to the text.
    pub(super) fn sorted(&mut self, table: &Table, column: usize) {
        let column = &table.columns[column];
        let start = self.out.len();
        if self.dialect.text_form(&column.ty).is_some() {
            self.identifier(&table.name);
            self.push(".");
        }
        self.identifier(&column.name);
        self.as_ordered(start, &column.ty);
    }

    /// Writes columns to sort by. All but the last are written so that equal values are ties, whatever their stored forms.
    pub(super) fn sorted_by(&mut self, prefix: &str, table: &Table, order: &[(usize, bool)]) {
        self.each(order.len(), ", ", |text, i| {
            let (column, descending) = order[i];
            let is_last = i + 1 == order.len();
            let has_ties = !is_last && text.has_forms(&table.columns[column].ty);
            match (has_ties, prefix) {
                (true, prefix) => text.compared_column(prefix, &table.columns[column]),
                (false, "") => text.sorted(table, column),
                (false, prefix) => {
                    let start = text.out.len();
                    text.prefixed(prefix, table, &[column]);
                    text.as_ordered(start, &table.columns[column].ty);
                }
            }
            if descending {
                text.push(" DESC");
            }
        });
    }

    /// ` (a, b)`.
    pub(super) fn column_list(&mut self, table: &Table, columns: &[usize]) {
        self.push(" (");
        self.prefixed("", table, columns);
        self.push(")");
    }

    /// Writes the columns of an INSERT, with the dialect's clause if it sets generated keys.
    pub(super) fn new_columns(&mut self, table: &Table, columns: &[usize]) {
        self.column_list(table, columns);
        if columns
            .iter()
            .any(|&column| is_generated_key(table, column))
        {
            self.push(self.dialect.overriding());
        }
    }

    /// Writes `?, ?` as the values of a new row.
    pub(super) fn new_values(&mut self, table: &Table, columns: &[usize]) {
        self.each(columns.len(), ", ", |text, i| {
            let column = &table.columns[columns[i]];
            text.next_is_value_of(column);
            text.value(&column.ty);
        });
    }

    /// `a IN (?, ?)`, or `(a, b) IN (VALUES (?, ?), (?, ?))`. The columns follow `prefix`.
    pub(super) fn in_params(
        &mut self,
        prefix: &str,
        table: &Table,
        columns: &[usize],
        rows: usize,
    ) {
        if let [column] = *columns {
            let column = &table.columns[column];
            self.compared(prefix, column);
            self.push(" IN (");
            self.each(rows, ", ", |text, _| text.equal_value(&column.ty));
            self.push(")");
            return;
        }
        self.push("(");
        self.each(columns.len(), ", ", |text, i| {
            text.compared(prefix, &table.columns[columns[i]]);
        });
        self.push(") IN (");
        self.push(self.dialect.row_list());
        if columns
            .iter()
            .any(|&at| self.has_forms(&table.columns[at].ty))
        {
            self.each(rows, ", ", |text, _| text.row_forms(table, columns));
            return self.push(")");
        }
        self.each(rows, ", ", |text, _| {
            text.push("(");
            text.params(table, columns);
            text.push(")");
        });
        self.push(")");
    }

    /// `(?1, f(?1)), (?1, g(?1))`: a row of parameters in each stored form.
    fn row_forms(&mut self, table: &Table, columns: &[usize]) {
        let mut rows = vec![String::new()];
        for &column in columns {
            let ty = &table.columns[column].ty;
            let forms = match self.has_forms(ty) {
                true => {
                    let param = self.placeholder(ty.value_type());
                    self.dialect.equal_forms(&param, ty)
                }
                false => {
                    let start = self.out.len();
                    self.value(ty);
                    vec![self.out.split_off(start)]
                }
            };
            let longer = |row: &String| {
                let between = if row.is_empty() { "" } else { ", " };
                let with = |form: &String| format!("{row}{between}{form}");
                forms.iter().map(with).collect::<Vec<_>>()
            };
            rows = rows.iter().flat_map(longer).collect();
        }
        self.push(&format!("({})", rows.join("), (")));
    }

    /// `a = ANY($1::bigint[])`, or `(a, b) IN (SELECT * FROM UNNEST($1::bigint[], $2::text[]))`. The columns follow `prefix`.
    pub(super) fn in_arrays(&mut self, prefix: &str, table: &Table, columns: &[usize]) {
        for &column in columns {
            self.compares(&table.columns[column].ty);
        }
        let form = |column: &usize| self.dialect.text_form(&table.columns[*column].ty);
        let has_forms = columns.iter().any(|column| form(column).is_some());
        if let [column] = *columns
            && !has_forms
        {
            self.prefixed(prefix, table, columns);
            self.push(" = ANY(");
            self.array(table, column);
            self.push(")");
            return;
        }
        self.push("(");
        self.prefixed(prefix, table, columns);
        self.push(") IN (SELECT ");
        if has_forms {
            self.each(columns.len(), ", ", |text, i| {
                text.unnested("v.c", i, &table.columns[columns[i]].ty);
            });
        } else {
            self.push("*");
        }
        self.push(" FROM UNNEST(");
        self.arrays(table, columns, 0);
        self.push(")");
        if has_forms {
            self.push(" AS v(");
            self.each(columns.len(), ", ", |text, i| text.numbered("c", i));
            self.push(")");
        }
        self.push(")");
    }

    /// Writes a column of unnested arrays as a value of this type.
    pub(super) fn unnested(&mut self, name: &str, position: usize, ty: &ColumnType) {
        match self.dialect.text_form(ty) {
            None => self.numbered(name, position),
            Some(form) => self.cast(&form, |text| text.numbered(name, position)),
        }
    }

    /// `a, b` if the prefix is empty; `t.a, t.b` if it is `t.`.
    fn prefixed(&mut self, prefix: &str, table: &Table, columns: &[usize]) {
        self.each(columns.len(), ", ", |text, i| {
            text.push(prefix);
            text.identifier(&table.columns[columns[i]].name);
        });
    }

    /// `$1::bigint[], $2::text[]`, where the first columns take the values.
    pub(super) fn arrays(&mut self, table: &Table, columns: &[usize], written: usize) {
        self.each(columns.len(), ", ", |text, i| {
            if i < written {
                text.next_is_value_of(&table.columns[columns[i]]);
            }
            text.array(table, columns[i]);
        });
    }

    /// Writes the FROM of an UPDATE: ` FROM UNNEST($1::bigint[], $2::text[]) AS v(s1, k1)`.
    pub(super) fn unnested_rows(
        &mut self,
        table: &Table,
        set: &[usize],
        key: &[usize],
        own: &[ValueType],
    ) {
        self.push(" FROM UNNEST(");
        let columns: Vec<usize> = set.iter().chain(key).copied().collect();
        self.arrays(table, &columns, set.len());
        for &ty in own {
            self.push(", ");
            self.array_of(ty);
        }
        self.push(") AS v(");
        let mut between = "";
        for (name, count) in [("s", set.len()), ("k", key.len()), ("p", own.len())] {
            for at in 0..count {
                self.push(between);
                self.numbered(name, at);
                between = ", ";
            }
        }
        self.push(")");
    }

    fn array(&mut self, table: &Table, column: usize) {
        self.array_of(table.columns[column].ty.value_type());
    }

    /// `$1::bigint[]`. The cast has no length or precision, which would truncate the values.
    pub(super) fn array_of(&mut self, ty: ValueType) {
        self.param(ty);
        self.push("::");
        let ty = self.dialect.array_type(&ColumnType::of(ty));
        self.push(&ty);
    }
}
