//! Assertions of cases: they end the case with [`Failure::Assertion`](crate::Failure::Assertion), never with a panic.

/// Ends the case with a failed assertion unless the condition holds. The message says what must hold.
macro_rules! check {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err($crate::Failure::Assertion(format!($($message)+)));
        }
    };
}

/// Ends the case with a failed assertion unless both are equal; shows both.
macro_rules! check_eq {
    ($found:expr, $wanted:expr, $($message:tt)+) => {
        match (&$found, &$wanted) {
            (found, wanted) => {
                if *found != *wanted {
                    return Err($crate::check::unequal(found, wanted, &format!($($message)+)));
                }
            }
        }
    };
}

/// The failure of `check_eq!`. Long values are cut, so that a report stays readable.
pub(crate) fn unequal(
    found: &dyn std::fmt::Debug,
    wanted: &dyn std::fmt::Debug,
    message: &str,
) -> crate::Failure {
    crate::Failure::Assertion(format!(
        "{message}: found {}, wanted {}",
        shown(found),
        shown(wanted)
    ))
}

/// The `Debug` form of a value, cut after 160 characters.
pub(crate) fn shown(value: &dyn std::fmt::Debug) -> String {
    const MOST: usize = 160;
    let text = format!("{value:?}");
    match text.char_indices().nth(MOST) {
        None => text,
        Some((end, _)) => format!("{}… ({} characters)", &text[..end], text.chars().count()),
    }
}
