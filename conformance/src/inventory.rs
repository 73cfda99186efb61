//! Checks that the cases are complete, by comparing the sources of the ORM with those of the cases.
//!
//! A test here fails if a public function of the expression language, a pair of types, a capability or a sentence of the contract has no
//! case, or if an exception no longer exists.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::cases::cases;

/// How a function of the expression language is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Called {
    /// `sum(…)`.
    Function,
    /// `.eq(…)`, or `Window::new(…)`.
    Method,
    /// `a + b`.
    Operator,
}

type Name = (Called, String);

/// Functions that build or inspect trees for the renderer and other crates. They write no SQL, so no row depends on them.
const NOT_SQL: &[(&str, &str)] = &[
    ("and", "of `Node`: `Expr::and` is tested"),
    ("binary", "of `Node`, below the operators"),
    ("definition", "describes how a column is declared"),
    ("from_node", "wraps a tree"),
    ("has_subquery", "looks into a tree"),
    (
        "index",
        "the place of a column in an entity, for derived code",
    ),
    ("into_node", "takes the tree out"),
    ("into_order", "takes the tree out"),
    ("negated", "of `Node`, below `!`"),
    ("node", "shows the tree"),
    ("reference", "names a column for the renderer"),
    ("render", "gives the text without running it"),
    ("types", "what a query gives, for the reader"),
    ("value", "of `Node`, below literals"),
];

/// Reads the tokens of a source, without comments.
fn tokens(text: &str) -> TokenStream {
    text.parse().expect("a source that compiles has tokens")
}

/// Returns the folder of another crate.
fn beside(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns all sources in a folder and its subfolders.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn ident(tree: Option<&TokenTree>) -> Option<String> {
    match tree {
        Some(TokenTree::Ident(ident)) => {
            Some(ident.to_string().trim_start_matches("r#").to_owned())
        }
        _ => None,
    }
}

fn is_punct(tree: Option<&TokenTree>, wanted: char) -> bool {
    matches!(tree, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

fn is_group(tree: Option<&TokenTree>, wanted: Delimiter) -> bool {
    matches!(tree, Some(TokenTree::Group(group)) if group.delimiter() == wanted)
}

/// Returns the public functions and operators that a source declares.
fn declared(stream: TokenStream) -> BTreeSet<Name> {
    let mut found = BTreeSet::new();
    declared_in(stream, Called::Function, &mut found);
    found
}

fn declared_in(stream: TokenStream, called: Called, found: &mut BTreeSet<Name>) {
    let trees: Vec<TokenTree> = stream.into_iter().collect();
    let mut hidden = false;
    // Names that a macro of this source uses in `pub fn $name`.
    let makes_functions = |body: &TokenTree| body.to_string().contains("pub fn $");
    let mut makers: BTreeSet<String> = BTreeSet::new();
    for (at, tree) in trees.iter().enumerate() {
        match tree {
            TokenTree::Group(group) => {
                let text = group.to_string().replace(' ', "");
                if group.delimiter() == Delimiter::Bracket && text.contains("doc(hidden)") {
                    hidden = true;
                }
                if group.delimiter() == Delimiter::Brace {
                    declared_in(group.stream(), Called::Method, found);
                }
            }
            TokenTree::Ident(word) if *word == "macro_rules" => {
                if let (Some(name), Some(body)) = (ident(trees.get(at + 2)), trees.get(at + 3))
                    && makes_functions(body)
                {
                    makers.insert(name);
                }
            }
            TokenTree::Ident(word) if *word == "pub" => {
                let at = at + 1 + usize::from(ident(trees.get(at + 1)).as_deref() == Some("const"));
                if ident(trees.get(at)).as_deref() == Some("fn")
                    && let Some(name) = ident(trees.get(at + 1))
                    && !hidden
                {
                    found.insert((called, name));
                }
                hidden = false;
            }
            // `operators!(union Union; …)` of a macro that makes functions, `operator!(Add add Add)` of one that implements traits.
            TokenTree::Ident(word) if is_punct(trees.get(at + 1), '!') => {
                let Some(TokenTree::Group(group)) = trees.get(at + 2) else {
                    continue;
                };
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                if makers.contains(&word.to_string()) {
                    let pairs = inner.windows(3).filter(|w| is_punct(w.get(2), ';'));
                    let names = pairs.filter_map(|w| ident(w.first()));
                    found.extend(names.map(|name| (Called::Method, name)));
                } else if *word == "operator" {
                    found.extend(ident(inner.get(1)).map(|name| (Called::Operator, name)));
                }
            }
            _ => {}
        }
    }
}

/// Collects the functions, methods and operators on columns that a source calls.
fn called(stream: TokenStream, found: &mut BTreeSet<Name>) {
    called_in(stream, false, found);
}

fn called_in(stream: TokenStream, in_macro: bool, found: &mut BTreeSet<Name>) {
    let trees: Vec<TokenTree> = stream.into_iter().collect();
    for (at, tree) in trees.iter().enumerate() {
        match tree {
            TokenTree::Group(group) => {
                let of_macro = at >= 2 && is_punct(trees.get(at - 1), '!');
                called_in(group.stream(), in_macro || of_macro, found);
            }
            TokenTree::Ident(_) => {
                let Some(name) = ident(Some(tree)) else {
                    continue;
                };
                let before = at.checked_sub(1).and_then(|at| trees.get(at));
                let calls = is_group(trees.get(at + 1), Delimiter::Parenthesis)
                    || is_punct(trees.get(at + 1), ':');
                let of_something = is_punct(before, '.') || is_punct(before, ':');
                if of_something && calls {
                    found.insert((Called::Method, name.clone()));
                }
                if calls && !is_punct(before, '.') && ident(before).as_deref() != Some("fn") {
                    found.insert((Called::Function, name.clone()));
                }
                // `"=" eq ==;`: a macro of the case makes the call.
                if in_macro && !of_something && !calls {
                    found.insert((Called::Method, name.clone()));
                }
                // Columns are constants: `Numbers::A + Numbers::B`.
                let is_constant = name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
                if let Some(TokenTree::Punct(punct)) = trees.get(at + 1)
                    && is_constant
                    && let Some(operator) = operator(punct.as_char())
                {
                    found.insert((Called::Operator, operator.to_owned()));
                }
            }
            _ => {}
        }
    }
}

fn operator(punct: char) -> Option<&'static str> {
    Some(match punct {
        '+' => "add",
        '-' => "sub",
        '*' => "mul",
        '/' => "div",
        '%' => "rem",
        _ => return None,
    })
}

/// Returns the declared items that no case calls and that are not exceptions.
fn missing(declared: &BTreeSet<Name>, called: &BTreeSet<Name>) -> Vec<String> {
    declared
        .difference(called)
        .filter(|(_, name)| !NOT_SQL.iter().any(|(left_out, _)| left_out == name))
        .map(|(called, name)| format!("{called:?} {name}"))
        .collect()
}

/// Returns the declared expression language.
fn language() -> BTreeSet<Name> {
    sources(&beside("../orm/src/sql"))
        .iter()
        .filter(|path| !path.ends_with("tests.rs"))
        .flat_map(|path| declared(tokens(&read(path))))
        .collect()
}

/// Returns what the cases call.
fn calls_in_cases() -> BTreeSet<Name> {
    let mut found = BTreeSet::new();
    for path in sources(&beside("src/cases")) {
        called(tokens(&read(&path)), &mut found);
    }
    found
}

/// Returns the variants of an enum.
fn variants(source: &str, name: &str) -> Vec<String> {
    let trees: Vec<TokenTree> = tokens(source).into_iter().collect();
    let body = trees.windows(3).find_map(|window| match window {
        [
            TokenTree::Ident(word),
            TokenTree::Ident(of),
            TokenTree::Group(body),
        ] if *word == "enum" && of == name => Some(body.stream()),
        _ => None,
    });
    let body: Vec<TokenTree> = body.expect("the enum").into_iter().collect();
    let mut found = Vec::new();
    for (at, tree) in body.iter().enumerate() {
        let begins = at == 0
            || is_punct(body.get(at - 1), ',')
            || is_group(body.get(at - 1), Delimiter::Bracket);
        if begins && let Some(name) = ident(Some(tree)) {
            found.push(name);
        }
    }
    found
}

/// Returns the public fields of a struct.
fn fields(source: &str, name: &str) -> Vec<String> {
    let trees: Vec<TokenTree> = tokens(source).into_iter().collect();
    let body = trees.windows(3).find_map(|window| match window {
        [
            TokenTree::Ident(word),
            TokenTree::Ident(of),
            TokenTree::Group(body),
        ] if *word == "struct" && of == name => Some(body.stream()),
        _ => None,
    });
    let body: Vec<TokenTree> = body.expect("the struct").into_iter().collect();
    body.windows(3)
        .filter(|window| {
            ident(window.first()).as_deref() == Some("pub") && is_punct(window.get(2), ':')
        })
        .filter_map(|window| ident(window.get(1)))
        .collect()
}

/// Returns the sentences with MUST in the documentation of a source.
fn musts(source: &str) -> Vec<String> {
    let mut text = String::new();
    for line in source.lines() {
        match line.trim().strip_prefix("///") {
            Some(line) => {
                let line = line.trim();
                // Each list item is one promise, even with several sentences.
                text.push_str(if line.starts_with("- ") || line.is_empty() {
                    "\n"
                } else {
                    " "
                });
                text.push_str(line.trim_start_matches("- "));
            }
            None => text.push('\n'),
        }
    }
    text.lines()
        .map(str::trim)
        .filter(|sentence| sentence.contains("MUST"))
        .map(str::to_owned)
        .collect()
}

/// The cases that test each MUST of the contract: words of the sentence, and ids.
const PROMISES: &[(&str, &[&str])] = &[
    (
        "MUST be independent of each other",
        &["connections.second.independent"],
    ),
    (
        "MUST NOT show a password",
        &["connections.debug.no_password"],
    ),
    ("text contains a NUL", &["constraints.error.nul"]),
    (
        "Parameters MUST be bound",
        &["types.text.quotes", "types.text.specials"],
    ),
    (
        "a cached statement MUST NOT return wrong rows",
        &["schema.change.cached", "schema.change.recreated"],
    ),
    (
        "After an error the connection MUST remain usable",
        &[
            "constraints.connection.usable",
            "constraints.connection.in_transaction",
        ],
    ),
    (
        "If the database itself ends a transaction",
        &["transactions.ending.by_itself"],
    ),
    (
        "A write MUST NOT fail with",
        &["transactions.conflict.told", "sessions.retry.again"],
    ),
    (
        "Dropping a connection with an open transaction MUST",
        &["transactions.drop.undone", "transactions.ending.rows"],
    ),
    (
        "Every wait for the database MUST have a time limit",
        &[
            "connections.waits.kinds",
            "connections.waits.table",
            "connections.waits.ended",
            "connections.waits.pool",
            "connections.silent.statement",
            "connections.silent.ending",
            "connections.silent.connect",
            "transactions.lock.waits",
        ],
    ),
    (
        "A pooler between the program and the database",
        &["transactions.ending.next", "connections.reset.temporary"],
    ),
    (
        "MUST NOT contain parameter values",
        &["constraints.error.no_values"],
    ),
    (
        "message MUST NOT be empty",
        &[
            "constraints.unique.duplicate",
            "constraints.error.names_unique",
        ],
    ),
    ("Of an upsert, it MUST be", &["writes.upsert.counts"]),
    ("MUST decode column", &["types.all.read_twice"]),
    (
        "MUST be an error of kind",
        &["types.conversion.matrix", "types.conversion.narrow"],
    ),
    ("NULL MUST be", &["types.all.in_one_row"]),
    ("Deeper documents MUST be refused", &["types.json.deep"]),
    ("It MUST return at once", &["connections.cancelled.running"]),
    (
        "The running statement MUST fail soon",
        &[
            "connections.cancelled.running",
            "connections.waits.cancelled",
            "connections.waits.interrupted",
            "sessions.cancel.undoes",
        ],
    ),
    (
        "MUST return false",
        &["connections.cancelled.next", "sessions.cancel.undoes"],
    ),
    ("Methods MUST be pure", &["connections.dialect.pure"]),
    ("MUST be true", &["connections.capabilities.refused"]),
    (
        "MUST yield each value exactly as a column",
        &["queries.sizes.list_values"],
    ),
    (
        "to be, an escape character MUST override",
        &["queries.functions.documents", "types.text.specials"],
    ),
];

/// Promises that cases cannot test, and where they are tested instead.
const BEYOND_CASES: &[(&str, &str)] = &[
    (
        "Creating a backend MUST NOT connect",
        "a target creates its backends itself; each backend's own tests create one for an unreachable server",
    ),
    (
        "MUST leave such an index out",
        "few databases need one; the tests of the backend for MariaDB create such a table, reflect it and compare",
    ),
];

/// Capabilities that no case checks directly, and the case in which the ORM uses them.
const BY_EFFECT: &[(&str, &str)] = &[
    ("alter_add_constraint", "schema.create.cycle"),
    ("max_parameters", "queries.sizes.lists"),
];

/// Returns the sentences without an entry.
fn unpromised<'a>(sentences: &'a [String], promises: &[(&str, &[&str])]) -> Vec<&'a str> {
    let is_covered = |sentence: &str| promises.iter().any(|(words, _)| sentence.contains(words));
    sentences
        .iter()
        .map(String::as_str)
        .filter(|sentence| !is_covered(sentence))
        .collect()
}

#[test]
fn every_function_of_the_expression_language_is_called() {
    let (language, called) = (language(), calls_in_cases());
    assert!(
        language.len() > 90,
        "only {} functions were found",
        language.len()
    );
    assert_eq!(missing(&language, &called), [""; 0], "no case calls these");
    for (name, reason) in NOT_SQL {
        assert!(
            language.iter().any(|(_, declared)| declared == name),
            "`{name}` is left out ({reason}) and is not there"
        );
    }
}

#[test]
fn a_function_without_a_case_is_noticed() {
    let source = "pub fn sum() {} #[doc(hidden)] pub fn inner() {} pub(crate) fn own() {}
        macro_rules! made { ($($name:ident $x:ident;)*) => { $(pub fn $name() {})* } }
        made!(union Union; except Except;);
        operator!(Add add Add);
        impl A { pub const fn eq() {} pub fn lt() {} }";
    let mut calls = BTreeSet::new();
    let case = "fn sum() { x.sum(); A::eq(1); check! { \"<\" lt <; } }";
    called(tokens(case), &mut calls);
    let missing = missing(&declared(tokens(source)), &calls);
    assert_eq!(
        missing,
        [
            "Function sum",
            "Method except",
            "Method union",
            "Operator add"
        ],
        "a method of that name is not the function"
    );
    let mut calls = BTreeSet::new();
    called(tokens("f(sum(T::A + 1), a.union(b))"), &mut calls);
    assert!(calls.contains(&(Called::Operator, "add".to_owned())));
    assert!(calls.contains(&(Called::Function, "sum".to_owned())));
}

#[test]
fn every_pair_of_types_is_covered() {
    let types = variants(&read(&beside("../orm/src/value.rs")), "ValueType");
    // The type of raw columns has no values of its own.
    let own: Vec<&String> = types.iter().filter(|ty| *ty != "Native").collect();
    assert_eq!(own.len(), types.len() - 1);
    let covered: BTreeSet<(String, String)> = crate::cases::conversions()
        .map(|(stored, wanted)| (format!("{stored:?}"), format!("{wanted:?}")))
        .collect();
    for stored in &own {
        for wanted in &own {
            assert!(
                covered.contains(&((*stored).clone(), (*wanted).clone())),
                "no case reads {stored} as {wanted}"
            );
        }
    }
}

#[test]
fn every_variant_is_found_after_attributes_and_documentation() {
    let source = "/// Kinds.\n#[derive(Debug)] pub enum Kind { /// One.\n One, #[doc = \"two\"] Two(i64), Three { a: u8 } }";
    assert_eq!(variants(source, "Kind"), ["One", "Two", "Three"]);
}

#[test]
fn every_capability_is_covered() {
    let fields = fields(
        &read(&beside("../orm/src/dialect/capabilities.rs")),
        "Capabilities",
    );
    assert!(fields.len() > 25, "{fields:?}");
    let mut sources_of_cases: String = sources(&beside("src/cases"))
        .iter()
        .map(|path| read(path))
        .collect();
    sources_of_cases.push_str(&read(&beside("src/case.rs")));
    sources_of_cases.push_str(&read(&beside("src/domain.rs")));
    for field in fields {
        if let Some((_, id)) = BY_EFFECT.iter().find(|(name, _)| *name == field) {
            assert!(
                crate::find(id).is_some(),
                "`{field}` names `{id}`, which does not exist"
            );
            continue;
        }
        assert!(
            sources_of_cases.contains(&format!(".{field}")),
            "no case tests the capability `{field}`"
        );
    }
}

#[test]
fn every_must_of_the_contract_has_a_case() {
    let sentences: Vec<String> = ["../orm/src/backend.rs", "../orm/src/dialect.rs"]
        .into_iter()
        .flat_map(|path| musts(&read(&beside(path))))
        .collect();
    assert!(sentences.len() >= 15, "{sentences:?}");
    let beyond = BEYOND_CASES.iter().map(|(words, _)| (*words, &[][..]));
    let promises: Vec<(&str, &[&str])> = PROMISES.iter().copied().chain(beyond).collect();
    assert_eq!(
        unpromised(&sentences, &promises),
        [""; 0],
        "no case is named for these"
    );
    let ids: BTreeMap<&str, &crate::Case> = cases().map(|case| (case.id, case)).collect();
    for (words, named) in &promises {
        assert!(
            sentences.iter().any(|sentence| sentence.contains(words)),
            "the contract no longer contains `{words}`"
        );
        for id in *named {
            assert!(
                ids.contains_key(id),
                "`{words}` names `{id}`, which does not exist"
            );
        }
    }
}

#[test]
fn a_promise_without_a_case_is_noticed() {
    let source = "/// - A row MUST come,\n///   whatever its size. It MAY be late.\n/// - Values MUST stay.\nfn f();";
    let sentences = musts(source);
    assert_eq!(
        sentences,
        [
            "A row MUST come, whatever its size. It MAY be late.",
            "Values MUST stay."
        ]
    );
    assert_eq!(
        unpromised(&sentences, &[("A row MUST", &[])]),
        ["Values MUST stay."]
    );
}
