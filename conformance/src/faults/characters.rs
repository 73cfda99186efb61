//! Texts, byte strings, UUIDs and documents altered for one character, one length or one form.

use selfsame::value::{Value, ValueRef};

use crate::case::Capability;
use crate::faults::Fault;

/// Replaces a part of each text.
macro_rules! part {
    ($id:literal, $sentence:literal, $from:literal => $to:literal) => {
        stored!($id, $sentence, "types.text.sequences", |value| text(
            value,
            |text| { text.replace($from, $to) }
        ))
    };
}

/// Cuts off the last character of texts of certain lengths.
macro_rules! length {
    ($id:literal, $sentence:literal, $is_cut:expr) => {
        stored!($id, $sentence, "types.text.every_length", |value| text(
            value,
            |text| {
                let is_cut: fn(&str) -> bool = $is_cut;
                let mut text = text.to_owned();
                if is_cut(&text) {
                    text.pop();
                }
                text
            }
        ))
    };
}

pub(super) const FAULTS: &[Fault] = &[
    length!(
        "text_of_1023_cut",
        "A text of exactly 1,023 bytes loses its last character.",
        |text| text.len() == 1_023
    ),
    length!(
        "text_of_32768_cut",
        "A text of exactly 32,768 bytes loses its last character.",
        |text| text.len() == 32_768
    ),
    length!(
        "text_cut_beyond_2000_characters",
        "A text of more than 2,000 characters loses its last one.",
        |text| text.chars().count() > 2_000
    ),
    length!(
        "text_of_wide_end_cut",
        "A text of more than 255 bytes that ends in a character of four bytes loses it.",
        |text| text.len() > 255 && text.chars().next_back().is_some_and(|c| c > '\u{ffff}')
    ),
    length!(
        "text_of_777_cut",
        "A text of exactly 777 bytes loses its last character.",
        |text| text.len() == 777
    ),
    part!(
        "angstrom_is_a_letter",
        "The angstrom sign U+212B is stored as the letter Å.",
        "\u{212b}" => "\u{c5}"
    ),
    part!(
        "hangul_composed",
        "Two conjoining Hangul letters are stored as one syllable.",
        "\u{1100}\u{1161}" => "\u{ac00}"
    ),
    part!(
        "marks_reordered",
        "Two combining marks are stored in their canonical order.",
        "\u{301}\u{327}" => "\u{327}\u{301}"
    ),
    part!(
        "ligatures_split",
        "The ligature U+FB03 is stored as three letters.",
        "\u{fb03}" => "ffi"
    ),
    part!(
        "full_width_digits_narrowed",
        "A full-width digit 1 is stored as the ASCII digit.",
        "\u{ff11}" => "1"
    ),
    part!(
        "byte_order_mark_lost_inside",
        "A byte order mark in the middle of a text is lost.",
        "b\u{feff}" => "b"
    ),
    part!(
        "control_z_lost",
        "The control character U+001A is lost.",
        "\u{1a}" => ""
    ),
    part!(
        "next_line_is_line_feed",
        "The control character U+0085 is stored as a line feed.",
        "\u{85}" => "\n"
    ),
    part!(
        "private_use_lost",
        "The private use character U+E000 is lost.",
        "\u{e000}" => ""
    ),
    part!(
        "variation_selectors_lost",
        "The variation selector U+FE0F is lost.",
        "\u{fe0f}" => ""
    ),
    part!(
        "two_quotes_are_one",
        "Two single quotes in a row are stored as one.",
        "''" => "'"
    ),
    part!(
        "two_backslashes_are_one",
        "Two backslashes in a row are stored as one.",
        "\\\\" => "\\"
    ),
    part!(
        "entities_decoded",
        "The text &amp; is stored as an ampersand.",
        "&amp;" => "&"
    ),
    part!(
        "placeholders_lost",
        "The text $1 is lost from a text.",
        "$1" => ""
    ),
    part!(
        "empty_braces_lost",
        "A pair of braces in a text is lost.",
        "{}" => ""
    ),
    part!(
        "spaces_merged",
        "Two spaces in a row are stored as one.",
        "  " => " "
    ),
    part!(
        "hexadecimal_escapes_read",
        "The text \\x41 is stored as A.",
        "\\x41" => "A"
    ),
    stored!(
        "slash_comments_lost",
        "A text between /* and */ is lost.",
        "types.text",
        |value| text(value, |text| {
            match text
                .split_once("/*")
                .map(|(before, rest)| (before, rest.split_once("*/")))
            {
                Some((before, Some((_, after)))) => format!("{before}{after}"),
                _ => text.to_owned(),
            }
        })
    ),
    stored!(
        "bytes_of_4096_cut",
        "A byte string of exactly 4,096 bytes loses its last byte.",
        "types.bytes",
        |value| bytes(value, |bytes| {
            bytes[..bytes.len() - usize::from(bytes.len() == 4_096)].to_vec()
        })
    ),
    stored!(
        "bytes_high_bit_lost",
        "Bytes of 128 and more lose their highest bit.",
        "types.bytes",
        |value| bytes(value, |bytes| bytes
            .iter()
            .map(|byte| byte & 0x7f)
            .collect())
    ),
    stored!(
        "bytes_of_hexadecimal_decoded",
        "A byte string that begins with \\x is taken for hexadecimal digits.",
        "types.bytes",
        |value| bytes(value, |bytes| {
            bytes.strip_prefix(b"\\x").unwrap_or(bytes).to_vec()
        })
    ),
    stored!(
        "uuid_of_ones_to_null",
        "A UUID that begins with eight ones is stored as NULL.",
        "types.uuid",
        |value| match value {
            ValueRef::Uuid([0xff, ..]) => Some(Value::Null),
            _ => None,
        }
    ),
    stored!(
        "uuid_variant_forced",
        "The variant of a UUID is stored as the usual one.",
        "types.uuid",
        |value| match value {
            ValueRef::Uuid(mut uuid) => {
                let before = uuid;
                uuid[8] = uuid[8] & 0x3f | 0x80;
                (uuid != before).then_some(Value::Uuid(uuid))
            }
            _ => None,
        }
    ),
    stored!(
        "json_null_members_lost",
        "A member of a JSON object whose value is null is lost.",
        "types.json",
        |value| match value {
            ValueRef::Json(text) => {
                let mut document: serde_json::Value = serde_json::from_str(text).ok()?;
                without_nulls(&mut document).then(|| Value::Json(document.to_string()))
            }
            _ => None,
        }
    ),
    stored!(
        "json_empty_names_lost",
        "A member of a JSON object with an empty name is lost.",
        "types.json",
        |value| match value {
            ValueRef::Json(text) => {
                let mut document: serde_json::Value = serde_json::from_str(text).ok()?;
                let lost = document.as_object_mut()?.remove("");
                lost.map(|_| Value::Json(document.to_string()))
            }
            _ => None,
        }
    ),
    stored!(
        "json_text_null_is_null",
        "The JSON text \"null\" is stored as null.",
        "types.json",
        |value| match value {
            ValueRef::Json("\"null\"") => Some(Value::Json("null".to_owned())),
            _ => None,
        }
    ),
    stored!(
        "json_false_is_null",
        "The JSON document false is stored as null.",
        "types.json",
        |value| match value {
            ValueRef::Json("false") => Some(Value::Json("null".to_owned())),
            _ => None,
        }
    ),
    stored!(
        "json_fractions_rounded",
        "A number with a fraction in a JSON document is rounded to one digit.",
        "types.json",
        |value| match value {
            ValueRef::Json("-0.25") => Some(Value::Json("-0.3".to_owned())),
            ValueRef::Json("0.1000000000000000055511151231257827") =>
                Some(Value::Json("0.1".to_owned())),
            _ => None,
        }
    ),
    stored!(
        "json_doubled_members_merged",
        "Of two members of a JSON object with one name the first is lost.",
        "types.json",
        |value| match value {
            ValueRef::Json(text) => {
                let merged: serde_json::Value = serde_json::from_str(text).ok()?;
                let merged = merged.to_string();
                let names = |text: &str| text.matches("\":").count();
                (names(&merged) < names(text)).then_some(Value::Json(merged))
            }
            _ => None,
        }
    )
    .needs(&[Capability::JsonTextKept]),
];

fn without_nulls(document: &mut serde_json::Value) -> bool {
    match document {
        serde_json::Value::Object(members) => {
            let before = members.len();
            members.retain(|_, value| !value.is_null());
            let lost = members.len() < before;
            members
                .values_mut()
                .fold(lost, |any, value| without_nulls(value) | any)
        }
        serde_json::Value::Array(items) => items
            .iter_mut()
            .fold(false, |any, value| without_nulls(value) | any),
        _ => false,
    }
}

fn text(value: ValueRef<'_>, change: impl FnOnce(&str) -> String) -> Option<Value> {
    let ValueRef::Text(text) = value else {
        return None;
    };
    let changed = change(text);
    (changed != text).then_some(Value::Text(changed))
}

fn bytes(value: ValueRef<'_>, change: impl FnOnce(&[u8]) -> Vec<u8>) -> Option<Value> {
    let ValueRef::Bytes(bytes) = value else {
        return None;
    };
    let changed = change(bytes);
    (changed != bytes).then_some(Value::Bytes(changed))
}
