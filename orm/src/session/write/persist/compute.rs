//! UPDATEs with SQL expressions, with as few statements as the dialect allows.

use std::sync::Arc;

use super::insert::first_batch;
use super::send::{MOST_LAID_OUT, by_bytes, fitting_rows, key_arrays, parts, with_arrays};
use super::{database_sets_more, expect_all, not_one};
use crate::backend::{Outcome, Rows, Sql};
use crate::dialect::Batch;
use crate::entity::Mapper;
use crate::error::{Error, ErrorKind, Result};
use crate::render::computed::{VALUES, own_parameter, update_arrays, update_listed};
use crate::render::{Argument, Rendered, render_update};
use crate::schema::ColumnType;
use crate::session::Session;
use crate::session::write::expression::{Computations, reference};
use crate::session::write::read_back::may_rewrite;
use crate::sql::tree::keeps_type;
use crate::sql::walk::{Inside, InsideMut};
use crate::sql::{ColumnRef, List, Node, Operator, UpdateNode};
use crate::value::{Param, Value, ValueRef, ValueType};

/// Rows of one table with the same expressions, up to their parameters, and the same other columns.
pub(super) struct Compute<'a> {
    pub(super) store: u16,
    pub(super) set: usize,
    pub(super) columns: &'a [usize],
    pub(super) slots: &'a [u32],
    pub(super) computations: &'a Computations,
}

impl Compute<'_> {
    pub(super) fn run(&self, session: &mut Session) -> Result<()> {
        let mapper = Arc::clone(&session.entry(self.store).mapper);
        let columns = &*session.increment_versions(self.store, self.columns, self.slots)?;
        let sets_more = database_sets_more(session, self.store, self.columns)?;
        match self.send_mode(session, &mapper) {
            SendMode::Arrays(own) => self.arrays(session, &mapper, columns, &own)?,
            SendMode::List { most } => self.listed(session, &mapper, most)?,
            SendMode::Each => self.each(session, &mapper, columns)?,
        }
        let given = self.given(session, &mapper);
        let (any, log) = session.logged_store(self.store);
        for &slot in self.slots {
            // The values of parameters are known; others only when the row is read.
            for (&column, argument) in given.iter().flatten().zip(&**self.arguments(slot)) {
                any.assign(slot, column, value(argument))?;
            }
            any.updated(slot, log)?;
            any.expire(slot);
            if given.is_none() || sets_more {
                any.states_mut().overwritten(slot, log);
            }
        }
        let relations = session.relation_count(self.store);
        for &slot in self.slots {
            let queried = &mut session.edges.queried;
            queried.forget((self.store, slot), relations);
        }
        Ok(())
    }

    /// The columns, if all are set to parameters, which the database stores as they are.
    fn given(&self, session: &Session, mapper: &Mapper) -> Option<Vec<usize>> {
        let computed = self.computations.computed(self.set);
        let is_parameter = |(_, node): &(ColumnRef, Node)| matches!(node, Node::Param(..));
        let columns: Vec<usize> = computed.columns().collect();
        let dialect = session.engine.dialect();
        let is_kept = |&at: &usize| !may_rewrite(dialect, &mapper.table().columns[at].ty);
        let is_known = computed.set.iter().all(is_parameter)
            && mapper.computed().is_empty()
            && !self.computations.sets_part_of_whole(self.set, mapper)
            && columns.iter().all(is_kept);
        is_known.then_some(columns)
    }

    fn send_mode(&self, session: &Session, mapper: &Mapper) -> SendMode {
        let set = &self.computations.computed(self.set).set;
        // An expression that reads other rows may depend on rows of this flush, so the rows are updated one by one.
        let reads_others = set.iter().any(|(_, node)| node.has(&reads_rows));
        let uniques = &mapper.table().uniques;
        let mut names = set.iter().map(|(column, _)| {
            let columns = &mapper.table().columns;
            &columns[column.index].name
        });
        let is_unique = names.any(|name| uniques.iter().any(|it| it.columns.contains(name)));
        if self.slots.len() == 1 || reads_others || is_unique {
            return SendMode::Each;
        }
        let first = self.arguments(self.slots[0]);
        let is_same = |&slot: &u32| {
            let other = self.arguments(slot);
            Arc::ptr_eq(first, other) || first == other
        };
        let all_same = self.slots.iter().all(is_same);
        let version = mapper.version_column();
        let sets_others = self.columns.iter().any(|&column| Some(column) != version);
        match session.engine.dialect().batch() {
            Batch::Arrays if mapper.table().name == VALUES => SendMode::Each,
            Batch::Arrays if all_same => SendMode::Arrays(Vec::new()),
            Batch::Arrays => per_row_types(set, first).map_or(SendMode::Each, SendMode::Arrays),
            Batch::Values { max_parameters } if all_same && !sets_others => {
                SendMode::List {
                    // The parameters of the expressions count too.
                    most: max_parameters.saturating_sub(first.len()),
                }
            }
            _ => SendMode::Each,
        }
    }

    fn arguments(&self, slot: u32) -> &Arc<[Argument]> {
        self.computations.arguments((self.store, slot))
    }

    /// Updates all rows with arrays, in one statement unless it is too long.
    fn arrays(
        &self,
        session: &mut Session,
        mapper: &Mapper,
        columns: &[usize],
        own: &[ValueType],
    ) -> Result<()> {
        let mut set = self.computations.computed(self.set).set.clone();
        if !own.is_empty() {
            let mut position = 0;
            for (_, node) in &mut set {
                use_per_row_parameters(node, &mut position);
            }
        }
        let dialect = session.engine.dialect();
        let (table, key) = (mapper.table(), mapper.guard());
        let mut rendered = update_arrays(dialect, table, &set, columns, key, own)?;
        if own.is_empty() {
            self.take_arguments(&mut rendered, self.slots[0]);
        }
        let sql = session.engine.intern(&rendered.sql);
        for slots in by_bytes(session, self.store, self.slots, columns) {
            let matched = {
                let (any, connection) = parts(session, self.store)?;
                let mut arrays = key_arrays(any, slots, columns);
                for at in 0..own.len() {
                    let of_row = |&slot: &u32| value(&self.arguments(slot)[at]);
                    arrays.push(slots.iter().map(of_row).map(Param::Ref).collect());
                }
                let outcome = rendered.with_params(|scalars| {
                    with_arrays(&arrays, |arrays| {
                        let params: Vec<Param<'_>> =
                            scalars.iter().chain(arrays).cloned().collect();
                        connection.execute(&sql, &params)
                    })
                });
                outcome?.matched
            };
            expect_all(session, self.store, slots, columns, matched, &sql)?;
        }
        Ok(())
    }

    /// Updates many rows by a list of keys, if nothing else differs between them. The database increments the version.
    fn listed(&self, session: &mut Session, mapper: &Mapper, most: usize) -> Result<()> {
        let mut set = self.computations.computed(self.set).set.clone();
        if let Some(version) = mapper.version_column() {
            let column = reference(mapper, version);
            let one = Node::Param(Value::I32(1), ValueType::I32);
            let next = Node::Column(column.clone()).binary(Operator::Add, one);
            set.push((column, next));
        }
        let key = mapper.guard();
        let mut rest = self.slots;
        while !rest.is_empty() {
            let (batch, _) = first_batch(rest, most, key.len());
            let rows = fitting_rows(session.any_store(self.store), batch, &[]);
            let slots;
            (slots, rest) = rest.split_at(rows);
            let dialect = session.engine.dialect();
            let mut rendered = update_listed(dialect, mapper.table(), &set, key, slots.len())?;
            self.take_arguments(&mut rendered, slots[0]);
            let sql = session.engine.intern(&rendered.sql);
            let matched = {
                let (any, connection) = parts(session, self.store)?;
                let outcome = rendered.with_params(|scalars| {
                    let mut params = scalars.to_vec();
                    for &slot in slots {
                        any.row_values(slot, key, &mut params);
                    }
                    connection.execute(&sql, &params)
                });
                outcome?.matched
            };
            expect_all(session, self.store, slots, &[], matched, &sql)?;
        }
        Ok(())
    }

    /// Replaces the parameters of the rendered expressions by those of a row.
    fn take_arguments(&self, rendered: &mut Rendered, slot: u32) {
        let own = self.arguments(slot);
        rendered
            .arguments
            .iter_mut()
            .zip(&**own)
            .for_each(|(to, from)| to.clone_from(from));
    }

    /// Sends one UPDATE for each row.
    fn each(&self, session: &mut Session, mapper: &Mapper, columns: &[usize]) -> Result<()> {
        let set = &self.computations.computed(self.set).set;
        let unknown = |column: usize| Node::Param(Value::Null, mapper.types()[column]);
        let others = columns
            .iter()
            .map(|&column| (reference(mapper, column), unknown(column)));
        // Expressions may read the other columns.
        let set: Vec<(ColumnRef, Node)> = match assigns_in_sequence(session) {
            true => set.iter().cloned().chain(others).collect(),
            false => others.chain(set.iter().cloned()).collect(),
        };
        let picked = mapper.guard().iter().map(|&column| {
            let known = unknown(column);
            Node::Column(reference(mapper, column)).binary(Operator::Eq, known)
        });
        let filter = picked.reduce(Node::and);
        let node = UpdateNode::new(mapper.table(), set, filter);
        let rendered = render_update(session.engine.dialect(), &node)?;
        let sql = session.engine.intern(&rendered.sql);
        let mut wrong = None;
        let result = self.send_each(session, mapper, columns, &sql, &mut |slot, outcome| {
            if outcome.matched != 1 {
                wrong = Some((slot, outcome.matched));
            }
            wrong.is_none()
        });
        match wrong {
            Some((slot, matched)) => {
                Err(not_one(session, self.store, slot, "UPDATE", matched, &sql))
            }
            None => result,
        }
    }

    /// Sends the rows until `each` returns false.
    fn send_each(
        &self,
        session: &mut Session,
        mapper: &Mapper,
        columns: &[usize],
        sql: &Arc<Sql>,
        each: &mut dyn FnMut(u32, Outcome) -> bool,
    ) -> Result<()> {
        let expressions_first = assigns_in_sequence(session);
        let (any, connection) = parts(session, self.store)?;
        let mut at = 0;
        for slots in self.slots.chunks(MOST_LAID_OUT) {
            let mut arrays = Vec::new();
            for argument in slots.iter().flat_map(|&slot| self.arguments(slot).iter()) {
                let array = match argument {
                    Argument::Value(_) => Vec::new(),
                    Argument::Array(values) => values.iter().map(Value::as_ref).collect(),
                };
                arrays.push(array);
            }
            let mut arrays = arrays.iter();
            let mut params = Vec::new();
            for &slot in slots {
                if !expressions_first {
                    any.values(slot, columns, &mut params);
                }
                for (argument, array) in self.arguments(slot).iter().zip(&mut arrays) {
                    params.push(match argument {
                        Argument::Value(value) => Param::Ref(value.as_ref()),
                        Argument::Array(_) => Param::Column(array),
                    });
                }
                if expressions_first {
                    any.values(slot, columns, &mut params);
                }
                any.row_values(slot, mapper.guard(), &mut params);
            }
            let width = params.len() / slots.len();
            let mut goes_on = true;
            connection.execute_each(sql, Rows::new(&params, width), &mut |outcome| {
                goes_on = goes_on && each(self.slots[at], outcome);
                at += 1;
                match goes_on {
                    true => Ok(()),
                    false => Err(stopped()),
                }
            })?;
        }
        Ok(())
    }
}

fn assigns_in_sequence(session: &Session) -> bool {
    session.engine.dialect().assigns_in_sequence()
}

/// The way in which rows are sent.
enum SendMode {
    /// Many at once as arrays; holds the types of the per-row parameters.
    Arrays(Vec<ValueType>),
    /// Many at once by a list of keys, with this maximum number of parameters.
    List {
        most: usize,
    },
    Each,
}

/// Whether an expression may read other rows.
fn reads_rows(node: &Node) -> bool {
    matches!(
        node,
        Node::Exists(_)
            | Node::Subquery(_)
            | Node::In {
                list: List::Subquery(_),
                ..
            }
            | Node::Raw(_)
    ) || matches!(node, Node::Function { name, .. } if !keeps_type(name))
}

#[cold]
fn stopped() -> Error {
    Error::new(ErrorKind::StaleData, "no row matched")
}

/// The types of the per-row parameters, if all are single values.
fn per_row_types(set: &[(ColumnRef, Node)], arguments: &[Argument]) -> Option<Vec<ValueType>> {
    let mut types = Vec::new();
    for (column, node) in set {
        // A parameter of a database-specific type is cast in place.
        let ty = &column.table.columns[column.index].ty;
        if matches!(ty, ColumnType::Other { .. }) {
            return None;
        }
        each_parameter(node, &mut |ty| types.push(ty));
    }
    let is_single = |argument: &Argument| matches!(argument, Argument::Value(_));
    (types.len() == arguments.len() && arguments.iter().all(is_single)).then_some(types)
}

fn each_parameter(node: &Node, each: &mut dyn FnMut(ValueType)) {
    if let Node::Param(_, ty) = node {
        each(*ty);
    }
    node.inside(&mut |inside| {
        if let Inside::Node(node) = inside {
            each_parameter(node, each);
        }
    });
}

fn use_per_row_parameters(node: &mut Node, position: &mut usize) {
    if let Node::Param(..) = node {
        *node = own_parameter(*position);
        *position += 1;
        return;
    }
    node.inside_mut(&mut |inside| {
        if let InsideMut::Node(node) = inside {
            use_per_row_parameters(node, position);
        }
    });
}

fn value(argument: &Argument) -> ValueRef<'_> {
    match argument {
        Argument::Value(value) => value.as_ref(),
        Argument::Array(_) => ValueRef::Null,
    }
}
