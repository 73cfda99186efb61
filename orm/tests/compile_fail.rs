//! Mistakes that the compiler refuses, and the words it does so with.

#[test]
fn mistakes_are_refused_where_they_stand() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
