//! Relations in expressions: conditions on related objects, and joins along relations.

use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::sync::Arc;

use crate::entity::{
    Cardinality, Entity, Many, Mapped, Mapper, OwnerMapping, Relation, RelationKind, ToOne,
};
use crate::error::Result;
use crate::schema::Table;
use crate::sql::{
    Alias, ColumnRef, Condition, Expr, Join, JoinKind, Node, Operator, Predicate, SelectNode,
    Source,
};

/// A relation whose ends are aliased: from scope `S` to scope `D`. Built by [`Relation::of`] and [`Relation::to`].
///
/// ```
#[doc = include_str!("../docs/tree.txt")]
/// use selfsame::sql::alias;
///
/// let parent = alias::<Node>("parent");
/// let below_root = Node::query()
///     .join(Node::PARENT.to(&parent))
///     .filter(parent.column(Node::LABEL).eq("root"));
/// ```
pub struct AliasedRelation<S, D, K> {
    relation: u16,
    mapper: Arc<Mapper>,
    owner: Option<Arc<str>>,
    target: Option<Arc<str>>,
    marker: PhantomData<Ends<S, D, K>>,
}

type Ends<S, D, K> = fn() -> (S, D, K);

/// A relation to join along: a [`Relation`] or an [`AliasedRelation`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a relation to join along",
    label = "not a relation",
    note = "join along a relation, as in `.join(User::TASKS)`; `join_on` joins a table on a condition"
)]
pub trait Path {
    /// The scope of the owner.
    type From;

    /// Returns the untyped relation.
    fn into_path(self) -> UntypedPath;
}

/// An untyped relation with the aliases of its ends.
#[derive(Clone, Debug)]
pub struct UntypedPath {
    mapper: Arc<Mapper>,
    relation: u16,
    owner: Option<Arc<str>>,
    target: Option<Arc<str>>,
}

impl<E: Mapped, To: Mapped, K, M: OwnerMapping<E>> Relation<E, To, K, M> {
    /// Starts from an aliased table.
    pub fn of(self, owner: &Alias<E>) -> AliasedRelation<Alias<E>, To, K> {
        AliasedRelation {
            owner: Some(Arc::clone(owner.name())),
            ..self.aliased()
        }
    }

    /// Joins the target under an alias; required if the query uses that table already.
    pub fn to(self, target: &Alias<To>) -> AliasedRelation<E, Alias<To>, K> {
        AliasedRelation {
            target: Some(Arc::clone(target.name())),
            ..self.aliased()
        }
    }

    fn aliased<S, D>(self) -> AliasedRelation<S, D, K> {
        AliasedRelation {
            relation: self.index(),
            mapper: Arc::clone(self.mapper()),
            owner: None,
            target: None,
            marker: PhantomData,
        }
    }
}

impl<E: Mapped, To: Mapped, M: OwnerMapping<E>> Relation<E, To, Many, M> {
    /// Tests whether any related object satisfies a condition: `User::TASKS.any(Task::DONE.eq(false))`. `any(true)` tests whether there is
    /// one.
    pub fn any(self, condition: impl Condition<To>) -> Predicate<E> {
        self.aliased::<E, To>().any(condition)
    }
}

impl<E: Mapped, To: Mapped, K: ToOne, M: OwnerMapping<E>> Relation<E, To, K, M> {
    /// Tests whether the related object exists and satisfies a condition: `Task::USER.has(User::NAME.eq("ann"))`.
    pub fn has(self, condition: impl Condition<To>) -> Predicate<E> {
        self.aliased::<E, To>().has(condition)
    }
}

impl<S, D, K: ToOne> AliasedRelation<S, D, K> {
    /// Tests whether the related object exists and satisfies a condition.
    pub fn has(self, condition: impl Condition<D>) -> Predicate<S> {
        Expr::from_node(self.path().exists(condition.into_condition()))
    }
}

impl<S, D> AliasedRelation<S, D, Many> {
    /// Tests whether any related object satisfies a condition.
    pub fn any(self, condition: impl Condition<D>) -> Predicate<S> {
        Expr::from_node(self.path().exists(condition.into_condition()))
    }
}

impl<E, To: Entity, K> AliasedRelation<Alias<E>, To, K> {
    /// Joins the target under an alias.
    pub fn to(self, target: &Alias<To>) -> AliasedRelation<Alias<E>, Alias<To>, K> {
        AliasedRelation {
            relation: self.relation,
            mapper: self.mapper,
            owner: self.owner,
            target: Some(Arc::clone(target.name())),
            marker: PhantomData,
        }
    }
}

impl<S, D, K> AliasedRelation<S, D, K> {
    fn path(self) -> UntypedPath {
        UntypedPath {
            mapper: self.mapper,
            relation: self.relation,
            owner: self.owner,
            target: self.target,
        }
    }
}

impl<E: Entity, To: Entity, K: Cardinality> Path for Relation<E, To, K> {
    type From = E;

    fn into_path(self) -> UntypedPath {
        self.aliased::<E, To>().path()
    }
}

impl<S, D, K: Cardinality> Path for AliasedRelation<S, D, K> {
    type From = S;

    fn into_path(self) -> UntypedPath {
        self.path()
    }
}

impl UntypedPath {
    /// A relation by its index, with the aliases of its ends.
    pub(crate) fn new(
        mapper: &Arc<Mapper>,
        relation: u16,
        owner: Option<Arc<str>>,
        target: Option<Arc<str>>,
    ) -> Self {
        Self {
            mapper: Arc::clone(mapper),
            relation,
            owner,
            target,
        }
    }

    /// The tables to join with their conditions, and whether one row can match several.
    pub(crate) fn steps(&self) -> Result<(Vec<(Source, Node)>, Multiplicity)> {
        let resolved = &self.mapper.resolved()?[usize::from(self.relation)];
        let target = self.mapper.relations()[usize::from(self.relation)].target();
        let mut steps = Vec::with_capacity(2);
        let mut here = Columns(self.mapper.table(), &resolved.local, self.owner.as_ref());
        let pairs = self
            .target
            .as_ref()
            .map(|name| format!("{name}_pairs").into());
        if let Some(through) = &resolved.through {
            let table = through.association().table();
            steps.push(step(here, Columns(table, through.here(), pairs.as_ref())));
            here = Columns(table, through.there(), pairs.as_ref());
        }
        let there = Columns(target.table(), &resolved.remote, self.target.as_ref());
        steps.push(step(here, there));
        let multiplicity = match resolved.kind {
            RelationKind::BelongsTo => Multiplicity::One,
            _ => Multiplicity::Many,
        };
        Ok((steps, multiplicity))
    }

    /// EXISTS a related row that satisfies the condition.
    pub(crate) fn exists(mut self, mut condition: Node) -> Node {
        let relation = &self.mapper.relations()[usize::from(self.relation)];
        let target = Arc::clone(relation.target().table());
        if self.target.is_none() && self.owner.is_none() && target.name == self.mapper.table().name
        {
            // The condition uses the table's own name for the inner row, but the outer query has this name.
            let name = unused_name(relation.name(), &condition);
            condition.rename(&target, &name);
            self.target = Some(name);
        }
        let steps = match self.steps() {
            Ok((steps, _)) => steps,
            Err(error) => return Node::Invalid(error.kind(), error.message().into()),
        };
        let mut query = SelectNode::default();
        query.columns.push(Node::Raw("1".into()));
        let mut filter = condition;
        for (source, on) in steps {
            match &query.from {
                None => {
                    query.from = Some(source);
                    filter = on.and(filter);
                }
                Some(_) => query.joins.push(Join {
                    kind: JoinKind::Inner,
                    source,
                    on,
                }),
            }
        }
        query.filter = Some(filter);
        Node::Exists(Box::new(query))
    }
}

/// Columns of a table, and its alias.
#[derive(Clone, Copy)]
struct Columns<'a>(&'a Arc<Table>, &'a [usize], Option<&'a Arc<str>>);

/// The table of `there`, and the condition that its columns are equal to those of `here`.
fn step(here: Columns<'_>, there: Columns<'_>) -> (Source, Node) {
    let pairs = here.1.iter().zip(there.1);
    let on = pairs
        .map(|(&a, &b)| column(there.0, b, there.2).binary(Operator::Eq, column(here.0, a, here.2)))
        .reduce(Node::and)
        .unwrap_or(Node::All(Vec::new()));
    let source = match there.2 {
        Some(name) => Source::aliased(there.0, Arc::clone(name)),
        None => Source::from(there.0),
    };
    (source, on)
}

/// The number of rows that can match one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Multiplicity {
    /// At most one.
    One,
    /// Any number.
    Many,
}

/// The relation's name, with a number appended if a nested query uses it.
fn unused_name(name: &str, condition: &Node) -> Arc<str> {
    let mut found: Arc<str> = name.into();
    for number in 2.. {
        if !condition.uses_name(&found) {
            break;
        }
        found = format!("{name}_{number}").into();
    }
    found
}

pub(crate) fn column(table: &Arc<Table>, index: usize, alias: Option<&Arc<str>>) -> Node {
    Node::Column(ColumnRef {
        table: Arc::clone(table),
        index,
        alias: alias.cloned(),
    })
}

impl<S, D, K> Clone for AliasedRelation<S, D, K> {
    fn clone(&self) -> Self {
        Self {
            relation: self.relation,
            mapper: Arc::clone(&self.mapper),
            owner: self.owner.clone(),
            target: self.target.clone(),
            marker: PhantomData,
        }
    }
}

impl<S, D, K> Debug for AliasedRelation<S, D, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.mapper.relations()[usize::from(self.relation)].name();
        write!(f, "{}.{name}", self.mapper.name())
    }
}
