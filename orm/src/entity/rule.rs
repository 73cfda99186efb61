//! Rules that columns of records are validated with.

use crate::value::Value;

/// A validation function and its name.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(super) name: String,
    pub(super) check: fn(&Value) -> Result<(), String>,
}

impl Rule {
    pub(crate) fn new(name: String, check: fn(&Value) -> Result<(), String>) -> Self {
        Self { name, check }
    }
}

/// Equal addresses mean the same function; one function may also have several addresses.
impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && std::ptr::fn_addr_eq(self.check, other.check)
    }
}
