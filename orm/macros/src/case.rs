//! Conversion of names to snake case and other cases.

use syn::LitStr;

/// Splits a Rust name into lower-case words: `HTTPServer2`, `httpServer2` and `http_server2` become `http`, `server2`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let letters: Vec<char> = name.chars().collect();
    for (index, &letter) in letters.iter().enumerate() {
        let before = index.checked_sub(1).map(|i| letters[i]);
        let after = letters.get(index + 1);
        let begins = letter.is_uppercase()
            && before.is_some_and(|b| !b.is_uppercase() || after.is_some_and(|a| a.is_lowercase()));
        if letter == '_' || begins {
            words.push(String::new());
        }
        if letter != '_'
            && let Some(word) = words.last_mut()
        {
            word.extend(letter.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

pub(crate) fn snake(name: &str) -> String {
    words(name).join("_")
}

/// A case for the labels of an enum.
#[derive(Clone, Copy)]
pub(crate) struct Case(&'static str, fn(&[String]) -> String);

impl Case {
    /// Parses the name of a case.
    pub(crate) fn read(text: &LitStr) -> syn::Result<Self> {
        Self::named(&text.value()).ok_or_else(|| {
            let message = format!(
                "`{}` is not a known case; expected one of {}",
                text.value(),
                Self::names()
            );
            syn::Error::new(text.span(), message)
        })
    }

    const ALL: [Self; 8] = [
        Self("snake_case", |words| words.join("_")),
        Self("SCREAMING_SNAKE_CASE", |words| {
            words.join("_").to_uppercase()
        }),
        Self("kebab-case", |words| words.join("-")),
        Self("SCREAMING-KEBAB-CASE", |words| {
            words.join("-").to_uppercase()
        }),
        Self("lowercase", <[String]>::concat),
        Self("UPPERCASE", |words| words.concat().to_uppercase()),
        Self("PascalCase", |words| {
            words.iter().map(|word| capital(word)).collect()
        }),
        Self("camelCase", |words| {
            let rest = words.iter().skip(1).map(|word| capital(word));
            words.iter().take(1).cloned().chain(rest).collect()
        }),
    ];

    pub(crate) const SNAKE: Self = Self::ALL[0];

    /// The case with this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|case| case.0 == name)
    }

    pub(crate) fn names() -> String {
        Self::ALL.map(|case| case.0).join(", ")
    }

    pub(crate) fn apply(self, name: &str) -> String {
        (self.1)(&words(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_begin_at_capitals() {
        for (name, snake_case) in [
            ("User", "user"),
            ("OrderItem", "order_item"),
            ("HTTPServer2", "http_server2"),
            ("already_snake", "already_snake"),
            ("X", "x"),
        ] {
            assert_eq!(snake(name), snake_case);
        }
    }

    #[test]
    fn every_case_writes_its_own_name() {
        for (case, written) in [
            ("snake_case", "in_progress"),
            ("SCREAMING_SNAKE_CASE", "IN_PROGRESS"),
            ("kebab-case", "in-progress"),
            ("SCREAMING-KEBAB-CASE", "IN-PROGRESS"),
            ("lowercase", "inprogress"),
            ("UPPERCASE", "INPROGRESS"),
            ("PascalCase", "InProgress"),
            ("camelCase", "inProgress"),
        ] {
            let case = Case::named(case).expect("a case of this name");
            assert_eq!(case.apply("InProgress"), written);
        }
        assert!(Case::named("Title Case").is_none());
    }
}
