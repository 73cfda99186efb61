//! Tests of collections, their changes, and undoing them with a savepoint.

use super::*;

const OWNER: ObjectId = (0, 1);
const TARGET: u16 = 5;

fn loaded(edges: &Edges, relation: u16) -> Option<Vec<u32>> {
    edges.loaded((OWNER, relation)).map(OrderedSet::to_vec)
}

/// Undoes the innermost savepoint.
fn undo(edges: &mut Edges, log: &mut UndoLog) {
    edges.forget_changes();
    let position = log.savepoint().expect("one is open");
    while let Some(entry) = log.pop(position) {
        edges.undo(log, entry);
    }
}

#[test]
fn changes_before_loading_are_merged() {
    let (mut edges, mut log) = (Edges::default(), UndoLog::default());
    edges.insert(&mut log, (OWNER, 0), (TARGET, 7));
    edges.remove(&mut log, (OWNER, 0), (TARGET, 3));
    assert_eq!(loaded(&edges, 0), None);
    edges.fill(&mut log, (OWNER, 0), TARGET, vec![2, 3, 4]);
    assert_eq!(loaded(&edges, 0), Some(vec![2, 4, 7]));
}

#[test]
fn expired_collections_are_reread_and_keep_their_changes() {
    let (mut edges, mut log) = (Edges::default(), UndoLog::default());
    edges.fill(&mut log, (OWNER, 0), TARGET, vec![2, 3, 4]);
    edges.fill(&mut log, (OWNER, 1), TARGET, vec![2]);
    edges.insert(&mut log, (OWNER, 0), (TARGET, 7));
    edges.remove(&mut log, (OWNER, 0), (TARGET, 3));
    edges.expire_loaded(&mut log);
    assert_eq!((loaded(&edges, 0), loaded(&edges, 1)), (None, None));
    edges.fill(&mut log, (OWNER, 0), TARGET, vec![2, 3, 4, 9]);
    assert_eq!(loaded(&edges, 0), Some(vec![2, 4, 9, 7]));
}

#[test]
fn a_savepoint_restores_collections_in_their_order() {
    let (mut edges, mut log) = (Edges::default(), UndoLog::default());
    edges.fill(&mut log, (OWNER, 0), TARGET, vec![1, 2, 3]);
    log.open_savepoint();
    edges.insert(&mut log, (OWNER, 0), (TARGET, 4));
    edges.remove(&mut log, (OWNER, 0), (TARGET, 1));
    edges.insert(&mut log, (OWNER, 0), (TARGET, 1));
    edges.fill(&mut log, (OWNER, 1), TARGET, vec![9]);
    undo(&mut edges, &mut log);
    assert_eq!(loaded(&edges, 0), Some(vec![1, 2, 3]));
    assert_eq!(loaded(&edges, 1), None);
}

#[test]
fn objects_that_left_the_session_are_not_restored_by_a_savepoint() {
    let (mut edges, mut log) = (Edges::default(), UndoLog::default());
    edges.fill(&mut log, (OWNER, 0), TARGET, vec![1, 2, 3]);
    log.open_savepoint();
    edges.insert(&mut log, (OWNER, 0), (TARGET, 4));
    edges.remove(&mut log, (OWNER, 0), (TARGET, 2));
    edges.forget(&mut log, (TARGET, 2), 0, Departure::RowStays);
    edges.forget(&mut log, (TARGET, 4), 0, Departure::RowGone);
    edges.expire_loaded(&mut log);
    edges.forget(&mut log, (TARGET, 1), 0, Departure::RowGone);
    undo(&mut edges, &mut log);
    // The row of one object still exists, so the collection must be reread.
    assert_eq!(loaded(&edges, 0), None);
}

#[test]
fn deleted_objects_are_not_restored_by_a_savepoint() {
    let (mut edges, mut log) = (Edges::default(), UndoLog::default());
    edges.fill(&mut log, (OWNER, 0), TARGET, vec![1, 2, 3]);
    log.open_savepoint();
    edges.remove(&mut log, (OWNER, 0), (TARGET, 2));
    edges.forget(&mut log, (TARGET, 2), 0, Departure::RowGone);
    edges.expire_loaded(&mut log);
    edges.forget(&mut log, (TARGET, 1), 0, Departure::RowGone);
    undo(&mut edges, &mut log);
    assert_eq!(loaded(&edges, 0), Some(vec![3]));
    assert!(!edges.lacks((OWNER, 0)));
}

#[test]
fn a_cleared_session_undoes_later_changes() {
    let (mut edges, mut log) = (Edges::default(), UndoLog::default());
    log.open_savepoint();
    edges.fill(&mut log, (OWNER, 0), TARGET, vec![1]);
    edges.clear();
    log.clear();
    edges.fill(&mut log, (OWNER, 0), TARGET, vec![2]);
    undo(&mut edges, &mut log);
    assert_eq!(loaded(&edges, 0), None);
}

#[test]
fn a_slot_of_another_store_is_another_object() {
    let (mut edges, mut log) = (Edges::default(), UndoLog::default());
    edges.fill(&mut log, (OWNER, 0), TARGET, vec![1]);
    edges.forget(&mut log, (TARGET + 1, 1), 0, Departure::RowStays);
    assert_eq!(loaded(&edges, 0), Some(vec![1]));
    edges.remove_deleted(&mut log, 0, 0, &[(TARGET + 1, 1)]);
    assert_eq!(loaded(&edges, 0), Some(vec![1]));
    edges.remove_deleted(&mut log, 0, 0, &[(TARGET, 1)]);
    assert_eq!(loaded(&edges, 0), Some(vec![]));
}

#[test]
fn a_flush_forgets_unloaded_changes_only() {
    let (mut edges, mut log) = (Edges::default(), UndoLog::default());
    edges.insert(&mut log, (OWNER, 0), (TARGET, 7));
    edges.fill(&mut log, (OWNER, 1), TARGET, vec![8]);
    edges.flushed(&mut log);
    assert_eq!(edges.known((OWNER, 0)).count(), 0);
    assert_eq!(loaded(&edges, 1), Some(vec![8]));
}

/// The cost of a savepoint depends only on the changes inside it: a push is one delta of constant size.
#[test]
fn a_change_is_one_delta() {
    for size in [100, 1_000, 10_000] {
        let (mut edges, mut log) = (Edges::default(), UndoLog::default());
        edges.fill(&mut log, (OWNER, 0), TARGET, (0..size).collect());
        (0..size).for_each(|owner| edges.fill(&mut log, ((1, owner), 0), TARGET, vec![owner]));
        log.open_savepoint();
        (size..2 * size).for_each(|slot| edges.insert(&mut log, (OWNER, 0), (TARGET, slot)));
        (0..size).for_each(|slot| edges.remove(&mut log, (OWNER, 0), (TARGET, slot)));
        edges.flushed(&mut log);
        assert_eq!(log.since(0).len(), 2 * size as usize);
        undo(&mut edges, &mut log);
        assert_eq!(loaded(&edges, 0), Some((0..size).collect()));
    }
}

#[test]
fn added_members_are_known_but_not_unchanged() {
    let (mut edges, mut log) = (Edges::default(), UndoLog::default());
    edges.fill(&mut log, (OWNER, 0), TARGET, vec![1, 2]);
    edges.insert(&mut log, (OWNER, 0), (TARGET, 3));
    assert_eq!(edges.known((OWNER, 0)).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(edges.unchanged((OWNER, 0)).collect::<Vec<_>>(), [1, 2]);
    edges.flushed(&mut log);
    assert_eq!(edges.unchanged((OWNER, 0)).collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn a_row_that_joins_a_collection_unloads_it_unless_it_is_a_member() {
    let (mut edges, mut log) = (Edges::default(), UndoLog::default());
    edges.fill(&mut log, (OWNER, 0), TARGET, vec![1]);
    edges.join(&mut log, (OWNER, 0), 1);
    assert_eq!(loaded(&edges, 0), Some(vec![1]));
    edges.join(&mut log, (OWNER, 0), 2);
    assert_eq!(loaded(&edges, 0), None);
    edges.insert(&mut log, (OWNER, 1), (TARGET, 7));
    edges.join(&mut log, (OWNER, 1), 8);
    assert_eq!(edges.known((OWNER, 1)).collect::<Vec<_>>(), [7]);
}

#[test]
fn a_change_without_effect_is_forgotten() {
    let (mut edges, mut log) = (Edges::default(), UndoLog::default());
    edges.fill(&mut log, (OWNER, 0), TARGET, vec![1]);
    edges.insert(&mut log, (OWNER, 0), (TARGET, 2));
    edges.forget_change(&mut log, (OWNER, 0), 2);
    assert_eq!(loaded(&edges, 0), Some(vec![1, 2]));
    edges.insert(&mut log, (OWNER, 1), (TARGET, 7));
    edges.forget_change(&mut log, (OWNER, 1), 7);
    assert_eq!(edges.known((OWNER, 1)).count(), 0);
    edges.expire_loaded(&mut log);
    for relation in [0, 1] {
        edges.fill(&mut log, (OWNER, relation), TARGET, vec![1]);
        assert_eq!(loaded(&edges, relation), Some(vec![1]));
    }
}

#[test]
fn a_reverted_change_leaves_what_the_row_says() {
    for (place, members) in [
        (Membership::Inside, Some(vec![1, 2])),
        (Membership::Outside, Some(vec![1])),
        (Membership::Unknown, None),
    ] {
        let (mut edges, mut log) = (Edges::default(), UndoLog::default());
        edges.fill(&mut log, (OWNER, 0), TARGET, vec![1]);
        edges.insert(&mut log, (OWNER, 0), (TARGET, 2));
        edges.put_back(&mut log, (OWNER, 0), 2, place);
        assert_eq!(loaded(&edges, 0), members);
        let (mut edges, mut log) = (Edges::default(), UndoLog::default());
        edges.fill(&mut log, (OWNER, 0), TARGET, vec![1, 2]);
        edges.remove(&mut log, (OWNER, 0), (TARGET, 2));
        edges.put_back(&mut log, (OWNER, 0), 2, place);
        assert_eq!(loaded(&edges, 0), members);
        // A collection that is not loaded does not become so.
        edges.insert(&mut log, (OWNER, 1), (TARGET, 2));
        edges.put_back(&mut log, (OWNER, 1), 2, place);
        assert_eq!(loaded(&edges, 1), None);
    }
}

#[test]
fn deletions_are_noted_beside_references_that_were_set() {
    let mut edges = Edges::default();
    let (first, second, orphan) = ((0, 2), (0, 3), (0, 4));
    edges.note_deletion(first);
    edges.note_cascade(Some(first), second);
    assert_eq!((edges.deletion(first), edges.deletion(second)), (0, 0));
    let link = |child| Link {
        child,
        parent: None,
        reference: crate::session::memory::links::Reference {
            columns: [1].into(),
            parent_store: 0,
            collection: None,
            single: false,
            nullable: true,
            delete_orphan: false,
        },
    };
    edges.links.set(link((1, 1)));
    edges.note_deletion(first);
    edges.links.set(link((1, 2)));
    edges.note_deletion(first);
    edges.note_cascade(Some(first), second);
    edges.note_cascade(None, orphan);
    let noted = [first, second, orphan].map(|node| edges.deletion(node));
    assert_eq!(noted, [1, 1, u64::MAX]);
    assert!(
        edges
            .links
            .is_set_after((1, 2), &[1], edges.deletion(first))
    );
    assert!(
        !edges
            .links
            .is_set_after((1, 1), &[1], edges.deletion(first))
    );
}

#[test]
fn the_members_of_one_relation_are_reread() {
    let (mut edges, mut log) = (Edges::default(), UndoLog::default());
    let others = [(OWNER, 1), ((1, 1), 0)];
    edges.fill(&mut log, (OWNER, 0), TARGET, vec![1]);
    for (owner, relation) in others {
        edges.fill(&mut log, (owner, relation), TARGET, vec![1]);
    }
    edges.unload_all(&mut log, 0, 0);
    assert_eq!(loaded(&edges, 0), None);
    for (owner, relation) in others {
        assert!(edges.loaded((owner, relation)).is_some());
    }
}

#[test]
fn removals_from_one_relation_are_forgotten() {
    let (mut edges, mut log) = (Edges::default(), UndoLog::default());
    for relation in [0, 1] {
        edges.remove(&mut log, (OWNER, relation), (TARGET, 2));
    }
    edges.forget_removal(0, 0, (TARGET, 2));
    for relation in [0, 1] {
        edges.fill(&mut log, (OWNER, relation), TARGET, vec![1, 2]);
    }
    assert_eq!(loaded(&edges, 0), Some(vec![1, 2]));
    assert_eq!(loaded(&edges, 1), Some(vec![1]));
}
