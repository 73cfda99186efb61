//! Texts, byte strings and documents: adjacent characters, and lengths.

use selfsame::value::{Value, ValueType};

use super::kinds::{keep, keep_unasked};
use crate::case::Cover::Contract;
use crate::case::{Case, CaseResult};
use crate::context::Context;

pub(super) const CASES: &[Case] = &[
    Case::core("types.text.sequences", sequences)
        .since(22)
        .promise("Sequences that some program reads as one (escapes, comments, entities, placeholders, Unicode's equivalent spellings) are read back as they were stored, and found by `=`.")
        .hint("Text must not be normalized, unescaped or interpreted.")
        .covers(&[Contract(7), Contract(8)]),
    Case::core("types.text.pairs", pairs)
        .since(22)
        .promise("Any two special characters next to each other are read back as they were stored.")
        .hint("Look for replacements of two characters by one.")
        .covers(&[Contract(7), Contract(8)]),
    Case::core("types.text.every_length", every_length)
        .since(22)
        .promise("Texts and byte strings of every length up to 1,100, and of lengths around multiples of a thousand, are read back complete.")
        .hint("Check the driver's buffer sizes.")
        .covers(&[Contract(9), Contract(12)]),
    Case::core("types.bytes.prefixes", prefixes)
        .since(22)
        .promise("Byte strings that begin or end like a notation for bytes are read back as they were stored.")
        .hint("Bind bytes in binary, or escape every byte.")
        .covers(&[Contract(12)]),
    Case::core("types.json.leaves", leaves)
        .since(22)
        .promise("Each kind of JSON value is read back as itself: alone, in an array, and as the value of a member.")
        .hint("Bind the document's text.")
        .covers(&[Contract(18), Contract(19)]),
];

/// Equivalent spellings in Unicode's four normal forms: singletons, composites, jamo, marks in another order, compatibility.
const SPELLINGS: [&str; 30] = [
    "\u{212b}",
    "\u{2126}",
    "\u{212a}",
    "A\u{30a}",
    "\u{c5}",
    "\u{1100}\u{1161}",
    "\u{1100}\u{1161}\u{11a8}",
    "\u{ac00}",
    "a\u{301}\u{327}",
    "a\u{327}\u{301}",
    "q\u{307}\u{323}",
    "q\u{323}\u{307}",
    "\u{1e69}",
    "s\u{323}\u{307}",
    "\u{958}",
    "\u{915}\u{93c}",
    "\u{fb01}",
    "\u{fb03}",
    "\u{ff11}",
    "\u{ff21}",
    "\u{2460}",
    "\u{bd}",
    "\u{b2}",
    "\u{3a9}",
    "\u{f900}",
    "\u{2f800}",
    "\u{1d400}",
    "\u{344}",
    "\u{2000}",
    "\u{2001}",
];

/// Characters that some filters remove from texts.
const INVISIBLE: [&str; 16] = [
    "\u{e000}",
    "\u{f8ff}",
    "\u{f0000}",
    "\u{10fffd}",
    "\u{fe0e}",
    "\u{fe0f}",
    "\u{e0100}",
    "\u{e0067}",
    "\u{200c}",
    "\u{2066}",
    "\u{fffc}",
    "\u{fdd0}",
    "\u{1fffe}",
    "\u{fffe}",
    "\u{ffff}",
    "\u{180e}",
];

/// Texts that some program interprets as something else.
const NOTATIONS: [&str; 64] = [
    "/* a */",
    "/*",
    "*/",
    "-- a",
    "# a",
    "''",
    "\"\"",
    "``",
    "\\'",
    "\\\"",
    "\\\\",
    "\\n",
    "\\r",
    "\\t",
    "\\0",
    "\\b",
    "\\Z",
    "\\x41",
    "\\101",
    "\\u0041",
    "\\U00000041",
    "\\%",
    "\\_",
    "%%",
    "%s",
    "%d",
    "%20",
    "+",
    "&amp;",
    "&lt;",
    "&#65;",
    "<br>",
    "$1",
    "$$",
    "$a$",
    "?",
    "??",
    "?1",
    ":a",
    "::int",
    "@a",
    "@@a",
    "{}",
    "{0}",
    "${a}",
    "#{a}",
    "[a]",
    "E'a'",
    "N'a'",
    "X'41'",
    "0x41",
    "NULL",
    "null",
    "true",
    "f",
    "{NULL}",
    "(1,2)",
    "a,b;c|d",
    "1e5",
    "1E-5",
    "+5",
    "NaN",
    "2026-01-05 00:00:00",
    "2026-01-05T00:00:00",
];

fn sequences(context: &mut Context) -> CaseResult {
    let all = SPELLINGS.iter().chain(&INVISIBLE).chain(&NOTATIONS);
    let stored: Vec<Value> = all
        .flat_map(|sequence| {
            [
                (*sequence).to_owned(),
                format!("a {sequence} b"),
                format!("a{sequence}{sequence}"),
            ]
        })
        .map(Value::Text)
        .collect();
    keep(context, "sequences", ValueType::Text, &stored)
}

fn pairs(context: &mut Context) -> CaseResult {
    let special = [
        '\u{1}',
        '\u{8}',
        '\t',
        '\n',
        '\r',
        '\u{1a}',
        '\u{1b}',
        '\u{7f}',
        '\u{85}',
        ' ',
        '\u{a0}',
        '\u{2028}',
        '\u{200d}',
        '\u{feff}',
        '\'',
        '"',
        '\\',
        '`',
        '%',
        '_',
        '?',
        '$',
        ':',
        ';',
        '{',
        '}',
        '[',
        ']',
        '(',
        ')',
        ',',
        '-',
        '/',
        '*',
        '#',
        '&',
        '<',
        '>',
        '|',
        '@',
        '=',
        '+',
        '0',
        'x',
        'u',
        'N',
        '\u{301}',
        '\u{fb03}',
        '\u{ffff}',
        '\u{1f469}',
    ];
    let pairs = special
        .iter()
        .flat_map(|one| special.iter().map(move |other| format!("a{one}{other}b")));
    let stored: Vec<Value> = pairs.map(Value::Text).collect();
    keep_unasked(context, "pairs", ValueType::Text, &stored)
}

fn every_length(context: &mut Context) -> CaseResult {
    let lengths: Vec<usize> = (0..=1_100)
        .chain(
            (1_500..=70_000)
                .step_by(500)
                .flat_map(|length| [length - 1, length, length + 1]),
        )
        .filter(|length| *length <= 12_000 || length % 10_000 <= 1 || length % 10_000 == 9_999)
        .collect();
    let of = |alphabet: &str| -> Vec<Value> {
        let text = |&length: &usize| alphabet.chars().cycle().take(length).collect();
        lengths.iter().map(text).map(Value::Text).collect()
    };
    keep_unasked(context, "narrow", ValueType::Text, &of("abcdefgh ij"))?;
    keep_unasked(context, "wide", ValueType::Text, &of("é😀z"))?;
    let bytes = lengths
        .iter()
        .map(|&length| (1..=255_u8).cycle().take(length).collect());
    let bytes: Vec<Value> = bytes.map(Value::Bytes).collect();
    keep_unasked(context, "bytes", ValueType::Bytes, &bytes)
}

fn prefixes(context: &mut Context) -> CaseResult {
    let notations: [&[u8]; 12] = [
        b"\\x41",
        b"\\x",
        b"\\\\",
        b"\\000",
        b"0x41",
        b"X'41'",
        b"'",
        b"\"",
        b"%",
        b"base64,",
        b"{\"a\":1}",
        b"NULL",
    ];
    let alone = (0..=255_u8).flat_map(|byte| {
        [
            vec![byte],
            vec![byte; 2],
            vec![byte, b'a'],
            vec![b'a', byte],
        ]
    });
    let stored: Vec<Value> = notations
        .iter()
        .flat_map(|notation| {
            [
                notation.to_vec(),
                [notation, &[0, 0xff][..]].concat(),
                [&[0xff][..], notation].concat(),
            ]
        })
        .chain(alone)
        .map(Value::Bytes)
        .collect();
    keep_unasked(context, "prefixes", ValueType::Bytes, &stored)
}

fn leaves(context: &mut Context) -> CaseResult {
    let leaves = [
        "null",
        "true",
        "false",
        "0",
        "-1",
        "1",
        "10",
        "0.5",
        "-0.25",
        "0.1",
        "12345.678",
        "4294967296",
        "9007199254740993",
        "\"\"",
        "\" \"",
        "\"null\"",
        "\"true\"",
        "\"0\"",
        "\"a\"",
        "\"é😀\"",
        "\"\\n\"",
        "\"'\"",
        "\"\\\"\"",
        "\"\\\\\"",
        "[]",
        "[[]]",
        "{}",
        "{\"a\":{}}",
    ];
    let stored: Vec<Value> = leaves
        .iter()
        .flat_map(|leaf| {
            [
                (*leaf).to_owned(),
                format!("[{leaf}]"),
                format!("[{leaf},{leaf}]"),
                format!("{{\"a\":{leaf}}}"),
                format!("{{\"\":{leaf},\"b\":1}}"),
                format!("{{\"a\":[{{\"b\":{leaf}}}]}}"),
            ]
        })
        .map(Value::Json)
        .collect();
    keep_unasked(context, "leaves", ValueType::Json, &stored)
}
