//! Text functions and patterns.

use selfsame::prelude::*;
use selfsame::sql::{coalesce, length, lower, nullif, replace, select, substring, trim, upper};

use super::{TEXTS, Words, agree, decide, with_words};
use crate::case::CaseResult;
use crate::context::Context;

pub(super) fn texts(context: &mut Context) -> CaseResult {
    let (mut session, rows) = with_words(context)?;
    agree!(
        session,
        Words,
        rows,
        "lower(s)",
        lower(Words::S),
        |row: &Words| row.s.as_ref().map(|s| s.to_ascii_lowercase())
    );
    // Without letters that only some databases fold, such as `é`.
    agree!(
        session,
        Words,
        rows,
        "upper(s) without é",
        upper(replace(Words::S, "é", "")),
        |row: &Words| row
            .s
            .as_ref()
            .map(|s| s.replace('é', "").to_ascii_uppercase())
    );
    agree!(
        session,
        Words,
        rows,
        "length(s)",
        length(Words::S),
        |row: &Words| row
            .s
            .as_ref()
            .and_then(|s| i32::try_from(s.chars().count()).ok())
    );
    agree!(
        session,
        Words,
        rows,
        "trim(s)",
        trim(Words::S),
        |row: &Words| row.s.as_ref().map(|s| s.trim_matches(' ').to_owned())
    );
    agree!(
        session,
        Words,
        rows,
        "s || t",
        Words::S.concat(Words::T),
        |row: &Words| row
            .s
            .as_ref()
            .zip(row.t.as_ref())
            .map(|(s, t)| format!("{s}{t}"))
    );
    agree!(
        session,
        Words,
        rows,
        "replace(s, 'a', t)",
        replace(Words::S, "a", Words::T),
        |row: &Words| row
            .s
            .as_ref()
            .zip(row.t.as_ref())
            .map(|(s, t)| s.replace('a', t))
    );
    for (from, to) in [
        ("A", "x"),
        ("a", ""),
        ("ab", "ba"),
        ("aB", "%"),
        ("é", "e"),
        ("😀", "é"),
        (" ", "  "),
        ("%", "_"),
        ("\\", "\\\\"),
        ("aa", "a"),
    ] {
        agree!(
            session,
            Words,
            rows,
            format!("replace(s, {from:?}, {to:?})"),
            replace(Words::S, from, to),
            |row: &Words| row.s.as_ref().map(|s| s.replace(from, to))
        );
    }
    // Only spaces are trimmed, not characters that look like spaces.
    for around in [
        " ", "\t", "\r", "\u{b}", "\u{a0}", "\u{2003}", "\u{3000}", "\u{200b}", "0",
    ] {
        agree!(
            session,
            Words,
            rows,
            format!("trim(s || {around:?} || ' ')"),
            trim(Words::S.concat(around).concat(" ")),
            |row: &Words| row
                .s
                .as_ref()
                .map(|s| format!("{s}{around} ").trim_matches(' ').to_owned())
        );
    }
    for (from, most) in [(1, 1), (1, 2), (2, 1), (2, 9), (4, 1)] {
        agree!(
            session,
            Words,
            rows,
            format!("substring(s, {from}, {most})"),
            substring(Words::S, from, most),
            |row: &Words| row.s.as_ref().map(|s| {
                let before = usize::try_from(from - 1).unwrap_or_default();
                let most = usize::try_from(most).unwrap_or_default();
                s.chars().skip(before).take(most).collect::<String>()
            })
        );
    }
    decide!(
        session,
        Words,
        rows,
        "s = t",
        Words::S.eq(Words::T),
        |row: &Words| Some(row.s.as_ref()? == row.t.as_ref()?)
    );
    decide!(
        session,
        Words,
        rows,
        "s <> t",
        Words::S.ne(Words::T),
        |row: &Words| Some(row.s.as_ref()? != row.t.as_ref()?)
    );
    agree!(
        session,
        Words,
        rows,
        "nullif(s, t)",
        nullif(Words::S, Words::T),
        |row: &Words| row.s.clone().filter(|_| row.s != row.t)
    );
    agree!(
        session,
        Words,
        rows,
        "coalesce(s, '')",
        coalesce(Words::S, "").nullable(),
        |row: &Words| Some(row.s.clone().unwrap_or_default())
    );
    Ok(())
}

/// Returns whether a pattern of LIKE matches: `%` is any text, `_` any character, and a backslash escapes the next character.
fn like(text: &[char], pattern: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['%', rest @ ..] => (0..=text.len()).any(|at| like(&text[at..], rest)),
        ['_', rest @ ..] => !text.is_empty() && like(&text[1..], rest),
        ['\\', c, rest @ ..] | [c, rest @ ..] => text.first() == Some(c) && like(&text[1..], rest),
    }
}

pub(super) fn patterns(context: &mut Context) -> CaseResult {
    let (mut session, rows) = with_words(context)?;
    macro_rules! tests {
        ($($method:ident)*) => {$(
            decide!(session, Words, rows, concat!("s ", stringify!($method), " t"),
                Words::S.$method(Words::T),
                |row: &Words| Some(row.s.as_ref()?.$method(row.t.as_ref()?.as_str())));
            for text in TEXTS.into_iter().flatten() {
                decide!(session, Words, rows, format!("s {} {text:?}", stringify!($method)),
                    Words::S.$method(text),
                    |row: &Words| Some(row.s.as_ref()?.$method(text)));
            }
        )*};
    }
    tests!(starts_with ends_with contains);
    // Whether LIKE ignores case depends on the database: no pattern has a letter that occurs in both cases.
    for pattern in [
        "", "%", "_", "__", "_%", "%_", "%%", "\\%", "\\_", "%\\%%", "%\\_%", "%\\\\%", " %", "% ",
        "_ _", "%é%", "😀%", "___", "%___%", "^", "^%", "[^]", "[%]", "[^%]%",
    ] {
        let characters: Vec<char> = pattern.chars().collect();
        let matches = |row: &Words| {
            let text: Vec<char> = row.s.as_ref()?.chars().collect();
            Some(like(&text, &characters))
        };
        decide!(
            session,
            Words,
            rows,
            format!("s LIKE {pattern:?}"),
            Words::S.like(pattern),
            matches
        );
        decide!(
            session,
            Words,
            rows,
            format!("s NOT LIKE {pattern:?}"),
            Words::S.not_like(pattern),
            |row: &Words| matches(row).map(|found| !found)
        );
    }
    // The decisive characters are at the end.
    let digits = "0123456789".repeat(30);
    decide!(
        session,
        Words,
        rows,
        "the end of a long text by LIKE",
        Words::S
            .concat(&*digits)
            .concat(Words::S)
            .like(format!("%{digits}\\%")),
        |row: &Words| Some(row.s.as_ref()? == "%")
    );
    Ok(())
}
