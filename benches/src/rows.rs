//! The rows that a workload starts from, the same for every arm and backend.

/// The number of posts per user, and of comments per post, in `associations`.
const FAN_OUT: usize = 10;

/// The number of rows in one INSERT: its text is far below any database's limit.
const ROWS: usize = 500;

/// No rows.
pub(crate) fn none(_: usize) -> Vec<String> {
    Vec::new()
}

/// Users without posts.
pub(crate) fn users(size: usize) -> Vec<String> {
    insert("users (id, name, hair_color)", size, user)
}

/// Users with ten posts each, and ten comments on each post.
pub(crate) fn users_posts_comments(size: usize) -> Vec<String> {
    let (posts, comments) = (size * FAN_OUT, size * FAN_OUT * FAN_OUT);
    let mut statements = users(size);
    statements.extend(insert("posts (id, user_id, title, body)", posts, post));
    statements.extend(insert("comments (id, post_id, text)", comments, comment));
    statements
}

/// Users of two hair colors, with one post each.
pub(crate) fn users_with_posts(size: usize) -> Vec<String> {
    let mut statements = insert("users (id, name, hair_color)", size, user_of_two);
    statements.extend(insert("posts (id, user_id, title, body)", size, |index| {
        format!("({0}, {0}, 'Post {index}', NULL)", key(index))
    }));
    statements
}

/// Users of two hair colors.
pub(crate) fn users_of_two(size: usize) -> Vec<String> {
    insert("users (id, name, hair_color)", size, user_of_two)
}

/// Comments on one post.
pub(crate) fn comments(size: usize) -> Vec<String> {
    let mut statements = users(1);
    statements.extend(insert("posts (id, user_id, title, body)", 1, post));
    statements.extend(insert("comments (id, post_id, text)", size, |index| {
        format!("({}, 1, 'Comment {index}')", key(index))
    }));
    statements
}

/// Films, ten for each page, with people, casts and reviews.
pub(crate) fn films(pages: usize) -> Vec<String> {
    let films = pages * 10;
    let people = films * 4;
    let mut statements = insert("films (id, title, year)", films, |index| {
        format!("({}, 'Film {index}', {})", key(index), 1950 + index % 70)
    });
    statements.extend(insert("people (id, name)", people, |index| {
        format!("({}, 'Person {index}')", key(index))
    }));
    // Eight per film; a step coprime to the number of people keeps them distinct.
    statements.extend(insert(
        "cast_members (film_id, person_id, position)",
        films * 8,
        move |index| {
            let (film, position) = (index / 8, index % 8);
            format!(
                "({}, {}, {position})",
                key(film),
                key((film * 13 + position * 7) % people)
            )
        },
    ));
    statements.extend(insert(
        "reviews (id, film_id, author_id, stars, body)",
        films * 20,
        move |index| {
            format!(
                "({}, {}, {}, {}, 'Review {index}')",
                key(index),
                key(index % films),
                key((index * 11) % people),
                1 + index % 5
            )
        },
    ));
    statements
}

/// The name of new user number `index`. Names repeat, so that none is longer than `format!`'s first buffer, and every row costs the same
/// allocations.
pub(crate) fn new_name(index: usize) -> String {
    format!("User {}", index % 100_000)
}

/// The hair color of new user number `index`.
pub(crate) fn new_hair_color(index: usize) -> Option<String> {
    index.is_multiple_of(2).then(|| "hair color".to_owned())
}

/// The keys of `count` users in a scattered order, the same in every run: multiples of a number coprime to every size,
/// modulo the size.
pub(crate) fn shuffled_keys(count: usize) -> Vec<i64> {
    const STEP: usize = 7_919;
    (0..count)
        .map(|index| key((index * STEP) % count))
        .collect()
}

fn insert(target: &str, count: usize, row: impl Fn(usize) -> String) -> Vec<String> {
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

/// A user; every second one has black hair.
fn user_of_two(index: usize) -> String {
    let color = if index.is_multiple_of(2) {
        "black"
    } else {
        "brown"
    };
    format!("({}, 'User {index}', '{color}')", key(index))
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
pub(crate) fn key(index: usize) -> i64 {
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
