//! Filtered loading: some members of the collections of many owners, in views that only [`Session::filtered`] reads.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::dialect::Batch;
use crate::entity::Part;
use crate::entity::{Mapped, Mapper, RelationOf, ResolvedRelation, ToMany};
use crate::error::Result;
use crate::render::render_select;
use crate::schema::{Column, ColumnType, Table};
use crate::session::memory::any_store::Fill;
use crate::session::read::joined::{add_columns, ascending};
use crate::session::read::lookup::{has_text, refuse_repeated};
use crate::session::read::members::OwnedMembers;
use crate::session::{Handle, ObjectId, Session, State};
use crate::sql::{
    CommonNode, Join, JoinKind, List, Node, Operator, Order, SelectNode, Source, Window, column,
};
use crate::value::{Value, ValueType};

/// The maximum number of keys in one list.
const MOST_KEYS: usize = 512;
/// The maximum number of keys of several columns, each of which is a condition.
const MOST_WIDE_KEYS: usize = 128;

/// The columns that identify owners: their table, positions and types, and the table's alias.
struct OwnerKey<'a> {
    table: &'a Arc<Table>,
    columns: &'a [usize],
    types: Vec<ValueType>,
    alias: Option<Arc<str>>,
}

impl Session {
    /// Returns the members of a collection that a query loaded with [`filter`](crate::entity::Relation::filter), in its order; `None` if no
    /// query did. Never sends a statement. The collection itself, as [`load`](Self::load) returns it, is not affected by filtered loading.
    ///
    /// The view contains the members that the query found, and does not follow later changes: a member that no longer matches the
    /// condition, or has another owner, stays in it, and a new one is not added. Objects that were deleted or have left the session since
    /// are omitted. The view exists until the relation is loaded filtered again, its owner is expired (by a commit, a rollback, `expire`,
    /// `refresh` or a bulk statement), or a savepoint is rolled back.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::StaleHandle`](crate::ErrorKind::StaleHandle), [`ErrorKind::ForeignHandle`](crate::ErrorKind::ForeignHandle).
    pub fn filtered<E: Mapped, To: Mapped, K: ToMany>(
        &self,
        owner: Handle<E>,
        relation: impl RelationOf<E, To, K>,
    ) -> Result<Option<Vec<Handle<To>>>> {
        let (owner, relation) = self.end(owner, &relation)?;
        let target = self.known_target(owner.0, relation);
        Ok(target.and_then(|target| self.view(owner, relation, target)))
    }

    /// The members of a collection in the store `target` that filtered loading found.
    pub(in crate::session) fn view<To>(
        &self,
        owner: ObjectId,
        relation: u16,
        target: u16,
    ) -> Option<Vec<Handle<To>>> {
        if self.any_store(owner.0).is_expired(owner.1, self.log.epoch) {
            return None;
        }
        let any = self.any_store(target);
        let slots = self.edges.queried.view(owner, relation)?.iter();
        let slots = slots.filter(|&&slot| any.state(slot) == State::Persistent);
        Some(slots.map(|&slot| self.handle((target, slot))).collect())
    }

    /// Reads some members of the collections of many owners into views, replacing earlier ones; returns all members found.
    pub(in crate::session) fn load_part(
        &mut self,
        store: u16,
        relation: u16,
        resolved: &ResolvedRelation,
        owners: &[u32],
        (part, undefer): (&Part, &[usize]),
    ) -> Result<Vec<u32>> {
        let target = self.target_store(store, relation);
        self.refuse_second_mapping(target)?;
        let mapper = Arc::clone(&self.entry(target).mapper);
        let owner = Arc::clone(&self.entry(store).mapper);
        let by = OwnerKey::of(resolved, &owner, &mapper);
        let mut owners = owners.to_vec();
        owners.sort_unstable();
        owners.dedup();
        let types = by.types.iter().copied();
        let places: Vec<(usize, ValueType)> =
            (mapper.reading(undefer).len()..).zip(types).collect();
        let mut pairs = self.pair_with_owners(store, &owners, &mut |session, owners| {
            let keys = session.key_values(store, owners);
            let mut found = OwnedMembers::default();
            let how = (undefer, Fill::Expired);
            for keys in session.lists_of_keys(by.columns.len(), &keys) {
                let select = part_select(&mapper, undefer, resolved, &by, part, &keys);
                let rendered = render_select(session.engine.dialect(), &select)?;
                let sql = session.engine.intern(&rendered.sql);
                rendered.with_params(|params| {
                    session.read_into(target, &sql, params, how, |slot, row| {
                        found.take(slot, row, &places)
                    })
                })?;
            }
            if resolved.through.is_none() {
                refuse_repeated(session.any_store_mut(target), found.slots())?;
            }
            session.call_after_loads()?;
            Ok(found)
        })?;
        if resolved.through.is_some() {
            self.keep_first(target, &mut pairs)?;
        }
        let mut views: FxHashMap<u32, Vec<u32>> = owners
            .into_iter()
            .map(|owner| (owner, Vec::new()))
            .collect();
        for &(owner, member) in &pairs {
            views.entry(owner).or_default().push(member);
        }
        for (owner, slots) in views {
            self.edges.queried.show((store, owner), relation, slots);
        }
        let mut members: Vec<u32> = pairs.into_iter().map(|(_, member)| member).collect();
        members.sort_unstable();
        members.dedup();
        Ok(members)
    }

    /// Forbids lazy loading of a relation for some objects.
    pub(in crate::session) fn refuse_lazy_loads(
        &mut self,
        store: u16,
        relation: u16,
        slots: &[u32],
    ) {
        for &slot in slots {
            self.edges.queried.refuse((store, slot), relation);
        }
    }

    /// Allows lazy loading of a relation for some objects again.
    pub(crate) fn allow_lazy_loads(&mut self, store: u16, relation: u16, slots: &[u32]) {
        if self.edges.queried.refuses_nothing() {
            return;
        }
        for &slot in slots {
            self.edges.queried.allow((store, slot), relation);
        }
    }

    /// Splits keys into lists, one for each statement. To limit the number of different statements, a list is padded to a power of two by
    /// repeating its last key, unless it is bound as an array.
    fn lists_of_keys(&self, width: usize, keys: &[Value]) -> Vec<Vec<Value>> {
        let most = match self.engine.dialect().batch() {
            Batch::Arrays if width == 1 => return vec![keys.to_vec()],
            Batch::Rows => 1,
            _ if width > 1 => MOST_WIDE_KEYS,
            _ => MOST_KEYS,
        };
        let fill = |list: &[Value]| {
            let size = (list.len() / width).next_power_of_two().min(most);
            let last = &list[list.len() - width..];
            let filled = list.iter().chain(last.iter().cycle());
            filled.take(size * width).cloned().collect()
        };
        keys.chunks(most * width).map(fill).collect()
    }
}

impl<'a> OwnerKey<'a> {
    /// The columns that refer to owners; or the owners' own, if only the database can compare texts, which may have a collation.
    fn of(resolved: &'a ResolvedRelation, owner: &'a Mapper, target: &'a Mapper) -> Self {
        let (table, columns, alias) = match &resolved.through {
            _ if has_text(owner, &resolved.local) => (
                owner.table(),
                &*resolved.local,
                Some("selfsame_owner".into()),
            ),
            Some(through) => (through.association().table(), through.here(), None),
            None => (target.table(), &*resolved.remote, None),
        };
        let types = columns.iter().map(|&at| table.columns[at].ty.value_type());
        Self {
            table,
            columns,
            types: types.collect(),
            alias,
        }
    }

    fn node(&self, index: usize) -> Node {
        column(self.table, index, self.alias.as_ref())
    }

    fn nodes(&self) -> impl Iterator<Item = Node> {
        self.columns.iter().map(|&index| self.node(index))
    }

    /// The join with the owners, if their own columns are used: `here` are those that refer to them.
    fn join(&self, table: &Arc<Table>, here: &[usize]) -> Option<Join> {
        let alias = self.alias.as_ref()?;
        // The referenced side is written first, because some databases use the collation of the first operand.
        Some(inner_join(
            Source::aliased(self.table, Arc::clone(alias)),
            self.nodes()
                .zip(here.iter().map(|&at| column(table, at, None))),
        ))
    }

    /// The condition that the columns hold one of some keys.
    fn is_in(&self, keys: &[Value]) -> Node {
        let param = |(value, &ty): (&Value, &ValueType)| Node::Param(value.clone(), ty);
        if let [index] = *self.columns {
            let types = self.types.iter().cycle();
            return Node::In {
                subject: Box::new(self.node(index)),
                list: List::Nodes(keys.iter().zip(types).map(param).collect()),
                negated: false,
            };
        }
        let is_key = |key: &[Value]| {
            let values = key.iter().zip(&self.types).map(param);
            let equal = self.nodes().zip(values);
            Node::All(equal.map(|(a, b)| a.binary(Operator::Eq, b)).collect())
        };
        Node::Any(keys.chunks(self.columns.len()).map(is_key).collect())
    }
}

/// The query for the members, with the key of the owner after the columns of each.
fn part_select(
    mapper: &Mapper,
    undefer: &[usize],
    resolved: &ResolvedRelation,
    by: &OwnerKey<'_>,
    part: &Part,
    keys: &[Value],
) -> SelectNode {
    let table = mapper.table();
    let mut node = SelectNode::default();
    add_columns(&mut node, mapper, undefer, None);
    node.columns.extend(by.nodes());
    node.types.extend(&by.types);
    node.from = Some(Source::from(table));
    if let Some(through) = &resolved.through {
        let pairs = through.association().table();
        let ends = table.primary_key.iter().zip(through.there());
        let ends = ends.map(|(&end, &at)| (column(table, end, None), column(pairs, at, None)));
        node.joins.push(inner_join(Source::from(pairs), ends));
        node.joins.extend(by.join(pairs, through.here()));
    } else {
        node.joins.extend(by.join(table, &resolved.remote));
    }
    node.filter = Some(match &part.filter {
        Some(filter) => by.is_in(keys).and(filter.clone()),
        None => by.is_in(keys),
    });
    let declared = resolved.order_by.iter().map(|&(at, descending)| Order {
        descending,
        ..ascending(table, at, None)
    });
    let key = table.primary_key.iter();
    node.order = part.order.clone();
    node.order.extend(declared);
    node.order.extend(key.map(|&at| ascending(table, at, None)));
    match part.limit {
        Some(limit) => first_of_each(node, by, limit),
        None => node,
    }
}

fn inner_join(source: Source, equal: impl Iterator<Item = (Node, Node)>) -> Join {
    let on = equal.map(|(a, b)| a.binary(Operator::Eq, b));
    Join {
        kind: JoinKind::Inner,
        source,
        on: Node::All(on.collect()),
    }
}

/// Limits the rows per owner, with ROW_NUMBER.
fn first_of_each(mut rows: SelectNode, by: &OwnerKey<'_>, limit: u64) -> SelectNode {
    let number = Node::Window {
        function: Box::new(Node::Function {
            name: "ROW_NUMBER".into(),
            arguments: Vec::new(),
        }),
        window: Box::new(Window {
            partition: by.nodes().collect(),
            order: std::mem::take(&mut rows.order),
            ..Window::default()
        }),
    };
    let types = rows.types.clone();
    rows.columns.push(number);
    rows.types.push(ValueType::I64);
    let names = (1..).zip(&rows.types);
    let table = names.fold(Table::build("selfsame_part"), |table, (at, &ty)| {
        table.column(Column::new(format!("c{at}"), ColumnType::of(ty)))
    });
    let table = Arc::new(table);
    let number = column(&table, types.len(), None);
    // Databases limit rows to 63 bits; a greater limit means all rows.
    let limit = Value::I64(i64::try_from(limit).unwrap_or(i64::MAX));
    SelectNode {
        columns: (0..types.len())
            .map(|at| column(&table, at, None))
            .collect(),
        types,
        from: Some(Source {
            common: Some(Arc::new(CommonNode {
                first: rows,
                step: None,
            })),
            ..Source::from(&table)
        }),
        order: vec![ascending(&table, table.columns.len() - 1, None)],
        filter: Some(number.binary(Operator::Le, Node::Param(limit, ValueType::I64))),
        ..SelectNode::default()
    }
}
