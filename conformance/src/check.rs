//! Assertions for cases. They end the case with [`Failure::Assertion`](crate::Failure::Assertion), never with a panic.

/// Ends the case with a failed assertion unless the condition is true. The message states what must be true.
macro_rules! check {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err($crate::Failure::Assertion(format!($($message)+)));
        }
    };
}

/// Ends the case with a failed assertion that shows both values unless they are equal.
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

/// Returns the failure of `check_eq!`. Truncates long values, so that reports stay readable.
pub(crate) fn unequal(
    found: &dyn std::fmt::Debug,
    wanted: &dyn std::fmt::Debug,
    message: &str,
) -> crate::Failure {
    crate::Failure::Assertion(format!(
        "{message}: found {}, expected {}",
        shown(found),
        shown(wanted)
    ))
}

/// Returns the `Debug` form of a value, truncated to 160 characters.
pub(crate) fn shown(value: &dyn std::fmt::Debug) -> String {
    const MOST: usize = 160;
    let text = format!("{value:?}");
    match text.char_indices().nth(MOST) {
        None => text,
        Some((end, _)) => format!("{}… ({} characters)", &text[..end], text.chars().count()),
    }
}
