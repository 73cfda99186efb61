//! Reflects tables.
//!
//! What a [`Table`] cannot express becomes a remark of the table or column. Partitions are not listed, only their partitioned table.

pub(crate) mod types;

use std::collections::HashMap;

use selfsame::backend::{Connection, Row, Sql, Statement, StatementKind};
use selfsame::schema::{
    Check, Column, ColumnType, Deferrable, ForeignKey, Generated, Index, ReferentialAction, Table,
};
use selfsame::value::ColumnValue;
use selfsame::{Error, ErrorKind, Result};

use crate::settings::literal;

/// Returns the tables of these schemas by name; `None` is the current schema, whose tables have no schema name.
pub(crate) fn reflect(
    connection: &mut dyn Connection,
    schemas: &[Option<String>],
) -> Result<Vec<Table>> {
    let listed = listed(schemas);
    let each = |connection: &mut dyn Connection, query: &str, sink: &mut Sink<'_>| {
        each(connection, &format!("{listed}{query}"), sink)
    };
    let mut tables: Vec<Table> = Vec::new();
    each(connection, TABLES, &mut |row| {
        let mut table = Table::build(get::<String>(row, 0)?);
        table.schema = get(row, 4)?;
        table.comment = get(row, 6)?;
        let kind: String = get(row, 5)?;
        match kind.as_str() {
            "r" | "p" => {}
            "v" => table = table.view(),
            other => {
                table = table.view();
                table.remarks.push(match other {
                    "m" => "It is a materialized view.".into(),
                    _ => "It is a foreign table.".into(),
                });
            }
        }
        if let Some(key) = get::<Option<String>>(row, 1)? {
            table.remarks.push(format!("It is partitioned by {key}."));
        }
        if get(row, 2)? {
            table.remarks.push("It inherits from another table.".into());
        }
        if get(row, 7)? {
            let remark = "Other tables inherit from it: their rows are read with its own, and may have the same keys.";
            table.remarks.push(remark.into());
        }
        if get(row, 8)? {
            table.remarks.push("It is UNLOGGED.".into());
        }
        if let Some(names) = get::<Option<String>>(row, 9)? {
            table.has_rules = true;
            let remark = format!("It has rules, by which writing does something else: {names}.");
            table.remarks.push(remark);
        }
        if let Some(names) = get::<Option<String>>(row, 10)? {
            table.remarks.push(format!("It has triggers: {names}."));
        }
        if get(row, 3)? {
            table.remarks.push("It has row-level security.".into());
        }
        table.unreadable = get(row, 11)?;
        tables.push(table);
        Ok(())
    })?;
    // Rows of the catalog have only the qualified name, so two tables with one name cannot be told apart: the caller refuses them.
    if tables.windows(2).any(|pair| pair[0].name == pair[1].name) {
        return Ok(tables);
    }
    let mut labels: HashMap<i64, Vec<String>> = HashMap::new();
    each(connection, LABELS, &mut |row| {
        labels.entry(get(row, 0)?).or_default().push(get(row, 1)?);
        Ok(())
    })?;
    each(connection, COLUMNS, &mut |row| {
        let column = column(row, &labels)?;
        find(&mut tables, row)?.columns.push(column);
        Ok(())
    })?;
    for (query, add) in [
        (
            PRIMARY_KEYS,
            add_key_column as fn(&mut Table, &dyn Row) -> Result<()>,
        ),
        (INDEXES, add_index_column),
        (OTHER_INDEXES, add_remark),
        (CONSTRAINTS, add_remark),
        (FOREIGN_KEYS, add_foreign_key_column),
        (CHECKS, add_check),
    ] {
        each(connection, query, &mut |row| {
            add(find(&mut tables, row)?, row)
        })?;
    }
    Ok(tables)
}

/// Returns the schemas that have tables, with the number of tables.
pub(crate) fn schemas(connection: &mut dyn Connection) -> Result<Vec<(String, u64)>> {
    let mut found = Vec::new();
    each(connection, SCHEMAS, &mut |row| {
        let tables: i64 = get(row, 1)?;
        found.push((get(row, 0)?, tables.unsigned_abs()));
        Ok(())
    })?;
    Ok(found)
}

/// Returns the tables of any schema that have foreign keys to this one, with these alone.
pub(crate) fn referring_tables(
    connection: &mut dyn Connection,
    table: &Table,
) -> Result<Vec<Table>> {
    let name = literal(table.local_name());
    let schema = table.schema.as_deref().map(literal);
    let schema = schema.map_or_else(String::new, |schema| {
        format!("quote_ident({schema}) || '.' || ")
    });
    let query = REFERRING.replace("(name)", &format!("({schema}quote_ident({name}))"));
    let mut tables: Vec<Table> = Vec::new();
    each(connection, &query, &mut |row| {
        let (schema, name): (Option<String>, String) = (get(row, 0)?, get(row, 10)?);
        if get(row, 2)? {
            let found = Table::build(name);
            tables.push(match schema {
                Some(schema) => found.in_schema(schema),
                None => found,
            });
        }
        match tables.last_mut() {
            Some(table) => add_foreign_key_column(table, row),
            None => Ok(()),
        }
    })?;
    for key in tables.iter_mut().flat_map(|found| &mut found.foreign_keys) {
        (key.table, key.schema) = (table.name.clone(), table.schema.clone());
    }
    Ok(tables)
}

/// As `FOREIGN_KEYS`, with the schema of the referencing table unless it is the current one, and at last its name. What partitions inherit from
/// their tables is left out.
const REFERRING: &str = "SELECT nullif(n.nspname, current_schema()), k.conname, p.place = 1, a.attname, '', b.attname, k.confdeltype, k.confupdtype, \
    NULL::text, NULL::text, own.relname \
    FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class own ON own.oid = k.conrelid \
    JOIN pg_catalog.pg_namespace n ON n.oid = own.relnamespace \
    CROSS JOIN LATERAL unnest(k.conkey, k.confkey) WITH ORDINALITY AS p (number, there, place) \
    JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = p.number \
    JOIN pg_catalog.pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = p.there \
    WHERE k.contype = 'f' AND k.confrelid = to_regclass(name) AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_constraint whole \
        WHERE whole.oid = k.conparentid AND whole.confrelid = k.confrelid) \
    ORDER BY k.oid, p.place";

const SCHEMAS: &str = "SELECT n.nspname, count(*) FROM pg_catalog.pg_class c \
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition \
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
    GROUP BY n.nspname ORDER BY n.nspname";

/// Every query starts with the relevant tables and the base types of domains.
fn listed(schemas: &[Option<String>]) -> String {
    let named = schemas.iter().flatten().map(|schema| literal(schema));
    let named: Vec<String> = named.collect();
    let is_named = match named.is_empty() {
        true => "false".to_owned(),
        false => format!("n.nspname IN ({})", named.join(", ")),
    };
    let is_listed = match schemas.contains(&None) {
        true => format!("({is_named} OR n.nspname = current_schema())"),
        false => is_named.clone(),
    };
    format!(
        "WITH RECURSIVE listed AS (SELECT c.oid, \
         (CASE WHEN {is_named} THEN n.nspname || '.' ELSE '' END || c.relname)::text COLLATE \"C\" AS name, \
         CASE WHEN {is_named} THEN n.nspname::text END AS schema, c.relnamespace, c.relkind, c.relrowsecurity \
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE {is_listed} AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition), {BASE}"
    )
}

const BASE: &str = "base (domain, type, modifier, required) AS (SELECT t.oid, t.typbasetype, t.typtypmod, t.typnotnull \
    FROM pg_catalog.pg_type t WHERE t.typtype = 'd' UNION ALL \
    SELECT b.domain, t.typbasetype, t.typtypmod, b.required OR t.typnotnull \
    FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.type WHERE t.typtype = 'd') ";

const TABLES: &str = "SELECT name, CASE relkind WHEN 'p' THEN pg_get_partkeydef(oid) END, \
    EXISTS (SELECT 1 FROM pg_catalog.pg_inherits WHERE inhrelid = listed.oid), relrowsecurity, schema, relkind::text, \
    obj_description(oid, 'pg_class'), \
    relkind = 'r' AND EXISTS (SELECT 1 FROM pg_catalog.pg_inherits WHERE inhparent = listed.oid), \
    EXISTS (SELECT 1 FROM pg_catalog.pg_class c WHERE c.oid = listed.oid AND c.relpersistence = 'u'), \
    (SELECT string_agg(quote_ident(rulename), ', ' ORDER BY rulename) FROM pg_catalog.pg_rewrite \
        WHERE ev_class = listed.oid AND rulename <> '_RETURN'), \
    (SELECT string_agg(quote_ident(tgname), ', ' ORDER BY tgname) FROM pg_catalog.pg_trigger \
        WHERE tgrelid = listed.oid AND NOT tgisinternal), \
    NOT (has_schema_privilege(relnamespace, 'USAGE') AND has_any_column_privilege(oid, 'SELECT')) \
    FROM listed ORDER BY name";

const LABELS: &str = "SELECT e.enumtypid::bigint, e.enumlabel FROM pg_catalog.pg_enum e ORDER BY e.enumtypid, e.enumsortorder";

/// The type of a domain is its base type. The type of an array is that of its elements, with the number of dimensions, if its elements
/// are separated by commas, as for all types except boxes.
const COLUMNS: &str = "SELECT listed.name, a.attname, \
    format_type(e.oid, CASE WHEN b.domain IS NULL THEN a.atttypmod ELSE b.modifier END), \
    NOT (a.attnotnull OR coalesce(b.required, false)), a.attidentity::text, pg_get_expr(d.adbin, d.adrelid), a.attgenerated <> '', \
    CASE WHEN e.oid <> t.oid THEN greatest(a.attndims, 1)::bigint ELSE 0 END, CASE e.typtype WHEN 'e' THEN e.oid::bigint END, \
    CASE WHEN b.domain IS NOT NULL THEN format_type(a.atttypid, -1) END, \
    CASE WHEN a.attcollation <> 0 AND a.attcollation <> written.typcollation THEN quote_ident(l.collname) END, \
    EXISTS (SELECT 1 FROM pg_catalog.pg_depend o WHERE o.classid = 'pg_catalog.pg_class'::regclass \
        AND o.refclassid = 'pg_catalog.pg_class'::regclass AND o.refobjid = a.attrelid AND o.refobjsubid = a.attnum \
        AND o.deptype IN ('a', 'i')), \
    col_description(a.attrelid, a.attnum), listed.relkind IN ('v', 'm'), \
    (SELECT 'Its sequence is START ' || s.seqstart || ' INCREMENT ' || s.seqincrement || CASE WHEN s.seqcycle THEN ' CYCLE' ELSE '' END || '.' \
        FROM pg_catalog.pg_depend o JOIN pg_catalog.pg_sequence s ON s.seqrelid = o.objid \
        WHERE o.classid = 'pg_catalog.pg_class'::regclass AND o.refclassid = 'pg_catalog.pg_class'::regclass \
        AND o.refobjid = a.attrelid AND o.refobjsubid = a.attnum AND o.deptype IN ('a', 'i') \
        AND (d.adbin IS NOT NULL OR a.attidentity <> '') AND (s.seqstart <> 1 OR s.seqincrement <> 1 OR s.seqcycle) LIMIT 1), \
    has_any_column_privilege(listed.oid, 'SELECT') AND NOT has_column_privilege(listed.oid, a.attnum, 'SELECT'), \
    (SELECT 'It cannot be compared: the operators of its type are in the schema ' || quote_ident(s.nspname) || ', which is not in search_path.' \
        FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace s ON s.oid = o.oprnamespace \
        WHERE o.oprname = '=' AND o.oprleft = t.oid AND o.oprright = t.oid AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_operator v \
            WHERE v.oprname = '=' AND v.oprleft = o.oprleft AND v.oprright = o.oprright AND pg_operator_is_visible(v.oid)) LIMIT 1) \
    FROM listed JOIN pg_catalog.pg_attribute a ON a.attrelid = listed.oid AND a.attnum > 0 AND NOT a.attisdropped \
    JOIN pg_catalog.pg_type written ON written.oid = a.atttypid \
    LEFT JOIN (base b JOIN pg_catalog.pg_type last ON last.oid = b.type AND last.typtype <> 'd') ON b.domain = a.atttypid \
    JOIN pg_catalog.pg_type t ON t.oid = coalesce(b.type, a.atttypid) \
    JOIN pg_catalog.pg_type e ON e.oid = coalesce((SELECT x.oid FROM pg_catalog.pg_type x \
        WHERE x.oid = t.typelem AND x.typarray = t.oid AND x.typdelim = ','), t.oid) \
    LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
    LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation \
    ORDER BY listed.name, a.attnum";

const PRIMARY_KEYS: &str = "SELECT listed.name, a.attname \
    FROM listed JOIN pg_catalog.pg_constraint k ON k.conrelid = listed.oid AND k.contype = 'p' \
    CROSS JOIN LATERAL unnest(k.conkey) WITH ORDINALITY AS p (number, place) \
    JOIN pg_catalog.pg_attribute a ON a.attrelid = listed.oid AND a.attnum = p.number \
    ORDER BY listed.name, p.place";

/// B-tree indexes over whole columns of all rows, except unique ones that were never built because rows have equal values; with a remark for anything unusual in their definition.
const INDEXES: &str = "SELECT listed.name, c.relname, i.indisunique, p.place = 1, a.attname, \
    CASE WHEN substring(pg_get_indexdef(c.oid) FROM ' USING (.*)$') <> 'btree (' || \
        (SELECT string_agg(quote_ident(x.attname), ', ' ORDER BY q.place) \
         FROM unnest(i.indkey::smallint[]) WITH ORDINALITY AS q (number, place) \
         JOIN pg_catalog.pg_attribute x ON x.attrelid = listed.oid AND x.attnum = q.number WHERE q.place <= i.indnkeyatts) || ')' \
        THEN replace(pg_get_indexdef(c.oid), quote_ident(current_schema()) || '.', '') END, \
    (SELECT k.condeferred FROM pg_catalog.pg_constraint k \
        WHERE k.conindid = c.oid AND k.conrelid = listed.oid AND k.contype = 'u' AND k.condeferrable) \
    FROM listed JOIN pg_catalog.pg_index i ON i.indrelid = listed.oid \
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid \
    JOIN pg_catalog.pg_am m ON m.oid = c.relam \
    CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY AS p (number, place) \
    JOIN pg_catalog.pg_attribute a ON a.attrelid = listed.oid AND a.attnum = p.number \
    WHERE NOT i.indisprimary AND i.indpred IS NULL AND i.indexprs IS NULL AND p.place <= i.indnkeyatts \
    AND m.amname = 'btree' AND NOT i.indisexclusion AND (i.indisvalid OR NOT i.indisunique) \
    ORDER BY listed.name, c.oid, p.place";

const OTHER_INDEXES: &str = "SELECT listed.name, 'Not here: ' || replace(pg_get_indexdef(c.oid), quote_ident(current_schema()) || '.', '') \
        || CASE WHEN i.indisvalid THEN '.' ELSE ', INVALID.' END \
    FROM listed JOIN pg_catalog.pg_index i ON i.indrelid = listed.oid \
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid \
    JOIN pg_catalog.pg_am m ON m.oid = c.relam \
    WHERE NOT i.indisprimary AND NOT i.indisexclusion \
    AND (i.indpred IS NOT NULL OR i.indexprs IS NOT NULL OR m.amname <> 'btree' OR i.indisunique AND NOT i.indisvalid) \
    ORDER BY listed.name, c.oid";

/// Properties of constraints that a table cannot express: exclusion, deferred keys, not valid.
const CONSTRAINTS: &str = "SELECT listed.name, CASE WHEN k.contype = 'x' THEN 'Not here: the constraint ' \
        WHEN k.contype = 'p' AND NOT k.condeferrable AND pg_get_constraintdef(k.oid) !~ ' INCLUDE \\(' THEN 'Its primary key is called otherwise: ' \
        ELSE 'Only partly here: the constraint ' END || quote_ident(k.conname) || ', ' || pg_get_constraintdef(k.oid) || '.' \
    FROM listed JOIN pg_catalog.pg_constraint k ON k.conrelid = listed.oid \
    WHERE k.contype = 'x' OR k.contype = 'p' AND octet_length(k.conname) < 63 AND k.conname <> \
        (SELECT c.relname || '_pkey' FROM pg_catalog.pg_class c WHERE c.oid = k.conrelid) OR k.contype IN ('p', 'u', 'f', 'c') AND (k.condeferrable AND k.contype <> 'u' OR NOT k.convalidated OR k.contype = 'p' AND pg_get_constraintdef(k.oid) ~ ' INCLUDE \\(' OR k.connoinherit \
        AND k.contype = 'c' OR k.contype = 'f' AND (k.confmatchtype = 'f' \
        OR pg_get_constraintdef(k.oid) ~ 'ON DELETE SET (NULL|DEFAULT) \\(')) \
    AND NOT (k.contype = 'f' AND k.conparentid <> 0) \
    ORDER BY listed.name, k.oid";

const FOREIGN_KEYS: &str = "SELECT listed.name, k.conname, p.place = 1, a.attname, coalesce(target.name, there.relname), b.attname, \
    k.confdeltype, k.confupdtype, CASE WHEN target.name IS NULL \
        THEN quote_ident(n.nspname) || '.' || quote_ident(there.relname) || \
            CASE WHEN there.relispartition THEN ', a partition' ELSE ', a table of another schema' END END, \
    target.schema \
    FROM listed JOIN pg_catalog.pg_constraint k ON k.conrelid = listed.oid AND k.contype = 'f' AND k.conparentid = 0 \
    JOIN pg_catalog.pg_class there ON there.oid = k.confrelid \
    JOIN pg_catalog.pg_namespace n ON n.oid = there.relnamespace \
    LEFT JOIN listed target ON target.oid = there.oid \
    CROSS JOIN LATERAL unnest(k.conkey, k.confkey) WITH ORDINALITY AS p (number, there, place) \
    JOIN pg_catalog.pg_attribute a ON a.attrelid = listed.oid AND a.attnum = p.number \
    JOIN pg_catalog.pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = p.there \
    ORDER BY listed.name, k.oid, p.place";

const CHECKS: &str = "SELECT listed.name, k.conname, pg_get_expr(k.conbin, k.conrelid) \
    FROM listed JOIN pg_catalog.pg_constraint k ON k.conrelid = listed.oid AND k.contype = 'c' \
    ORDER BY listed.name, k.oid";

fn column(row: &dyn Row, labels: &HashMap<i64, Vec<String>>) -> Result<Column> {
    let written: String = get(row, 2)?;
    let (mut ty, mut is_exact) = match get::<Option<i64>>(row, 8)? {
        Some(oid) => {
            let labels = labels.get(&oid).cloned().unwrap_or_default();
            let name = written.clone();
            (ColumnType::NativeEnum { name, labels }, true)
        }
        None => types::column_type(&written),
    };
    let dimensions: i64 = get(row, 7)?;
    if dimensions > 0 {
        let (element, is_same) = types::element(ty, &written);
        ty = element;
        is_exact &= is_same;
    }
    for _ in 0..dimensions {
        ty = ColumnType::Array(Box::new(ty));
    }
    let mut column = Column::new(get::<String>(row, 1)?, ty);
    column.nullable = get(row, 3)?;
    let domain: Option<String> = get(row, 9)?;
    if let Some(domain) = &domain {
        let remark = format!("Its type is the domain {domain}, mapped as its base type.");
        column.remarks.push(remark);
    }
    if !is_exact {
        let brackets = "[]".repeat(usize::try_from(dimensions).unwrap_or_default());
        let remark = format!("Its type is {written}{brackets}.");
        column.remarks.push(remark);
    }
    if let Some(collation) = get::<Option<String>>(row, 10)? {
        column
            .remarks
            .push(format!("Its collation is {collation}."));
    }
    let identity: String = get(row, 4)?;
    let default: Option<String> = get(row, 5)?;
    let owns_sequence: bool = get(row, 11)?;
    let is_view: bool = get(row, 13)?;
    column.generated = match default {
        _ if !identity.is_empty() => Generated::Key,
        // A serial column.
        Some(default)
            if default.starts_with("nextval(")
                && is_integer(&column.ty)
                && (is_view || !column.nullable) =>
        {
            if !owns_sequence {
                let remark = format!("Its numbers are those of a shared sequence: {default}.");
                column.remarks.push(remark);
            }
            Generated::Key
        }
        _ if is_view => Generated::No,
        Some(expression) if get(row, 6)? => Generated::Computed(expression),
        Some(default) if types::is_null(&default) => Generated::No,
        Some(default) => Generated::Default(match domain {
            Some(domain) => types::without_casts(&default, &domain),
            None => default,
        }),
        None => Generated::No,
    };
    if owns_sequence
        && let Generated::Default(default) = &column.generated
        && default.starts_with("nextval(")
    {
        let remark = format!(
            "Its numbers are those of a sequence that is dropped with the table: {default}."
        );
        column.remarks.push(remark);
    }
    column.comment = get(row, 12)?;
    if identity == "a" {
        column
            .remarks
            .push("It is GENERATED ALWAYS AS IDENTITY.".into());
    }
    column.remarks.extend(get::<Option<String>>(row, 14)?);
    column.remarks.extend(get::<Option<String>>(row, 16)?);
    column.unreadable = get(row, 15)?;
    Ok(column)
}

fn is_integer(ty: &ColumnType) -> bool {
    matches!(ty, ColumnType::I16 | ColumnType::I32 | ColumnType::I64)
}

fn add_key_column(table: &mut Table, row: &dyn Row) -> Result<()> {
    let name: String = get(row, 1)?;
    let position = table.position(&name).ok_or_else(|| changed(&name))?;
    table.primary_key.push(position);
    Ok(())
}

fn add_index_column(table: &mut Table, row: &dyn Row) -> Result<()> {
    let is_first: bool = get(row, 3)?;
    if is_first && let Some(definition) = get::<Option<String>>(row, 5)? {
        let remark = format!("Only partly here: {definition}.");
        table.remarks.push(remark);
    }
    let indexes = if get(row, 2)? {
        &mut table.uniques
    } else {
        &mut table.indexes
    };
    if is_first {
        indexes.push(Index {
            name: Some(get(row, 1)?),
            columns: Vec::new(),
            deferrable: match get::<Option<bool>>(row, 6)? {
                None => Deferrable::No,
                Some(false) => Deferrable::InitiallyImmediate,
                Some(true) => Deferrable::InitiallyDeferred,
            },
        });
    }
    if let Some(index) = indexes.last_mut() {
        index.columns.push(get(row, 4)?);
    }
    Ok(())
}

fn add_remark(table: &mut Table, row: &dyn Row) -> Result<()> {
    table.remarks.push(get(row, 1)?);
    Ok(())
}

fn add_foreign_key_column(table: &mut Table, row: &dyn Row) -> Result<()> {
    let elsewhere: Option<String> = get(row, 8)?;
    let is_first: bool = get(row, 2)?;
    if let Some(there) = elsewhere {
        if is_first {
            let (name, column): (String, String) = (get(row, 1)?, get(row, 3)?);
            let remark = format!("Not here: the foreign key {name} of {column} to {there}.");
            table.remarks.push(remark);
        }
        return Ok(());
    }
    if is_first {
        let name: String = get(row, 1)?;
        let mut act = |when: &str, code: String| {
            action(&code).unwrap_or_else(|| {
                let remark =
                    format!("The foreign key {name} does something unknown ON {when}: {code:?}.");
                table.remarks.push(remark);
                ReferentialAction::NoAction
            })
        };
        let (on_delete, on_update) = (act("DELETE", get(row, 6)?), act("UPDATE", get(row, 7)?));
        table.foreign_keys.push(ForeignKey {
            name: Some(name),
            columns: Vec::new(),
            table: get(row, 4)?,
            schema: get(row, 9)?,
            references: Vec::new(),
            on_delete,
            on_update,
        });
    }
    if let Some(key) = table.foreign_keys.last_mut() {
        key.columns.push(get(row, 3)?);
        key.references.push(get(row, 5)?);
    }
    Ok(())
}

fn add_check(table: &mut Table, row: &dyn Row) -> Result<()> {
    table.checks.push(Check {
        name: Some(get(row, 1)?),
        condition: get(row, 2)?,
    });
    Ok(())
}

fn action(code: &str) -> Option<ReferentialAction> {
    Some(match code {
        "a" => ReferentialAction::NoAction,
        "r" => ReferentialAction::Restrict,
        "c" => ReferentialAction::Cascade,
        "n" => ReferentialAction::SetNull,
        "d" => ReferentialAction::SetDefault,
        _ => return None,
    })
}

/// Returns the table of a row, by its first column.
fn find<'t>(tables: &'t mut [Table], row: &dyn Row) -> Result<&'t mut Table> {
    let name: String = get(row, 0)?;
    match tables.binary_search_by(|table| table.name.cmp(&name)) {
        Ok(position) => Ok(&mut tables[position]),
        Err(_) => Err(changed(&name)),
    }
}

#[cold]
fn changed(name: &str) -> Error {
    Error::new(
        ErrorKind::Serialization,
        "the schema changed while it was read",
    )
    .entity(name)
}

type Sink<'s> = dyn FnMut(&dyn Row) -> Result<()> + 's;

fn each(connection: &mut dyn Connection, query: &str, sink: &mut Sink<'_>) -> Result<()> {
    let sql = Sql::new(StatementKind::Raw, query, [], []);
    connection.query(&Statement::new(&sql, &[]), sink)
}

fn get<T: ColumnValue>(row: &dyn Row, index: usize) -> Result<T> {
    T::from_value(row.value(index, T::TYPE)?)
}
