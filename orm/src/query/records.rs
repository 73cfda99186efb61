//! Queries for records, with relations and columns given by name.

use std::ops::Range;
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
    /// Starts a query for records of this table. Unknown relations and columns are an [`ErrorKind::Mapping`] when it runs, naming the table
    /// and the relation or column.
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

    /// Gives the table another name, required if a query uses it twice.
    pub fn alias(&self, name: &str) -> Alias<Record> {
        Alias::new(self.mapper(), name)
    }

    /// Builds a condition that a column has a value, without naming its type: `users.equals("name", "ann")?`. An integer may have another
    /// width; a NULL value tests for NULL.
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

    /// Builds a condition that any related record satisfies a condition: `artists.any("album", title.eq("x"))?`. `any("album", true)` tests
    /// whether there is one; the relation may be a path like `"album.track"`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`] if there is no such relation, or if it is to-one: use [`has`](Self::has).
    pub fn any(
        &self,
        relation: &str,
        condition: impl Condition<Record>,
    ) -> Result<Predicate<Record>> {
        self.related(relation, condition.into_condition(), Multiplicity::Many)
    }

    /// Builds a condition that the related record exists and satisfies a condition: `albums.has("artist", name.eq("x"))?`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`] if there is no such relation, or if it is to-many: use [`any`](Self::any).
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
            let (relation, remaining) = record::step(&mapper, path)?;
            let descriptor = &mapper.relations()[usize::from(relation)];
            if matches!(
                descriptor.kind(),
                RelationKind::HasMany | RelationKind::ManyToMany
            ) {
                leads_to = Multiplicity::Many;
            }
            let target = descriptor.target();
            steps.push((mapper, relation));
            (mapper, rest) = (target, remaining);
        }
        if leads_to != wanted {
            let message = match wanted {
                Multiplicity::Many => {
                    format!("the relation {path} refers to at most one record: use `has`")
                }
                Multiplicity::One => {
                    format!("the relation {path} refers to many records: use `any`")
                }
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
    /// Sets a column to a value, by name. Values that do not fit are reported by [`execute`](Self::execute), like by [`Record::set`].
    pub fn set_named(self, column: &str, value: impl Into<Value>) -> Self {
        let records = Records::of(Arc::clone(&self.mapper));
        let fitted = records.fitted(column, value.into());
        let ty = |index: usize| records.mapper().types()[index];
        self.also(fitted.map(|(index, value)| (index, Node::Param(value, ty(index)))))
    }
}

impl Query<Record> {
    /// Joins the target of a relation or path; records without a match are omitted: `.join("album.track")`. The tables along the path are
    /// joined too, each once. A record is found once, however many joined rows it has.
    pub fn join(self, path: &str) -> Self {
        self.with_path(JoinKind::Inner, path, None)
    }

    /// Joins the target of a relation; records without a match are kept, with NULLs.
    pub fn left_join(self, path: &str) -> Self {
        self.with_path(JoinKind::Left, path, None)
    }

    /// Joins the target of a relation under an alias, required if the query uses the table already.
    pub fn join_as(self, path: &str, alias: &Alias<Record>) -> Self {
        self.with_path(JoinKind::Inner, path, Some(alias))
    }

    /// Joins the target of a relation under an alias; records without a match are kept, with NULLs.
    pub fn left_join_as(self, path: &str, alias: &Alias<Record>) -> Self {
        self.with_path(JoinKind::Left, path, Some(alias))
    }

    /// Keeps only records whose joined rows satisfy a condition on aggregates.
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
            let (relation, remaining) = record::step(&mapper, path)?;
            way.push(relation);
            let target = mapper.relations()[usize::from(relation)].target();
            let alias = alias.filter(|_| remaining.is_none());
            check_alias(&target, alias)?;
            let name = alias.map(|alias| Arc::clone(alias.name()));
            let is_known = |known: &&JoinedPath| {
                known.path == way && (remaining.is_some() || known.name == name)
            };
            let joined: &mut Joins = self.parts.joined.get_or_insert_default();
            owner = match joined.ways.iter().find(is_known) {
                Some(known) => {
                    // Records without a match are omitted if any of the joins omits them.
                    if kind == JoinKind::Inner {
                        let joins = &mut joined.joins[known.joins.clone()];
                        joins.iter_mut().for_each(|join| join.kind = kind);
                    }
                    known.name.clone()
                }
                None => {
                    let step = UntypedPath::new(&mapper, relation, owner, name.clone());
                    let joins = add_step(joined, &self.mapper, kind, &step)?;
                    joined.ways.push(JoinedPath {
                        path: way.clone(),
                        name: name.clone(),
                        joins,
                    });
                    name
                }
            };
            (mapper, rest) = (target, remaining);
        }
        Ok(())
    }
}

/// Joins the tables of a step; returns the positions of the joins.
fn add_step(
    joined: &mut Joins,
    mapper: &Mapper,
    kind: JoinKind,
    step: &UntypedPath,
) -> Result<Range<usize>> {
    let own = &mapper.table().name;
    let (steps, multiplicity) = step.steps()?;
    joined.multiplies |= multiplicity == Multiplicity::Many;
    let first = joined.joins.len();
    for (source, on) in steps {
        let name = source.name();
        if name == own || joined.joins.iter().any(|join| join.source.name() == name) {
            let message = format!("the query uses {name} already: join it under an alias");
            return Err(Error::new(ErrorKind::Mapping, message).entity(own));
        }
        joined.joins.push(Join { kind, source, on });
    }
    Ok(first..joined.joins.len())
}

/// Checks that an alias belongs to the target table.
fn check_alias(target: &Mapper, alias: Option<&Alias<Record>>) -> Result<()> {
    match alias {
        Some(alias) if alias.mapper().id() != target.id() => {
            let message = format!(
                "{} is an alias of {}, not of {}",
                alias.name(),
                alias.mapper().name(),
                target.name()
            );
            Err(Error::new(ErrorKind::Mapping, message).entity(target.name()))
        }
        _ => Ok(()),
    }
}
