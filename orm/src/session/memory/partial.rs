//! Filtered loading: some members of the collections of many owners, in views that only [`Session::filtered`] reads.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::dialect::Batch;
use crate::entity::Part;
use crate::entity::{Mapped, Mapper, RelationOf, ResolvedRelation, ToMany};
use crate::error::Result;
use crate::render::render_select;
use crate::schema::{Column, ColumnType, Table};
use crate::session::life::transaction::Intent;
use crate::session::memory::any_store::Fill;
use crate::session::read::joined::{add_columns, ascending};
use crate::session::read::lookup::not_connected;
use crate::session::{Handle, ObjectId, Session, State};
use crate::sql::{
    CommonNode, Join, JoinKind, List, Node, Operator, Order, SelectNode, Source, Window, column,
};
use crate::value::{Value, ValueRef, ValueType};

/// The maximum number of keys in one list.
const MOST_KEYS: usize = 512;
/// The same for keys of several columns, each of which is a condition.
const MOST_WIDE_KEYS: usize = 128;

/// The columns that identify owners: their table, positions and types.
struct OwnerKey<'a> {
    table: &'a Arc<Table>,
    columns: &'a [usize],
    types: Vec<ValueType>,
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
        if self.any_store(owner.0).is_expired(owner.1, self.epoch) {
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
        let by = match &resolved.through {
            Some(through) => OwnerKey::new(through.association().table(), through.here()),
            None => OwnerKey::new(mapper.table(), &resolved.remote),
        };
        let mut views: FxHashMap<u32, Vec<u32>> =
            owners.iter().map(|&owner| (owner, Vec::new())).collect();
        let mut owners: Vec<u32> = views.keys().copied().collect();
        owners.sort_unstable();
        let keys = self.key_values(store, &owners);
        let as_of = self.read_epoch();
        let (width, first) = (by.columns.len(), mapper.reading(undefer).len());
        let (mut members, mut owner_keys): (Vec<u32>, Vec<Value>) = (Vec::new(), Vec::new());
        self.ready(Intent::Read)?;
        for keys in self.lists_of_keys(width, &keys) {
            let select = part_select(&mapper, undefer, resolved, &by, part, &keys);
            let rendered = render_select(self.engine.dialect(), &select)?;
            let sql = self.engine.intern(&rendered.sql);
            let any = &mut *self.stores[usize::from(target)].store;
            let connection = self.connection.as_mut().ok_or_else(not_connected)?;
            rendered.with_params(|params| {
                connection.query(&sql, params, &mut |row| {
                    let slot = any
                        .take_row(row, 0, undefer, Fill::Expired, as_of)
                        .map_err(|error| error.entity(mapper.name()))?;
                    let Some(slot) = slot else {
                        return Ok(());
                    };
                    members.push(slot);
                    for (at, &ty) in by.types.iter().enumerate() {
                        owner_keys.push(row.value(first + at, ty)?.to_owned());
                    }
                    Ok(())
                })
            })?;
        }
        self.call_after_loads()?;
        for (&member, key) in members.iter().zip(owner_keys.chunks(width)) {
            let key: Vec<ValueRef<'_>> = key.iter().map(Value::as_ref).collect();
            let owner = match *owners {
                [owner] => Some(owner),
                _ => self.any_store(store).find(&key)?,
            };
            match owner.and_then(|owner| views.get_mut(&owner)) {
                Some(view) => view.push(member),
                None => {
                    // The database considers keys equal that are different here, so query each owner separately.
                    let mut all = Vec::new();
                    for owner in &owners {
                        let owner = std::slice::from_ref(owner);
                        all.extend(self.load_part(
                            store,
                            relation,
                            resolved,
                            owner,
                            (part, undefer),
                        )?);
                    }
                    all.sort_unstable();
                    all.dedup();
                    return Ok(all);
                }
            }
        }
        for (owner, slots) in views {
            self.edges.queried.show((store, owner), relation, slots);
        }
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
    fn new(table: &'a Arc<Table>, columns: &'a [usize]) -> Self {
        let types = columns.iter().map(|&at| table.columns[at].ty.value_type());
        Self {
            table,
            columns,
            types: types.collect(),
        }
    }

    fn nodes(&self) -> impl Iterator<Item = Node> {
        self.columns
            .iter()
            .map(|&index| column(self.table, index, None))
    }

    /// The condition that it is one of some keys.
    fn is_in(&self, keys: &[Value]) -> Node {
        let param = |(value, &ty): (&Value, &ValueType)| Node::Param(value.clone(), ty);
        if let [index] = *self.columns {
            let types = self.types.iter().cycle();
            return Node::In {
                subject: Box::new(column(self.table, index, None)),
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
        let on = ends.map(|(&end, &at)| {
            column(pairs, at, None).binary(Operator::Eq, column(table, end, None))
        });
        node.joins.push(Join {
            kind: JoinKind::Inner,
            source: Source::from(pairs),
            on: Node::All(on.collect()),
        });
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
