//! The rows that a workload starts from, the same for every arm and backend.

use crate::workload::Workload;

/// Posts of each user, and comments on each post, of `associations`.
const FAN_OUT: usize = 10;

/// Rows of one INSERT: far below any database's limit on the length of a text.
const ROWS: usize = 500;

/// The statements that make the rows of a workload from empty tables.
pub(crate) fn statements(workload: Workload, size: usize) -> Vec<String> {
    match workload {
        Workload::Insert => Vec::new(),
        Workload::Associations => {
            let (posts, comments) = (size * FAN_OUT, size * FAN_OUT * FAN_OUT);
            let mut statements = insert("users (id, name, hair_color)", size, user);
            statements.extend(insert("posts (id, user_id, title, body)", posts, post));
            statements.extend(insert("comments (id, post_id, text)", comments, comment));
            statements
        }
        _ => insert("users (id, name, hair_color)", size, user),
    }
}

/// The name of new user number `index`.
pub(crate) fn new_name(index: usize) -> String {
    format!("User {index}")
}

/// The hair color of new user number `index`.
pub(crate) fn new_hair_color(index: usize) -> Option<String> {
    index.is_multiple_of(2).then(|| "hair color".to_owned())
}

/// The keys of `count` users in an order that is none, the same at every run: multiples of a number that shares no factor with any
/// size, modulo the size.
pub(crate) fn shuffled_keys(count: usize) -> Vec<i64> {
    const STEP: usize = 7_919;
    (0..count)
        .map(|index| key((index * STEP) % count))
        .collect()
}

fn insert(target: &str, count: usize, row: fn(usize) -> String) -> Vec<String> {
    let rows: Vec<String> = (0..count).map(row).collect();
    rows.chunks(ROWS)
        .map(|rows| format!("INSERT INTO {target} VALUES {}", rows.join(", ")))
        .collect()
}

fn user(index: usize) -> String {
    let color = match index % 3 {
        0 => "'black'",
        1 => "'brown'",
        _ => "NULL",
    };
    format!("({}, 'User {index}', {color})", key(index))
}

fn post(index: usize) -> String {
    let body = if index.is_multiple_of(2) {
        "'This is the body of the post'"
    } else {
        "NULL"
    };
    format!(
        "({}, {}, 'Post {index}', {body})",
        key(index),
        key(index / FAN_OUT)
    )
}

fn comment(index: usize) -> String {
    format!(
        "({}, {}, 'Comment {index}')",
        key(index),
        key(index / FAN_OUT)
    )
}

/// The key of row number `index`: databases count from 1.
fn key(index: usize) -> i64 {
    i64::try_from(index).expect("no workload has that many rows") + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_comes_once() {
        for size in [1, 10, 100, 1_000] {
            let mut keys = shuffled_keys(size);
            keys.sort_unstable();
            assert_eq!(keys, (1..).take(size).collect::<Vec<i64>>());
        }
    }
}
