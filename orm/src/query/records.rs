//! Queries for records: what names relations and columns by text.

use std::sync::Arc;

use super::{BulkUpdate, Query};
use crate::entity::{Mapper, RelationKind};
use crate::error::{Error, ErrorKind, Result};
use crate::record::{self, Record, Records};
use crate::session::{JoinedPath, Joins};
use crate::sql::{
    Alias, Condition, Expression, Join, JoinKind, Multiplicity, Node, Operator, Predicate,
    UntypedPath, also, column,
};
use crate::value::Value;

impl Records {
    /// A query for all records, to be narrowed. Relations and columns that do not exist are an [`ErrorKind::Mapping`] when it is asked,
    /// naming table and relation or column.
    ///
    /// ```
    /// # use selfsame::prelude::*;
    /// # use selfsame::record::Record;
    /// # fn read(shop: &Metadata, session: &mut Session) -> selfsame::Result<Vec<Handle<Record>>> {
    /// let (artists, albums) = (shop.records("artist")?, shop.records("album")?);
    /// artists
    ///     .query()
    ///     .join("album")
    ///     .filter(albums.column::<String>("title")?.starts_with("Let"))
    ///     .with("album.track")
    ///     .order_by(artists.column::<String>("name")?.asc())
    ///     .all(session)
    /// # }
    /// ```
    pub fn query(&self) -> Query<Record> {
        Query::new(self.mapper())
    }

    /// The table under another name: needed where a query reads it twice.
    pub fn alias(&self, name: &str) -> Alias<Record> {
        Alias::new(self.mapper(), name)
    }

    /// That a column has a value, whatever its type: `users.equals("name", "ann")?`. An integer may be of another width; NULL is what
    /// is NULL.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`] if the table has no such column; [`ErrorKind::Conversion`] for a value of another type.
    pub fn equals(&self, name: &str, value: impl Into<Value>) -> Result<Predicate<Record>> {
        let (index, value) = self.fitted(name, value.into())?;
        let operand = column(self.table(), index, None);
        let node = match value {
            Value::Null => Node::IsNull {
                operand: Box::new(operand),
                negated: false,
            },
            value => {
                let value = Node::Param(value, self.mapper().types()[index]);
                operand.binary(Operator::Eq, value)
            }
        };
        Ok(Predicate::from_node(node))
    }

    /// Whether one of the records that a relation leads to fulfils a condition: `artists.any("album", title.eq("x"))?`.
    /// `any("album", true)` asks whether there is one; the relation may be a path, as `"album.track"`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`] if there is no such relation, or it leads to one at most: then ask [`has`](Self::has).
    pub fn any(
        &self,
        relation: &str,
        condition: impl Condition<Record>,
    ) -> Result<Predicate<Record>> {
        self.related(relation, condition.into_condition(), Multiplicity::Many)
    }

    /// Whether there is a record that a relation leads to and it fulfils a condition: `albums.has("artist", name.eq("x"))?`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`] if there is no such relation, or it leads to many: then ask [`any`](Self::any).
    pub fn has(
        &self,
        relation: &str,
        condition: impl Condition<Record>,
    ) -> Result<Predicate<Record>> {
        self.related(relation, condition.into_condition(), Multiplicity::One)
    }

    fn related(
        &self,
        path: &str,
        condition: Node,
        wanted: Multiplicity,
    ) -> Result<Predicate<Record>> {
        let mut steps: Vec<(Arc<Mapper>, u16)> = Vec::new();
        let mut mapper = Arc::clone(self.mapper());
        let mut rest = Some(path);
        let mut leads_to = Multiplicity::One;
        while let Some(path) = rest {
            let (relation, behind) = record::step(&mapper, path)?;
            let descriptor = &mapper.relations()[usize::from(relation)];
            if matches!(
                descriptor.kind(),
                RelationKind::HasMany | RelationKind::ManyToMany
            ) {
                leads_to = Multiplicity::Many;
            }
            let target = descriptor.target();
            steps.push((mapper, relation));
            (mapper, rest) = (target, behind);
        }
        if leads_to != wanted {
            let message = match wanted {
                Multiplicity::Many => {
                    format!("the relation {path} leads to one record at most: ask `has`")
                }
                Multiplicity::One => format!("the relation {path} leads to many: ask `any`"),
            };
            return Err(Error::new(ErrorKind::Mapping, message).entity(self.mapper().name()));
        }
        let inside_out = steps.into_iter().rev();
        let node = inside_out.fold(condition, |condition, (mapper, relation)| {
            UntypedPath::new(&mapper, relation, None, None).exists(condition)
        });
        Ok(Predicate::from_node(node))
    }
}

impl BulkUpdate<Record> {
    /// Sets a column to a value by its name. What does not fit is reported by [`execute`](Self::execute), as by [`Record::set`].
    pub fn set_named(self, column: &str, value: impl Into<Value>) -> Self {
        let records = Records::of(Arc::clone(&self.mapper));
        let fitted = records.fitted(column, value.into());
        let ty = |index: usize| records.mapper().types()[index];
        self.also(fitted.map(|(index, value)| (index, Node::Param(value, ty(index)))))
    }
}

impl Query<Record> {
    /// Joins what a relation leads to; records without a match are left out: `.join("album.track")`. What a path passes on its way
    /// is joined with it, once; however many rows are joined to a record, it is found once.
    pub fn join(self, path: &str) -> Self {
        self.with_path(JoinKind::Inner, path, None)
    }

    /// Joins what a relation leads to; records without a match stay, with NULLs.
    pub fn left_join(self, path: &str) -> Self {
        self.with_path(JoinKind::Left, path, None)
    }

    /// Joins what a relation leads to under another name, which a table that the query reads already needs.
    pub fn join_as(self, path: &str, alias: &Alias<Record>) -> Self {
        self.with_path(JoinKind::Inner, path, Some(alias))
    }

    /// Joins what a relation leads to under another name; records without a match stay, with NULLs.
    pub fn left_join_as(self, path: &str, alias: &Alias<Record>) -> Self {
        self.with_path(JoinKind::Left, path, Some(alias))
    }

    /// Only records whose joined rows, all together, fulfil a condition of aggregates.
    pub fn having(mut self, condition: impl Expression<Type = bool>) -> Self {
        let joined = self.parts.joined.get_or_insert_default();
        also(&mut joined.having, condition.into_node());
        self
    }

    fn with_path(mut self, kind: JoinKind, path: &str, alias: Option<&Alias<Record>>) -> Self {
        if let Err(error) = self.add_path(kind, path, alias) {
            self.refuse(&error);
        }
        self
    }

    fn add_path(
        &mut self,
        kind: JoinKind,
        path: &str,
        alias: Option<&Alias<Record>>,
    ) -> Result<()> {
        let mut mapper = Arc::clone(&self.mapper);
        let mut owner: Option<Arc<str>> = None;
        let mut way = Vec::new();
        let mut rest = Some(path);
        while let Some(path) = rest {
            let (relation, behind) = record::step(&mapper, path)?;
            way.push(relation);
            let target = mapper.relations()[usize::from(relation)].target();
            let alias = alias.filter(|_| behind.is_none());
            check_alias(&target, alias)?;
            let name = alias.map(|alias| Arc::clone(alias.name()));
            let is_known =
                |known: &&JoinedPath| known.path == way && (behind.is_some() || known.name == name);
            let ways = self
                .parts
                .joined
                .as_ref()
                .map_or(&[][..], |joined| &joined.ways);
            owner = match ways.iter().find(is_known) {
                Some(known) => known.name.clone(),
                None => {
                    let step = UntypedPath::new(&mapper, relation, owner, name.clone());
                    self.add_step(kind, &step)?;
                    self.parts
                        .joined
                        .get_or_insert_default()
                        .ways
                        .push(JoinedPath {
                            path: way.clone(),
                            name: name.clone(),
                        });
                    name
                }
            };
            (mapper, rest) = (target, behind);
        }
        Ok(())
    }

    fn add_step(&mut self, kind: JoinKind, step: &UntypedPath) -> Result<()> {
        let own = &self.mapper.table().name;
        let joined: &mut Joins = self.parts.joined.get_or_insert_default();
        let (steps, multiplicity) = step.steps()?;
        joined.multiplies |= multiplicity == Multiplicity::Many;
        for (source, on) in steps {
            let name = source.name();
            if name == own || joined.joins.iter().any(|join| join.source.name() == name) {
                let message = format!("the query reads {name} already: join it under another name");
                return Err(Error::new(ErrorKind::Mapping, message).entity(own));
            }
            joined.joins.push(Join { kind, source, on });
        }
        Ok(())
    }
}

/// Whether an alias is of the table that it shall stand for.
fn check_alias(target: &Mapper, alias: Option<&Alias<Record>>) -> Result<()> {
    match alias {
        Some(alias) if alias.mapper().id() != target.id() => {
            let message = format!(
                "{} is another name of {}, not of {}",
                alias.name(),
                alias.mapper().name(),
                target.name()
            );
            Err(Error::new(ErrorKind::Mapping, message).entity(target.name()))
        }
        _ => Ok(()),
    }
}
