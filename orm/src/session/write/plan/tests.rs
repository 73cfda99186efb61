//! Tests of plans.

use super::*;

const USERS: u16 = 1;
const TASKS: u16 = 0;

fn insert(slot: u32) -> (u32, Columns) {
    row(slot, &[1])
}

fn row(slot: u32, columns: &[usize]) -> (u32, Columns) {
    (slot, columns.into())
}

fn wait(child: ObjectId, parent: ObjectId, nullable: bool) -> Wait {
    Wait {
        child,
        parent,
        columns: [3].into(),
        late: match nullable {
            true => [3].into(),
            false => [].into(),
        },
        is_filled: true,
        is_deferrable: false,
    }
}

fn references(parent: u16, nullable: bool) -> References {
    References {
        parent,
        nullable: nullable.then_some(3),
        ..References::default()
    }
}

fn check(changes: &Changes, expected: &[&str]) {
    let steps = plan(changes).expect("a plan");
    let steps: Vec<String> = steps
        .iter()
        .map(|step| match step {
            Step::Insert {
                store,
                columns,
                slots,
            } => format!("insert {store} {columns:?} {slots:?}"),
            Step::Update {
                store,
                columns,
                slots,
            } => format!("update {store} {columns:?} {slots:?}"),
            Step::Compute {
                store,
                set,
                columns,
                slots,
            } => format!("compute {set} {store} {columns:?} {slots:?}"),
            Step::Release {
                store,
                columns,
                slots,
            } => format!("release {store} {columns:?} {slots:?}"),
            Step::Delete { store, slots } => format!("delete {store} {slots:?}"),
            Step::Vacate {
                store,
                column,
                slots,
            } => format!("vacate {store} {column} {slots:?}"),
            Step::Associate { association, pairs } => format!("associate {association} {pairs:?}"),
            Step::Dissociate { association, pairs } => {
                format!("dissociate {association} {pairs:?}")
            }
            Step::Sever {
                association,
                side,
                slots,
            } => format!("sever {association} {side:?} {slots:?}"),
        })
        .collect();
    assert_eq!(steps, expected);
}

#[test]
fn parents_come_first_and_go_last() {
    let tasks = TableChanges {
        store: TASKS,
        references: vec![references(USERS, true)],
        inserts: vec![insert(5), insert(6)],
        deletes: vec![1],
        ..Default::default()
    };
    let users = TableChanges {
        store: USERS,
        inserts: vec![insert(9)],
        updates: vec![row(2, &[1])],
        deletes: vec![0],
        ..Default::default()
    };
    let changes = Changes {
        tables: vec![tasks, users],
        waits: vec![wait((TASKS, 5), (USERS, 9), true)],
        ..Default::default()
    };
    check(
        &changes,
        &[
            "update 1 [1] [2]",
            "insert 1 [1] [9]",
            "insert 0 [1] [5, 6]",
            "delete 0 [1]",
            "delete 1 [0]",
        ],
    );
}

#[test]
fn one_shape_is_one_batch() {
    let table = TableChanges {
        inserts: vec![row(0, &[1]), row(1, &[1]), row(2, &[0, 1]), row(3, &[1])],
        updates: vec![row(4, &[1]), row(5, &[2]), row(6, &[1]), row(7, &[])],
        ..Default::default()
    };
    let changes = Changes {
        tables: vec![table],
        ..Default::default()
    };
    check(
        &changes,
        &[
            "update 0 [1] [4, 6]",
            "update 0 [2] [5]",
            "insert 0 [1] [0, 1]",
            "insert 0 [0, 1] [2]",
            "insert 0 [1] [3]",
        ],
    );
}

#[test]
fn a_tree_is_inserted_level_by_level_and_deleted_from_the_leaves() {
    let table = TableChanges {
        references: vec![references(0, true)],
        inserts: vec![insert(3), insert(1), insert(2), insert(4)],
        deletes: vec![10, 11, 12],
        delete_after: vec![(11, 10), (12, 11)],
        ..Default::default()
    };
    let waits = vec![
        wait((0, 3), (0, 1), true),
        wait((0, 4), (0, 3), true),
        wait((0, 2), (0, 1), true),
    ];
    check(
        &Changes {
            tables: vec![table],
            waits,
            ..Default::default()
        },
        &[
            "insert 0 [1] [1]",
            "insert 0 [1] [3, 2]",
            "insert 0 [1] [4]",
            "delete 0 [12]",
            "delete 0 [11]",
            "delete 0 [10]",
        ],
    );
}

#[test]
fn rows_of_one_level_and_one_shape_are_one_batch() {
    let table = TableChanges {
        references: vec![references(0, true)],
        inserts: vec![
            row(1, &[1]),
            row(2, &[1]),
            row(3, &[2]),
            row(4, &[2]),
            row(5, &[2]),
        ],
        ..Default::default()
    };
    let waits = vec![wait((0, 2), (0, 1), true), wait((0, 4), (0, 3), true)];
    check(
        &Changes {
            tables: vec![table],
            waits,
            ..Default::default()
        },
        &[
            "insert 0 [1] [1]",
            "insert 0 [2] [3, 5]",
            "insert 0 [1] [2]",
            "insert 0 [2] [4]",
        ],
    );
}

#[test]
fn a_row_that_waits_is_updated_late() {
    let table = TableChanges {
        references: vec![references(0, true)],
        inserts: vec![insert(7)],
        updates: vec![row(1, &[1]), row(2, &[1])],
        ..Default::default()
    };
    let waits = vec![wait((0, 2), (0, 7), true)];
    check(
        &Changes {
            tables: vec![table],
            waits,
            ..Default::default()
        },
        &[
            "update 0 [1] [1]",
            "insert 0 [1] [7]",
            "update 0 [1, 3] [2]",
        ],
    );
}

#[test]
fn a_nullable_cycle_is_written_in_two_steps() {
    let table = TableChanges {
        references: vec![references(0, true)],
        inserts: vec![insert(1), insert(2)],
        ..Default::default()
    };
    let waits = vec![wait((0, 1), (0, 2), true), wait((0, 2), (0, 1), true)];
    check(
        &Changes {
            tables: vec![table],
            waits,
            ..Default::default()
        },
        &["insert 0 [1] [2]", "insert 0 [1] [1]", "update 0 [3] [2]"],
    );
}

#[test]
fn a_cycle_of_tables_is_broken_where_null_is_allowed() {
    let users = TableChanges {
        store: USERS,
        references: vec![references(TASKS, true)],
        inserts: vec![insert(1)],
        ..Default::default()
    };
    let tasks = TableChanges {
        store: TASKS,
        references: vec![references(USERS, false)],
        inserts: vec![insert(2)],
        ..Default::default()
    };
    let waits = vec![
        wait((USERS, 1), (TASKS, 2), true),
        wait((TASKS, 2), (USERS, 1), false),
    ];
    check(
        &Changes {
            tables: vec![tasks, users],
            waits,
            ..Default::default()
        },
        &["insert 1 [1] [1]", "insert 0 [1] [2]", "update 1 [3] [1]"],
    );
}

#[test]
fn a_cycle_of_tables_is_deleted_after_its_ties_are_cut() {
    let teams = TableChanges {
        store: USERS,
        references: vec![references(TASKS, true)],
        deletes: vec![1],
        delete_ties: vec![Tie {
            child: 1,
            parent: TASKS,
            row: None,
            columns: [3].into(),
        }],
        ..Default::default()
    };
    let members = TableChanges {
        store: TASKS,
        references: vec![references(USERS, false)],
        deletes: vec![2],
        ..Default::default()
    };
    let changes = Changes {
        tables: vec![members, teams],
        ..Default::default()
    };
    check(
        &changes,
        &["release 1 [3] [1]", "delete 0 [2]", "delete 1 [1]"],
    );
}

#[test]
fn a_cycle_of_rows_is_deleted_after_its_ties_are_cut() {
    let tie = |(child, row)| Tie {
        child,
        parent: TASKS,
        row: Some(row),
        columns: [3].into(),
    };
    let pairs = [(1, 2), (2, 3), (3, 1), (4, 3)];
    let table = TableChanges {
        store: TASKS,
        deletes: vec![1, 2, 3, 4],
        delete_after: pairs.to_vec(),
        delete_ties: pairs.map(tie).to_vec(),
        ..Default::default()
    };
    let changes = |table| Changes {
        tables: vec![table],
        ..Default::default()
    };
    check(
        &changes(table.clone()),
        &[
            "release 0 [3] [1, 2, 3]",
            "delete 0 [1, 2, 4]",
            "delete 0 [3]",
        ],
    );
    // A leaf needs no cut; for NOT NULL foreign keys the database decides.
    let strict = TableChanges {
        delete_ties: Vec::new(),
        ..table
    };
    check(&changes(strict), &["delete 0 [4]", "delete 0 [1, 2, 3]"]);
}

#[test]
fn pairs_go_first_and_come_after_both_ends() {
    let tags = TableChanges {
        store: TASKS,
        inserts: vec![insert(4)],
        deletes: vec![5],
        ..Default::default()
    };
    let users = TableChanges {
        store: USERS,
        inserts: vec![insert(1)],
        deletes: vec![2],
        ..Default::default()
    };
    let associations = vec![
        AssociationChanges {
            association: 0,
            added: vec![(1, 4), (3, 4)],
            removed: vec![(3, 6)],
            left: vec![2],
            right: vec![5],
        },
        AssociationChanges {
            association: 1,
            left: vec![2],
            ..Default::default()
        },
    ];
    let changes = Changes {
        tables: vec![tags, users],
        associations,
        ..Default::default()
    };
    check(
        &changes,
        &[
            "dissociate 0 [(3, 6)]",
            "sever 0 Left [2]",
            "sever 0 Right [5]",
            "sever 1 Left [2]",
            "insert 0 [1] [4]",
            "insert 1 [1] [1]",
            "associate 0 [(1, 4), (3, 4)]",
            "delete 1 [2]",
            "delete 0 [5]",
        ],
    );
}

#[test]
fn a_cycle_without_null_is_refused_and_named() {
    let table = TableChanges {
        references: vec![references(0, false)],
        inserts: vec![insert(1), insert(2)],
        ..Default::default()
    };
    let waits = vec![wait((0, 1), (0, 2), false), wait((0, 2), (0, 1), false)];
    let cycle = plan(&Changes {
        tables: vec![table],
        waits,
        ..Default::default()
    })
    .expect_err("no row can be first");
    assert_eq!(cycle, Refused::Cycle(Cycle(vec![(0, 1), (0, 2), (0, 1)])));
    let error = cycle.into_error(
        |(_, slot)| format!("ObjectId#{slot}"),
        |_| "ObjectId".to_owned(),
    );
    assert_eq!(error.kind(), ErrorKind::CircularDependency);
    assert!(
        error
            .to_string()
            .ends_with("ObjectId#1 -> ObjectId#2 -> ObjectId#1")
    );
}

#[test]
fn a_long_chain_does_not_overflow_the_stack() {
    let count = 100_000;
    let table = TableChanges {
        references: vec![references(0, true)],
        inserts: (0..count).map(insert).collect(),
        ..Default::default()
    };
    let waits = (1..count)
        .map(|slot| wait((0, slot - 1), (0, slot), true))
        .collect();
    let steps = plan(&Changes {
        tables: vec![table],
        waits,
        ..Default::default()
    })
    .expect("a plan");
    assert_eq!(steps.len(), count as usize);
}

fn unique(nullable: Option<usize>, frees: &[(u32, u32)], takes: &[(u32, u32)]) -> Unique {
    Unique {
        name: "UNIQUE (name)".to_owned(),
        nullable,
        columns: Vec::new(),
        passed_on: passed_on(frees, takes),
        ..Unique::default()
    }
}

#[test]
fn a_row_that_frees_a_unique_value_goes_before_the_one_that_takes_it() {
    let users = TableChanges {
        store: USERS,
        inserts: vec![insert(9)],
        updates: vec![row(1, &[1]), row(2, &[1]), row(3, &[1])],
        deletes: vec![4],
        // 1 takes what 2 frees, 2 what 3 frees, 3 what 4 frees, and the new one what 1 frees.
        uniques: vec![unique(
            None,
            &[(1, 10), (2, 20), (3, 30), (4, 40)],
            &[(1, 20), (2, 30), (3, 40), (9, 10)],
        )],
        ..TableChanges::default()
    };
    let tasks = TableChanges {
        store: TASKS,
        references: vec![References {
            columns: [3].into(),
            nullable: Some(3),
            ..references(USERS, true)
        }],
        updates: vec![row(7, &[3])],
        deletes: vec![8],
        ..TableChanges::default()
    };
    let changes = Changes {
        tables: vec![tasks, users],
        ..Changes::default()
    };
    check(
        &changes,
        &[
            "update 0 [3] [7]",
            "delete 0 [8]",
            "delete 1 [4]",
            "update 1 [1] [3]",
            "update 1 [1] [2]",
            "update 1 [1] [1]",
            "insert 1 [1] [9]",
        ],
    );
}

#[test]
fn a_swap_goes_through_null_or_is_refused() {
    let swap = |nullable| Changes {
        tables: vec![TableChanges {
            store: USERS,
            updates: vec![row(1, &[1]), row(2, &[1]), row(3, &[1])],
            uniques: vec![unique(
                nullable,
                &[(1, 10), (2, 20), (3, 30)],
                &[(1, 20), (2, 10), (3, 40)],
            )],
            ..TableChanges::default()
        }],
        ..Changes::default()
    };
    check(
        &swap(Some(1)),
        &["vacate 1 1 [2]", "update 1 [1] [1, 3]", "update 1 [1] [2]"],
    );
    let refused = plan(&swap(None)).expect_err("no plan");
    let constraint = "UNIQUE (name)".to_owned();
    assert_eq!(
        refused,
        Refused::Swap(Swap {
            store: USERS,
            constraint
        })
    );
}

#[test]
fn rows_that_take_values_of_different_constraints_free_one_before_the_other() {
    let changes = |is_of_key| {
        let first = Unique {
            columns: vec![1],
            is_of_key,
            ..unique(None, &[(2, 20)], &[(1, 20)])
        };
        let second = Unique {
            columns: vec![2],
            ..unique(None, &[(1, 70)], &[(2, 70)])
        };
        Changes {
            tables: vec![TableChanges {
                store: USERS,
                updates: vec![row(1, &[1, 2, 3]), row(2, &[1, 2, 3])],
                uniques: vec![first, second],
                ..TableChanges::default()
            }],
            ..Changes::default()
        }
    };
    check(
        &changes(false),
        &[
            "release 1 [1] [2]",
            "update 1 [1, 2, 3] [1]",
            "update 1 [1, 2, 3] [2]",
        ],
    );
    // A row is found by its key, which is written with the others.
    check(
        &changes(true),
        &[
            "release 1 [2] [1]",
            "update 1 [1, 2, 3] [2]",
            "update 1 [1, 2, 3] [1]",
        ],
    );
}

#[test]
fn a_swap_of_a_deferrable_constraint_is_left_to_the_database() {
    let updates = vec![row(1, &[1]), row(2, &[1]), row(3, &[1])];
    let (frees, takes) = ([(1, 10), (2, 20), (3, 30)], [(1, 20), (2, 10), (3, 10)]);
    let changes = |nullable| Changes {
        tables: vec![TableChanges {
            store: USERS,
            updates: updates.clone(),
            uniques: vec![Unique {
                is_deferrable: true,
                ..unique(nullable, &frees, &takes[..2])
            }],
            ..TableChanges::default()
        }],
        ..Changes::default()
    };
    // One statement, at the end of which a constraint that is checked then holds.
    check(&changes(None), &["update 1 [1] [1, 2, 3]"]);
    // One that is checked at the end of statements can also be exchanged in several.
    check(
        &changes(Some(1)),
        &["vacate 1 1 [2]", "update 1 [1] [1, 3]", "update 1 [1] [2]"],
    );
    // Without a cycle, rows are in order.
    let mut chain = changes(None);
    chain.tables[0].uniques[0] = Unique {
        is_deferrable: true,
        ..unique(None, &frees, &takes[..1])
    };
    check(&chain, &["update 1 [1] [2, 3]", "update 1 [1] [1]"]);
}

#[test]
fn each_cycle_of_values_is_cut_where_null_is_allowed() {
    let changes = |uniques, rows: &[u32]| Changes {
        tables: vec![TableChanges {
            store: USERS,
            updates: rows.iter().map(|&slot| row(slot, &[1])).collect(),
            uniques,
            ..TableChanges::default()
        }],
        ..Changes::default()
    };
    let swaps = unique(
        Some(1),
        &[(1, 10), (2, 20), (3, 30), (4, 40)],
        &[(1, 20), (2, 10), (3, 40), (4, 30)],
    );
    check(
        &changes(vec![swaps], &[1, 2, 3, 4]),
        &[
            "vacate 1 1 [2, 4]",
            "update 1 [1] [1]",
            "update 1 [1] [2]",
            "update 1 [1] [3]",
            "update 1 [1] [4]",
        ],
    );
    // 5 waits for a row of the cycle, but is not in it.
    let swap = || unique(Some(1), &[(1, 10), (2, 20)], &[(1, 20), (2, 10)]);
    let waits = unique(None, &[(1, 70)], &[(5, 70)]);
    check(
        &changes(vec![waits, swap()], &[1, 2, 5]),
        &["vacate 1 1 [2]", "update 1 [1] [1]", "update 1 [1] [2, 5]"],
    );
    // NULL in a column of one constraint frees no value of the other.
    let strict = unique(None, &[(2, 80)], &[(1, 80)]);
    check(
        &changes(vec![strict, swap()], &[1, 2]),
        &["vacate 1 1 [1]", "update 1 [1] [2]", "update 1 [1] [1]"],
    );
}

/// A table that references a cycle by a nullable column does not break it.
#[test]
fn tables_come_after_the_cycle_that_they_reference() {
    let table = |store, references: Vec<References>| TableChanges {
        store,
        references,
        inserts: vec![insert(0)],
        ..TableChanges::default()
    };
    let changes = Changes {
        tables: vec![
            table(0, vec![references(1, true)]),
            table(1, vec![references(2, true), references(3, false)]),
            table(2, vec![references(1, false)]),
            table(3, vec![]),
            table(4, vec![references(5, false)]),
            table(5, vec![references(4, false), references(2, true)]),
        ],
        ..Changes::default()
    };
    check(
        &changes,
        &[
            "insert 3 [1] [0]",
            "insert 1 [1] [0]",
            "insert 0 [1] [0]",
            "insert 2 [1] [0]",
            "insert 4 [1] [0]",
            "insert 5 [1] [0]",
        ],
    );
}

#[test]
fn a_cycle_is_cut_where_a_key_may_be_checked_at_commit() {
    let deferrable = |child, parent| Wait {
        is_deferrable: true,
        ..wait(child, parent, false)
    };
    let both = |waits| Changes {
        tables: vec![TableChanges {
            inserts: vec![insert(0), insert(1)],
            ..Default::default()
        }],
        waits,
        ..Default::default()
    };
    let (one, two) = ((0, 0), (0, 1));
    check(
        &both(vec![deferrable(one, two), wait(two, one, false)]),
        &["insert 0 [1] [0]", "insert 0 [1] [1]"],
    );
    check(
        &both(vec![wait(one, two, false), deferrable(two, one)]),
        &["insert 0 [1] [1]", "insert 0 [1] [0]"],
    );
}

#[test]
fn a_cycle_of_tables_is_broken_where_a_key_may_be_checked_at_commit() {
    let deferrable = |child, parent| Wait {
        is_deferrable: true,
        ..wait(child, parent, false)
    };
    let table = |store, parent| TableChanges {
        store,
        references: vec![references(parent, false)],
        inserts: vec![insert(0)],
        ..Default::default()
    };
    let both = |waits| Changes {
        tables: vec![table(TASKS, USERS), table(USERS, TASKS)],
        waits,
        ..Default::default()
    };
    let (task, user) = ((TASKS, 0), (USERS, 0));
    check(
        &both(vec![deferrable(task, user), wait(user, task, false)]),
        &["insert 0 [1] [0]", "insert 1 [1] [0]"],
    );
    check(
        &both(vec![wait(task, user, false), deferrable(user, task)]),
        &["insert 1 [1] [0]", "insert 0 [1] [0]"],
    );
}
