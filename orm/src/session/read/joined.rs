//! Joined loading: objects and their related objects in one statement, by outer joins.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::entity::{Fetch, Loading, Mapper, RelationKind, ResolvedRelation};
use crate::error::Result;
use crate::render::render_select;
use crate::schema::Table;
use crate::session::read::lookup::doubled;
use crate::session::{Fill, ObjectId, Session, StoreEntry};
use crate::sql::{
    Join, JoinKind, List, Node, Operator, Order, RowLock, SelectNode, Source, column,
};
use crate::value::ValueType;

/// The untyped part of a query.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Selection<'a> {
    pub(crate) filter: Option<&'a Node>,
    pub(crate) order: &'a [Order],
    pub(crate) limit: Option<u64>,
    pub(crate) offset: Option<u64>,
    /// The joins.
    pub(crate) joined: Option<&'a Joins>,
    pub(crate) lock: Option<RowLock>,
    pub(crate) fill: Fill,
    /// The deferred columns to load.
    pub(crate) undefer: &'a [usize],
}

/// The joins of a query.
#[derive(Clone, Debug, Default)]
pub(crate) struct Joins {
    pub(crate) joins: Vec<Join>,
    /// The joined relations of records.
    pub(crate) ways: Vec<JoinedPath>,
    pub(crate) having: Option<Node>,
    pub(crate) pages: Vec<Page>,
    /// Whether joins may repeat a row of the query's own table.
    pub(crate) multiplies: bool,
}

/// The condition of a page whose keys use joined tables.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// If each object has one row.
    pub(crate) of_rows: Node,
    /// If the rows of an object are grouped.
    pub(crate) of_groups: Node,
}

/// A joined relation: the indexes of the relations from the query's own table, the alias of its target, and its joins.
#[derive(Clone, Debug)]
pub(crate) struct JoinedPath {
    pub(crate) path: Vec<u16>,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) joins: Range<usize>,
}

/// One joined relation.
struct JoinedRelation {
    /// The joined table that it starts from; `None` is the query's own.
    from: Option<usize>,
    owner_store: u16,
    relation: u16,
    resolved: Arc<ResolvedRelation>,
    store: u16,
    alias: Arc<str>,
    /// Whether each member has at most one owner: false for many-to-many relations, and if the database may consider different texts equal.
    has_one_owner: bool,
    /// The position of its first column in a row.
    at: usize,
    /// The deferred columns to load.
    undefer: Vec<usize>,
    /// Nested relations that are loaded with separate statements.
    later: Vec<Loading>,
}

impl Session {
    /// Whether a query can load these by joins. LIMIT must count the query's own rows, which requires a single-column key if a collection
    /// multiplies them, and the query must not have joins itself.
    pub(crate) fn can_join(
        &self,
        store: u16,
        loadings: &[Loading],
        selection: &Selection<'_>,
    ) -> bool {
        let joins = loadings
            .iter()
            .any(|loading| loading.fetch == Fetch::Joined);
        let limited = selection.limit.is_some() || selection.offset.is_some();
        joins
            && selection.joined.is_none()
            && selection.lock.is_none()
            && (!limited || self.entry(store).mapper.table().primary_key.len() == 1)
    }

    /// Runs a query with joined relations; returns the slots of its own objects in order.
    pub(crate) fn query_joined(
        &mut self,
        store: u16,
        selection: &Selection<'_>,
        loadings: &[Loading],
    ) -> Result<Vec<u32>> {
        self.autoflush()?;
        let mut joins = Vec::new();
        let mut width = self.entry(store).mapper.reading(selection.undefer).len();
        self.collect_joins(None, store, loadings, &mut width, &mut joins)?;
        let node = self.joined_select(store, selection, &joins);
        let rendered = render_select(self.engine.dialect(), &node)?;
        let sql = self.engine.intern(&rendered.sql);
        let mut reached = Reached::new(&joins);
        let fill = selection.fill;
        self.reading()?;
        let Self {
            connection,
            stores,
            log,
            ..
        } = self;
        let connection = connection
            .as_mut()
            .ok_or_else(crate::session::read::lookup::not_connected)?;
        rendered.with_params(|params| {
            connection.query(&sql, params, &mut |row| {
                reached.take(stores, store, &joins, |any, join| {
                    let (at, undefer) =
                        join.map_or((0, selection.undefer), |join| (join.at, &*join.undefer));
                    any.take_row(row, at, undefer, fill, log)
                })
            })
        })?;
        let repeated = std::mem::take(&mut reached.repeated);
        for (&store, slots) in &repeated {
            self.refuse_doubled(store, slots.clone())?;
        }
        let pairs = joins.iter().any(|join| join.resolved.through.is_some());
        if let Some(&slot) = repeated
            .get(&store)
            .and_then(|own| own.first())
            .filter(|_| !pairs)
        {
            return Err(doubled(self.any_store_mut(store), slot));
        }
        if fill == Fill::Always {
            self.forget_relations_of(store, &reached.slots)?;
            for (join, objects) in joins.iter().zip(&reached.joins) {
                let slots: Vec<u32> = objects.met.iter().collect();
                self.forget_relations_of(join.store, &slots)?;
            }
        }
        let slots = reached.fill(self, &joins);
        self.call_after_loads()?;
        for (join, reached) in joins.iter().zip(&reached.joins) {
            if !join.later.is_empty() {
                let found: Vec<u32> = reached.met.iter().collect();
                self.load_relations(join.store, &found, &join.later)?;
            }
        }
        Ok(slots)
    }

    fn collect_joins(
        &mut self,
        from: Option<usize>,
        store: u16,
        loadings: &[Loading],
        width: &mut usize,
        joins: &mut Vec<JoinedRelation>,
    ) -> Result<()> {
        for loading in loadings
            .iter()
            .filter(|loading| loading.fetch == Fetch::Joined)
        {
            let resolved = self.relation(store, loading.relation)?;
            let target = self.target_store(store, loading.relation);
            self.refuse_second_mapping(target)?;
            self.entry(target).mapper.check_deferred(&loading.undefer)?;
            let (nested, mut later): (Vec<Loading>, Vec<Loading>) = loading
                .nested
                .iter()
                .cloned()
                .partition(|nested| nested.fetch == Fetch::Joined);
            let way = (self.entry(store).mapper.id(), loading.relation);
            later.extend(
                self.default_loadings_beside(target, &loading.nested, |relation| {
                    relation == way || self.is_joined(joins, from, relation)
                }),
            );
            let index = joins.len();
            let types = self.entry(target).mapper.types();
            let has_one_owner = resolved.through.is_none()
                && resolved
                    .remote
                    .iter()
                    .all(|&column| types[column] != ValueType::Text);
            joins.push(JoinedRelation {
                from,
                owner_store: store,
                relation: loading.relation,
                resolved,
                store: target,
                has_one_owner,
                alias: format!("joined_{}", index + 1).into(),
                at: *width,
                undefer: loading.undefer.clone(),
                later,
            });
            *width += self.entry(target).mapper.reading(&loading.undefer).len();
            self.collect_joins(Some(index), target, &nested, width, joins)?;
        }
        Ok(())
    }

    /// Whether a relation on this path is joined.
    fn is_joined(
        &self,
        joins: &[JoinedRelation],
        from: Option<usize>,
        relation: (u64, u16),
    ) -> bool {
        let join = |at: Option<usize>| Some(&joins[at?]);
        let mut along = std::iter::successors(join(from), |last| join(last.from));
        along.any(|join| {
            let owner = &self.entry(join.owner_store).mapper;
            (owner.id(), join.relation) == relation
        })
    }

    fn joined_select(
        &self,
        store: u16,
        selection: &Selection<'_>,
        joins: &[JoinedRelation],
    ) -> SelectNode {
        let mapper = &self.entry(store).mapper;
        let table = mapper.table();
        let mut node = SelectNode::default();
        add_columns(&mut node, mapper, selection.undefer, None);
        node.from = Some(Source::from(table));
        node.order = selection.order.to_vec();
        let multiplies = joins
            .iter()
            .any(|join| join.resolved.kind != RelationKind::BelongsTo);
        if multiplies {
            node.order.extend(
                table
                    .primary_key
                    .iter()
                    .map(|&column| ascending(table, column, None)),
            );
        }
        for join in joins {
            let mapper = &self.entry(join.store).mapper;
            let target = mapper.table();
            add_columns(&mut node, mapper, &join.undefer, Some(&join.alias));
            let from = join.from.map(|from| &joins[from]);
            let owner = from.map_or(table, |from| self.entry(from.store).mapper.table());
            let mut here: Columns<'_> = (owner, &join.resolved.local, from.map(|from| &from.alias));
            let pairs: Arc<str> = format!("{}_pairs", join.alias).into();
            if let Some(through) = &join.resolved.through {
                let table = through.association().table();
                let source = Source::aliased(table, Arc::clone(&pairs));
                let there = (table, through.here(), Some(&pairs));
                node.joins.push(left_join(source, here, there));
                here = (table, through.there(), Some(&pairs));
            }
            let source = Source::aliased(target, Arc::clone(&join.alias));
            let there = (target, &join.resolved.remote[..], Some(&join.alias));
            // The referenced side is written first, because some databases use the collation of the first operand.
            let (referenced, referring) = match join.resolved.through {
                Some(_) => (there, here),
                None => (here, there),
            };
            node.joins.push(left_join(source, referenced, referring));
            if matches!(
                join.resolved.kind,
                RelationKind::HasMany | RelationKind::ManyToMany
            ) {
                node.order.extend(
                    join.resolved
                        .order_by
                        .iter()
                        .map(|&(at, descending)| Order {
                            descending,
                            ..ascending(target, at, Some(&join.alias))
                        }),
                );
                node.order.extend(
                    target
                        .primary_key
                        .iter()
                        .map(|&at| ascending(target, at, Some(&join.alias))),
                );
            }
        }
        let limited = selection.limit.is_some() || selection.offset.is_some();
        if multiplies && limited {
            // LIMIT must count the query's own rows, so they are selected in a subquery.
            let key = table.primary_key[0];
            let mut chosen = SelectNode::default();
            chosen.columns.push(column(table, key, None));
            chosen.types.push(self.entry(store).mapper.types()[key]);
            chosen.from = Some(Source::from(table));
            chosen.filter = selection.filter.cloned();
            chosen.order = selection.order.to_vec();
            (chosen.limit, chosen.offset) = (selection.limit, selection.offset);
            let (subject, list) = (
                Box::new(column(table, key, None)),
                List::Subquery(Box::new(chosen)),
            );
            node.filter = Some(Node::In {
                subject,
                list,
                negated: false,
            });
        } else {
            node.filter = selection.filter.cloned();
            (node.limit, node.offset) = (selection.limit, selection.offset);
        }
        node
    }
}

/// Columns of a table under an alias.
type Columns<'a> = (&'a Arc<Table>, &'a [usize], Option<&'a Arc<str>>);

fn left_join(source: Source, first: Columns<'_>, second: Columns<'_>) -> Join {
    let pairs = first.1.iter().zip(second.1).map(|(&a, &b)| {
        column(first.0, a, first.2).binary(Operator::Eq, column(second.0, b, second.2))
    });
    Join {
        kind: JoinKind::Left,
        source,
        on: pairs.reduce(Node::and).unwrap_or(Node::All(Vec::new())),
    }
}

pub(in crate::session) fn add_columns(
    node: &mut SelectNode,
    mapper: &Mapper,
    undefer: &[usize],
    alias: Option<&Arc<str>>,
) {
    for &index in &*mapper.reading(undefer) {
        node.columns.push(column(mapper.table(), index, alias));
        node.types.push(mapper.types()[index]);
    }
}

pub(in crate::session) fn ascending(
    table: &Arc<Table>,
    index: usize,
    alias: Option<&Arc<str>>,
) -> Order {
    Order {
        node: column(table, index, alias),
        descending: false,
        nulls: None,
    }
}

/// The objects found in the rows of a joined query.
struct Reached {
    /// The query's own objects, each once, in order.
    slots: Vec<u32>,
    met: SlotSet,
    /// The objects of repeated rows, by store: one of them, or a pair of an association table, has several rows.
    repeated: BTreeMap<u16, Vec<u32>>,
    repeats: Repeats,
    joins: Vec<JoinedObjects>,
    /// The object of each join in the current row, and whether it is new.
    row: Vec<Option<(u32, bool)>>,
}

/// The way in which a repeated row is detected.
enum Repeats {
    /// No join multiplies the query's own rows.
    Own,
    /// This join alone multiplies them, once for each member.
    Member(usize),
    /// Several joins multiply them; holds the row's own object and those of these joins, on which all others depend, for each row.
    Rows {
        multiplying: Vec<usize>,
        met: FxHashSet<Box<[Option<u32>]>>,
    },
}

/// The objects found along one join.
#[derive(Default)]
struct JoinedObjects {
    met: SlotSet,
    /// Owners and their members, in order.
    collections: Vec<(u32, Vec<u32>)>,
    /// The index of each owner, built when an owner other than the last one recurs.
    places: Option<FxHashMap<u32, usize>>,
    /// The pairs of owner and member found so far, if a member may have several owners.
    pairs: FxHashSet<(u32, u32)>,
}

impl JoinedObjects {
    /// The members of an owner.
    fn members(&mut self, owner: u32, is_new: bool) -> &mut Vec<u32> {
        let last = self.collections.len();
        let at = match self.collections.last() {
            // Consecutive rows usually have the same owner.
            Some((known, _)) if *known == owner => last - 1,
            _ if is_new => last,
            _ => {
                let collections = self.collections.iter().map(|(owner, _)| *owner);
                let places = self
                    .places
                    .get_or_insert_with(|| collections.zip(0..).collect());
                places.get(&owner).copied().unwrap_or(last)
            }
        };
        if at == last {
            self.collections.push((owner, Vec::new()));
            if let Some(places) = &mut self.places {
                places.insert(owner, at);
            }
        }
        &mut self.collections[at].1
    }
}

impl Reached {
    fn new(joins: &[JoinedRelation]) -> Self {
        let multiplies = |at: &usize| joins[*at].resolved.kind != RelationKind::BelongsTo;
        let multiplying: Vec<usize> = (0..joins.len()).filter(multiplies).collect();
        let repeats = match multiplying[..] {
            [] => Repeats::Own,
            // The members of a related object are repeated with each object that refers to it.
            [at] if joins[at].from.is_none() => Repeats::Member(at),
            _ => Repeats::Rows {
                multiplying,
                met: FxHashSet::default(),
            },
        };
        Self {
            slots: Vec::new(),
            met: SlotSet::default(),
            repeated: BTreeMap::new(),
            repeats,
            joins: std::iter::repeat_with(JoinedObjects::default)
                .take(joins.len())
                .collect(),
            row: Vec::with_capacity(joins.len()),
        }
    }

    fn take(
        &mut self,
        stores: &mut [StoreEntry],
        store: u16,
        joins: &[JoinedRelation],
        mut hydrate: impl FnMut(
            &mut dyn crate::session::AnyStore,
            Option<&JoinedRelation>,
        ) -> Result<Option<u32>>,
    ) -> Result<()> {
        let Some(own) = hydrate(&mut *stores[usize::from(store)].store, None)? else {
            return Ok(());
        };
        let own = (own, self.met.insert(own));
        if own.1 {
            self.slots.push(own.0);
        }
        let mut comes_again = !own.1 && matches!(self.repeats, Repeats::Own);
        self.row.clear();
        for (at, (join, reached)) in joins.iter().zip(&mut self.joins).enumerate() {
            let owner = join.from.map_or(Some(own), |from| self.row[from]);
            let slot = match owner {
                Some(_) => hydrate(&mut *stores[usize::from(join.store)].store, Some(join))?,
                None => None,
            };
            let found = slot.map(|slot| (slot, reached.met.insert(slot)));
            self.row.push(found);
            let Some((owner, is_new)) = owner else {
                continue;
            };
            if join.resolved.kind == RelationKind::BelongsTo {
                continue;
            }
            // Several collections multiply each other's rows.
            let member = found.filter(|&(slot, is_new)| match join.has_one_owner {
                true => is_new,
                false => reached.pairs.insert((owner, slot)),
            });
            if matches!(self.repeats, Repeats::Member(only) if only == at) {
                comes_again = !is_new && member.is_none();
            }
            let members = reached.members(owner, is_new);
            members.extend(member.map(|(slot, _)| slot));
        }
        let found = |found: &Option<(u32, bool)>| found.map(|(slot, _)| slot);
        if let Repeats::Rows { multiplying, met } = &mut self.repeats {
            let objects = multiplying.iter().map(|&at| found(&self.row[at]));
            let objects = std::iter::once(Some(own.0)).chain(objects);
            comes_again = !met.insert(objects.collect());
        }
        if comes_again {
            let objects = joins.iter().zip(self.row.iter().map(found));
            let objects = objects.filter_map(|(join, slot)| Some((join.store, slot?)));
            for (store, slot) in objects.chain([(store, own.0)]) {
                self.repeated.entry(store).or_default().push(slot);
            }
        }
        Ok(())
    }

    /// Fills the session's collections; returns the query's own objects.
    fn fill(&mut self, session: &mut Session, joins: &[JoinedRelation]) -> Vec<u32> {
        for (join, reached) in joins.iter().zip(&mut self.joins) {
            session.edges.reserve(reached.collections.len());
            for (owner, slots) in std::mem::take(&mut reached.collections) {
                let owner: ObjectId = (join.owner_store, owner);
                if session.edges.loaded((owner, join.relation)).is_none() {
                    session.fill_collection(
                        owner,
                        join.relation,
                        &join.resolved,
                        join.store,
                        slots,
                    );
                }
            }
        }
        std::mem::take(&mut self.slots)
    }
}

/// A bit set of slots.
#[derive(Default)]
struct SlotSet(Vec<u64>);

impl SlotSet {
    /// Adds a slot; returns whether it is new.
    fn insert(&mut self, slot: u32) -> bool {
        let (word, bit) = (slot as usize / 64, 1 << (slot % 64));
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        let is_new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        is_new
    }

    /// The slots, in ascending order.
    fn iter(&self) -> impl Iterator<Item = u32> {
        let words = (0u32..).zip(&self.0).filter(|(_, bits)| **bits != 0);
        words.flat_map(|(word, bits)| {
            let is_in = move |at: &u32| bits & (1 << at) != 0;
            (0..64).filter(is_in).map(move |at| word * 64 + at)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_slots_holds_each_once() {
        let mut set = SlotSet::default();
        let added: Vec<bool> = [70, 0, 70, 63, 64].map(|slot| set.insert(slot)).into();
        assert_eq!(added, [true, true, false, true, true]);
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 63, 64, 70]);
    }

    #[test]
    fn owners_that_come_again_keep_their_members() {
        let mut objects = JoinedObjects::default();
        for (owner, is_new, member) in [(5, true, 1), (7, true, 2), (5, false, 3), (9, true, 4)] {
            objects.members(owner, is_new).push(member);
        }
        objects.members(9, false).push(5);
        objects.members(7, false).push(6);
        let expected = [(5, vec![1, 3]), (7, vec![2, 6]), (9, vec![4, 5])];
        assert_eq!(objects.collections, expected);
    }
}
